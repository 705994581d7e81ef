"""HTML and Markdown to plain text: markup goes, what it says stays.

Markdown is rendered to HTML first, so both share one path. Headings and paragraphs stand
alone, list items are lines, table rows are lines of ``Header: cell``, code keeps its
indentation; link targets, scripts, menus and page furniture go.
"""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from markdown_it import MarkdownIt

from steep.documents.dates import day_in
from steep.documents.formats import Fault, Piece
from steep.documents.pages.html_text import BLOCKS, HEADINGS, blocks_of, first_heading, names
from steep.documents.pages.page import (
    body_of,
    drop_furniture,
    drop_unseen,
    elements_of,
    main_part,
    title_of,
)
from steep.documents.pages.parse import parse_html

_INLINE = names(
    "a abbr acronym audio b base bdi bdo big br button canvas cite code col colgroup data"
    " datalist del dfn em embed font head i iframe img input ins kbd label link map area mark"
    " math meta meter nobr noscript object output param picture progress q rp rt ruby s samp"
    " script select slot small source span strike strong style sub sup svg template textarea"
    " time title track tt u var video wbr"
)
SWALLOWS = names(
    "title textarea style xmp iframe noembed noframes script plaintext head template object"
    " canvas select option button input noscript svg table"
)
"""Elements whose content isn't read as text, up to a closing tag that a sentence doesn't have."""
_FRONT_MATTER = re.compile(
    r"\A\s*(?:---[ \t]*\n(?=[\w\"'#-][^\n]*:|#)(.*?\n)?(?:---|\.\.\.)|\+\+\+[ \t]*\n(.*?\n)?\+\+\+)"
    r"[ \t]*(?:\n|\Z)",
    re.DOTALL,
)
_FRONT_TITLE = re.compile(r"^title\s*[:=][ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
_FRONT_DATE = re.compile(
    r"^(?:date|published|created)\s*[:=][ \t]*(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE
)
_META_DATES = ("article:published_time", "datepublished", "date", "dc.date", "dcterms.date")
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9-]*)[^<>]*>")


def read_html(text: str, *, is_book: bool = False) -> Iterator[Piece | Fault]:
    """Yield the one document of an HTML page; its title is ``<title>``, else a heading.

    Asides, headers and footers of a book's chapter are content.
    """
    soup = parse_html(text)
    elements = elements_of(soup)
    title = title_of(elements)
    date = _meta_date(soup)
    drop_unseen(soup, elements)
    drop_furniture(soup, elements, is_book=is_book)
    body = body_of(soup) if is_book else main_part(soup)
    yield Piece("\n\n".join(blocks_of(body)), title or first_heading(body), date=date)


def _meta_date(soup: Any) -> str | None:
    """The day that a page says it was published on, in its head."""
    said = {
        str(tag.get("property") or tag.get("name") or tag.get("itemprop") or "").casefold(): tag
        for tag in soup.find_all("meta", content=True)
    }
    found = (day_in(str(said[name]["content"])) for name in _META_DATES if name in said)
    return next(filter(None, found), None)


def read_markdown(text: str) -> Iterator[Piece | Fault]:
    """Yield the one document of a Markdown file.

    Its title is a heading of level 1 that no other stands before, else the front matter's title,
    else the first heading of level 1, else of any; its date is the front matter's.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front = _FRONT_MATTER.match(text)
    front_title = date = None
    if front is not None:
        text = text[front.end() :]
        said = front[1] or front[2] or ""
        if found := _FRONT_TITLE.search(said):
            front_title = found[1].strip("\"'")
        if found := _FRONT_DATE.search(said):
            date = day_in(found[1].strip("\"'"))
    soup = parse_html(_rendered(text))
    drop_unseen(soup, elements_of(soup))
    first, highest = first_heading(soup), first_heading(soup, HEADINGS[:1])
    opening = highest if highest == first else None  # further down it may be an addendum's
    title = opening or front_title or highest or first
    yield Piece("\n\n".join(blocks_of(soup)), title, date=date)


def _rendered(text: str) -> str:
    """CommonMark with tables and strikethrough as HTML; raw HTML passes, placeholders stay text."""
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(
        ["table", "strikethrough"]
    )
    known: dict[str, Any] = {}
    tokens = parser.parse(text, known)
    _keep_named_tags(tokens)
    return str(parser.renderer.render(tokens, parser.options, known))


def _keep_named_tags(tokens: Sequence[Any]) -> None:
    """Keep as text the tags of raw HTML that a sentence only names.

    These are unknown ones (``<your-name>``), and those that would swallow what follows and that
    nothing closes: in the same paragraph, or for a block of HTML anywhere below it.
    """
    below: Counter[str] = Counter()  # closing tags that no tag seen opens
    for token in reversed(tokens):  # from the end: a closing tag is seen before what it closes
        if token.type == "html_block":
            token.content = _without_named(token.content, below)
        elif token.type == "inline":
            beside: Counter[str] = Counter()
            for one in reversed(token.children or ()):
                if one.type == "html_inline":
                    one.content = _without_named(one.content, beside)
            below += beside


def _without_named(written: str, closing: Counter[str]) -> str:
    """Raw HTML with the tags that are only named as text; ``closing`` is kept up to date."""
    parts: list[str] = []
    end = len(written)
    for match in reversed(list(_TAG.finditer(written))):
        is_markup = _is_markup(match, closing)
        parts += [
            written[match.end() : end],
            match[0] if is_markup else html.escape(match[0], quote=False),
        ]
        end = match.start()
    return "".join([written[:end], *reversed(parts)])


def _is_markup(tag: re.Match[str], closing: Counter[str]) -> bool:
    name = tag[1].lower()
    if name not in SWALLOWS:
        return name in BLOCKS or name in _INLINE
    if tag[0].startswith("</"):
        closing[name] += 1
        return True
    if name == "input" or tag[0].endswith("/>"):  # closed as it is: named if nothing is said of it
        return "=" in tag[0]
    closing[name] -= 1
    if closing[name] < 0:
        closing[name] = 0
        return False
    return True
