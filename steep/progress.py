"""How long work says where it is: one small protocol, silent unless the command line listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """What a stage may say while it works."""

    def stage(self, text: str) -> None:
        """A new stage begins."""

    def note(self, text: str) -> None:
        """One line worth keeping."""

    def at(self, done: int, total: int, text: str) -> None:
        """``done`` of ``total`` is finished; ``text`` says what."""


class Silent:
    """Says nothing."""

    def stage(self, text: str) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""

    def at(self, done: int, total: int, text: str) -> None:
        """Ignore it."""
