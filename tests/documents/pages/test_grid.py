from steep.documents.pages.grid import Cell, table_lines


def cell(text: str, heading: bool = False, colspan: str = "1", rowspan: str = "1") -> Cell:
    return (text, heading, colspan, rowspan)


def test_fact_boxes_use_the_first_cell_as_the_name() -> None:
    rows = [[cell("Born", True), cell("1970")], [cell("Town", True), cell("Bonn")]]
    assert table_lines(rows) == ["Born: 1970.", "Town: Bonn."]


def test_stacked_headers_are_joined() -> None:
    rows = [
        [cell("Sales", True, colspan="2")],
        [cell("2023", True), cell("2024", True)],
        [cell("5"), cell("6")],
    ]
    assert table_lines(rows) == ["Sales 2023: 5; Sales 2024: 6."]


def test_rows_without_headers_are_joined_cells() -> None:
    assert table_lines([[cell("a"), cell("b!")]]) == ["a; b!"]


def test_hostile_spans_are_bounded() -> None:
    rows = [[cell("x", True, "9" * 5000, "1000000")], [cell("y", False, "-1", "")]]
    assert len(" ".join(table_lines(rows))) < 1000


def test_an_empty_table_is_nothing() -> None:
    assert table_lines([]) == [] and table_lines([[]]) == []
