"""Ctrl-C and SIGTERM: stop where nothing is lost, and leave with the usual exit code.

Everything outside the training loop is written whole or not at all and done again if it wasn't
finished, so there a signal simply ends the work (``stops_at_once``). The loop finishes its step
and saves first (``StopRequest``); a second signal doesn't wait for that, and does no damage.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from steep.errors import SteepError

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(SteepError):
    """The run was asked to stop and did, with its state saved."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


class StopNow(KeyboardInterrupt):
    """A stop signal outside the training loop, or a second one: nothing more is to be done.

    No ``except Exception`` swallows it on its way out.
    """

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class StopRequest:
    """While active, remembers the first stop signal; a second one stops at once.

    Outside the main thread signals can't be caught, so there it does nothing.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        self._previous = _handle(self._remember)
        return self

    def __exit__(self, *_: object) -> None:
        _restore(self._previous)

    def _remember(self, number: int, _frame: FrameType | None) -> None:
        if self.signal_number is not None:
            raise StopNow(number)
        self.signal_number = number


@contextmanager
def stops_at_once() -> Iterator[None]:
    """While active, a stop signal raises ``StopNow`` wherever the work is.

    Outside the main thread signals can't be caught, so there it does nothing.
    """
    previous = _handle(_raise)
    try:
        yield
    finally:
        _restore(previous)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise StopNow(number)


def _handle(handler: Any) -> dict[int, Any]:
    """Install a handler for both signals; what was there before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in _SIGNALS}


def _restore(previous: dict[int, Any]) -> None:
    for number, handler in previous.items():
        signal.signal(number, handler)
