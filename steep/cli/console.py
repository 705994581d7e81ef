"""Progress on stderr: a live bar with an ETA on a terminal, plain lines everywhere else."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import TaskID

_LINE_SECONDS = 15.0


class Console:
    """Prints what stages say. Use as a context manager so that the live bar is taken down."""

    def __init__(self, *, quiet: bool = False) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._rich = RichConsole(stderr=True, quiet=quiet, highlight=False, markup=False)
        self._live = self._rich.is_terminal and not quiet
        self._bar = Progress(
            TextColumn("  {task.completed}/{task.total}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.description}", markup=False),
            TimeRemainingColumn(elapsed_when_finished=True),
            console=self._rich,
            disable=not self._live,
            transient=True,
        )
        self._task: TaskID | None = None
        self._begin = self._said = time.monotonic()
        self._begun_at: int | None = None  # what was done when the clock began

    def __enter__(self) -> Console:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def stage(self, text: str) -> None:
        """A new stage begins."""
        self._clear()
        self._rich.print(f"{text} ...")
        self._begin = self._said = time.monotonic()
        self._begun_at = None

    def note(self, text: str) -> None:
        """One line worth keeping."""
        self._rich.print(f"  {text}", soft_wrap=True)

    def at(self, done: int, total: int, text: str) -> None:
        """``done`` of ``total`` is finished."""
        if self._live:
            if self._task is None:
                self._task = self._bar.add_task(text, total=total)
            self._bar.update(
                self._task,
                completed=done,
                total=total,
                description=text,
            )
            return
        now = time.monotonic()
        if self._begun_at is None or done < self._begun_at:
            # Work that goes on where it was stopped is timed from there.
            self._begun_at, self._begin = (0, self._begin) if done < 2 else (done, now)
        if done < total and now - self._said < _LINE_SECONDS:
            return
        self._said = now
        since = done - self._begun_at
        left = f"  {_clock((now - self._begin) / since * (total - done))} left" if since else ""
        self._rich.print(f"  {done}/{total}  {text}{left}", soft_wrap=True)

    def _clear(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


_PIPE_CLOSED = 141  # 128 + SIGPIPE, as other commands leave


def say_what_can_be_said() -> None:
    """Where the terminal's encoding lacks a character, write its code: a run's result is worth more
    than its letters, and both streams would end the process over one."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say(text: str) -> None:
    """One line of result on stdout, if there is one."""
    if sys.stdout is None:  # closed by whoever started this
        return
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:  # its reader has seen enough, as "| head" has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(_PIPE_CLOSED) from None


def tell_stage(name: str, result: Any, as_json: bool) -> None:
    """What a single stage made, on stdout."""
    if as_json:
        say(json.dumps({"stage": name, "result": result}, default=str))
    else:
        say(f"{name}: {result}" if isinstance(result, str | Path) else f"{name}: done")
