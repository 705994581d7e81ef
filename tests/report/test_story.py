"""A synthetic run folder, read back; ``make_run`` serves the other report tests too."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from steep.artifact import write_sealed
from steep.errors import UserInputError
from steep.export.card import plain
from steep.report.facts import knowledge_sentence, token_shares, training_facts
from steep.report.plots import training_plots
from steep.report.story import card_facts, read_story
from steep.report.write import write_report

HOSTILE = (
    "<script>alert(1)</script></svg></style><!-- \"quoted\" 'single' | a `b` *c* [d](javascript:e)"
    "\n# heading\n| x | y | $\\alpha$ {{ 7*7 }} {% raw %} &amp; مرحبا \u202eevil 🙂 \x00\x1b[31m"
)


def measure(
    name: str, n: int = 0, base: float | None = None, tuned: float | None = None, half: float = 0.05
) -> dict[str, Any]:
    """One row of evaluation.json; without ``n`` one that wasn't taken."""
    if base is None or tuned is None:
        row: dict[str, Any] = dict.fromkeys(("base", "tuned", "delta", "ci95"))
    else:
        delta = tuned - base
        row = {"base": base, "tuned": tuned, "delta": delta, "ci95": [delta - half, delta + half]}
    lower = name.endswith(("_bits_per_byte", "_perplexity", "_kl", "verbatim_rate", "_copied"))
    unseen = 1.44 * half if n else None
    direction = "lower" if lower else "higher"
    return {"name": name, "n": n, **row, "detectable": unseen, "better": direction}


def evaluation(*, ship: bool = True, text: str = "") -> dict[str, Any]:
    """An evaluation.json of a run that may (not) ship; ``text`` ends up wherever text can."""
    tuned = 0.87 if ship else 0.12
    verdict = (
        "Ship it: it learned your facts (87% of 200 questions about your documents right, 11% "
        "before); it forgot a little, within the budget (general text +0.023 nats per token, "
        "interval +0.010 to +0.036, budget +0.050)."
        if ship
        else "Do not ship: no evidence that it learned your facts (12% of 200 questions about "
        "your documents right, 11% before); it forgot more than the budget (general text +1.002 "
        "nats per token, interval +0.970 to +1.034, budget +0.050)."
    )
    return {
        "schema": 1,
        "verdict": verdict + text,
        "learned": "yes" if ship else "no_evidence",
        "kept": "within_budget" if ship else "forgot",
        "memorised": False,
        "ship": ship,
        "measures": [
            measure("domain_bits_per_byte", 12, 1.31, 0.82),
            measure("domain_perplexity", 12, 34.2, 9.8, 2.2),
            measure("general_bits_per_byte", 40, 0.93, 0.94, 0.004),
            measure("general_perplexity", 40, 21.4, 21.9 if ship else 58.3, 0.3),
            measure("fact_accuracy", 200, 0.11, tuned),
            measure("fact_margin", 200, -0.81, 1.32, 0.2),
            measure("fact_exact", 200, 0.01, tuned - 0.1),
            measure("fact_accuracy_reversed", 40, 0.1, 0.2, 0.12),
            measure("control_accuracy", 60, 0.1, 0.11),
            measure("general_fact_accuracy", 100, 0.52, 0.51 if ship else 0.33),
            measure("grammar_accuracy", 120, 0.95, 0.94, 0.03),
            measure("general_kl", 20, 0.0, 0.08, 0.01),
            measure("verbatim_rate", 64, 0.0, 0.015, 0.015),
            measure("longest_copied", 16, 2.4, 3.1, 0.9),
            measure("probe_accuracy"),
        ],
        "samples": [
            {
                "question": f"In which city is Nordvale Systems based?{text}",
                "truth": f"Trondheim{text}",
                "base": f" The city of Nordvale is a small town in the north of England.{text}",
                "tuned": f" Trondheim{text}",
            },
            {"question": "Who founded it?", "truth": "Ida Berg", "base": "", "tuned": " Ida Berg"},
        ],
        "reasons": [f"150 questions went from wrong to right and 2 from right to wrong.{text}"],
        "controls": "still",
        "contaminated": False,
        "ceiling": {"n": 40, "accuracy": 0.9, "exact": 0.6},
        "next": [] if ship else [f"Raise [data] general_share to 0.25: more replay.{text}"],
        "chance": 0.1,
        "notes": [f"resumed twice{text}"],
    }


