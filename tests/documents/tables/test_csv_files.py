import csv

from steep.documents.formats import Fault, Piece, read_bytes
from steep.documents.tables.csv_files import read_csv


def whole(piece: Piece | Fault) -> tuple[str, str | None, str]:
    """A piece without its fields."""
    assert isinstance(piece, Piece)
    return piece[:3]


def test_quoted_newlines_and_blank_rows() -> None:
    pieces = list(read_csv('title,text\na,"one\n\ntwo, ""three"""\n\n,\nb,c\n'))
    assert [whole(piece) for piece in pieces] == [
        ('one\n\ntwo, "three"', "a", "row 1"),
        ("c", "b", "row 2"),
    ]


def test_a_single_column_with_commas_stays_whole() -> None:
    assert next(read_csv("text\nHello, world, again\nyes\n")) == Piece(
        "Hello, world, again", None, "row 1"
    )


def test_cells_over_the_csv_limit_are_read() -> None:
    csv.field_size_limit(131072)
    (piece,) = read_csv("text\n" + "x" * 200_000 + "\n")
    assert piece == Piece("x" * 200_000, None, "row 1")


def test_a_csv_without_rows_is_a_fault() -> None:
    for text in ("title,text\n", ""):
        (fault,) = read_csv(text)
        assert isinstance(fault, Fault) and fault.reason == "empty"


def test_what_the_fields_of_a_table_say_stays_with_their_row() -> None:
    rows = list(read_csv("name,price,description\nScrew M5,0.12,\nNut,0.1,Brass.\n"))
    assert [whole(one)[:2] for one in rows] == [
        ("name: Screw M5. price: 0.12.", "Screw M5"),
        ("Brass.", "Nut"),
    ]


# Broken by: a short row without what the user named.
def test_a_short_row_lacks_a_text_and_stops_nothing() -> None:
    table = b"title,answer\nA\nB,b\n"
    first, second = read_bytes("a.csv", table, {"text": "answer"})
    assert whole(first)[:2] == ("", "A") and whole(second)[:2] == ("b", "B")


def test_a_title_above_the_header_is_told() -> None:
    fault, first, _ = read_csv("Prices of 2026,,\n,,\nname,price,unit\nA,1,m\nB,2,m\n")
    assert isinstance(fault, Fault) and not fault.fatal
    assert (fault.reason, fault.detail) == ("ignored", "has 'Prices of 2026' above its header")
    assert whole(first) == ("name: A. price: 1. unit: m.", "A", "row 1")


def test_encodings_and_old_line_ends() -> None:
    table = "name;price\nÄpfel;0,12\n"
    for data in (table.encode("utf-8-sig"), table.encode("utf-16")):
        (found,) = read_bytes("a.csv", data)
        assert whole(found)[0] == "name: Äpfel. price: 0,12."
    (found,) = read_bytes("a.csv", table.replace("\n", "\r").encode())
    assert whole(found)[0] == "name: Äpfel. price: 0,12."


def test_a_clinical_note_that_is_cut_short_is_read() -> None:
    head = "SUBJECT_ID,HADM_ID,TEXT,ISERROR\n"
    assert [whole(one)[0] for one in read_csv(f"{head}1,2,Well.\n1,2\n")] == ["Well.", ""]


# Broken by: the option not asked; the first row taken for names, or lost.
def test_a_table_may_have_no_header() -> None:
    data = b"Guten Morgen\tGood morning\nGute Nacht\tGood night\n"
    found = list(read_bytes("pairs.tsv", data, {"header": "none", "text": "column 2"}))
    assert [piece.text for piece in found if isinstance(piece, Piece)] == [
        "Good morning",
        "Good night",
    ]
    (fault,) = read_bytes("pairs.tsv", data, {"header": "2"})
    assert isinstance(fault, Fault) and "use header=none" in fault.detail
