"""Lines at their places on a page, and the order in which a reader takes them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

_COLUMN = 0.2
"""Lines on both sides of a gutter are at least this share of the whole wide: else it parts the
cells of a table, which are read row by row."""
_FEWEST_LINES = 3
"""Lines on either side of a gutter."""


class Line(NamedTuple):
    """One line and its place on the page, in points from the lower left."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Lines found anywhere on a page: column by column, from the top, from the left.

    A page is cut at its gutters, else at its widest white band, and so is each part (the XY cut
    of Nagy and Seth 1984). Pieces of one line that stand beside each other become one.
    """
    ordered: list[Line] = []
    waiting = [list(lines)]
    while waiting:
        part = waiting.pop()
        cut = _at_gutter(part) or _at_band(part)
        if cut is None:
            ordered += _rows(part)
        else:
            waiting += [cut[1], cut[0]]
    return ordered


def _at_gutter(lines: Sequence[Line]) -> tuple[list[Line], list[Line]] | None:
    """The lines left and right of the first gutter between columns; None without one."""
    if len(lines) < 2 * _FEWEST_LINES:
        return None
    by_left = sorted(lines, key=lambda line: line.left)
    whole = max(line.right for line in lines) - by_left[0].left
    reached = by_left[0].right
    for place, (line, after) in enumerate(pairwise(by_left), start=1):
        reached = max(reached, line.right)
        if after.left <= reached or min(place, len(lines) - place) < _FEWEST_LINES:
            continue
        sides = by_left[:place], by_left[place:]
        if all(median(one.right - one.left for one in side) >= _COLUMN * whole for side in sides):
            return sides
    return None


def _at_band(lines: Sequence[Line]) -> tuple[list[Line], list[Line]] | None:
    """The lines above and below the widest white band across the page; None without one."""
    by_top = sorted(lines, key=lambda line: -line.top)
    widest, at = 0.0, 0
    reached = by_top[0].bottom if by_top else 0.0
    for place, (line, after) in enumerate(pairwise(by_top), start=1):
        reached = min(reached, line.bottom)
        if reached - after.top > widest:
            widest, at = reached - after.top, place
    return (by_top[:at], by_top[at:]) if at else None


def _rows(lines: Sequence[Line]) -> list[Line]:
    """Lines that no white band parts, from the top; those of about one height become one."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: -(line.top + line.bottom)):
        if rows and rows[-1][0].bottom < (line.top + line.bottom) / 2 < rows[-1][0].top:
            rows[-1].append(line)
        else:
            rows.append([line])
    return [_joined(sorted(row, key=lambda line: line.left)) for row in rows]


def _joined(row: Sequence[Line]) -> Line:
    return Line(
        " ".join(line.text for line in row),
        row[0].left,
        min(line.bottom for line in row),
        max(line.right for line in row),
        max(line.top for line in row),
    )
