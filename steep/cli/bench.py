"""``steep bench``: the tasks as given, and the table as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from steep.benchmarks.words import HEADER, HEADER_ALONE, benchmark_rows, rows_alone

if TYPE_CHECKING:
    from steep.stages.benchmarks import BenchResult


def split_tasks(given: Sequence[str]) -> list[str]:
    """``a,b=path`` as two tasks (so a path may hold no comma)."""
    return [part.strip() for text in given for part in text.split(",") if part.strip()]


def bench_lines(result: BenchResult) -> list[str]:
    """The table, and what it says in a sentence."""
    rows = [row.as_json() for row in result.rows]
    if result.base is None:
        table = [HEADER_ALONE, *rows_alone(rows)]
        said = [f"{result.model}, asked alone; intervals are of the score."]
    else:
        table = [HEADER, *benchmark_rows(rows)]
        said = [
            f"Base {result.base}, tuned {result.model}: the same items; intervals are paired, and "
            "of the change."
        ]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for number, (first, *rest) in enumerate(table):
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    if result.limit is not None:
        said.append(f"Only the first {result.limit} items of each task were asked.")
    return [*lines, "", *said]
