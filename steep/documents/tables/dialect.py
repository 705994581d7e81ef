"""How a table is written: what parts its cells, what its quotes mean, and where its header is."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

_DELIMITERS = ",;\t|"
_SAMPLE_CHARACTERS = 8192
_MAX_CELL_CHARACTERS = 2**31 - 1
_MOST_AHEAD = 500
"""Lines that a quoted cell of a table with tabs may go on for."""
_MOST_ABOVE = 12
"""Rows among which the header is looked for."""
_SAYS_DELIMITER = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_QUOTED = re.compile(r'"[^"]*(?:""[^"]*)*"')
_NUMBER = re.compile(r"[\W\d_]*\d[\W\d_]*")
# A cell in quotes that holds one behind a backslash; and what a backslash takes its meaning from.
_ESCAPES = re.compile(r'(?:^|[\n,;|])"(?:[^"\\]|\\[^"])*\\"(?!["\r\n,;\t|]|$)')
_ESCAPED = re.compile(r'\\(["\\])')
_ESCAPE_CHARACTERS = 2**20
_MOST_UNCLOSED = 20
"""Quotes that nothing closes, in a table, behind each of which it is read again."""
_NULL = "\\N"
"""How databases export nothing where tabs part cells."""


class Table(NamedTuple):
    """A table's rows, each with the number of the line it ends in, and what parts its cells."""

    rows: Iterator[tuple[int, list[str]]]
    delimiter: str


class Head(NamedTuple):
    """Where a table begins: what stands above it, the row of its names, and the rows below."""

    above: list[str]
    line: int
    header: list[str]
    rows: Iterator[tuple[int, list[str]]]


def open_table(lines: Iterable[str], delimiter: str | None = None) -> Table:
    """Read the lines of a table; the delimiter is found if it isn't given.

    A first line ``sep=;``, as written for Excel, names the delimiter and is no row.
    """
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    coming = iter(lines)
    sample = list(_until(_SAMPLE_CHARACTERS, coming))
    if len(sample) == 1 and "\r" in sample[0].rstrip("\r\n"):  # as old Macs end lines
        sample = [f"{line}\n" for line in sample[0].rstrip("\r\n").split("\r")]
    above = 0
    if sample and (said := _SAYS_DELIMITER.fullmatch(sample[0].strip("\ufeff\r\n"))):
        delimiter = said[1]
        above = 1
    delimiter = delimiter or find_delimiter("".join(sample))
    whole: Iterator[str] = chain(sample[above:], coming)
    if delimiter == "\t":
        return Table(_tab_rows(whole, above), delimiter)
    sample = list(_until(_ESCAPE_CHARACTERS, whole))
    whole = chain(sample, whole)
    if _ESCAPES.search("".join(sample)):
        whole = map(_with_pairs, whole)
    return Table(_csv_rows(whole, delimiter, above), delimiter)


