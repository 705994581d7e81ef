"""When a model is looked at while it trains: by the clock, for a small share of the time.

A check is whatever function the caller gives; it may only read the model. The clock decides when
checks are taken and nothing else: training is bit for bit the same with them, without them, and
with them at other moments.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Look = Callable[[], Mapping[str, float]]
"""Measures the model as it is now: values by name, empty where nothing could be measured."""

MOST_CHECKS = 60
"""More points than this don't make a curve plainer; a long run then spends less than its share."""


class Checks:
    """Decides when to look, takes the look, and keeps account of what looking cost.

    The next check is taken as soon as it would fit into the share: time spent looking so far and
    what the last check took, together at most ``share`` of the time trained. So a check that takes
    long is followed by a long pause. None is taken after the first step of a session, which still
    warms up the machine.
    """

    def __init__(
        self,
        look: Look,
        *,
        share: float,
        steps: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            share: of the training time, above 0; the first check of a run is taken unseen.
            steps: optimizer steps of the whole run.
            clock: seconds since any moment.
        """
        self._look, self._share, self._steps, self._clock = look, share, steps, clock
        self._fewest_between = -(-steps // MOST_CHECKS)
        self._spent = self._trained = self._cost = 0.0
        self._begun = False
        self._last_step = 0

    def carry_on(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take over the accounts of an earlier session from its lines of metrics.jsonl."""
        for line in lines:
            self._trained += float(line["seconds"])
            self._spent += float(line.get("guard_seconds", 0.0))
            if "check_seconds" in line:
                self._cost = float(line["check_seconds"])
                self._spent += self._cost
                self._last_step = int(line["step"])

    def spend(self, seconds: float) -> None:
        """Count time that somebody else looked: checks come the later for it."""
        self._spent += seconds

    def is_due(self, step: int, seconds: float) -> bool:
        """Is a check to be taken after this step? To be asked once after each.

        Args:
            step: steps done, counting from the run's beginning.
            seconds: what the step took, checks left out.
        """
        self._trained += seconds
        begun, self._begun = self._begun, True
        if not begun:
            return False
        if step < self._steps and step - self._last_step < self._fewest_between:
            return False
        return self._spent + self._cost <= self._share * self._trained

    def take(self, step: int) -> dict[str, Any]:
        """Look now; what the step's line of metrics.jsonl is to hold beside the step itself.

        Step 0 is before training; its values go into the first step's line.
        """
        begin = self._clock()
        values = dict(self._look())
        self._cost = self._clock() - begin
        self._spent += self._cost
        self._last_step = step
        found: dict[str, Any] = {"check_seconds": round(self._cost, 4)}
        return {"checks" if step else "checks_before": values, **found} if values else found
