"""Blogs and news as feeds or exports: RSS 2.0 (also WordPress's export) and Atom."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

from steep.documents.formats import Fault, Piece
from steep.documents.pages.markup import read_html
from steep.documents.xml.safe import local_name, parse_xml

_TEXTS = ("encoded", "content", "description", "summary")
"""Where an item's text stands, the fullest first."""
_DATES = ("published", "pubDate", "date", "updated")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_UNPUBLISHED = ("draft", "private", "trash", "auto-draft", "inherit")
_NO_POSTS = re.compile(
    r"nav_menu_item|wp_(?:global_styles|template\w*|navigation|font_\w+)|custom_css|oembed_cache"
    r"|customize_changeset|user_request|acf-field.*"
)
"""What WordPress exports beside posts and pages: how the site looks."""
_PARTED = re.compile(r"<(?:p|br|div)\b", re.IGNORECASE)
_TAGS = re.compile(r"</?(?:a|b|i|em|strong|span|code|sub|sup|br)\b[^<>]*>", re.IGNORECASE)
_BLANK = re.compile(r"\n[ \t]*\n\s*")
_PRE = re.compile(r"(</?pre\b[^<>]*>)", re.IGNORECASE)
_SHORTCODES = re.compile(
    r"\[(?:(?:caption|gallery|embed|audio|video|playlist)\s[^\[\]<>=]*=[^\[\]<>]*|/?embed|/caption"
    r"|/(?:audio|video|playlist))\]"
)


def read_feed(text: str) -> Iterator[Piece | Fault]:
    """Yield one piece per item, located as ``item N`` from 1."""
    root = parse_xml(text)
    language = root.get(_LANGUAGE)
    for element in root.iter():
        if local_name(element) == "language" and element.text:
            language = element.text.strip()
            break
    items = [e for e in root.iter() if local_name(e) in ("item", "entry")]
    for number, item in enumerate(items, start=1):
        yield _item(item, f"item {number}", language)
    if not items:
        yield Fault("empty", "has no items; leave it out")


def _item(item: Any, locator: str, language: str | None) -> Piece | Fault:
    said: dict[str, Any] = {}
    for child in item:
        name = local_name(child)
        if name == "encoded" and "excerpt" in str(child.tag):
            continue
        said.setdefault(name, child)
    if _plain(said.get("status")) in _UNPUBLISHED:
        return Fault("ignored", "is not published", locator, fatal=False)
    kind = _plain(said.get("post_type"))
    if _NO_POSTS.fullmatch(kind):
        return Fault("ignored", f"is no post ({kind})", locator, fatal=False)
    title = _title(said.get("title"))
    written = next((said[name] for name in _TEXTS if _markup(said.get(name))), None)
    text = "\n\n".join(p.text for p in read_html(_markup(written)) if isinstance(p, Piece))
    terms = [e.get("term") or e.text or "" for e in item if local_name(e) == "category"]
    kept = ", ".join(" ".join(term.split()) for term in terms if term.strip())
    fields = (("categories", kept),) if kept and len(kept) <= 200 else ()
    date = next((d for name in _DATES if (d := _date(_plain(said.get(name))))), None)
    return Piece(text, title or None, locator, fields, language=language, date=date)


def _markup(element: Any) -> str:
    """What an element holds as HTML: escaped, in CDATA, or (Atom's XHTML) as elements."""
    if element is None:
        return ""
    if len(element):
        from lxml import etree

        return str(etree.tostring(element, encoding="unicode", with_tail=False))
    written = element.text or ""
    if _is_atom(element) and element.get("type", "text") == "text":
        written = html.escape(written, quote=False)
    return _with_paragraphs(_SHORTCODES.sub(" ", written))


def _is_atom(element: Any) -> bool:
    return "Atom" in str(element.tag)


def _with_paragraphs(written: str) -> str:
    """HTML that marks no paragraphs, parted by its blank lines, as WordPress shows it."""
    if "\n" not in written.strip() or _PARTED.search(written):
        return written
    parts = _PRE.split(written)
    is_code = False
    for number, part in enumerate(parts):
        if number % 2:
            is_code = not part.startswith("</")
        elif not is_code:
            parts[number] = _BLANK.sub("\n<p>", part)
    return "".join(parts)


def _title(element: Any) -> str:
    """A title without the markup that Atom lets it have, and feeds of RSS escape twice."""
    said = _plain(element)
    if element is not None and _is_atom(element) and element.get("type") != "html":
        return said
    return " ".join(html.unescape(_TAGS.sub("", said)).split())


def _plain(element: Any) -> str:
    return "" if element is None else " ".join("".join(element.itertext()).split())


def _date(written: str) -> str | None:
    if written[:4].isdigit():
        return written[:10]
    try:
        return parsedate_to_datetime(written).date().isoformat()
    except (TypeError, ValueError, IndexError):
        return None
