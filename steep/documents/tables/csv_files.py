"""Tables in text files: CSV, TSV and the like, a document for each row."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping

from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.tables.dialect import (
    find_head,
    header_names,
    open_table,
    without_header,
)
from steep.documents.tables.fields import TEXT_FIELDS, TITLE_FIELDS, short_fields
from steep.documents.tables.rows import piece_of

_CLINICAL = frozenset({"subject_id", "hadm_id", "iserror", "text"})
_DEIDENTIFIED = re.compile(r"\[\*\*([^\[\]]*?)\*\*\]")
_DAY_OF_NOTE = re.compile(r"\d{1,4}(?:[-/]\d{1,4}){1,2}")


def read_csv_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_csv``, of a file of any length."""
    return _read_rows(entry.lines(), None, entry.options)


def read_tsv_entry(entry: Entry) -> Iterator[Piece | Fault]:
    """As ``read_csv_entry``, of a file whose columns are separated by tabs."""
    return _read_rows(entry.lines(), "\t", entry.options)


def read_csv(text: str, delimiter: str | None = None) -> Iterator[Piece | Fault]:
    """Yield one piece per data row, located as ``row N`` from 1; blank rows don't count.

    The delimiter is found if it isn't given. Cells beyond the header's columns are put back
    into the last column, where an unquoted delimiter split them off. A title above the header is
    a fault that isn't fatal. Clinical notes as MIMIC writes them are told by their columns: dates
    stay in its marks of what was taken out, names become blanks, and notes marked as errors are
    left out.
    """
    return _read_rows(io.StringIO(text, newline=""), delimiter, {})


def _read_rows(
    lines: Iterable[str], delimiter: str | None, options: Mapping[str, str]
) -> Iterator[Piece | Fault]:
    way = options.get("header")
    if way not in (None, "none"):
        detail = f"can't have its header read as {way!r}; use header=none where it has none"
        raise UnreadableError("unreadable file", detail)
    table = open_table(lines, delimiter)
    number = last = 0
    try:
        if way is None:
            head = find_head(table.rows, (*TEXT_FIELDS, *TITLE_FIELDS))
        else:
            head = without_header(table.rows)
        for said in head.above:
            yield above_fault(said)
        header = header_names(head.header)
        is_clinical = {name.casefold() for name in header} >= _CLINICAL
        wanted = {options[r].strip().casefold() for r in ("text", "title") if r in options}
        named = [name for name in header if name.casefold() in wanted]
        for line, row in head.rows:
            last = line
            if not any(cell.strip() for cell in row):
                continue
            number += 1
            if len(row) > len(header):
                row[len(header) - 1 :] = [table.delimiter.join(row[len(header) - 1 :])]
            # Nothing stands for what a short row lacks of the columns that the user named.
            fields = {**dict.fromkeys(named, ""), **dict(zip(header, row, strict=False))}
            if is_clinical:
                yield _clinical_note(fields, f"row {number}")
            else:
                yield piece_of(fields, f"row {number}", options)
    except csv.Error as error:
        yield Fault(
            "unreadable file",
            f"is not a readable table ({error}); repair that row",
            f"line {last + 1}",
        )
        return
    if number == 0:
        yield Fault("empty", "has no rows below its header; add rows or leave it out")


def above_fault(said: str, locator: str = "") -> Fault:
    """What a title above a table is: no row, and no column's name."""
    return Fault("ignored", f"has {said[:80]!r} above its header", locator, fatal=False)


def _clinical_note(row: Mapping[str, str], locator: str) -> Piece | Fault:
    fields = {name.casefold(): value.strip() for name, value in row.items()}
    if fields.get("iserror") == "1":
        return Fault("ignored", "is marked as an error in the record", locator, fatal=False)

    def mark(match: re.Match[str]) -> str:
        inner = match[1].strip()
        return inner if _DAY_OF_NOTE.fullmatch(inner) else "___"

    kinds = [fields.get(name, "") for name in ("category", "description")]
    title = ": ".join(kind for kind in kinds if kind) or None
    kept = {name: value for name, value in fields.items() if name != "text"}
    date = fields.get("chartdate", "")[:10]
    text = _DEIDENTIFIED.sub(mark, fields.get("text", ""))
    return Piece(text, title, locator, short_fields(kept), date=date or None, may_be_wrapped=True)
