"""What a child found in one file, checked as it comes: the child may be in a stranger's hands."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, cast

from steep.documents.cleaning.tally import characters_kept
from steep.documents.formats import Fault, Marks, Piece
from steep.documents.sandbox.child import parse_body, read_frame, write_body
from steep.documents.spill import told_if_full

_HELD_BYTES = 2**20
"""More of one file waits on disk: it may hold a million documents, and is whole only at its end."""


class Found:
    """Pieces, faults and marks of one file, in order; iterate as often as you like.

    Attributes:
        characters: of its pieces' texts.
        seconds: that reading it took, on the clock.
        frames_bytes: of what came from the child.
        ended: True once the child said that the file is done.
    """

    def __init__(self, *events: Fault) -> None:
        self.characters = 0
        self.seconds = 0.0
        self.frames_bytes = 0
        self.ended = bool(events)
        self._own = events
        self._kept = 0  # what its books say of the characters
        self._frames: BinaryIO | None = None

    def add(self, body: bytes) -> None:
        """Take a frame of events.

        Raises:
            ValueError, TypeError: it holds something else, or the books don't balance at the end.
            ResourceError: the disk is full.
        """
        events = parse_body(body)
        for kind, *values in events:
            if self.ended:
                raise ValueError("more after the end")
            if kind == "end":
                self.ended = True
                continue
            found = _event(kind, values)
            if isinstance(found, Piece):
                self.characters += len(found.text)
            elif isinstance(found, Marks):
                self._kept += characters_kept(found.cleaning)
        if self.ended and self._kept != self.characters:
            raise ValueError("books")
        if self._frames is None:
            self._frames = cast(BinaryIO, SpooledTemporaryFile(_HELD_BYTES))  # noqa: SIM115  # closed with it
        with told_if_full():
            write_body(self._frames, body)
        self.frames_bytes = self._frames.tell()

    def frames(self) -> bytes:
        """Everything that came from the child, as it came."""
        if self._frames is None:
            return b""
        self._frames.seek(0)
        return self._frames.read()

    def __iter__(self) -> Iterator[Piece | Fault | Marks]:
        yield from self._own
        if self._frames is None:
            return
        self._frames.seek(0)
        while (events := read_frame(self._frames)) is not None:
            for kind, *values in events:
                if kind != "end":
                    yield _event(kind, values)

    def __del__(self) -> None:
        if self._frames is not None:
            self._frames.close()


def _event(kind: str, values: list[Any]) -> Piece | Fault | Marks:
    """What an event says, its types checked: the child may be in a stranger's hands.

    Raises:
        ValueError, TypeError: it isn't an event.
    """
    if kind == "f":
        reason, detail, locator, fatal = values
        return Fault(str(reason), str(detail), str(locator), bool(fatal))
    if kind == "m":
        return Marks(*({str(name): int(n) for name, n in counts.items()} for counts in values))
    if kind != "p":
        raise ValueError(kind)
    text, title, locator, fields, title_fields, *known, _, flags = values
    language, date, licence = (None if value is None else str(value) for value in known)
    return Piece(
        str(text),
        str(title),
        str(locator),
        tuple((str(name), str(value)) for name, value in fields),
        tuple(map(str, title_fields)),
        language,
        date,
        licence,
        flags=tuple(map(str, flags)),
    )
