"""Turns: two sides measured one after the other, again and again, each turn in its own process.

A drifting machine then touches both sides alike, and the ratio is taken pair by pair.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence

Found = dict[str, list[dict[str, float]]]


def take_turns(
    script: str,
    sides: Sequence[str],
    rounds: int,
    arguments: Sequence[str],
    check: Callable[[Found], None] | None = None,
) -> Found:
    """Run ``script ARGUMENTS --turn SIDE`` for each side in turn; its last line is JSON.

    ``check`` is shown what was found after every turn, and may end the rest.
    """
    found: Found = {side: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            command = [sys.executable, script, *arguments, "--turn", side]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
            found[side].append(json.loads(done.stdout.strip().splitlines()[-1]))
            if check is not None:
                check(found)
    return found


def spread(values: Sequence[float], form: str = ".2f") -> str:
    """Median, and from the least to the most."""
    middle = format(statistics.median(values), form)
    return f"{middle} ({format(min(values), form)} to {format(max(values), form)})"


def ratios(found: Found, what: str, one: str, two: str) -> list[float]:
    """``what`` of side one over side two, pair by pair."""
    return [a[what] / b[what] for a, b in zip(found[one], found[two], strict=True)]
