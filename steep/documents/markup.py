"""HTML and Markdown to plain text: markup goes, what it says stays.

Markdown is rendered to HTML first, so both share one path. Headings and paragraphs stand
alone, list items are lines, table rows are lines of ``Header: cell``, code keeps its
indentation; link targets, scripts, menus and page furniture go.
"""

from __future__ import annotations

import html
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag
from markdown_it import MarkdownIt

from steep.documents.dates import day_in
from steep.documents.formats import Fault, Piece
from steep.documents.grid import table_lines


def _names(words: str) -> list[str]:
    return words.split()


_NEVER_TEXT = _names(
    "head script style template noscript svg iframe object canvas select button input textarea"
)
_FURNITURE = ("nav", "footer", "aside", "form")
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = _names(
    "address article aside blockquote body caption center dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html"
    " legend li main menu nav ol optgroup option p pre search section summary table tbody td"
    " tfoot th thead tr ul"
)
_INLINE = _names(
    "a abbr acronym audio b base bdi bdo big br button canvas cite code col colgroup data"
    " datalist del dfn em embed font head i iframe img input ins kbd label link map area mark"
    " math meta meter nobr noscript object output param picture progress q rp rt ruby s samp"
    " script select slot small source span strike strong style sub sup svg template textarea"
    " time title track tt u var video wbr"
)
_BREAK = "\x00"  # a <br>, until white space is collapsed
_SPACE = re.compile(r"[ \t\r\n\f]+")
_WIDE = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef"
# A line broken inside Chinese or Japanese text stands for nothing, not for a space.
_WIDE_LINE_BREAK = re.compile(rf"(?<=[{_WIDE}])[ \t\r]*\n\s*(?=[{_WIDE}])")
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


def read_html(text: str) -> Iterator[Piece | Fault]:
    """Yield the one document of an HTML page; its title is ``<title>``, else a heading."""
    soup = _parse(text)
    title = soup.title.get_text() if soup.title is not None else ""
    date = _meta_date(soup)
    for tag in soup.find_all(_NEVER_TEXT):
        tag.decompose()
    whole = len(soup.get_text())
    for tag in soup.find_all(_FURNITURE):
        # Some sites wrap the whole page in one form: that one isn't furniture.
        if not tag.decomposed and not (tag.name == "form" and len(tag.get_text()) > 0.5 * whole):
            tag.decompose()
    for tag in soup.find_all(attrs={"role": ("navigation", "contentinfo", "search")}):
        if not tag.decomposed:
            tag.decompose()
    for tag in soup.find_all("header"):
        # The header of an article holds its heading; the header of a page holds its menu.
        if not tag.decomposed and tag.find_parent(("article", "main")) is None:
            tag.decompose()
    body = _main_part(soup)
    yield Piece("\n\n".join(_blocks(body)), title.strip() or _first_heading(body), date=date)


def _meta_date(soup: Any) -> str | None:
    """The day that a page says it was published on, in its head."""
    said = {
        str(tag.get("property") or tag.get("name") or tag.get("itemprop") or "").casefold(): tag
        for tag in soup.find_all("meta", content=True)
    }
    found = (day_in(str(said[name]["content"])[:10]) for name in _META_DATES if name in said)
    return next(filter(None, found), None)


