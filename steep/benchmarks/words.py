"""The benchmarks' table in words, from the rows of benchmarks.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

HEADER = ("Benchmark", "n", "Base", "Tuned", "Change", "95% interval")
HEADER_ALONE = ("Benchmark", "n", "Score", "95% interval")

Cells = tuple[str, ...]


def benchmark_rows(rows: Sequence[Mapping[str, Any]]) -> list[Cells]:
    """Lines under ``HEADER``: base and tuned on the same items, the interval of the change."""
    found: list[Cells] = []
    for row in rows:
        numbers = (row["base"], row["tuned"])
        found.append(
            (
                _name(row),
                f"{row['n']:,}",
                *map(_value, numbers),
                _signed(row["delta"]),
                _ci(row, _signed),
            )
        )
    return found


def rows_alone(rows: Sequence[Mapping[str, Any]]) -> list[Cells]:
    """Lines under ``HEADER_ALONE``: one model, the interval of its score."""
    return [(_name(row), f"{row['n']:,}", _value(row["tuned"]), _ci(row, _value)) for row in rows]


def _name(row: Mapping[str, Any]) -> str:
    return f"{row['benchmark']}, {str(row['metric']).replace('_', ' ')}"


def _value(number: float | None) -> str:
    return "" if number is None else f"{number:.4f}" if number < 10 else f"{number:,.2f}"


def _signed(number: float | None) -> str:
    return "" if number is None else f"{number:+.4f}" if abs(number) < 10 else f"{number:+,.2f}"


def _ci(row: Mapping[str, Any], say: Any) -> str:
    ci = row["ci95"]
    return "" if ci is None else f"{say(ci[0])} to {say(ci[1])}"
