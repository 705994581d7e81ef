"""HTML tables as sentences: spans are laid out on a grid, header cells name the columns."""

from __future__ import annotations

from collections.abc import Sequence

from steep.documents.tables.fields import SENTENCE_ENDS

Cell = tuple[str, bool, str, str]
"""Text, whether it is a header cell, and its column and row span as written."""

_MAX_SPAN = 100
_MAX_REPEATED_CHARACTERS = 200
"""A spanning cell longer than this is said once, not on every row it spans."""


def table_lines(rows: Sequence[Sequence[Cell]]) -> list[str]:
    """Return one line per data row: ``Header: cell; Header: cell.``

    The leading rows of only header cells name the columns (stacked ones are joined). Cells
    without a column name stand alone; a row of only header cells further down is a line.
    """
    grid = _lay_out(rows)
    header_rows = 0
    while header_rows < len(grid) and all(heading for _, heading in grid[header_rows].values()):
        header_rows += 1
    if header_rows == len(grid):
        header_rows = min(header_rows, 1) if len(grid) > 1 else 0
    names: dict[int, str] = {}
    for row in grid[:header_rows]:
        for column, (text, _) in row.items():
            above = names.get(column, "")
            if text and text != above:
                names[column] = f"{above} {text}".strip()
    return [line for row in grid[header_rows:] if (line := _line(row, names))]


def _line(row: dict[int, tuple[str, bool]], names: dict[int, str]) -> str:
    cells = [(column, *row[column]) for column in sorted(row) if row[column][0]]
    if not names and len(cells) > 1 and cells[0][2] and not cells[1][2]:
        # A row headed by its own first cell, as in fact boxes.
        told = [f"{cells[0][1]}: {cells[1][1]}", *(text for _, text, _ in cells[2:])]
    else:
        told = [
            f"{names[column]}: {text}" if names.get(column) else text for column, text, _ in cells
        ]
    line = "; ".join(told)
    return line if not line or line.endswith(SENTENCE_ENDS) else line + "."


def _lay_out(rows: Sequence[Sequence[Cell]]) -> list[dict[int, tuple[str, bool]]]:
    """Put every cell in each grid place it spans: one mapping of columns per row."""
    grid: list[dict[int, tuple[str, bool]]] = [{} for _ in rows]
    for index, row in enumerate(rows):
        column = 0
        for text, heading, colspan, rowspan in row:
            while column in grid[index]:
                column += 1
            width, height = _span(colspan), min(_span(rowspan), len(rows) - index)
            for below in range(height):
                for right in range(width):
                    # A data cell over several columns is said once; a heading names them all.
                    first = below == 0 and right == 0
                    again = heading or (right == 0 and len(text) <= _MAX_REPEATED_CHARACTERS)
                    place = grid[index + below]
                    place.setdefault(column + right, (text if first or again else "", heading))
            column += width
    return [row for row in grid if row]


def _span(written: str) -> int:
    plain = written.isascii() and written.isdigit() and len(written) < 10
    return min(max(int(written), 1), _MAX_SPAN) if plain else 1
