"""Word documents (DOCX): paragraphs, lists, tables and notes, in reading order.

Read from the parts of ECMA-376 (Office Open XML) directly: deleted and hidden text, field codes,
running headers and footers are left out; inserted text, text boxes and notes are kept.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from typing import Any

from steep.documents.files.archive import open_zip, read_part
from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.office.properties import properties
from steep.documents.office.word_numbers import Numbers
from steep.documents.office.word_styles import Styles
from steep.documents.pages.grid import Cell, table_lines
from steep.documents.pages.raised import BEGIN, END, set_raised
from steep.documents.pages.symbols import in_font, sign_of
from steep.documents.xml.safe import local_name, parse_part

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEFT_OUT = {"del", "moveFrom", "instrText", "Fallback", "pPr", "rPr", "sectPr", "tblPr"}
_FIRST_ROW = 0x20
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read_docx(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the one document of a Word file; its title is the properties', else a title style's."""
    archive = open_zip(entry)
    try:
        root = parse_part(read_part(archive, "word/document.xml", entry))
    except KeyError:
        detail = "is a zip file without a Word document in it; save it again as .docx"
        raise UnreadableError("unreadable file", detail) from None
    numbers = Numbers(_part(archive, "word/numbering.xml", entry))
    styles = Styles(_part(archive, "word/styles.xml", entry), numbers)
    blocks = _blocks(root, styles)
    for part in ("word/footnotes.xml", "word/endnotes.xml"):
        if part in archive.namelist():
            notes = parse_part(read_part(archive, part, entry))
            blocks += [
                block
                for note in notes
                if note.get(f"{_W}type") is None  # separators have one
                for block in _blocks(note, styles)
            ]
    known = properties(archive, "docProps/core.xml", entry)
    title = known.title or _styled_title(root, styles)
    yield Piece("\n\n".join(blocks), title, language=known.language, date=known.date)


def _part(archive: zipfile.ZipFile, name: str, entry: Entry) -> Any | None:
    """A part that the text can be read without: None if it is missing or broken."""
    try:
        return parse_part(read_part(archive, name, entry))
    except KeyError:
        return None
    except UnreadableError as error:
        if error.reason != "unreadable file":
            raise
        return None


def _blocks(element: Any, styles: Styles) -> list[str]:
    """The paragraphs below an element; consecutive list items are one."""
    blocks: list[list[str]] = []  # each of lines
    margin: int | None = None  # the level of the first item of the list that is open
    for child in _content(element):
        if child.tag == f"{_W}tbl":
            blocks.append(_table(child, styles))
            margin = None
            continue
        place = styles.list_of(child)
        mark = None if place is None else styles.numbers.next(*place)  # counts empty ones too
        if text := _said(child, styles).strip("\n").rstrip():
            if place is None or mark == "" or styles.is_heading(child):
                blocks.append([f"{mark} {text}" if mark else text])
                margin = None
            else:
                if margin is None:
                    margin = place[1]
                    blocks.append([])
                indent = "  " * max(place[1] - margin, 0)
                item = f"{mark or '-'} " + text.replace("\n", f"\n  {indent}")
                blocks[-1].append(indent + item)
        if boxes := [block for box in _boxes(child) for block in _blocks(box, styles)]:
            blocks += ([block] for block in boxes)
            margin = None
    return ["\n".join(lines) for lines in blocks if lines]


def _content(element: Any) -> Iterator[Any]:
    """Paragraphs and tables, whatever wraps them."""
    for child in element:
        if child.tag in (f"{_W}p", f"{_W}tbl"):
            yield child
        elif local_name(child) not in _LEFT_OUT:
            yield from _content(child)


def _said(paragraph: Any, styles: Styles) -> str:
    return set_raised(_text(paragraph, styles))


def _text(element: Any, styles: Styles, font: str = "") -> str:
    """What a paragraph's runs say, without its text boxes; what is raised is marked."""
    parts: list[str] = []
    for child in element:
        name = local_name(child)
        if name == "t":
            parts.append(in_font(child.text or "", font))
        elif name == "sym":
            code = _hexadecimal(child.get(f"{_W}char"))
            parts.append(sign_of(str(child.get(f"{_W}font") or ""), code))
        elif name in _SIGNS:
            parts.append(_SIGNS[name])
        elif name not in _LEFT_OUT and name != "txbxContent":
            is_run = name == "r"
            if is_run and styles.is_hidden(child):
                continue
            said = _text(child, styles, styles.font_of(child) if is_run else font)
            if is_run and said and styles.is_raised(child):
                said = f"{BEGIN}{said}{END}"
            elif name == "hyperlink" and said[:1] == BEGIN and said[-1:] == END:
                said = said.replace(BEGIN, "").replace(END, "")  # a mark that leads to a note
            parts.append(said)
    return "".join(parts)


def _boxes(element: Any) -> Iterator[Any]:
    for child in element:
        name = local_name(child)
        if name == "txbxContent":
            yield child
        elif name not in _LEFT_OUT:
            yield from _boxes(child)


def _styled_title(root: Any, styles: Styles) -> str | None:
    """The first paragraph in the style of a title, else of a heading."""
    heading = None
    for paragraph in root.iter(f"{_W}p"):
        is_title = styles.is_title(paragraph)
        if is_title or (heading is None and styles.is_heading(paragraph)):
            text = " ".join(_said(paragraph, styles).split())
            if text and is_title:
                return text
            heading = heading or text or None
    return heading


def _table(table: Any, styles: Styles) -> list[str]:
    rows: list[list[Cell]] = []
    is_first_marked = _marks_first_row(table)
    is_first_named = is_first_marked and styles.names_columns(table)
    for row in (r for r in _rows(table) if r.tag == f"{_W}tr"):
        head = row.find(f"{_W}trPr/{_W}tblHeader") is not None
        if not rows and not head:
            head = is_first_named or (is_first_marked and _is_bold(row, styles))
        cells: list[Cell] = []
        for cell in row.iter(f"{_W}tc"):
            if cell.getparent() is not row and local_name(cell.getparent()) != "sdtContent":
                continue  # of a table within
            merged = cell.find(f"{_W}tcPr/{_W}vMerge")
            below = merged is not None and merged.get(f"{_W}val") != "restart"
            span = cell.find(f"{_W}tcPr/{_W}gridSpan")
            wide = "1" if span is None else str(span.get(f"{_W}val") or "1")
            text = "" if below else " ".join(" ".join(_blocks(cell, styles)).split())
            cells.append((text, head, wide, "1"))
        rows.append(cells)
    return table_lines(rows)


def _rows(table: Any) -> Iterator[Any]:
    for child in table:
        if local_name(child) in ("sdt", "sdtContent"):
            yield from _rows(child)
        else:
            yield child


def _marks_first_row(table: Any) -> bool:
    """True if the first row is to look unlike the others: Word says so of nearly every table."""
    look = table.find(f"{_W}tblPr/{_W}tblLook")
    return look is not None and (
        look.get(f"{_W}firstRow") in ("1", "true")
        or bool(_hexadecimal(look.get(f"{_W}val")) & _FIRST_ROW)
    )


def _is_bold(row: Any, styles: Styles) -> bool:
    """True if all that a row says is in bold type."""
    said = [
        styles.is_bold(paragraph, run)
        for paragraph in row.iter(f"{_W}p")
        for run in paragraph.iterfind(f"{_W}r")
        if any((text.text or "").strip() for text in run.iterfind(f"{_W}t"))
    ]
    return bool(said) and all(said)


def _hexadecimal(written: str | None) -> int:
    try:
        return int(written or "0", 16)
    except ValueError:
        return 0
