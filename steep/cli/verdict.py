"""The verdict as lines of text, and as an exit code."""

from __future__ import annotations

import json
import sys

from steep.cli.console import say
from steep.proof.words import verdict_table
from steep.workflow import Outcome

DO_NOT_SHIP = 3

_HEAD = ("measure", "n", "base", "tuned", "change", "95% interval")


def verdict_lines(outcome: Outcome) -> list[str]:
    """The table, the sentence, the reasons, and where the files are."""
    rows = [_HEAD, *(tuple(row) for row in verdict_table(outcome.evaluation))]
    widths = [max(len(str(row[i])) for row in rows) for i in range(len(_HEAD))]
    lines = [""]
    for number, row in enumerate(rows):
        first, *rest = (str(cell) for cell in row)
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
        lines.append("  ".join(cells))
        if number == 0:
            lines.append("  ".join("-" * width for width in widths))
    lines += ["", outcome.verdict]
    lines += [f"- {reason}" for reason in outcome.evaluation.get("reasons", [])]
    lines += [f"- {note}" for note in outcome.evaluation.get("notes", [])]
    page, judged = outcome.folder / "report.html", outcome.folder / "evaluation.json"
    if page.is_file() and judged.is_file():
        if page.stat().st_mtime_ns >= judged.stat().st_mtime_ns:
            lines += ["", f"Report: {page}"]
        else:
            lines += ["", f"Report: {page} is of an earlier evaluation; run: steep report RECIPE"]
    return lines


def tell(outcome: Outcome, as_json: bool) -> None:
    """Print the verdict and leave with the exit code it asks for."""
    if as_json:
        say(json.dumps({"folder": str(outcome.folder), **outcome.evaluation}, ensure_ascii=False))
    else:
        for line in verdict_lines(outcome):
            say(line)
    if not outcome.ship:
        sys.exit(DO_NOT_SHIP)
