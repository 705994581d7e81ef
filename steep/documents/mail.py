"""E-mail: single messages (EML) and mailboxes (mbox), each message a document.

The text part is read, else the HTML part; lines quoted from the message answered are left out,
because they are that message's; attachments are read by their own kind.
"""

from __future__ import annotations

import email
import email.policy
import io
import re
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any, cast

from steep.documents import formats
from steep.documents.entry import MAX_DEPTH, Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.markup import read_html

_QUOTED = re.compile(r"^>.*$\n?", re.MULTILINE)
_BEFORE_QUOTE = re.compile(r"^[^\n>]{1,200}(?:\n[^\n>]{1,100})?:[ \t]*\n(?=\s*>)", re.MULTILINE)
_FIELDS = ("From", "To", "Cc", "Subject")
_MAX_MESSAGE_BYTES = 64 * 2**20
_MAX_PARTS = 1000


def read_eml(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the document of a message, and those of its attachments, located by their names."""
    yield from _message(entry.data(), entry, "")


def read_mbox(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the documents of a mailbox's messages (RFC 4155), located as ``message N``."""
    number = 0
    for number, raw in enumerate(_split(entry), start=1):
        yield from _message(raw, entry, f"message {number}")
    if number == 0:
        detail = "is not a mailbox (no line that begins with 'From '); rename it or leave it out"
        raise UnreadableError("unreadable file", detail)


def _split(entry: Entry) -> Iterator[bytes]:
    """A mailbox's messages, one at a time."""
    lines: list[bytes] | None = None
    size = 0
    blank = True
    for line in io.BufferedReader(cast(io.RawIOBase, _Raw(entry))):
        if line.startswith(b"From ") and blank:
            if lines is not None:
                yield b"".join(lines)
            lines, size = [], 0
        elif lines is not None:
            size += len(line)
            if size <= _MAX_MESSAGE_BYTES:
                lines.append(line[1:] if re.match(rb">+From ", line) else line)
        blank = not line.strip()
    if lines is not None:
        yield b"".join(lines)


class _Raw(io.RawIOBase):
    """An entry as a raw stream, for the buffer that finds lines."""

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self._entry = entry

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        part = self._entry.read(len(buffer))
        buffer[: len(part)] = part
        return len(part)


def _message(raw: bytes, entry: Entry, locator: str) -> Iterator[Piece | Fault]:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    fields = tuple(
        (name, " ".join(str(message[name]).split())) for name in _FIELDS if message[name]
    )
    subject = " ".join(str(message["Subject"] or "").split()) or None
    body = message.get_body(("plain", "html"))
    text = ""
    if body is not None:
        text = _content(body)
        if body.get_content_subtype() == "html":
            text = "\n\n".join(p.text for p in read_html(text) if isinstance(p, Piece))
        text = _QUOTED.sub("", _BEFORE_QUOTE.sub("", text.replace("\r\n", "\n")))
    yield Piece(
        text,
        subject,
        locator,
        fields,
        ("Subject",) if subject else (),
        date=_date(message),
        may_be_wrapped=True,
    )
    for number, part in enumerate(message.iter_attachments()):
        if number >= _MAX_PARTS:
            return
        if name := part.get_filename():
            yield from _attachment(part, name, entry, locator)


def _content(part: Any) -> str:
    """A part's text; what its charset doesn't explain is decoded as steep decodes files."""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeDecodeError, ValueError, KeyError):
        data = part.get_payload(decode=True)
        return data.decode("utf-8", "replace") if isinstance(data, bytes) else ""


def _attachment(
    part: EmailMessage, name: str, entry: Entry, locator: str
) -> Iterator[Piece | Fault]:
    place = f"{locator} {formats.readable(name)}".strip()
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes) or entry.depth >= MAX_DEPTH:
        yield Fault("unreadable file", "is an attachment that can't be read", place, fatal=False)
        return
    inner = formats.open_entry(
        name, io.BytesIO(data), entry.budget, depth=entry.depth + 1, max_bytes=entry.max_bytes
    )
    for found in formats.read_entry(inner):
        where = f"{place} {found.locator}".rstrip()
        if isinstance(found, Fault):
            yield found._replace(locator=where, fatal=False)
        else:
            yield found._replace(locator=where, title=found.title or formats.stem(name))


def _date(message: EmailMessage) -> str | None:
    try:
        return parsedate_to_datetime(str(message["Date"])).date().isoformat()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