def _until(characters: int, lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        characters -= len(line)
        if characters <= 0:
            return


def find_delimiter(text: str) -> str:
    """Find what separates a table's columns: csv.Sniffer, else the header's most frequent."""
    sample = text[:_SAMPLE_CHARACTERS]
    header = _QUOTED.sub("", sample.lstrip("\r\n").split("\n", 1)[0])
    try:
        found = csv.Sniffer().sniff(sample, delimiters=_DELIMITERS).delimiter
    except csv.Error:
        found = ""
    most = max(_DELIMITERS, key=header.count)
    # The sniffer can be misled by commas inside long cells; the header rarely lies.
    return found if found and header.count(found) >= header.count(most) else most


def find_head(rows: Iterable[tuple[int, list[str]]], known: Iterable[str] = ()) -> Head:
    """Find the header: the first row that isn't blank, but for a title above a table.

    Lines of a single cell are above the table if a blank row or empty cells part them from a row of
    words, which has more rows of several cells below it; but for names that are ``known`` columns.
    """
    coming = iter(rows)
    first = list(islice(coming, _MOST_ABOVE))
    filled = [[cell.strip() for cell in row if cell.strip()] for _, row in first]
    start = next((index for index, cells in enumerate(filled) if cells), len(first))
    wide = next((index for index, cells in enumerate(filled) if len(cells) > 1), len(first))
    below = next((cells for cells in filled[wide + 1 :] if cells), [])
    above = filled[start:wide]
    parted = not all(above) or any(len(row) > 1 for _, row in first[start:wide])
    is_titled = (
        start < wide < len(first)
        and parted
        and len(below) > 1
        and not any(map(is_number, filled[wide]))
        and above[0][0].casefold() not in known
    )
    at = wide if is_titled else start
    line, header = first[at] if at < len(first) else (0, [])
    said = [cells[0] for cells in above if cells] if is_titled else []
    return Head(said, line, header, chain(first[at + 1 :], coming))


def without_header(rows: Iterable[tuple[int, list[str]]]) -> Head:
    """The rows of a table whose columns have no names, which is for its reader to say."""
    coming = iter(rows)
    first = list(islice(coming, 1))
    return Head([], 0, [""] * len(first[0][1]) if first else [], chain(first, coming))


def is_number(cell: str) -> bool:
    """True for a value of digits and signs, such as no column is called."""
    return _NUMBER.fullmatch(cell) is not None


def header_names(row: Sequence[str]) -> list[str]:
    """Column names, each distinct and none empty."""
    names: list[str] = []
    used: set[str] = set()
    for number, cell in enumerate(row, start=1):
        name = plain = " ".join(cell.split()) or f"column {number}"
        while name in used:
            name = f"{plain} {number}"
            number += 1
        used.add(name)
        names.append(name)
    return names


def _csv_rows(lines: Iterable[str], delimiter: str, above: int) -> Iterator[tuple[int, list[str]]]:
    """Rows, each with the number of the line it ends in.

    A quote that nothing closes would take all the rest into its cell: its line is read as if quotes
    meant nothing.
    """
    coming, left, done = iter(lines), _MOST_UNCLOSED, above
    while True:
        taken: list[str] = []
        rows = csv.reader(_noted(coming, taken), delimiter=delimiter)
        for row in rows:
            if left and len(taken) > 1 and _is_unclosed(taken, delimiter):
                break
            done += len(taken)
            taken.clear()
            yield done, row
        else:
            return
        left -= 1
        done += 1
        yield done, next(csv.reader(taken[:1], delimiter=delimiter, quoting=csv.QUOTE_NONE))
        coming = chain(taken[1:], coming)


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _is_unclosed(lines: Sequence[str], delimiter: str) -> bool:
    """Does a quote that is open at their end stand among the lines of a row?"""
    try:
        for _ in csv.reader(lines, delimiter=delimiter, strict=True):
            pass
    except csv.Error as error:
        return "end of data" in str(error)
    return False


def _with_pairs(line: str) -> str:
    """A line whose quotes are escaped by backslashes, with pairs of quotes instead."""
    return _ESCAPED.sub(lambda found: '""' if found[1] == '"' else "\\", line)


def _tab_rows(lines: Iterable[str], above: int) -> Iterator[tuple[int, list[str]]]:
    """Rows parted by tabs, where a quote is a sign like others unless it clearly quotes.

    A cell between quotes loses them. One that only begins with a quote goes on over tabs or lines
    if its end makes a row of the header's columns, and no line on the way is such a row; else the
    quote stands for itself.
    """
    ahead = _Ahead(lines)
    number = above
    columns = 0
    while (line := ahead.take()) is not None:
        number += 1
        cells = _cells(line)
        if columns > 1 and any(map(_opens, cells)):
            if len(cells) > columns:
                cells = _rejoined(cells, columns) or cells
            elif found := ahead.rest_of_row(line, columns):
                cells = found
                number += ahead.taken
        if columns == 0 and any(cell.strip() for cell in cells):
            columns = len(cells)
        yield number, [_unquoted(cell) for cell in cells]


class _Ahead:
    """Lines that may be looked at before they are taken.

    Attributes:
        taken: lines that the last row took beyond its first.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.taken = 0
        self._coming = iter(lines)
        self._seen: deque[str] = deque()
        self._hopeless = 0  # lines to come within which no quoted cell ends

    def take(self) -> str | None:
        """The next line, or None at the end."""
        self._hopeless = max(self._hopeless - 1, 0)
        return self._seen.popleft() if self._seen else next(self._coming, None)

    def rest_of_row(self, line: str, columns: int) -> list[str] | None:
        """The cells of a row that goes on over the next lines, which are taken; else None."""
        if self._hopeless:
            return None
        lines = [line]
        for index in range(_MOST_AHEAD):
            if index == len(self._seen) and not self._see():
                break
            parts = _cells(self._seen[index])
            goes_on = _closes(parts[0]) and not parts[0].startswith('"')
            if len(parts) == columns and not goes_on:
                break
            lines.append(self._seen[index])
            if any(map(_closes, parts)):
                found = _rejoined(_cells("".join(lines)), columns)
                if found is not None:
                    self.taken = index + 1
                    for _ in range(self.taken):
                        self._seen.popleft()
                    return found
                break
        self._hopeless = len(lines) - 1
        return None

    def _see(self) -> bool:
        following = next(self._coming, None)
        if following is not None:
            self._seen.append(following)
        return following is not None


def _cells(line: str) -> list[str]:
    return line.rstrip("\r\n").split("\t")


def _opens(cell: str) -> bool:
    return cell.startswith('"') and not _QUOTED.fullmatch(cell)


def _closes(cell: str) -> bool:
    """True if a cell ends with a quote that isn't one of a pair, which stands for a quote."""
    return (len(cell) - len(cell.rstrip('"'))) % 2 == 1


def _rejoined(cells: Sequence[str], columns: int) -> list[str] | None:
    """Cells with those put together that a tab within quotes parted; None if that makes no row."""
    joined: list[str] = []
    waiting: list[str] = []
    for cell in cells:
        if not waiting and not _opens(cell):
            joined.append(cell)
            continue
        waiting.append(cell)
        if len(waiting) > 1 and _closes(cell):
            joined.append("\t".join(waiting))
            waiting = []
    return joined if not waiting and len(joined) == columns else None


def _unquoted(cell: str) -> str:
    if cell == _NULL:
        return ""
    return cell[1:-1].replace('""', '"') if _QUOTED.fullmatch(cell) else cell
