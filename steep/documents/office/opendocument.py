"""OpenDocument text and presentations (ODT, ODP), by OASIS OpenDocument 1.3."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

from steep.documents.files.archive import open_zip, read_part
from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.office.properties import properties
from steep.documents.pages.grid import Cell, table_lines
from steep.documents.pages.raised import BEGIN, END, set_raised
from steep.documents.xml.safe import local_name, parse_part

_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_STYLE = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_LEFT_OUT = {
    "tracked-changes",
    "sequence-decls",
    "variable-decls",
    "annotation",
    "table-of-content",
    "alphabetical-index",
    "forms",
}
_MAX_REPEATED = 1000
"""Spaces, columns or rows that one element may stand for."""


def read_opendocument(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the one document of a file; its title is the properties', else its first heading."""
    archive = open_zip(entry)
    try:
        root = parse_part(read_part(archive, "content.xml", entry))
    except KeyError:
        detail = "is a zip file without an OpenDocument in it; save it again"
        raise UnreadableError("unreadable file", detail) from None
    body = root.find(f"{_OFFICE}body")
    raised = _raised_styles(root) | _raised_styles(_styles(archive, entry))
    blocks = _blocks(body if body is not None else root, raised)
    known = properties(archive, "meta.xml", entry)
    headings = (_said(heading, raised) for heading in root.iter(f"{_TEXT}h"))
    title = known.title or next((text for text in headings if text.strip()), None)
    yield Piece("\n\n".join(blocks), title, language=known.language, date=known.date)


def _styles(archive: zipfile.ZipFile, entry: Entry) -> Any | None:
    """The part of named styles: None if it is missing or broken."""
    try:
        return parse_part(read_part(archive, "styles.xml", entry))
    except KeyError:
        return None
    except UnreadableError as error:
        if error.reason != "unreadable file":
            raise
        return None


def _raised_styles(root: Any | None) -> frozenset[str]:
    """The names of styles that raise text: by "super" or by a share of its height."""
    found = []
    for style in root.iter(f"{_STYLE}style") if root is not None else ():
        properties = style.find(f"{_STYLE}text-properties")
        position = "" if properties is None else properties.get(f"{_STYLE}text-position") or ""
        height = position.partition(" ")[0]
        if height == "super" or (height[:1].isdigit() and height.strip("0.%")):
            found.append(str(style.get(f"{_STYLE}name")))
    return frozenset(found)


def _blocks(element: Any, raised: frozenset[str]) -> list[str]:
    blocks: list[str] = []
    for child in element:
        if child.tag in (f"{_TEXT}p", f"{_TEXT}h"):
            if text := _said(child, raised).strip("\n").rstrip():
                blocks.append(text)
            blocks += [block for note in _notes(child) for block in _blocks(note, raised)]
        elif child.tag == f"{_TEXT}list":
            if text := "\n".join(_items(child, raised)):
                blocks.append(text)
        elif child.tag == f"{_TABLE}table":
            if lines := _table(child, raised):
                blocks.append("\n".join(lines))
        elif local_name(child) not in _LEFT_OUT:
            blocks += _blocks(child, raised)
    return blocks


def _items(element: Any, raised: frozenset[str]) -> Iterator[str]:
    """A list's lines; what is nested in an item is indented."""
    for item in element:
        if text := "\n".join(_blocks(item, raised)):
            yield "- " + text.replace("\n", "\n  ")


def _said(paragraph: Any, raised: frozenset[str]) -> str:
    return set_raised(_text(paragraph, raised))


def _text(element: Any, raised: frozenset[str]) -> str:
    """What a paragraph says, without its notes; what is raised is marked."""
    parts = [element.text or ""]
    for child in element:
        name = local_name(child)
        if name == "s":
            parts.append(" " * _count(child.get(f"{_TEXT}c")))
        elif name == "tab":
            parts.append("\t")
        elif name == "line-break":
            parts.append("\n")
        elif name not in ("note", "annotation", "text-box"):
            said = _text(child, raised)
            if name == "span" and said and child.get(f"{_TEXT}style-name") in raised:
                said = f"{BEGIN}{said}{END}"
            elif name == "a" and said[:1] == BEGIN and said[-1:] == END:
                said = said.replace(BEGIN, "").replace(END, "")  # a mark that leads to a note
            parts.append(said)
        parts.append(child.tail or "")
    return "".join(parts)


def _notes(paragraph: Any) -> Iterator[Any]:
    """The bodies of the notes and text boxes that a paragraph anchors."""
    for child in paragraph:
        name = local_name(child)
        if name in ("note-body", "text-box"):
            yield child
        elif name != "annotation":
            yield from _notes(child)


def _table(table: Any, raised: frozenset[str]) -> list[str]:
    rows: list[list[Cell]] = []
    for row in table.iter(f"{_TABLE}table-row"):
        head = local_name(row.getparent()) == "table-header-rows"
        cells: list[Cell] = []
        for cell in row:
            if local_name(cell) not in ("table-cell", "covered-table-cell"):
                continue
            text = " ".join(" ".join(_blocks(cell, raised)).split())
            times = _count(cell.get(f"{_TABLE}number-columns-repeated")) if text else 1
            cells += [(text, head, "1", "1")] * times
        rows.append(cells)
    return table_lines(rows)


def _count(written: str | None) -> int:
    plain = written is not None and written.isascii() and written.isdigit()
    return min(int(written or "1"), _MAX_REPEATED) if plain and len(written or "") < 10 else 1
