"""What the elements of an HTML page say, as paragraphs: lists, tables and code as lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bs4.element import NavigableString, PreformattedString, Tag

from steep.documents.cleaning.clean import hold
from steep.documents.pages.grid import Cell, table_lines
from steep.documents.pages.raised import BEGIN, END, set_raised, without_marks


def names(said: str) -> frozenset[str]:
    """Names of elements or classes, as words."""
    return frozenset(said.split())


HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
BLOCKS = names(
    "address article aside blockquote body caption center dd details dialog dir div dl dt"
    " fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5 h6 header hgroup hr html"
    " legend li main menu nav ol optgroup option p pre search section summary table tbody td"
    " tfoot th thead tr ul"
)
_BREAK = "\x00"  # a <br>, until white space is collapsed
_SPACE = re.compile(r"[ \t\r\n\f]+")
_WIDE = "\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef"
# A line broken inside Chinese or Japanese text stands for nothing, not for a space.
_WIDE_LINE_BREAK = re.compile(rf"(?<=[{_WIDE}])[ \t\r]*\n\s*(?=[{_WIDE}])")
_LINE_NUMBERS = names("gutter linenos lineno linenodiv rouge-gutter")
"""Classes that highlighters give to the numbers of lines."""


def one_line(text: str) -> str:
    """Text with its white space collapsed, as a browser shows it."""
    return _SPACE.sub(" ", _WIDE_LINE_BREAK.sub("", text)).strip(" ")


def first_heading(part: Tag, names: Sequence[str] = HEADINGS) -> str | None:
    """The first heading below an element that says something, on one line."""
    found = part.find(list(names))
    return " ".join(" ".join(blocks_of(found)).split()) or None if isinstance(found, Tag) else None


def blocks_of(part: Tag) -> list[str]:
    """The paragraphs below an element, in order, none empty."""
    blocks: list[str] = []
    inline: list[str] = []

    def end_paragraph() -> None:
        # A <br> ends a line; white space around it belongs to nobody.
        lines = [one_line(line) for line in set_raised("".join(inline)).split(_BREAK)]
        inline.clear()
        if paragraph := "\n".join(lines).strip("\n"):
            blocks.append(paragraph)

    def walk(element: Tag) -> None:
        for child in element.children:
            if isinstance(child, NavigableString):
                if not isinstance(child, PreformattedString):
                    inline.append(without_marks(child.replace(_BREAK, "")))
            elif isinstance(child, Tag):
                if child.name == "br":
                    inline.append(_BREAK)
                elif child.name == "img":
                    inline.append(without_marks(str(child.get("alt") or "")))
                elif child.name in BLOCKS:
                    end_paragraph()
                    blocks.extend(_block(child))
                elif _is_raised(child):
                    inline.append(BEGIN)
                    walk(child)
                    inline.append(END)
                else:
                    if child.name == "mfrac":
                        _part_fraction(child)
                    walk(child)

    walk(part)
    end_paragraph()
    return blocks


def _is_raised(element: Tag) -> bool:
    """True for a superscript, and a power in MathML; not for a mark that links to its note."""
    if element.name == "sup":
        links = isinstance(element.parent, Tag) and element.parent.name == "a"
        alone = _is_blank(element.previous_sibling) and _is_blank(element.next_sibling)
        return not (links and alone) and not _holds_link(element)
    inside = element.parent is not None and element.parent.name in ("msup", "msubsup")
    return inside and element.find_next_sibling() is None


def _holds_link(mark: Tag) -> bool:
    """True for a mark like ``<sup><span><a>1</a></span></sup>``; links don't stand deeper."""
    inner = mark.find_all(True, recursive=False)
    return any(one.name == "a" or one.find("a", recursive=False) is not None for one in inner)


def _is_blank(beside: object) -> bool:
    return beside is None or (isinstance(beside, NavigableString) and not beside.strip())


def _part_fraction(fraction: Tag) -> None:
    """Put a stroke between the two parts of a fraction in MathML."""
    parts = fraction.find_all(True, recursive=False)
    if len(parts) == 2:
        parts[0].insert_after("/")


