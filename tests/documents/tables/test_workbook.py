"""Workbooks, written here part by part."""

import io
import zipfile
from datetime import datetime

import pytest

from steep.documents.formats import Fault, Piece, read_bytes
from steep.documents.tables.workbook import _said

pytest.importorskip("python_calamine", reason="needs steep[office]")


SHEET = (
    '<row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c><c r="B1" t="inlineStr"><is><t>depth</t></is></c></row>'
    '<row r="3"><c r="A3" t="inlineStr"><is><t>North</t></is></c><c r="B3"><v>9</v></c></row>'
)


def workbook(*sheets: str) -> bytes:
    s = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    names = ("Piers", "Ships", "Dues")
    named = "".join(
        f'<sheet name="{names[n]}" sheetId="{n + 1}" r:id="r{n}"/>' for n in range(len(sheets))
    )
    parts = "".join(
        f'<Relationship Id="r{n}" Type="{rel}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in range(len(sheets))
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{s}" xmlns:r="{rel}"><sheets>{named}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{parts}</Relationships>',
        )
        for n, sheet in enumerate(sheets):
            whole = f'<worksheet xmlns="{s}">{sheet}</worksheet>'
            archive.writestr(f"xl/worksheets/sheet{n}.xml", whole)
    return out.getvalue()


def sheet(*rows: list[str | float], merged: tuple[str, ...] = ()) -> str:
    """A sheet of rows as they stand in the file; an empty cell isn't written."""
    written = []
    for number, row in enumerate(rows, start=1):
        cells = (
            f'<c r="{chr(65 + at)}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
            if isinstance(value, str)
            else f'<c r="{chr(65 + at)}{number}"><v>{value!r}</v></c>'
            for at, value in enumerate(row)
            if value != ""
        )
        written.append(f'<row r="{number}">{"".join(cells)}</row>')
    cells_merged = "".join(f'<mergeCell ref="{one}"/>' for one in merged)
    tail = f"<mergeCells>{cells_merged}</mergeCells>" if merged else ""
    return f"<sheetData>{''.join(written)}</sheetData>{tail}"


def pieces(data: bytes, **options: str) -> list[Piece]:
    found = list(read_bytes("a.xlsx", data, options))
    assert all(isinstance(one, Piece) for one in found), found
    return [one for one in found if isinstance(one, Piece)]


def texts(*rows: list[str | float], merged: tuple[str, ...] = ()) -> list[str]:
    return [one.text for one in pieces(workbook(sheet(*rows, merged=merged)))]


def test_a_workbook() -> None:
    (found,) = pieces(workbook(f"<sheetData>{SHEET}</sheetData>"))
    assert (found.text, found.title, found.locator) == (
        "name: North. depth: 9.",
        "North",
        "Piers row 1",
    )


# Broken by: _filled_down giving rows as they are; filling what isn't empty, or beyond the end.
def test_a_cell_merged_downward_is_in_each_row() -> None:
    rows: list[list[str | float]] = [
        ["group", "item"],
        ["Fruit", "apple"],
        ["", "pear"],
        ["", "plum"],
        ["", "nail"],
        ["", ""],
        ["x" * 201, "one"],
        ["", "two"],
    ]
    assert texts(*rows, merged=("A2:A4", "A7:A8")) == [
        "group: Fruit. item: apple.",
        "group: Fruit. item: pear.",
        "group: Fruit. item: plum.",
        "item: nail.",
        f"group: {'x' * 201}. item: one.",
        "item: two.",
    ]


# Broken by: _under_groups giving the head as it is; groups not before their columns' names.
def test_groups_of_columns_are_in_their_names() -> None:
    top: list[str | float] = ["City", "2025", "", "2026", ""]
    quarters: list[str | float] = ["", "Q1", "Q2", "Q1", "Q2"]
    bonn: list[str | float] = ["Bonn", 1, 2, 3, 4]
    merged = ("A1:A2", "B1:C1", "D1:E1")
    said = "City: Bonn. 2025 Q1: 1. 2025 Q2: 2. 2026 Q1: 3. 2026 Q2: 4."
    assert texts(top, quarters, bonn, merged=merged) == [said]
    alone: list[str | float] = ["", "People", "", "", ""]
    names: list[str | float] = ["City", "men", "women", "boys", "girls"]
    said = "City: Bonn. People men: 1. People women: 2. People boys: 3. People girls: 4."
    assert texts(alone, names, bonn, merged=("B1:E1",)) == [said]


# Broken by: a row below groups taken for names although it has numbers, or names of its own.
def test_a_wide_name_is_that_of_all_its_columns() -> None:
    rows: list[list[str | float]] = [["Name", "Place", ""], ["Ann", "Mill Lane", "Bonn"]]
    assert texts(*rows, merged=("B1:C1",)) == ["Name: Ann. Place: Mill Lane. Place 3: Bonn."]
    sizes: list[list[str | float]] = [["Sizes", ""], [3, 4], [5, 6]]
    assert texts(*sizes, merged=("A1:B1",)) == ["Sizes: 3. Sizes 2: 4.", "Sizes: 5. Sizes 2: 6."]


def test_a_title_above_the_header_is_told() -> None:
    rows: list[list[str | float]] = [["Prices", "", ""], ["name", "price", "unit"], ["A", 1, "m"]]
    fault, found = read_bytes("a.xlsx", workbook(sheet(*rows, merged=("A1:C1",))))
    assert isinstance(fault, Fault) and (fault.reason, fault.fatal) == ("ignored", False)
    assert isinstance(found, Piece) and found.text == "name: A. price: 1. unit: m."


# Broken by: piece_of, which raises, in place of Records; faults that are all fatal.
def test_a_sheet_without_the_named_text_is_a_drop() -> None:
    piers, ships = sheet(["name", "body"], ["North", "It is deep."]), sheet(["ship"], ["Ada"])
    for sheets, place in (((piers, ships), 1), ((ships, piers), 0)):
        found = list(read_bytes("a.xlsx", workbook(*sheets), {"text": "body"}))
        fault = found.pop(place)
        assert isinstance(fault, Fault) and not fault.fatal and "'body'" in fault.detail
        assert [one.text for one in found if isinstance(one, Piece)] == ["It is deep."]
    *_, last = read_bytes("a.xlsx", workbook(ships), {"text": "body"})
    assert isinstance(last, Fault) and last.fatal and "it has ship" in last.detail


# Broken by: str of a float; seconds cut off.
@pytest.mark.parametrize(
    ("value", "said"),
    [
        (23.788099999999996, "23.7881"),
        (0.1 + 0.2, "0.3"),
        (9.0, "9"),
        (1234567890123456.0, "1234567890123456"),
        (1e20, "1e+20"),
        (True, "true"),
        (datetime(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 9, 59, 59, 999995), "2026-03-02 10:00:00"),
        (" a ", "a"),
    ],
)
def test_cells_are_said_as_they_are_shown(value: object, said: str) -> None:
    assert _said(value) == said
