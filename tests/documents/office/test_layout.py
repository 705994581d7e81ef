"""Lines found in any order are taken as a reader would."""

import random

from steep.documents.office.layout import Line, in_reading_order


def line(text: str, left: float, bottom: float, width: float = 180.0) -> Line:
    return Line(text, left, bottom, left + width, bottom + 10)


# Broken by: _at_gutter or _at_band left out; parts put on the stack in the wrong order.
def test_columns_are_read_one_after_another_between_what_spans_them() -> None:
    title = line("Title", 20, 700, 380)
    left = [line(f"left {n}", 20, 650 - 12 * n) for n in range(6)]
    right = [line(f"right {n}", 220, 650 - 12 * n) for n in range(6)]
    foot = line("Foot", 20, 500, 380)
    found = [title, *left, *right, foot]
    random.Random(0).shuffle(found)
    assert in_reading_order(found) == [title, *left, *right, foot]


# Broken by: _COLUMN = 0, which reads a table column by column.
def test_cells_of_a_row_become_one_line() -> None:
    cells = [
        line(f"{name}{n}", x, 300 - 12 * n + shift, 30)
        for n in range(4)
        for name, x, shift in (("b", 150, 1), ("a", 20, 0), ("c", 300, -1))
    ]
    found = in_reading_order(cells)
    assert [one.text for one in found] == ["a0 b0 c0", "a1 b1 c1", "a2 b2 c2", "a3 b3 c3"]
    assert (found[0].left, found[0].right) == (20, 330)


def test_a_page_without_lines_has_none() -> None:
    assert in_reading_order([]) == []


def test_overlapping_lines_end_and_stay() -> None:
    found = in_reading_order([line(str(n), 20 + n, 300 - n, 200) for n in range(50)])
    assert sorted(" ".join(one.text for one in found).split(), key=int) == [*map(str, range(50))]
