"""One file as its reader sees it: bytes inflated on the way, counted, and turned into text."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from steep.documents.files.encoding import decode

MAX_WHOLE_BYTES = 512 * 2**20
"""A file that has to be held at once may not be larger; others are read piece by piece."""
MAX_LINE_CHARACTERS = 64 * 2**20
MAX_RATIO = 200
"""Inflated bytes per compressed byte; text and XML stay under 50, a bomb comes near 1,000."""
FREE_BYTES = 16 * 2**20
"""Up to here the ratio isn't looked at: a small file of equal lines is no harm."""
MAX_DEPTH = 3
"""Archives within archives."""
_STEP_BYTES = 2**20
_DETECTED_BYTES = 8 * 2**20
"""Longer files tell their encoding by this much of their beginning."""


class UnreadableError(Exception):
    """A file, or a part of one, that can't be read.

    ``reason`` is the ledger's short code; ``detail`` continues a sentence that starts with the
    file's name, and says what to do.
    """

    def __init__(self, reason: str, detail: str, locator: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.locator = locator


def _nothing() -> None:
    pass


@dataclass
class Budget:
    """How much one file may inflate to, everything nested in it counted together.

    ``went_on`` is called by a reader that is at one document for long, after each bounded part
    of the work: the time it may take begins anew.
    """

    compressed_bytes: int
    spent_bytes: int = 0
    went_on: Callable[[], None] = _nothing

    def spend(self, count: int) -> None:
        """Count inflated bytes.

        Raises:
            UnreadableError: they are too many for a file of this size.
        """
        self.spent_bytes += count
        if self.spent_bytes > max(FREE_BYTES, MAX_RATIO * self.compressed_bytes):
            raise UnreadableError(
                "too large",
                f"inflates to more than {MAX_RATIO} times its size, as only a trap for"
                " decompressors does; inflate it yourself if you trust it",
            )


@dataclass
class Entry:
    """A file, or a member of an archive, to be read once.

    Attributes:
        name: its name without the suffix of compression.
        stream: its bytes, inflated.
        budget: what the outermost file may inflate to.
        depth: archives it lies in.
        max_bytes: what may be held at once.
        path: the folders and name it has where it lies, with slashes.
        options: what the user said about reading it: "text" and "title" name columns, "split"
            tells how a text file's documents are parted, "header" that a table has none.
    """

    name: str
    stream: BinaryIO
    budget: Budget
    depth: int = 0
    max_bytes: int = MAX_WHOLE_BYTES
    path: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    _head: bytes = field(default=b"", repr=False)

    def head(self, count: int) -> bytes:
        """The first bytes, which stay to be read."""
        while len(self._head) < count and (part := self.stream.read(count - len(self._head))):
            self._head += part
        return self._head[:count]

    def read(self, count: int = -1) -> bytes:
        """As a file's ``read``; without a count everything, within ``max_bytes``."""
        if count < 0:
            return self.data()
        if self._head:
            part, self._head = self._head[:count], self._head[count:]
            return part
        return self.stream.read(count)

    def data(self) -> bytes:
        """All bytes.

        Raises:
            UnreadableError: there are more than ``max_bytes``.
        """
        if self.depth == 0 and self.budget.compressed_bytes > self.max_bytes:
            limit = f"is larger than {self.max_bytes:,} bytes; split the file"
            raise UnreadableError("too large", limit)
        parts = [self._head]
        size = len(self._head)
        self._head = b""
        while part := self.stream.read(_STEP_BYTES):
            size += len(part)
            if size > self.max_bytes:
                limit = f"holds more than {self.max_bytes:,} bytes; split the file"
                raise UnreadableError("too large", limit)
            parts.append(part)
        return b"".join(parts)

    def text(self, *, declared: bool = False) -> str:
        """All of it as text; ``declared`` as in ``decode``.

        Raises:
            DocumentError: it isn't text.
            UnreadableError: it is too large.
        """
        return decode(self.data(), declared=declared)

    def lines(self) -> Iterator[str]:
        r"""Its lines, ended by ``\n`` alone and with it, without holding the file.

        Raises:
            DocumentError: it isn't text.
            UnreadableError: a line is longer than any text.
        """
        head = self.head(_DETECTED_BYTES)
        if len(head) < _DETECTED_BYTES:
            yield from io.StringIO(self.text(), newline="\n")
            return
        cut = head.rfind(b"\n") + 1 or len(head)
        try:
            head[:cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            yield from io.StringIO(self.text(), newline="\n")
            return
        decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        pending: list[str] = []
        waiting = 0
        while part := self.read(_STEP_BYTES):
            *whole, rest = decoder.decode(part).split("\n")
            for line in whole:
                yield "".join([*pending, line, "\n"])
                pending, waiting = [], 0
            pending.append(rest)
            waiting += len(rest)
            if waiting > MAX_LINE_CHARACTERS:
                limit = f"has a line of more than {MAX_LINE_CHARACTERS:,} characters; break it up"
                raise UnreadableError("too large", limit)
        if last := "".join(pending) + decoder.decode(b"", final=True):
            yield last