def read_markdown(text: str) -> Iterator[Piece | Fault]:
    """Yield the one document of a Markdown file.

    Its title is the first heading of level 1, else the front matter's title, else the first
    heading of any level; its date is the front matter's.
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
            date = day_in(found[1].strip("\"'")[:10])
    soup = _parse(_markdown().render(text))
    for tag in soup.find_all(_NEVER_TEXT):
        tag.decompose()
    title = _first_heading(soup, _HEADINGS[:1]) or front_title or _first_heading(soup)
    yield Piece("\n\n".join(_blocks(soup)), title, date=date)


def _markdown() -> MarkdownIt:
    """CommonMark with tables and strikethrough; raw HTML passes, placeholders stay text."""
    parser = MarkdownIt("commonmark", {"html": True, "maxNesting": 100}).enable(
        ["table", "strikethrough"]
    )

    def raw(_: Any, tokens: Sequence[Any], index: int, *__: Any) -> str:
        return _TAG.sub(_escape_unknown, tokens[index].content)

    parser.add_render_rule("html_inline", raw)
    parser.add_render_rule("html_block", raw)
    return parser


def _escape_unknown(match: re.Match[str]) -> str:
    """Keep ``<your-name>``, which HTML would swallow as a tag, as the text it is."""
    name = match[1].lower()
    return match[0] if name in _BLOCKS or name in _INLINE else html.escape(match[0], quote=False)


def _parse(text: str) -> BeautifulSoup:
    with warnings.catch_warnings():
        # bs4 warns about text that looks like a file name or like XML; both are fine here.
        warnings.simplefilter("ignore")
        return BeautifulSoup(text, "lxml")


def _main_part(soup: BeautifulSoup) -> Tag:
    """The <main> or <article> that holds most of the text, else everything."""
    body = soup.body if soup.body is not None else soup
    size = len(body.get_text(" ", strip=True))
    candidates = [*body.find_all(("main", "article")), *body.find_all(attrs={"role": "main"})]
    sizes = [len(tag.get_text(" ", strip=True)) for tag in candidates]
    if not sizes or max(sizes) <= 0.5 * size:
        return body
    chosen = candidates[sizes.index(max(sizes))]
    return chosen if isinstance(chosen, Tag) else body


def _first_heading(part: Tag, names: Sequence[str] = _HEADINGS) -> str | None:
    found = part.find(list(names))
    return _one_line(found.get_text()) or None if found is not None else None


def _one_line(text: str) -> str:
    return _SPACE.sub(" ", _WIDE_LINE_BREAK.sub("", text)).strip(" ")


def _blocks(part: Tag) -> list[str]:
    """The paragraphs below an element, in order, none empty."""
    blocks: list[str] = []
    inline: list[str] = []

    def end_paragraph() -> None:
        # A <br> ends a line; white space around it belongs to nobody.
        lines = [_one_line(line) for line in "".join(inline).split(_BREAK)]
        inline.clear()
        if paragraph := "\n".join(lines).strip("\n"):
            blocks.append(paragraph)

    def walk(element: Tag) -> None:
        for child in element.children:
            if isinstance(child, NavigableString):
                if not isinstance(child, PreformattedString):
                    inline.append(child.replace(_BREAK, ""))
            elif isinstance(child, Tag):
                if child.name == "br":
                    inline.append(_BREAK)
                elif child.name == "img":
                    inline.append(str(child.get("alt") or ""))
                elif child.name in _BLOCKS:
                    end_paragraph()
                    blocks.extend(_block(child))
                else:
                    walk(child)

    walk(part)
    end_paragraph()
    return blocks


def _block(element: Tag) -> list[str]:
    """The paragraphs of one block element."""
    if element.name == "pre":
        code = element.get_text().strip("\r\n").rstrip()
        return [code] if code.strip() else []
    if element.name in ("ul", "ol", "menu", "dir"):
        return _list(element)
    if element.name == "table":
        return _table(element)
    return _blocks(element)


def _list(element: Tag) -> list[str]:
    """A list as one paragraph: an item is a line, what is nested in it is indented."""
    start = str(element.get("start") or "1")
    number = int(start) if start.isdecimal() and len(start) < 10 else 1
    lines: list[str] = []
    for child in element.find_all(True, recursive=False):
        text = "\n".join(_blocks(child) if child.name == "li" else _block(child))
        if not text:
            continue
        if child.name == "li":
            text = (f"{number}. " if element.name == "ol" else "- ") + text
            number += 1
        lines.append(text.replace("\n", "\n  "))
    loose = _one_line("".join(element.find_all(string=True, recursive=False)))
    return [block for block in (loose, "\n".join(lines)) if block]


def _table(element: Tag) -> list[str]:
    """A table as one paragraph of rows; a table that only lays out the page as its blocks."""
    if element.find("table") is not None or element.get("role") == "presentation":
        return _blocks(element)
    blocks: list[str] = []
    if isinstance(caption := element.find("caption"), Tag):
        blocks += _blocks(caption)
    rows = []
    for row in element.find_all("tr"):
        cells = row.find_all(("td", "th"), recursive=False)
        rows.append(
            [
                (
                    _one_line(" ".join(_blocks(cell)).replace("\n", " ")),
                    cell.name == "th",
                    str(cell.get("colspan") or "1"),
                    str(cell.get("rowspan") or "1"),
                )
                for cell in cells
            ]
        )
    if lines := table_lines(rows):
        blocks.append("\n".join(lines))
    return blocks
