"""E-mail: single messages (EML) and mailboxes (mbox), each message a document.

All text parts of a message are read, of alternatives one; what it quotes of the message that it
answers is left out, because that is the other message's. Forwarded messages and attachments are
documents of their own, attachments read by their own kind.
"""

from __future__ import annotations

import email
import email.policy
import io
from base64 import b64decode
from collections.abc import Iterator
from email.message import EmailMessage, Message
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, cast

from steep.documents import formats
from steep.documents.files.entry import MAX_DEPTH, Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.mail.mailbox import MAX_MESSAGE_BYTES, split_mailbox
from steep.documents.mail.quotes import read_subject, without_quotes
from steep.documents.mail.text import header_field, longest_text, part_text

_FIELDS = ("From", "To", "Cc", "Subject")
_TEXTS = ("text/plain", "text/html", "text/markdown", "text/x-markdown")
_MESSAGES = ("message/rfc822", "message/global", "message/news")
_MAX_PARTS = 1000
_MAX_FORWARDS = 10
_STUB_CHARACTERS = 300
_STUB_TIMES = 3
"""A plain text that is shorter, and says so many times less than the HTML beside it, only says
that there is one."""


class _Leaf(NamedTuple):
    """A part of a message, and whether it is of its text."""

    part: EmailMessage
    is_text: bool


