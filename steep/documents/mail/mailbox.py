"""Mailboxes (mbox): where one message ends and the next begins."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, cast

MAX_MESSAGE_BYTES = 64 * 2**20

# "From ida@example.org Mon Mar  2 10:00:00 2026"; archives of lists write "ida at example.org".
_DATED = re.compile(
    rb"From (?:\S{1,300}(?: at \S{1,300})? +)?(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? +"
    rb"(?:[A-Z][a-z]{2} +\d|\d{1,2} +[A-Z][a-z]{2}\b)"
)
_BY_SENDER = re.compile(rb"From (?:-|\S{1,300}@\S{1,300})\s")
_FIELD = re.compile(rb"[!-9;-~]{1,100}:[ \t\r\n]")
_ESCAPED = re.compile(rb">+From ")


def split_mailbox(stream: io.RawIOBase) -> Iterator[tuple[bytes, bool]]:
    """Yield the messages of a mailbox, and whether each is whole, not cut off as too long.

    A line begins one that has a sender and a day behind "From ", or at least a sender, and a header
    below: a paragraph may begin with that word.
    """
    lines: list[bytes] | None = None
    size = 0
    before = b""
    reader = io.BufferedReader(cast(io.RawIOBase, _Raw(stream)))
    line = reader.readline()
    while line:
        following = reader.readline()
        if _begins(before, line, following):
            if lines is not None:
                yield b"".join(lines), size <= MAX_MESSAGE_BYTES
            lines, size = [], 0
        elif lines is not None:
            size += len(line)
            if size <= MAX_MESSAGE_BYTES:
                lines.append(line[1:] if _is_escaped(before, line) else line)
        before, line = line, following
    if lines is not None:
        yield b"".join(lines), size <= MAX_MESSAGE_BYTES


def _begins(before: bytes, line: bytes, following: bytes) -> bool:
    if not line.startswith(b"From "):
        return False
    has_header = _FIELD.match(following) is not None
    if _DATED.match(line):
        return has_header or not before.strip()
    return has_header and not before.strip() and _BY_SENDER.match(line) is not None


def _is_escaped(before: bytes, line: bytes) -> bool:
    """True for "From " that was kept from beginning a message, and not for a quoted line."""
    if not _ESCAPED.match(line):
        return False
    return not before.startswith(b">") or _ESCAPED.match(before) is not None


class _Raw(io.RawIOBase):
    """What has ``read`` as a raw stream, for the buffer that finds lines."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._inner.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)
