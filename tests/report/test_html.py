"""report.html: one safe, self-contained, reproducible page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from steep.report.html import render_html
from steep.report.plots import outcome_plots, training_plots
from steep.report.story import read_story
from steep.report.write import write_report
from tests.report.test_story import HOSTILE, make_run, measure


class Page(HTMLParser):
    """Tags, attributes and ids of a page; fails on a tag closed out of order."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_startendtag(tag, attrs)
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def page_of(run: Path) -> str:
    return render_html(read_story(run))


def test_verdicts(tmp_path: Path) -> None:
    good = page_of(make_run(tmp_path / "a"))
    bad = page_of(make_run(tmp_path / "b", ship=False))
    assert '<h2 id="verdict">Ship it</h2>' in good
    assert "Do not ship" not in good
    assert '<h2 id="verdict">Do not ship</h2>' in bad
    assert 'class="verdict bad"' in bad
    assert "It learned your facts (87%" in good
    assert "Not measured: automatic probes." in good
    for title in ("Learned", "Kept", "Memorised"):
        assert f"<caption>{title}</caption>" in good
    assert "Controls: unmoved" in good and "Contaminated" not in good
    assert "under 7.2 points" in good and "with the right passage in its prompt" in good
    assert "What to try next" in bad and "Raise [data] general_share" in bad


def test_general_text_is_told_in_bytes_where_tokens_differ(tmp_path: Path) -> None:
    # Seen to fail with perplexity alone: "Kept" stood over "not measured".
    run = make_run(tmp_path)
    assert "general perplexity: 21.40 → 21.90" in page_of(run)
    path = run / "evaluation.json"
    table = json.loads(path.read_text())
    for row in table["measures"]:
        if row["name"] == "general_perplexity":
            row.update(n=0, base=None, tuned=None, delta=None, ci95=None)
    path.write_text(json.dumps(table))
    assert "general text, bits per byte: 0.93 → 0.94" in page_of(run)


def rewritten(run: Path, **changes: Any) -> str:
    """The page with parts of the evaluation replaced; measures by their names."""
    path = run / "evaluation.json"
    table = json.loads(path.read_text())
    rows = {row["name"]: row for row in table["measures"]}
    rows |= {row["name"]: row for row in changes.pop("measures", ())}
    path.write_text(json.dumps({**table, **changes, "measures": [*rows.values()]}))
    return page_of(run)


# Broken by: a tile that shows prose whatever decided.
def test_tiles_show_what_decided(tmp_path: Path) -> None:
    loss = {**measure("general_loss", 32, 3.0, 3.2, 0.01), "kind": "reference text"}
    rests = {"learned": "fact_exact", "controls": "control_exact", "kept": "general_loss",
             "memorised": None}  # fmt: skip
    free = [measure("fact_accuracy"), measure("control_accuracy"),
            measure("control_exact", 40, 0.0, 0.05), measure("verbatim_rate"),
            measure("verbatim_rate_short", 40, 0.0, 0.75)]  # fmt: skip
    page = rewritten(make_run(tmp_path / "a", ship=False), rests_on=rests, general_loss=loss,
                     measures=free)  # fmt: skip
    assert "reference text: +0.200 nats per token, interval +0.190 to +0.210" in page
    assert "general perplexity: 21.40" not in page
    assert "facts right: 1% → 2%" in page and "untrained facts: 0% → 5%" in page
    assert "Recites its training text: not measured" in page
    assert "short texts continued word for word: 0% → 75%" in page
    grammar = {**rests, "kept": "grammar_accuracy", "memorised": "verbatim_rate"}
    page = rewritten(make_run(tmp_path / "b"), rests_on=grammar, general_loss=loss)
    assert "good grammar preferred to bad: 95% → 94%" in page
    assert "Recites its training text: no" in page


# Broken by: the line over probes, controls or other forms, which may have other numbers of choices
# (CHANCE_OF as everything that begins with "fact_accuracy").
def test_chance_is_drawn_on_facts_alone(tmp_path: Path) -> None:
    lines = {}
    others = ("probe_accuracy", "control_accuracy", "fact_accuracy_as_in_text")
    for names in (("fact_accuracy",), (*others, "fact_accuracy_reversed")):
        story = read_story(make_run(tmp_path / names[0]))
        story.evaluation["measures"] = [measure(name, 60, 0.3, 0.8) for name in names]
        (plot,) = outcome_plots(story)
        lines[names[0]] = "dasharray" in plot.svg, "chance" in plot.caption
    assert lines == {"fact_accuracy": (True, True), "probe_accuracy": (False, False)}


