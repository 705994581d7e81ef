"""report.md: the run in Markdown, for a terminal, a pull request or an e-mail."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from steep.benchmarks.words import HEADER
from steep.export.card import NOT_MEASURED, escape, table
from steep.report.curves import check_label, check_names, check_value
from steep.report.facts import (
    GROUP_HEADER,
    MAX_ROWS,
    POWER_NOTE,
    advice,
    benchmark_note,
    benchmark_table,
    contamination_sentence,
    document_facts,
    drop_reasons,
    knowledge_sentence,
    measure_groups,
    not_measured,
    place,
    rewriting_sentence,
    stage_table,
    times,
    token_shares,
    training_facts,
)
from steep.report.sources import source_sentences, source_tables
from steep.report.story import RunStory

MAX_CHECKS = 8
GUARDED = ("general_loss", "domain_bits_per_byte")


def render_markdown(story: RunStory) -> str:
    """The whole report as Markdown; all text from outside is escaped."""
    evaluation = story.evaluation
    notes = [str(note) for note in evaluation.get("notes") or []]
    sections = [
        f"# {escape(story.name)}: steep report",
        f"**{escape(str(evaluation['verdict']))}**",
        *_measures(evaluation),
        _chance(evaluation),
        _section("Stage by stage", _stages(evaluation)),
        _section("Benchmarks", _benchmarks(story)),
        _section("Why", _bullets([*(evaluation.get("reasons") or []), *notes])),
        _section("What to try next", _bullets(advice(story))),
        _section("Samples", _samples(evaluation.get("samples") or [])),
        _section("What was read and trained", _data(story)),
        _section("Training", _training(story)),
        _section("Files", _bullets(f"{name}: {what}" for name, what in story.files)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _measures(evaluation: Mapping[str, Any]) -> list[str]:
    """A table for each group of measures, then what couldn't be measured."""
    parts = [
        f"### {group.title}\n\n{table(GROUP_HEADER, group.rows)}"
        for group in measure_groups(evaluation)
    ]
    missing = not_measured(evaluation)
    if missing:
        names = "; ".join(escape(name) for name in missing)
        parts.append(f"{NOT_MEASURED[:1].upper()}{NOT_MEASURED[1:]}: {names}.")
    return parts


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _bullets(lines: Iterable[Any]) -> str:
    return "\n".join(f"- {escape(str(line))}" for line in lines)


def _chance(evaluation: Mapping[str, Any]) -> str:
    chance = evaluation.get("chance")
    note = "" if chance is None else f" Guessing answers {100 * chance:.0f}% of the questions."
    return f"Both models were given the same items; intervals are of the change.{note} {POWER_NOTE}"


def _stages(evaluation: Mapping[str, Any]) -> str:
    rows = stage_table(evaluation)
    return table(rows[0], rows[1:]) if rows else ""


def _benchmarks(story: RunStory) -> str:
    rows = benchmark_table(story)
    return f"{table(HEADER, rows)}\n\n{escape(benchmark_note(story))}" if rows else ""


def _samples(samples: Iterable[Mapping[str, Any]]) -> str:
    keys = ("question", "truth", "base", "tuned")
    rows = [[_answer(sample.get(key)) for key in keys] for sample in samples]
    return table(("Question", "Truth", "Base", "Tuned"), rows, numbers=False) if rows else ""


def _answer(value: Any) -> str:
    text = str(value or "")
    return text if text.strip() else "(no answer)"


def _data(story: RunStory) -> str:
    ledger = story.ledger
    if ledger is None:
        return "No ledger was kept."
    parts = ["Documents: " + ", ".join(f"{f.value} {f.name}" for f in document_facts(ledger)) + "."]
    shares = token_shares(ledger)
    if shares:
        rows = [(s.name, f"{s.tokens:,}", f"{100 * s.share:.1f}%") for s in shares]
        parts.append(table(("Tokens trained", "Tokens", "Share"), rows))
    said = (
        knowledge_sentence(ledger),
        rewriting_sentence(ledger),
        contamination_sentence(ledger),
    )
    parts += [escape(sentence) for sentence in said if sentence]
    for grid in source_tables(story):
        more = f"\n\nand {grid.more:,} more" if grid.more else ""
        parts.append(f"{escape(grid.caption)}:\n\n{table(grid.header, grid.rows)}{more}")
    if cleaning := source_sentences(ledger):
        parts.append(_bullets(cleaning))
    reasons = drop_reasons(ledger)
    if reasons:
        counts = ", ".join(f"{count:,} {escape(reason)}" for reason, count in reasons)
        drops = ledger.get("drops") or []
        rows = [(place(d), d.get("reason", ""), d.get("detail", "")) for d in drops[:MAX_ROWS]]
        parts.append(f"Dropped: {counts}.")
        if rows:
            listed = table(("Dropped", "Reason", "Detail"), rows, numbers=False)
            parts.append(listed + _more(len(drops)))
    documents = ledger.get("by_document") or []
    if documents:
        header = ("Trained", "Tokens", "Times", "Retold tokens")
        trained = [
            (place(d), f"{d['tokens']:,}", times(d), f"{d['retold_tokens_trained']:,}")
            for d in documents[:MAX_ROWS]
        ]
        parts.append(table(header, trained) + _more(len(documents)))
    held_out = ledger.get("held_out") or []
    if held_out:
        lines = _bullets(place(row) for row in held_out[:MAX_ROWS])
        parts.append(f"Held out, never trained:\n\n{lines}{_more(len(held_out))}")
    return "\n\n".join(parts)


def _more(count: int) -> str:
    return f"\n\nand {count - MAX_ROWS:,} more" if count > MAX_ROWS else ""


def _training(story: RunStory) -> str:
    facts = [f"base model: {story.base_model}"]
    facts += [f"{fact.name}: {fact.value}" for fact in training_facts(story)]
    facts += [f"{key}: {value}" for key, value in (story.machine or {}).items()]
    return "\n\n".join(part for part in (_bullets(facts), _guard(story), _checks(story)) if part)


def _guard(story: RunStory) -> str:
    """The guard's looks, and where it went back."""
    record = story.guard or {}
    looks = record.get("looks") or []
    if not looks:
        return ""
    back = {b["step"]: b["back_to"] for b in record.get("backoffs") or []}
    rows = [
        [
            f"{look['step']:,}" if look["step"] else "0 (base)",
            *(check_value(n, look[n]) if n in look else "" for n in GUARDED),
            f"back to {back[look['step']]:,}" if look["step"] in back else "",
        ]
        for look in looks
    ]
    header = ("The guard, at step", *(escape(check_label(name)) for name in GUARDED), "Then")
    limit = f"{record['limit']:.2f} nats per token over the base"
    return f"{table(header, rows)}\n\nBeyond {limit} on general text it goes back."


def _checks(story: RunStory) -> str:
    """What was seen while training, at a few of its moments: the first, the last, some between."""
    names = check_names(story)
    if not names:
        return ""
    last = len(story.checks) - 1
    shown = sorted({round(last * part / (MAX_CHECKS - 1)) for part in range(MAX_CHECKS)})
    rows = [
        [
            f"{check.step:,}" if check.step else "0 (base)",
            *(check_value(n, check.values[n]) if n in check.values else "" for n in names),
        ]
        for check in (story.checks[place] for place in shown)
    ]
    header = ("While training, at step", *(escape(check_label(name)) for name in names))
    return table(header, rows) + "\n\nEach on a small fixed sample, before the strength is chosen."
