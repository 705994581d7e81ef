"""report.html: the run as one static page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from steep.benchmarks.words import HEADER
from steep.export.card import NOT_MEASURED
from steep.proof.words import name_of
from steep.report.facts import (
    GROUP_HEADER,
    MAX_ROWS,
    POWER_NOTE,
    Fact,
    advice,
    benchmark_note,
    benchmark_table,
    contamination_sentence,
    document_facts,
    drop_reasons,
    headline,
    knowledge_sentence,
    measure_groups,
    not_measured,
    place,
    rewriting_sentence,
    sentence,
    stage_table,
    times,
    token_shares,
    training_facts,
)
from steep.report.page import STYLE, TEMPLATE
from steep.report.plots import outcome_plots, training_plots
from steep.report.sources import source_plots, source_sentences, source_tables
from steep.report.story import RunStory


class Grid(NamedTuple):
    """A table: ``numeric`` columns are set right, ``more`` rows were left out."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    more: int = 0


class Tile(NamedTuple):
    """One part of the verdict; ``tone`` is "good", "mild" or "bad"."""

    name: str
    detail: str
    tone: str


def render_html(story: RunStory) -> str:
    """The whole report as a page: same story, same bytes. All text from outside is escaped."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    evaluation = story.evaluation
    stages = stage_table(evaluation)
    machine = [Fact(str(key), str(value)) for key, value in (story.machine or {}).items()]
    page = environment.from_string(TEMPLATE).render(
        style=STYLE,
        name=story.name,
        ship=evaluation["ship"] is True,
        headline=headline(story),
        verdict=str(evaluation["verdict"]),
        sentence=sentence(story),
        tiles=tiles(evaluation),
        outcomes=outcome_plots(story),
        measures=[
            Grid(group.title, GROUP_HEADER, group.rows, range(1, len(GROUP_HEADER)))
            for group in measure_groups(evaluation)
        ],
        not_measured="; ".join(not_measured(evaluation)),
        power=POWER_NOTE,
        stages=Grid("Stage by stage", stages[0], stages[1:], range(1, len(stages[0])))
        if stages
        else None,
        benchmarks=Grid("Benchmarks", HEADER, benchmark_table(story), range(1, len(HEADER)))
        if story.benchmarks
        else None,
        benchmark_note=benchmark_note(story),
        reasons=[*(evaluation.get("reasons") or []), *(evaluation.get("notes") or [])],
        advice=advice(story),
        samples=[_sample(sample) for sample in evaluation.get("samples") or []],
        documents=document_facts(story.ledger),
        shares=token_shares(story.ledger),
        knowledge=knowledge_sentence(story.ledger),
        rewriting=rewriting_sentence(story.ledger),
        contamination=contamination_sentence(story.ledger),
        listings=_listings(story.ledger),
        cleaning=source_sentences(story.ledger),
        sources=[
            Grid(t.caption, t.header, t.rows, range(1, len(t.header)), t.more)
            for t in source_tables(story)
        ],
        lengths=source_plots(story),
        training=[Fact("base model", story.base_model), *training_facts(story)],
        plots=training_plots(story),
        recipe=story.recipe_text,
        machine=machine,
        files=Grid("Files of this run", ("File", "What it is"), story.files)
        if story.files
        else None,
    )
    return page + "\n"


def tiles(evaluation: Mapping[str, Any]) -> list[Tile]:
    """Learned, kept, memorised, then controls and contamination, with their numbers."""
    learned, kept = evaluation.get("learned"), evaluation.get("kept")
    rows = {row["name"]: row for row in evaluation["measures"]}
    facts = _deciding(evaluation, rows, "learned", "fact")
    controls = _deciding(evaluation, rows, "controls", "control")
    general = _general(evaluation, rows)
    found = [
        {
            "yes": Tile("Learned: yes", _rate(facts, "facts asked in new words"), "good"),
            "no_evidence": Tile("Learned: no evidence", _rate(facts, "facts right"), "bad"),
            "worse": Tile("Learned: worse than before", _rate(facts, "facts right"), "bad"),
        }.get(str(learned)),
        {
            "yes": Tile("Kept general ability: yes", general, "good"),
            "within_budget": Tile("Kept: a little lost, within budget", general, "mild"),
            "forgot": Tile("Kept: no, or not shown", general, "bad"),
        }.get(str(kept)),
        _reciting(evaluation, rows),
        {
            "still": Tile("Controls: unmoved", _rate(controls, "untrained facts"), "good"),
            "moved": Tile("Controls: moved", _rate(controls, "untrained facts"), "bad"),
            "none": Tile("Controls: none", "too few untrained facts to compare with", "mild"),
        }.get(str(evaluation.get("controls"))),
        Tile("Contaminated", "training text holds the wording of questions", "bad")
        if evaluation.get("contaminated")
        else None,
    ]
    return [tile for tile in found if tile is not None]


def _rate(row: Mapping[str, Any], what: str) -> str:
    if not row.get("n"):
        return NOT_MEASURED
    return f"{what}: {100 * row['base']:.0f}% → {100 * row['tuned']:.0f}% (n\u00a0{row['n']:,})"


def _deciding(
    evaluation: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]], part: str, name: str
) -> Mapping[str, Any]:
    """The measure that a part of the verdict rests on; else the first of both sorts taken."""
    named = str((evaluation.get("rests_on") or {}).get(part))
    found = [rows.get(one, {}) for one in (named, f"{name}_accuracy", f"{name}_exact")]
    return next((row for row in found if row.get("n")), {})


def _general(evaluation: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> str:
    """What decided whether it forgot.

    Where that isn't told: perplexity of general text, or bits per byte where tokens differ.
    """
    kept_on = str((evaluation.get("rests_on") or {}).get("kept"))
    if kept_on in rows:
        return _rate(rows[kept_on], name_of(kept_on))
    loss = evaluation.get("general_loss") or {}
    if loss.get("n"):
        interval = loss["ci95"]
        reach = f", interval {interval[0]:+.3f} to {interval[1]:+.3f}" if interval else ""
        change = f"{loss['delta']:+.3f} nats per token{reach} (n\u00a0{loss['n']:,})"
        return f"{loss['kind']}: {change}"
    for name, what in (
        ("perplexity", "general perplexity"),
        ("bits_per_byte", "general text, bits per byte"),
    ):
        row = rows.get(f"general_{name}", {})
        if row.get("n"):
            return f"{what}: {row['base']:,.2f} → {row['tuned']:,.2f} (n\u00a0{row['n']:,})"
    return NOT_MEASURED


def _reciting(evaluation: Mapping[str, Any], rows: Mapping[str, Mapping[str, Any]]) -> Tile:
    recited, short = (rows.get(f"verbatim_rate{end}", {}) for end in ("", "_short"))
    detail = _rate(recited, "passages word for word")
    if evaluation.get("memorised"):
        return Tile("Recites its training text", detail, "bad")
    told = evaluation.get("rests_on", {"memorised": "verbatim_rate"}).get("memorised")
    if told is not None and recited.get("n"):
        return Tile("Recites its training text: no", detail, "good")
    what = "too few passages to test"
    if short.get("n"):
        what += "; " + _rate(short, "short texts continued word for word")
    return Tile(f"Recites its training text: {NOT_MEASURED}", what, "mild")


def _sample(sample: Mapping[str, Any]) -> dict[str, str]:
    keys = ("question", "truth", "base", "tuned")
    texts = {key: str(sample.get(key) or "").strip() for key in keys}
    return {key: text or "(no answer)" for key, text in texts.items()}


def _listings(ledger: Mapping[str, Any] | None) -> list[Grid]:
    """Drops with reasons, held-out and trained documents, each cut after MAX_ROWS."""
    if ledger is None:
        return []
    drops = ledger.get("drops") or []
    documents = ledger.get("by_document") or []
    held_out = ledger.get("held_out") or []
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in drop_reasons(ledger))
    grids = [
        Grid(
            f"Dropped: {reasons}",
            ("Document", "Reason", "Detail"),
            [(place(d), d.get("reason", ""), d.get("detail", "")) for d in drops[:MAX_ROWS]],
            more=max(0, len(drops) - MAX_ROWS),
        ),
        Grid(
            "Trained documents",
            ("Document", "Tokens", "Times trained", "Tokens of its retellings"),
            [
                (place(d), f"{d['tokens']:,}", times(d), f"{d['retold_tokens_trained']:,}")
                for d in documents[:MAX_ROWS]
            ],
            (1, 2, 3),
            max(0, len(documents) - MAX_ROWS),
        ),
        Grid(
            "Held out, never trained",
            ("Document",),
            [(place(d),) for d in held_out[:MAX_ROWS]],
            more=max(0, len(held_out) - MAX_ROWS),
        ),
    ]
    return [grid for grid in grids if grid.rows]