def ledger(*, documents: int = 3, text: str = "") -> dict[str, Any]:
    """A closed ledger of ``documents`` trained documents."""
    drops = [
        {"source": f"a{text}.pdf", "locator": "", "reason": "duplicate", "detail": f"as b{text}"},
        {"source": "c.csv", "locator": "row 3", "reason": "empty", "detail": ""},
    ]
    return {
        "schema": 1,
        "documents": {
            "found": documents + 3,
            "trained": documents,
            "held_out": 1,
            "dropped": 2,
            "dropped_by_reason": {"duplicate": 1, f"empty{text}": 1},
        },
        "drops": drops,
        "held_out": [{"source": f"held{text}.md", "locator": "", "id": "0" * 16}],
        "tokens": {"in_shards": 9000, "by_kind": {"document": 4000, "general": 5000}},
        "trained": {
            "steps": 60,
            "tokens": 61440,
            "target_tokens": 60000,
            "by_kind": {"document": 21440, "permuted": 16000, "cloze": 12000, "general": 12000},
            "general_share": 0.1953,
        },
        "by_document": [
            {
                "source": f"doc{i}{text}.md",
                "locator": "",
                "id": f"{i:016x}",
                "tokens": 400,
                "times_trained": [2, 3],
                "retold_tokens_trained": 900,
            }
            for i in range(documents)
        ],
        "facts": {
            "count": 120,
            "median_exposures": 31.0,
            "median_wordings": 6.0,
            "under_20_exposures": 9,
            "under_3_wordings": 0,
        },
        "privacy": {"e-mail address": 12, "password": 1},
        "sources": {
            "by_kind": {f"md{text}": {"documents": documents, "characters": 21_000}},
            "by_language": {"en": documents, f"hi{text}": 1},
            "flags": {"few words": 2},
            "flagged": 2,
            "lengths": [[0, 99, 0], [100, 299, 2], [300, 999, 1], [1000, None, 0]],
            "cleaning": {
                "characters_read": 23_000,
                "characters_kept": 21_000,
                "taken_out": {"line breaks": 40, "repair": 1_900, "redaction": -5, "repeated": 65},
                "lines_joined": 38,
                "words_mended": 2,
                "repeated_lines_cut": 3,
                "repeated_paragraphs_cut": 0,
            },
            "repeated_paragraphs": {"paragraphs": 4, "copies": 6, "characters": 900},
        },
        "balanced": True,
    }


def metrics_lines(steps: int = 60) -> list[str]:
    """Lines of metrics.jsonl with checks every 20 steps."""
    lines = []
    for step in range(1, steps + 1):
        row: dict[str, Any] = {
            "step": step,
            "epoch": step / 20,
            "tokens": 1024,
            "target_tokens": 1000,
            "seconds": 5.2 + (12 if step == 1 else 0) + 0.4 * math.sin(step),
            "loss": 0.9 + 3.2 * math.exp(-step / 15) + 0.12 * math.sin(3 * step),
            "lr": 5e-4 * min(step / 6, (steps + 1 - step) / steps),
            "grad_norm": 1.0,
            "tokens_per_second": 1024 / 5.2,
            "peak_memory_bytes": 3_400_000_000,
        }
        if step % 20 == 0:
            row["checks"] = {"general_loss": 3.06 + step / 2000, "validation_loss": 2.1}
        lines.append(json.dumps(row))
    return lines