def read_eml(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the documents of a message: its own, and those of its attachments by their names."""
    yield from _message(entry.data(), entry, "")


def read_mbox(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the documents of a mailbox's messages (RFC 4155), located as ``message N``."""
    number = 0
    for number, (raw, is_whole) in enumerate(split_mailbox(cast(io.RawIOBase, entry)), start=1):
        locator = f"message {number}"
        yield from _message(raw, entry, locator)
        if not is_whole:
            limit = f"is longer than {MAX_MESSAGE_BYTES:,} bytes; what is behind them isn't read"
            yield Fault("too large", limit, locator, fatal=False)
    if number == 0:
        detail = "is not a mailbox (no line that begins with 'From '); rename it or leave it out"
        raise UnreadableError("unreadable file", detail)


def _message(raw: bytes, entry: Entry, locator: str) -> Iterator[Piece | Fault]:
    """The documents of a message; one that breaks the parser is a fault of its own."""
    try:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        yield from _documents(message, entry, locator, 0)
    except (UnreadableError, MemoryError):
        raise
    except Exception as error:  # the standard library's parser fails in many ways
        detail = f"is a message that can't be parsed ({type(error).__name__}); save it again"
        yield Fault("unreadable file", detail, locator, fatal=not locator)


def _documents(
    message: EmailMessage, entry: Entry, locator: str, forwards: int
) -> Iterator[Piece | Fault]:
    texts: list[EmailMessage] = []
    others: list[tuple[int, EmailMessage]] = []
    more: list[Fault] = []
    for number, (part, is_text) in enumerate(_leaves(message), start=1):
        if number > _MAX_PARTS:
            limit = f"has more than {_MAX_PARTS:,} parts; those behind them aren't read"
            more.append(Fault("too large", limit, locator, fatal=False))
            break
        if is_text and (not texts or not part.get_filename()):
            texts.append(part)
        else:
            others.append((number, part))
    fields = tuple((name, said) for name in _FIELDS if (said := header_field(message, name)))
    subject = dict(fields).get("Subject")
    answers = bool(message["In-Reply-To"] or message["References"])
    about = read_subject(subject or "")
    written = [part_text(part, forwards=about.is_forward) for part in texts]
    own = [without_quotes(text, about, answers=answers) for text in written]
    yield Piece(
        "\n\n".join(own),
        subject,
        locator,
        fields,
        ("Subject",) if subject else (),
        date=_date(message),
        may_be_wrapped=True,
    )
    forwarded = 0
    for number, part in others:
        name = part.get_filename()
        if (kind := part.get_content_type()) in _MESSAGES:
            forwarded += 1
            place = formats.readable(name) if name else f"forwarded {forwarded}"
            yield from _forwarded(part, entry, f"{locator} {place}".strip(), forwards + 1)
        elif name:
            yield from _attachment(part, name, entry, locator)
        else:
            detail = (
                f"is of the type {formats.readable(kind)} and has no file name; attach it under one"
            )
            place = f"{locator} part {number}".strip()
            yield Fault("unsupported format", detail, place, fatal=False)
    yield from more


def _leaves(part: EmailMessage) -> list[_Leaf]:
    """The parts of a message that have no parts themselves."""
    if part.get_content_maintype() != "multipart" or not part.is_multipart():
        is_attached = part.is_attachment() and bool(part.get_filename())
        return [_Leaf(part, part.get_content_type() in _TEXTS and not is_attached)]
    groups = [_leaves(cast(EmailMessage, child)) for child in part.iter_parts()]
    if part.get_content_subtype() == "alternative":
        chosen = _chosen(groups)
        # The others' texts say the same; what else they hold may be theirs alone.
        groups = [
            [leaf for leaf in group if group is chosen or not _is_unnamed_text(leaf.part)]
            for group in groups
        ]
    return [leaf for group in groups for leaf in group]


def _is_unnamed_text(part: EmailMessage) -> bool:
    return part.get_content_maintype() == "text" and not part.get_filename()


def _chosen(alternatives: list[list[_Leaf]]) -> list[_Leaf] | None:
    """The alternative to read: plain text, unless that says far less than the HTML."""
    told: dict[str, list[_Leaf]] = {}
    for group in alternatives:
        if texts := [leaf for leaf in group if leaf.is_text]:
            told.setdefault(texts[0].part.get_content_type(), group)
    plain, html = told.get("text/plain"), told.get("text/html")
    if plain is None or html is None:
        return next(iter(told.values()), None)
    size = sum(len(part_text(leaf.part).strip()) for leaf in plain if leaf.is_text)
    if size >= _STUB_CHARACTERS:
        return plain
    said = [leaf.part for leaf in html if leaf.is_text]
    if sum(map(longest_text, said)) <= _STUB_TIMES * size:
        return plain
    return html if sum(len(part_text(part)) for part in said) > _STUB_TIMES * size else plain


def _forwarded(
    part: EmailMessage, entry: Entry, locator: str, forwards: int
) -> Iterator[Piece | Fault]:
    if forwards > _MAX_FORWARDS:
        limit = f"lies in more than {_MAX_FORWARDS} messages; save it by itself"
        yield Fault("too large", limit, locator, fatal=False)
        return
    inner: Any = part.get_payload()
    message = inner[0] if isinstance(inner, list) and inner else None
    if message is not None and str(part["Content-Transfer-Encoding"]).casefold() == "base64":
        message = _unpacked(message)  # no standard allows it, and some mailers do it
    if not isinstance(message, EmailMessage):
        yield Fault("unreadable file", "is a message that can't be read", locator, fatal=False)
        return
    yield from _documents(message, entry, locator, forwards)


def _unpacked(message: Message) -> Message:
    try:
        raw = b64decode(str(message.get_payload()))
    except ValueError:
        return message
    return email.message_from_bytes(raw, policy=email.policy.default)


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
    try:
        for found in formats.read_entry(inner):
            where = f"{place} {found.locator}".rstrip()
            if isinstance(found, Fault):
                yield found._replace(locator=where, fatal=False)
            else:
                yield found._replace(locator=where, title=found.title or formats.stem(name))
    except MemoryError:
        raise
    except Exception as error:  # its parser broke: that attachment's loss alone
        detail = f"can't be parsed ({type(error).__name__}); convert it or leave it out"
        yield Fault("unreadable file", detail, place, fatal=False)


def _date(message: EmailMessage) -> str | None:
    try:
        return parsedate_to_datetime(str(message["Date"])).date().isoformat()
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
