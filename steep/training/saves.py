"""When a run is saved: by steps if the recipe says so, else by the clock and for little time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from steep.errors import TrainingAlarm
from steep.training.checkpoint import Checkpoint

SAVE_SECONDS = 300.0
SAVE_SHARE = 0.02
"""Of the time since the last save that saving may take: slow disks get longer pauses."""


class Saves:
    """Decides when the state is saved, and saves it.

    By the clock the next save is due after five minutes, or later if the last one took so long
    that five minutes would make it more than its share.
    """

    def __init__(
        self,
        save: Callable[[int], Checkpoint],
        found: Checkpoint | None,
        every_steps: int | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            save: saves the state after so many steps.
            found: what the run goes on from; None at its beginning.
            every_steps: the recipe's save_steps; None goes by the clock.
            clock: seconds since any moment.
        """
        self._save, self._every, self._clock = save, every_steps, clock
        self._found = found
        self._last_time = clock()
        self._pause = SAVE_SECONDS

    @property
    def last(self) -> Checkpoint:
        """The newest that was saved; a run that is over has one."""
        assert self._found is not None
        return self._found

    def after(self, done: int, *, must: bool) -> None:
        """``done`` steps are done: save if it is time, or if it ``must`` be."""
        if must or self._is_due(done):
            self._now(done)

    @contextmanager
    def of_last_good_state(self) -> Iterator[None]:
        """If an alarm is raised inside, what was good before it is saved first."""
        try:
            yield
        except TrainingAlarm as alarm:
            saved = self._found.step if self._found else 0
            if alarm.is_good and alarm.step > saved:
                self._now(alarm.step)
            raise

    def _is_due(self, done: int) -> bool:
        if self._every is not None:
            return done % self._every == 0
        return self._clock() - self._last_time > self._pause

    def _now(self, done: int) -> None:
        begin = self._clock()
        self._found = self._save(done)
        self._last_time = self._clock()
        self._pause = max(SAVE_SECONDS, (self._last_time - begin) / SAVE_SHARE)
