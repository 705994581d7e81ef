"""Runs side by side, as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from steep.proof.statistics import Difference
from steep.proof.words import GROUPS, RATES, change, name_of, value
from steep.stages.compare import Comparison, MeasureCompared


def compare_lines(found: Comparison) -> list[str]:
    """A table for each group of measures, then the runs with their verdicts."""
    names = [f"[{number}]" for number in range(1, len(found.runs) + 1)]
    header = ["measure", *(f"{name} tuned (base)" for name in names)]
    header += [f"{name} minus [1]" for name in names[1:]]
    lines: list[str] = []
    for title, beginnings in GROUPS.items():
        rows = [_cells(row) for row in found.measures if row.name.startswith(beginnings)]
        rows = [row for row in rows if any(cell != "–" for cell in row[1:])]
        if rows:
            lines += ["", title, *_table([header, *rows])]
    lines.append("")
    for name, run, verdict in zip(names, found.runs, found.verdicts, strict=True):
        lines.append(f"{name} {PurePath(run)}: {verdict}")
    lines += ["", "In brackets: 95% intervals, paired over the items that both runs were asked."]
    return lines


def _cells(row: MeasureCompared) -> list[str]:
    rate = row.name in RATES
    cells = [name_of(row.name)]
    for run in row.runs:
        taken = run.n and run.tuned is not None and run.base is not None
        cells.append(f"{value(run.tuned, rate)} ({value(run.base, rate)})" if taken else "–")
    return [*cells, *(_difference(found, rate) for found in row.against_first)]


def _difference(found: Difference, rate: bool) -> str:
    if not found.n or found.delta is None:
        return "–"
    if found.ci95 is None:
        return f"{change(found.delta, rate)} (n {found.n})"
    low, high = (change(end, rate) for end in found.ci95)
    return f"{change(found.delta, rate)} [{low} to {high}] (n {found.n})"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
