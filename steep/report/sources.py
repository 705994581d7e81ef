"""What was read, in the report: kinds, languages, lengths, signs of poor text, cleaning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from steep.documents.privacy.redaction import SECRET_KINDS
from steep.report.story import RunStory
from steep.report.svg import TUNED, Plot, new_figure, quiet, style, to_svg

MAX_ROWS = 20


class SourceTable(NamedTuple):
    """A table of counts; columns but the first are numbers. ``more`` rows were left out."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    more: int = 0


def source_sentences(ledger: Mapping[str, Any] | None) -> list[str]:
    """What cleaning did, repeated paragraphs, dates, and that the books balance."""
    sources = (ledger or {}).get("sources") or {}
    if not sources:
        return []
    said = [_cleaning(sources["cleaning"])] if sources.get("cleaning") else []
    repeated = sources.get("repeated_paragraphs") or {}
    if repeated.get("paragraphs"):
        text = f"{repeated['paragraphs']:,} paragraphs stand in several documents"
        text += f" ({repeated['copies']:,} copies, {repeated['characters']:,} characters)"
        cut = (sources.get("cleaning") or {}).get("repeated_paragraphs_cut", 0)
        verdict = "all but the first of each were cut" if cut else "they were counted and kept"
        said.append(f"{text}; {verdict}.")
    if dated := sources.get("dated"):
        text = f"{dated:,} {'document has' if dated == 1 else 'documents have'} a date"
        said.append(f"{text}; {sources.get('date_lines', 0):,} were trained with a line for it.")
    if (ledger or {}).get("balanced"):
        said.append(
            "The books balance: every document is trained, held out or dropped with a reason, and "
            "every character is kept or counted above."
        )
    return said


def _cleaning(books: Mapping[str, Any]) -> str:
    text = f"Of {books['characters_read']:,} characters read {books['characters_kept']:,} were kept"
    taken = [f"{name} {count:,}" for name, count in books["taken_out"].items() if count]
    text += f"; taken out: {', '.join(taken)}." if taken else "."
    done = [
        f"{books[name]:,} {name.replace('_', ' ')}"
        for name in ("lines_joined", "words_mended", "repeated_lines_cut")
        if books.get(name)
    ]
    return f"{text} {', '.join(done)}." if done else text


def source_tables(story: RunStory) -> list[SourceTable]:
    """Documents by kind and language, flags, and secrets and personal data by kind."""
    ledger = story.ledger or {}
    sources = ledger.get("sources") or {}
    kinds = [
        (kind, f"{counts['documents']:,}", f"{counts['characters']:,}")
        for kind, counts in (sources.get("by_kind") or {}).items()
    ]
    flagged = sources.get("flagged", 0)
    verb = "document has" if flagged == 1 else "documents have"
    tables = [
        _table("Kinds of files", ("Kind", "Documents", "Characters"), kinds),
        _table("Languages", ("Language", "Documents"), _counts(sources.get("by_language"))),
        _table(
            f"Signs of poor text: {flagged:,} {verb} some; none is left out for it unless asked",
            ("Sign", "Documents"),
            _counts(sources.get("flags")),
        ),
        _table("Secrets and personal data", ("Found", "Times", "What was done"), _private(story)),
    ]
    return [table for table in tables if table.rows]


def _table(caption: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> SourceTable:
    return SourceTable(caption, header, rows[:MAX_ROWS], max(0, len(rows) - MAX_ROWS))


def _counts(counts: Mapping[str, int] | None) -> list[tuple[str, str]]:
    return [(str(name), f"{count:,}") for name, count in (counts or {}).items()]


def _private(story: RunStory) -> list[tuple[str, str, str]]:
    found = (story.ledger or {}).get("privacy") or {}
    all_blanked = ((story.recipe or {}).get("data") or {}).get("redact") in ("personal", "presidio")
    return [
        (kind, f"{count:,}", "blanked" if all_blanked or kind in SECRET_KINDS else "counted")
        for kind, count in found.items()
    ]


def source_plots(story: RunStory) -> list[Plot]:
    """A histogram of the documents' lengths; none where the ledger has no account of them."""
    bins = ((story.ledger or {}).get("sources") or {}).get("lengths") or []
    filled = [number for number, (_, _, count) in enumerate(bins) if count]
    if not filled:
        return []
    shown = bins[filled[0] : filled[-1] + 1]
    labels = [_length(first) for first, _, _ in shown]
    with style():
        figure = new_figure(2.2)
        axes = figure.add_axes((0.09, 0.16, 0.86, 0.7))
        quiet(axes)
        axes.bar(range(len(shown)), [count for _, _, count in shown], color=TUNED, width=0.8)
        axes.set_xticks(range(len(shown)), labels)
        axes.locator_params(axis="y", integer=True)
        axes.set_title("documents", loc="left", color=TUNED)
        said = [f"{n:,} of {label}" for label, (_, _, n) in zip(labels, shown, strict=True)]
        svg = to_svg(figure, "lengths", "documents by characters: " + "; ".join(said))
    caption = "Documents by the characters they have at least, after cleaning."
    return [Plot("Lengths of documents", caption, svg)]


def _length(characters: int) -> str:
    if characters >= 1_000_000:
        return f"{characters // 1_000_000}M+"
    return f"{characters // 1000}k+" if characters >= 1000 else f"{characters}+"