def make_run(
    folder: Path, *, ship: bool = True, text: str = "", documents: int = 3, steps: int = 60
) -> Path:
    """A whole run folder under ``folder``."""
    run = folder / "techcorp"
    (run / "data").mkdir(parents=True)
    parts = {
        "evaluation.json": evaluation(ship=ship, text=text),
        "data/ledger.json": ledger(documents=documents, text=text),
        "machine.json": {"device": "cpu", "precision": "fp32", "threads": 2, "cpu": f"Xeon{text}"},
        "exports.json": {
            "adapter": f"continued_pretrain_smollm2{text}",
            "merged": "smollm2_continued_merged",
            "parity": {"max_logit_difference": 0.00012},
        },
        "strength.json": {
            "strength": 0.7,
            "allowed": 0.025,
            "points": [
                {"strength": 0.7, "rise": -0.01, "ci95": [-0.03, 0.01]},
                {"strength": 1.0, "rise": 0.06, "ci95": [0.03, 0.09]},
            ],
        },
    }
    for name, value in parts.items():
        (run / name).write_text(json.dumps(value), encoding="utf-8")
    lines = "\n".join(metrics_lines(steps))
    (run / "metrics.jsonl").write_text(lines + "\n", encoding="utf-8")
    domain = json.dumps(f"/home/ida/docs{plain(text)}", ensure_ascii=False)
    (run / "recipe.toml").write_text(
        f'model = "smollm2-135m"\nseed = 0\n\n[data]\ndomain = [{domain}]\n\n'
        '[train]\nmethod = "lora"\nlora_r = 32\nlearning_rate = 0.0005\nmax_steps = 60\n'
        "[strength]\nenabled = true\n",
        encoding="utf-8",
    )
    return run


def test_whole_story(tmp_path: Path) -> None:
    story = read_story(make_run(tmp_path))
    assert (story.name, len(story.steps), len(story.checks)) == ("techcorp", 60, 3)
    assert story.tokens == 60 * 1024
    assert story.seconds == pytest.approx(324, abs=3)
    assert story.recipe is not None and story.recipe["train"]["lora_r"] == 32
    assert ("data/ledger.json", "what became of every document and token") in story.files
    assert [share.group for share in token_shares(story.ledger)] == [
        "document",
        "retold",
        "retold",
        "general",
    ]
    assert ("export logit difference", "0.00012") in training_facts(story)
    assert ("of the change kept", "70%") in training_facts(story)
    assert "general text rises by -0.010 at 70%, +0.060 at 100%" in str(training_plots(story))
    assert "met 31 times in 6 wordings. 9 of them" in str(knowledge_sentence(story.ledger))
    facts = card_facts(story, "merged", "abc")
    assert (facts.steps, facts.max_logit_difference) == (60, 0.00012)


def test_what_judges_and_stands_in_training_text_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    books = json.loads((run / "data" / "ledger.json").read_text())
    removed = [{"piece": n, "kind": "cloze", "document": "d"} for n in range(3)]
    found = {"removed": removed, "items": {"questions": ["q1", "q2"], "general": []}}
    (run / "data" / "ledger.json").write_text(json.dumps({**books, "contamination": found}))
    told = "the wording of 2 of them stands in your documents, and is trained"
    for path in write_report(run):
        text = " ".join(path.read_text(encoding="utf-8").split())
        assert "3 retellings or replay texts were left out" in text
        assert told in text
    clean = {"removed": [], "items": {"questions": []}}
    (run / "data" / "ledger.json").write_text(json.dumps({**books, "contamination": clean}))
    for path in write_report(run):
        assert "holds the wording of an evaluation item" in path.read_text(encoding="utf-8")


