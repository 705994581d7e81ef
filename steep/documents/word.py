"""Word documents (DOCX): paragraphs, lists, tables and notes, in reading order.

Read from the parts of ECMA-376 (Office Open XML) directly: deleted text, field codes, running
headers and footers are left out; inserted text, text boxes and notes are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steep.documents.archive import open_zip, read_part
from steep.documents.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.grid import Cell, table_lines
from steep.documents.office import properties
from steep.documents.safe_xml import local_name, parse_part

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LEFT_OUT = {"del", "moveFrom", "instrText", "Fallback", "pPr", "rPr", "sectPr", "tblPr"}
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read_docx(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the one document of a Word file; its title is the properties', else a title style's."""
    archive = open_zip(entry)
    try:
        root = parse_part(read_part(archive, "word/document.xml", entry))
    except KeyError:
        detail = "is a zip file without a Word document in it; save it again as .docx"
        raise UnreadableError("unreadable file", detail) from None
    blocks = _blocks(root)
    for part in ("word/footnotes.xml", "word/endnotes.xml"):
        if part in archive.namelist():
            notes = parse_part(read_part(archive, part, entry))
            blocks += [
                block
                for note in notes
                if note.get(f"{_W}type") is None  # separators have one
                for block in _blocks(note)
            ]
    known = properties(archive, "docProps/core.xml", entry)
    title = known.title or _styled_title(root)
    yield Piece("\n\n".join(blocks), title, language=known.language, date=known.date)


def _blocks(element: Any) -> list[str]:
    """The paragraphs below an element; consecutive list items are one."""
    blocks: list[str] = []
    in_list = False
    for child in _content(element):
        if child.tag == f"{_W}tbl":
            if lines := _table(child):
                blocks.append("\n".join(lines))
            in_list = False
            continue
        if (text := _text(child).strip("\n")).strip():
            item = child.find(f"{_W}pPr/{_W}numPr") is not None and not _is_heading(child)
            text = "- " + text.replace("\n", "\n  ") if item else text
            if item and in_list:
                blocks[-1] += f"\n{text}"
            else:
                blocks.append(text)
            in_list = item
        blocks += [block for box in _boxes(child) for block in _blocks(box)]
    return blocks


def _content(element: Any) -> Iterator[Any]:
    """Paragraphs and tables, whatever wraps them."""
    for child in element:
        if child.tag in (f"{_W}p", f"{_W}tbl"):
            yield child
        elif local_name(child) not in _LEFT_OUT:
            yield from _content(child)


def _text(element: Any) -> str:
    """What a paragraph's runs say, without its text boxes."""
    parts: list[str] = []
    for child in element:
        name = local_name(child)
        if name == "t":
            parts.append(child.text or "")
        elif name in _SIGNS:
            parts.append(_SIGNS[name])
        elif name not in _LEFT_OUT and name != "txbxContent":
            parts.append(_text(child))
    return "".join(parts)


def _boxes(element: Any) -> Iterator[Any]:
    for child in element:
        name = local_name(child)
        if name == "txbxContent":
            yield child
        elif name not in _LEFT_OUT:
            yield from _boxes(child)


def _style(paragraph: Any) -> str:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    return "" if style is None else str(style.get(f"{_W}val") or "")


def _is_heading(paragraph: Any) -> bool:
    return _style(paragraph).casefold().startswith(("heading", "title"))


def _styled_title(root: Any) -> str | None:
    """The first paragraph in the style of a title, else of a heading."""
    found: dict[str, str] = {}
    for paragraph in root.iter(f"{_W}p"):
        if _is_heading(paragraph) and (text := " ".join(_text(paragraph).split())):
            kind = "title" if _style(paragraph).casefold() == "title" else "heading"
            found.setdefault(kind, text)
    return found.get("title", found.get("heading"))


def _table(table: Any) -> list[str]:
    rows: list[list[Cell]] = []
    look = table.find(f"{_W}tblPr/{_W}tblLook")
    first_row = look is not None and (
        look.get(f"{_W}firstRow") == "1" or bool(_hexadecimal(look.get(f"{_W}val")) & 0x20)
    )
    for row in (r for r in _rows(table) if r.tag == f"{_W}tr"):
        head = row.find(f"{_W}trPr/{_W}tblHeader") is not None or (first_row and not rows)
        cells: list[Cell] = []
        for cell in row.iter(f"{_W}tc"):
            if cell.getparent() is not row and local_name(cell.getparent()) != "sdtContent":
                continue  # of a table within
            merged = cell.find(f"{_W}tcPr/{_W}vMerge")
            below = merged is not None and merged.get(f"{_W}val") != "restart"
            span = cell.find(f"{_W}tcPr/{_W}gridSpan")
            wide = "1" if span is None else str(span.get(f"{_W}val") or "1")
            text = "" if below else " ".join(" ".join(_blocks(cell)).split())
            cells.append((text, head, wide, "1"))
        rows.append(cells)
    return table_lines(rows)


def _rows(table: Any) -> Iterator[Any]:
    for child in table:
        if local_name(child) in ("sdt", "sdtContent"):
            yield from _rows(child)
        else:
            yield child


def _hexadecimal(written: str | None) -> int:
    try:
        return int(written or "0", 16)
    except ValueError:
        return 0