def _block(element: Tag) -> list[str]:
    """The paragraphs of one block element."""
    if element.name == "pre":
        code = _verbatim(element).strip("\r\n").rstrip()
        return [code] if code.strip() else []
    if element.name in ("ul", "ol", "menu", "dir"):
        return _list(element)
    if element.name == "table":
        return _table(element)
    return blocks_of(element)


def _verbatim(element: Tag) -> str:
    """The text of a <pre> as it stands, without the numbers of its lines."""
    parts: list[str] = []
    ended = False  # a block ended or begins: what follows stands on a line of its own

    def say(text: str) -> None:
        nonlocal ended
        if text:
            if ended and parts and not parts[-1].endswith("\n") and not text.startswith("\n"):
                parts.append("\n")
            ended = False
            parts.append(text)

    def walk(part: Tag) -> None:
        nonlocal ended
        for child in part.children:
            if isinstance(child, NavigableString):
                if not isinstance(child, PreformattedString):
                    say(without_marks(child))
            elif isinstance(child, Tag):
                if child.name == "br":
                    say("\n")
                elif child.name == "sup":
                    say(BEGIN)
                    walk(child)
                    say(END)
                elif not _is_line_numbers(child):
                    ended = ended or child.name in BLOCKS
                    walk(child)
                    ended = ended or child.name in BLOCKS

    walk(element)
    return hold(set_raised("".join(parts)))


def _is_line_numbers(element: Tag) -> bool:
    """True for a column or a span of nothing but the numbers of lines of code."""
    named = element.get("class")
    if not named or _LINE_NUMBERS.isdisjoint(named if isinstance(named, list) else [named]):
        return False
    return not element.get_text("", strip=True).strip("0123456789 \t\r\n")


def _list(element: Tag) -> list[str]:
    """A list as one paragraph: an item is a line, what is nested in it is indented."""
    start = str(element.get("start") or "1")
    number = int(start) if start.isdecimal() and len(start) < 10 else 1
    lines: list[str] = []
    for child in element.find_all(True, recursive=False):
        text = "\n".join(blocks_of(child) if child.name == "li" else _block(child))
        if not text:
            continue
        if child.name == "li":
            text = (f"{number}. " if element.name == "ol" else "- ") + text
            number += 1
        lines.append(text.replace("\n", "\n  "))
    loose = one_line("".join(element.find_all(string=True, recursive=False)))
    return [block for block in (loose, "\n".join(lines)) if block]


def _table(element: Tag) -> list[str]:
    """A table as one paragraph of rows; a table that only lays out the page as its blocks.

    So is a row that does: of a table without a header, with a cell that holds code, a heading or
    several paragraphs.
    """
    if element.find("table") is not None or element.get("role") in ("presentation", "none"):
        return blocks_of(element)
    blocks: list[str] = []
    if isinstance(caption := element.find("caption"), Tag):
        blocks += blocks_of(caption)
    rows: list[list[Cell]] = []

    def end_rows() -> None:
        if lines := table_lines(rows):
            blocks.append("\n".join(lines))
        rows.clear()

    has_header = element.find(("th", "thead")) is not None
    for row in element.find_all("tr"):
        cells = list(_cells(row))
        if not has_header and any(map(_lays_out, cells)):
            end_rows()
            for cell in cells:
                blocks += blocks_of(cell)
        else:
            in_head = row.parent is not None and row.parent.name == "thead"
            rows.append([_said(cell, in_head) for cell in cells])
    end_rows()
    return blocks


def _cells(row: Tag) -> Iterator[Tag]:
    for cell in row.find_all(("td", "th"), recursive=False):
        if not _is_line_numbers(cell):
            yield cell


def _lays_out(cell: Tag) -> bool:
    return cell.find((*HEADINGS, "pre")) is not None or len(cell.find_all("p", limit=2)) > 1


def _said(cell: Tag, in_head: bool) -> Cell:
    return (
        one_line(" ".join(blocks_of(cell)).replace("\n", " ")),
        in_head or cell.name == "th",
        str(cell.get("colspan") or "1"),
        str(cell.get("rowspan") or "1"),
    )
