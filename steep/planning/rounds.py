"""How long to go on timing: once through the steps, and again where the machine was disturbed.

Another process can only make a step slower, so of several timings of one step the least is the
nearest to the truth. But one round of steps is enough where they agree.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import fmean, quantiles

from steep.planning.measured import StepTime

# On average steps of a corpus lie a few percent above the least in their time per token; by more
# than this they do only where something held them up, or where rows are very uneven.
SCATTER = 0.2

# A round that lowers the sum by less than this has found no disturbance worth another.
_WORTHWHILE = 0.05


class Rounds:
    """Timings of the same steps in the same order, round after round.

    Args:
        most_seconds: the first round ends after so long, though never before its third step.
        more_seconds: how much longer steps that scatter are repeated, at the most.
    """

    def __init__(
        self,
        steps: int,
        most_seconds: float,
        more_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count, self._most, self._more = steps, most_seconds, more_seconds
        self._clock = clock
        self._begin: float | None = None
        self._seen = 0
        self._last_sum: float | None = None
        self._repeating = False
        self.steps: list[StepTime] = []

    def begin(self) -> None:
        """The first step begins now."""
        self._begin = self._clock()

    def note(self, step: StepTime) -> None:
        """A step was taken."""
        place = self._seen % self._count
        self._seen += 1
        if place == len(self.steps):
            self.steps.append(step)
        elif step.seconds < self.steps[place].seconds:
            self.steps[place] = step

    @property
    def in_first(self) -> bool:
        """Is this still the first round?"""
        return not self._repeating

    def is_enough(self) -> bool:
        """Are these steps enough? Asked before each step; begins another round if not."""
        if self._begin is None or not self._seen:
            return False
        passed = self._clock() - self._begin
        if self._repeating and passed > self._most + self._more:
            return True
        if not self._repeating and passed > self._most and self._seen > 2:
            self._count = self._seen  # what is repeated is what there was time for
        if self._seen % self._count:
            return False
        return not self._again()

    def _again(self) -> bool:
        """A round is over: is another one worth its time?"""
        total, before = sum(step.seconds for step in self.steps), self._last_sum
        self._last_sum = total
        if scatter(self.steps) <= SCATTER:
            return False
        if before is not None and total > (1 - _WORTHWHILE) * before:
            return False
        self._repeating = True
        return True


def scatter(steps: Sequence[StepTime]) -> float:
    """How far the mean time per token lies above the least, as a share of that.

    The first step is left out, being slower than the rest, and so is nothing else: what is asked
    is how wrong a sum of these times would be. Zero if there are fewer than two others.
    """
    each = [step.seconds / max(step.tokens, 1) for step in steps[1:]]
    if len(each) < 2:
        return 0.0
    return fmean(each) / min(each) - 1.0 if min(each) > 0 else 0.0


def low_quarter(values: Sequence[float]) -> float:
    """The value that a quarter of the values lie below; the only one of one."""
    if len(values) < 2:
        return values[0]
    return quantiles(values, n=4, method="inclusive")[0]