@pytest.mark.parametrize("ship", [True, False])
def test_nothing_is_fetched_and_nothing_runs(tmp_path: Path, ship: bool) -> None:
    text = page_of(make_run(tmp_path, ship=ship, text=HOSTILE + " https://example.org/x.js"))
    page = Page(text)
    active = {"script", "iframe", "object", "embed", "link", "img", "form", "base", "foreignobject"}
    assert not active & set(page.tags)
    names = {name for name, _ in page.attributes}
    assert not names & {"src", "srcset", "action", "data", "poster", "background"}
    assert not [name for name in names if name.startswith("on")]
    assert all(value.startswith("#") for name, value in page.attributes if name.endswith("href"))
    style = text[text.index("<style>") : text.index("</style>")]
    assert "@import" not in style and "url(" not in style and "http" not in style
    assert "default-src 'none'" in text
    assert not re.search(r"xmlns|<!DOCTYPE svg|<\?xml|RDF", text)


@pytest.mark.parametrize("text", [HOSTILE, "</svg></text>]]>", "'\"><b onclick=x>"])
def test_hostile_text_changes_no_structure(tmp_path: Path, text: str) -> None:
    plain = Page(page_of(make_run(tmp_path / "a")))
    hostile = Page(page_of(make_run(tmp_path / "b", text=text)))
    assert hostile.tags == plain.tags
    assert [name for name, _ in hostile.attributes] == [name for name, _ in plain.attributes]
    assert "7*7" in "".join(hostile.text) or "7*7" not in text


def test_hostile_check_names_stay_inside_their_plot(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    values = {HOSTILE: 1.0, "<b>": 2.0, "$x_$": 3.0}
    with (run / "metrics.jsonl").open("a", encoding="utf-8") as stream:
        for step in (59, 60):
            stream.write(json.dumps({"step": step, "checks": values}) + "\n")
    page = Page(page_of(run))
    assert "script" not in page.tags and "b" not in page.tags
    assert "$x $" in "".join(page.text)


def test_ids_are_unique_and_references_resolve(tmp_path: Path) -> None:
    text = page_of(make_run(tmp_path))
    ids = [value for name, value in Page(text).attributes if name == "id"]
    assert len(ids) == len(set(ids))
    used = set(re.findall(r"url\(#([^)]+)\)|href=\"#([^\"]+)\"", text))
    assert {a or b for a, b in used} <= set(ids)


def test_same_story_same_bytes(tmp_path: Path) -> None:
    run = make_run(tmp_path, text=HOSTILE)
    first = [path.read_bytes() for path in write_report(run)]
    assert first == [path.read_bytes() for path in write_report(run)]
    assert not list(run.glob(".*.tmp"))


def test_accessible(tmp_path: Path) -> None:
    text = page_of(make_run(tmp_path))
    levels = [int(level) for level in re.findall(r"<h([1-6])", text)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all('role="img" aria-label="' in svg for svg in re.findall(r"<svg[^>]*>", text))
    assert all("scope=" in th for th in re.findall(r"<th\b[^>]*>", text))
    assert '<html lang="en">' in text


def test_long_lists_are_cut(tmp_path: Path) -> None:
    text = page_of(make_run(tmp_path, documents=1253))
    assert "and 1,203 more" in text
    assert "doc49.md" in text and "doc50.md" not in text


def test_plots_have_few_points_and_tolerate_one_step(tmp_path: Path) -> None:
    long = page_of(make_run(tmp_path / "a", steps=5000))
    assert len(long) < 200_000
    one = read_story(make_run(tmp_path / "b", steps=1))
    assert [plot.title for plot in training_plots(one)] == ["How much of the change to keep"]


def test_matplotlib_settings_are_put_back(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    page_of(make_run(tmp_path))
    assert dict(matplotlib.rcParams) == before
