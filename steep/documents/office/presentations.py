"""Presentations (PPTX): the slides in order, each with its notes."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any

from steep.documents.files.archive import open_zip, read_part
from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.office.properties import properties
from steep.documents.pages.grid import Cell, table_lines
from steep.documents.xml.safe import parse_part

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_D = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RUNNING = ("sldNum", "ftr", "dt")
"""Placeholders that every slide repeats: its number, the footer, the date."""


def read_pptx(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the one document of a presentation: its slides in order, each with its notes."""
    archive = open_zip(entry)
    try:
        slides = _slides(archive, entry)
    except KeyError:
        detail = "is a zip file without a presentation in it; save it again as .pptx"
        raise UnreadableError("unreadable file", detail) from None
    blocks: list[str] = []
    first = None
    for name in slides:
        found = _slide_blocks(_slide(archive, name, entry))
        first = first or (found[0] if found else None)
        blocks += found
        targets = [t for t in _relations(archive, name, entry).values() if t in archive.namelist()]
        for target in (target for target in targets if "/diagrams/data" in target):
            blocks += _diagram(parse_part(read_part(archive, target, entry)))
        for target in targets:
            if "/notesSlides/" in target:
                blocks += _slide_blocks(_slide(archive, target, entry))
    known = properties(archive, "docProps/core.xml", entry)
    generic = (known.title or "").casefold() in ("", "powerpoint presentation")
    title = first if generic else known.title
    yield Piece("\n\n".join(blocks), title, language=known.language, date=known.date)


def _slides(archive: zipfile.ZipFile, entry: Entry) -> list[str]:
    """The slides' parts in the order of the show."""
    whole = "ppt/presentation.xml"
    targets = _relations(archive, whole, entry)
    root = parse_part(read_part(archive, whole, entry))
    wanted = (targets.get(e.get(_RELATION) or "") for e in root.iter(f"{_P}sldId"))
    return [name for name in wanted if name in archive.namelist()]


def _relations(archive: zipfile.ZipFile, part: str, entry: Entry) -> dict[str, str]:
    """The parts that a part refers to, by the id it uses; what lies elsewhere isn't among them."""
    folder, name = posixpath.split(part)
    try:
        root = parse_part(read_part(archive, f"{folder}/_rels/{name}.rels", entry))
    except KeyError:
        return {}
    return {
        str(one.get("Id")): posixpath.normpath(
            posixpath.join(folder, str(one.get("Target")))
        ).lstrip("/")
        for one in root
        if one.get("TargetMode") != "External"
    }


def _slide(archive: zipfile.ZipFile, part: str, entry: Entry) -> Any:
    """A slide, of things written for newer and for older programs only the newer form.

    The older stands where the newer has no text that is read (a formula).
    """
    root = parse_part(read_part(archive, part, entry))
    for older in [element for element in root.iter("{*}Fallback")]:
        written = older.getparent()
        newer = (p.text or "" for form in written.iter("{*}Choice") for p in form.iter(f"{_A}t"))
        if any(text.strip() for text in newer):
            written.remove(older)
    return root


def _slide_blocks(root: Any) -> list[str]:
    """A slide's shapes as paragraphs, its title first."""
    titles: list[str] = []
    others: list[str] = []
    for shape in root.iter(f"{_P}sp", f"{_A}tbl"):
        if shape.tag == f"{_A}tbl":
            if lines := _slide_table(shape):
                others.append("\n".join(lines))
            continue
        place = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
        kind = "" if place is None else str(place.get("type") or "")
        lines = [text for p in shape.iter(f"{_A}p") if (text := _slide_text(p).strip())]
        if not lines or kind in _RUNNING:
            continue
        is_title = kind in ("title", "ctrTitle")
        (titles if is_title else others).append((" " if is_title else "\n").join(lines))
    return titles + others


def _diagram(root: Any) -> list[str]:
    """What the points of a diagram (SmartArt) say, a line each, as one paragraph."""
    said = (_slide_text(p).strip() for point in root.iter(f"{_D}pt") for p in point.iter(f"{_A}p"))
    lines = "\n".join(filter(None, said))
    return [lines] if lines else []


def _slide_text(paragraph: Any) -> str:
    signs = {f"{_A}br": "\n", f"{_A}tab": "\t"}
    return "".join(
        signs.get(e.tag) or (e.text or "" if e.tag == f"{_A}t" else "") for e in paragraph.iter()
    )


def _slide_table(table: Any) -> list[str]:
    look = table.find(f"{_A}tblPr")
    headed = look is not None and look.get("firstRow") in ("1", "true")
    rows: list[list[Cell]] = []
    for number, row in enumerate(table.iter(f"{_A}tr")):
        rows.append(
            [
                (
                    " ".join(" ".join(_slide_text(p) for p in cell.iter(f"{_A}p")).split()),
                    headed and number == 0,
                    str(cell.get("gridSpan") or "1"),
                    str(cell.get("rowSpan") or "1"),
                )
                for cell in row.iter(f"{_A}tc")
                if cell.get("hMerge") is None and cell.get("vMerge") is None
            ]
        )
    return table_lines(rows)
