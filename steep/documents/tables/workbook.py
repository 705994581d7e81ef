"""Workbooks (XLSX, XLS, XLSB, ODS): a document for each row of each sheet."""

from __future__ import annotations

import importlib
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import MAXYEAR, datetime, timedelta
from typing import Any, NamedTuple

from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.tables.csv_files import above_fault
from steep.documents.tables.dialect import Head, find_head, header_names, is_number
from steep.documents.tables.fields import LONGEST_FIELD_CHARACTERS, TEXT_FIELDS, TITLE_FIELDS
from steep.documents.tables.rows import Records

_EXACT = 2**53


class _Merged(NamedTuple):
    """Cells that are one, by rows and columns of the sheet's area, ends included."""

    top: int
    left: int
    bottom: int
    right: int


def read_workbook(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield one piece per row below each sheet's header, which names the columns.

    Rows are located as ``SHEET row N``, counted from 1 below the header; blank ones don't count.
    Hidden sheets are read like others. A cell merged over several rows is each one's, and over
    several columns of a header every one's.
    """
    calamine: Any = importlib.import_module("python_calamine")
    data = entry.data()
    try:
        if data.startswith(b"PK"):
            packed = zipfile.ZipFile(io.BytesIO(data)).infolist()
            entry.budget.spend(sum(info.file_size for info in packed))
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = book.sheet_names
    except UnreadableError:
        raise
    except Exception as error:  # the library has no common base for its errors
        said = " ".join(str(error).split())[:200] or type(error).__name__
        detail = f"is not a readable workbook ({said}); save it again"
        raise UnreadableError("unreadable file", detail) from error
    records = Records(entry.options)
    rows = 0
    for name in names:
        for found in _read_sheet(book.get_sheet_by_name(name), " ".join(name.split()), records):
            rows += isinstance(found, Piece) or found.reason != "ignored"
            yield found
    yield from records.mistakes()
    if rows == 0:
        yield Fault("empty", "has no rows below a header in any sheet; leave it out")


def _read_sheet(sheet: Any, name: str, records: Records) -> Iterator[Piece | Fault]:
    cells = sheet.to_python(skip_empty_area=True)
    rows = ((line, list(map(_said, row))) for line, row in enumerate(cells))
    merged = _merged(sheet)
    head = _under_groups(find_head(rows, (*TEXT_FIELDS, *TITLE_FIELDS)), cells, merged)
    for said in head.above:
        yield above_fault(said, name)
    header = header_names(head.header)
    below = [one for one in merged if one.top > head.line]
    for number, row in enumerate(_filled_down(head.rows, below), start=1):
        if number == 1 and (fault := records.lacks_text(header, name)):
            yield fault
            return
        values = dict(zip(header, row, strict=False))
        yield records.piece(values, f"{name} row {number}")


def _merged(sheet: Any) -> list[_Merged]:
    """The merged cells of a sheet, counted as its rows are; none where the format hides them."""
    top, left = sheet.start or (0, 0)
    ranges = getattr(sheet, "merged_cell_ranges", None) or ()
    found = (_Merged(a - top, b - left, c - top, d - left) for (a, b), (c, d) in ranges)
    return sorted(one for one in found if one.top >= 0 and one.left >= 0)


def _under_groups(head: Head, cells: Sequence[Sequence[Any]], merged: Iterable[_Merged]) -> Head:
    """A header with the names of groups, merged over several columns, before those of columns.

    Groups may be the header's first row, or stand alone above it. The row below is names too if it
    has words where the groups are, and otherwise only what the row of groups leaves empty.
    """
    wide = [one for one in merged if one.right > one.left and one.top == one.bottom]
    above, line = head.above, head.line
    if above and any(one.top == line - 1 and one.left > 0 for one in wide):
        above, line = above[:-1], line - 1
    groups = list(map(_said, cells[line])) if line < len(cells) else []
    inside: set[int] = set()
    for one in (one for one in wide if one.top == line):
        for column in range(one.left, min(one.right + 1, len(groups))):
            groups[column] = groups[one.left]
            inside.add(column)
    names = list(map(_said, cells[line + 1])) if line + 1 < len(cells) else []
    is_stacked = (
        bool(inside)
        and any(names)
        and not any(map(is_number, names))
        and not any(
            (name and group) if column not in inside else not name
            for column, (name, group) in enumerate(zip(names, groups, strict=False))
        )
    )
    if not is_stacked:
        return head if line < head.line else head._replace(header=groups)
    header = [
        f"{group} {name}".strip() if column in inside else group or name
        for column, (group, name) in enumerate(zip(groups, names, strict=False))
    ]
    rows = ((at, row) for at, row in head.rows if at > line + 1)
    return Head(above, line + 1, header, rows)


def _filled_down(
    rows: Iterable[tuple[int, list[str]]], merged: Iterable[_Merged]
) -> Iterator[list[str]]:
    """Rows that aren't blank, with what a cell merged downward says, unless that is long."""
    starts: dict[int, list[_Merged]] = {}
    for one in merged:
        if one.bottom > one.top:
            starts.setdefault(one.top, []).append(one)
    open_cells: dict[int, tuple[int, str]] = {}
    for line, row in rows:
        for one in starts.get(line, ()):
            if one.left < len(row) and len(row[one.left]) <= LONGEST_FIELD_CHARACTERS:
                open_cells[one.left] = one.bottom, row[one.left]
        if not any(row):
            continue
        for column, (bottom, text) in open_cells.items():
            if line <= bottom and not row[column]:
                row[column] = text
        yield row


def _said(value: Any) -> str:
    """A cell as a person would write it: whole numbers without ".0", midnight as a date alone."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _EXACT:
            return str(int(value))
        return f"{value:.15g}"  # as many digits as a spreadsheet has; more come from binary
    if isinstance(value, datetime):
        if value.microsecond >= 500_000 and value.year < MAXYEAR:  # as its binary form gives it
            value += timedelta(seconds=1)
        midnight = (value.hour, value.minute, value.second) == (0, 0, 0)
        return str(value.date() if midnight else value.replace(microsecond=0))
    return str(value).strip()
