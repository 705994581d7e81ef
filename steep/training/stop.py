"""Ctrl-C and SIGTERM: finish the step, save, leave with the usual exit code."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from steep.errors import SteepError


class Interrupted(SteepError):
    """The run was asked to stop and did, with its state saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number


class StopRequest:
    """While active, remembers the first stop signal; a second one stops at once.

    Outside the main thread signals can't be caught, so there it does nothing.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._previous[number] = signal.signal(number, self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        if self.signal_number is not None:
            raise KeyboardInterrupt
        self.signal_number = number
