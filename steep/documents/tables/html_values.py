"""Values that are HTML (the field of a shop, of a help desk), told from text that names tags."""

from __future__ import annotations

import contextlib
import re

_BLOCKS = "article|blockquote|body|div|dl|h[1-6]|html|main|ol|p|pre|section|table|ul"
_INLINE = "a|b|br|code|em|font|hr|i|img|li|s|small|span|strong|sub|sup|td|th|tr|u|tbody|thead"
_OPENING = re.compile(
    rf"\s*(?:<!doctype html[^<>]*>|<!--|<(?:{_BLOCKS})(?:\s[^<>]*)?>)", re.IGNORECASE
)
_TAG = re.compile(r"</?([a-z][a-z0-9]*)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_HTML = re.compile(rf"(?:{_BLOCKS}|{_INLINE})", re.IGNORECASE)
_ENDS = re.compile(rf"</(?:{_BLOCKS}|{_INLINE})\s*>|<br\s*/?>", re.IGNORECASE)
_IS_CODE = re.compile(r"`|[{};][ \t]*$|^(?:\t| {2,})\S|^[ \t]*\*|<[?%]", re.MULTILINE)


def without_html(text: str) -> str:
    """The text of a value that is HTML; any other value as it is.

    HTML begins with a block (``<p>``), or is a text without signs of code in which all tags are
    HTML's and some end something. Lines of such a text stay lines.
    """
    if "<" not in text or ">" not in text:
        return text
    if _OPENING.match(text):
        return read_html_value(text) or text
    names = {found[1] for found in _TAG.finditer(text)}
    if (
        not names
        or not all(map(_HTML.fullmatch, names))
        or not _ENDS.search(text)
        or _IS_CODE.search(text)
    ):
        return text
    return read_html_value(text.replace("\n", "<br>")) or text


def read_html_value(text: str) -> str:
    """The text of a value that is HTML; nothing if it says nothing or nests without end."""
    from steep.documents.formats import Piece
    from steep.documents.pages.markup import read_html

    # HTML nested without end costs its own markup, not the record.
    with contextlib.suppress(RecursionError):
        return "\n\n".join(found.text for found in read_html(text) if isinstance(found, Piece))
    return ""
