"""The text of a message's parts and header, from bytes of whatever charset they are in."""

from __future__ import annotations

import re
from email.message import EmailMessage

from steep.documents.files.encoding import decode
from steep.documents.formats import Piece
from steep.documents.mail.quotes import mark_quotations
from steep.documents.pages.markup import read_html
from steep.errors import DocumentError

_WESTERN = set("äöüÄÖÜßéÉèÈêëàÀâáãåÅæÆçÇíîïñÑóôõøØúûù‘’“”„–—…€£°«»§·¿¡\xa0")
_MOST_FOREIGN = 0.4  # of what isn't white space
_THREE_FOREIGN = re.compile(r"[^\x00-\x7f]{3}")
_BLANKS_AND_TAGS = re.compile(r"(?:<[^<>]*>|\s+)+")
_ESCAPED = re.compile("[\udc80-\udcff]")


def part_text(part: EmailMessage, *, forwards: bool = False) -> str:
    """A text part with line feeds alone, HTML as its text and soft line breaks joined.

    Quotations of HTML are marked for ``without_quotes`` unless the message forwards another.
    """
    text = _decoded(part).replace("\r\n", "\n").replace("\r", "\n")
    if part.get_content_subtype() == "html":
        html = text if forwards else mark_quotations(text)
        return "\n\n".join(p.text for p in read_html(html) if isinstance(p, Piece))
    parameters = part["Content-Type"].params if part["Content-Type"] else {}
    if str(parameters.get("format", "")).casefold() == "flowed":
        return _unflowed(text, str(parameters.get("delsp", "")).casefold() == "yes")
    return text


def longest_text(part: EmailMessage) -> int:
    """How many characters a part says at most, told without parsing its HTML."""
    text = _decoded(part)
    body = text[max(0, text.lower().find("<body")) :]
    return len(_BLANKS_AND_TAGS.sub(" ", body))


def _decoded(part: EmailMessage) -> str:
    """A part's text; what its charset doesn't explain is decoded as steep decodes files."""
    data = part.get_payload(decode=True)
    if not isinstance(data, bytes):
        return ""
    charset = part.get_content_charset()
    if charset is not None:
        try:
            return data.decode(charset)
        except (LookupError, ValueError):
            pass
    return _told(data, declared=part.get_content_subtype() == "html")


def _told(data: bytes, *, declared: bool = False) -> str:
    try:
        return decode(data, declared=declared)
    except DocumentError:
        return _western(data) or data.decode("utf-8", "replace")


def _western(data: bytes) -> str | None:
    """A few words that show no encoding, if they read as one of Western Europe's languages."""
    text = data.decode("cp1252", "replace")
    foreign = [letter for letter in text if not letter.isascii()]
    is_sparse = len(foreign) <= _MOST_FOREIGN * len("".join(text.split()))
    if is_sparse and set(foreign) <= _WESTERN and not _THREE_FOREIGN.search(text):
        return text
    return None


def _unflowed(text: str, drops_space: bool) -> str:
    """Lines that end in a space go on in the next, if both are quoted as deeply (RFC 3676)."""
    parts: list[str] = []
    open_depth: int | None = None
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        said = line[depth:].removeprefix(" ")
        is_flowed = said.endswith(" ") and said != "-- "
        if open_depth != depth or said == "-- ":
            parts += ["\n", ">" * depth + (" " if depth else "")]
        parts.append(said[:-1] if is_flowed and drops_space else said)
        open_depth = depth if is_flowed else None
    return "".join(parts[1:])


def header_field(message: EmailMessage, name: str) -> str:
    """A header field on one line; bytes that no standard allows there are decoded too."""
    written = next((v for n, v in message.raw_items() if n.casefold() == name.casefold()), None)
    if isinstance(written, str) and _ESCAPED.search(written):
        plain = _told(written.encode("utf-8", "surrogateescape"))
        written = message.policy.header_fetch_parse(name, plain)
    else:
        written = message[name]
    return " ".join(str(written or "").split())
