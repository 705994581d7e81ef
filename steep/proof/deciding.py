"""Which results of the questions decide, and what one answer to all, or retrieval, would get."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from steep.proof.answers import normalise_answer

Row = Mapping[str, Any]


def deciding_answers(rows: Sequence[Row]) -> Literal["first", "exact"]:
    """Choices ranked, unless most questions have none: a few must not speak for the rest."""
    ranked = sum(row["first"] is not None for row in rows)
    return "first" if ranked and 2 * ranked >= len(rows) else "exact"


def commonest_answer(rows: Sequence[Row]) -> tuple[str, float]:
    """(the answer that is right for most, the share that it is right for)."""
    truths = Counter(normalise_answer(str(row["truth"])) for row in rows)
    if not truths:
        return "", 0.0
    ((_, count),) = truths.most_common(1)
    named = next(r for r in rows if truths[normalise_answer(str(r["truth"]))] == count)
    return str(named["truth"]), count / len(rows)


def ceiling(base: Mapping[str, Any]) -> dict[str, Any]:
    """What the base model answers with the right passage in its prompt.

    ``{"n", "accuracy", "exact"}``; a share is null where nothing can be ranked, or asked.
    """
    rows = base["open_book"]
    ranked = [row["first"] for row in rows if row["first"] is not None]
    return {
        "n": len(rows),
        "accuracy": round(sum(ranked) / len(ranked), 6) if ranked else None,
        "exact": round(sum(row["exact"] for row in rows) / len(rows), 6) if rows else None,
    }