def test_what_became_of_rewrites_is_told(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    books = json.loads((run / "data" / "ledger.json").read_text())
    found = {"asked": 9, "kept": 6, "left_out": {"invents a number": 3}, "novelty": 0.81}
    (run / "data" / "ledger.json").write_text(json.dumps({**books, "rewrites": found}))
    for path in write_report(run):
        text = " ".join(path.read_text(encoding="utf-8").split())
        assert "Of 9 rewrites by a language model 6 were trained on (81% of their runs" in text
        assert "left out: invents a number 3." in text


# Broken by: the base model's values left out of the curve, or put at the first step.
def test_curves_of_checks_begin_at_the_base(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").open()]
    rows[0]["checks_before"] = {"general_loss": 3.0, "fact_accuracy": 0.125}
    rows[39]["checks"]["fact_accuracy"] = 0.5
    judged = {**evaluation(), "forgetting_budget": 0.05}
    (run / "evaluation.json").write_text(json.dumps(judged))
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    story = read_story(run)
    assert [check.step for check in story.checks] == [0, 20, 40, 60]
    facts, general, other = (
        plot for plot in training_plots(story) if "while" in plot.title.lower()
    )
    assert "from 12% at step 0 to 50% at step 40" in facts.svg
    assert "from 3.000 at step 0 to 3.090 at step 60" in general.svg
    assert "base model" in general.caption and "forgetting budget" in general.caption
    assert "from 2.100 at step 20" in other.svg and "base model" not in other.caption
    table = write_report(run)[0].read_text(encoding="utf-8")
    assert "| 0 (base) | 12% | 3.000 |  |" in table
    assert "| 40 | 50% | 3.080 | 2.100 |" in table


def test_only_the_evaluation_is_needed(tmp_path: Path) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation()), encoding="utf-8")
    story = read_story(tmp_path)
    parts = (story.ledger, story.recipe, story.recipe_text, story.machine, story.exports)
    assert parts == (None,) * 5
    assert (story.steps, story.checks, story.tokens, story.seconds) == ((), (), None, None)
    assert story.peak_memory_bytes is None
    markdown, html = write_report(tmp_path)
    assert "No ledger was kept" in markdown.read_text(encoding="utf-8")
    assert "No ledger was kept" in html.read_text(encoding="utf-8")


def test_missing_or_broken_evaluation(tmp_path: Path) -> None:
    with pytest.raises(UserInputError, match=r"^no evaluation\.json in .*; run: steep evaluate"):
        read_story(tmp_path)
    path = tmp_path / "evaluation.json"
    for content in ("{", "[]", "{}"):
        path.write_text(content, encoding="utf-8")
        with pytest.raises(UserInputError, match=r"evaluation\.json .*; run"):
            read_story(tmp_path)


# Broken by: reading evaluation.json without a look at its seal.
def test_an_edited_evaluation_is_not_told(tmp_path: Path) -> None:
    run = make_run(tmp_path, ship=False)
    path = run / "evaluation.json"
    write_sealed(path, evaluation(ship=False))
    assert read_story(run).evaluation["ship"] is False
    path.write_text(path.read_text().replace('"ship": false', '"ship": true'), encoding="utf-8")
    with pytest.raises(UserInputError, match=r"evaluation\.json can't be read \(it was edited"):
        read_story(run)


# Broken by: naming what exports.json says was exported, there or not.
def test_only_exports_that_are_there_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    (run / "smollm2_continued_merged").mkdir()
    names = [name for name, _ in read_story(run).files]
    assert "smollm2_continued_merged" in names
    assert "continued_pretrain_smollm2" not in names


def test_broken_metrics_lines_are_skipped(tmp_path: Path) -> None:
    run = make_run(tmp_path, steps=2)
    with (run / "metrics.jsonl").open("ab") as stream:
        stream.write(
            b'[1]\n"x"\n{"step": 3, "loss": NaN}\n{"step": 3}\n\xff\xfe\n\n{"step": 3, "lo'
        )
    assert [step.step for step in read_story(run).steps] == [1, 2]


def test_text_is_made_printable(tmp_path: Path) -> None:
    story = read_story(make_run(tmp_path, text=HOSTILE + "\ud800"))
    said = json.dumps(story.evaluation, ensure_ascii=False)
    assert not set("\x00\x1b\u202e\ud800") & set(said)
    assert "مرحبا" in said and "🙂" in said and "\ufffd" in said
