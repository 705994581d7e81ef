import pytest

from steep.documents.files.entry import UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.tables.csv_files import read_csv
from steep.documents.tables.json_files import read_jsonl
from steep.documents.tables.rows import Records, piece_of


def whole(piece: Piece | Fault) -> tuple[str, str | None, str]:
    """A piece without its fields."""
    assert isinstance(piece, Piece)
    return piece[:3]


def test_a_text_column_is_the_document_and_a_title_column_its_title() -> None:
    pieces = list(read_csv("ID,Title,Content\n7,CloudAI,It trains models.\n8,,संस्था\n"))
    assert [whole(piece) for piece in pieces] == [
        ("It trains models.", "CloudAI", "row 1"),
        ("संस्था", "8", "row 2"),
    ]


def test_without_a_text_column_every_column_is_said() -> None:
    (piece,) = read_csv("Name,Founded,Note\nTechCorp,1999,Open on Sunday!\n")
    assert whole(piece) == (
        "Name: TechCorp. Founded: 1999. Note: Open on Sunday!",
        "TechCorp",
        "row 1",
    )


# Broken by: fields = () in piece_of; said = () there; a flat that keeps the text field.
def test_the_fields_stay_with_the_piece_and_know_the_title() -> None:
    table = f" ID ,Title,Content,City,Empty,Essay\n7,CloudAI,It trains.,पुणे,,{'x' * 201}\n"
    (piece,) = read_csv(table)
    assert isinstance(piece, Piece)
    assert piece.fields == (("ID", "7"), ("Title", "CloudAI"), ("City", "पुणे"))
    assert piece.title_fields == ("Title",)
    (untitled,) = read_jsonl('{"title": null, "text": "one", "seat": {"city": "Bonn"}}')
    assert isinstance(untitled, Piece)
    assert untitled.fields == (("seat city", "Bonn"),) and untitled.title_fields == ()


LONG = "The pump stops when its seal is worn, since water then runs into the bearing. " * 4
LONG = LONG.strip()


def row(**fields: object) -> Piece:
    return piece_of(fields, "")


# Broken by: long_texts left out of _found_text; the texts not in the record's order.
def test_long_texts_beside_the_text_stand_with_it() -> None:
    ticket = row(subject="Pump", description="It stops.", resolution=LONG, place="Bonn")
    assert ticket.text == f"It stops.\n\nresolution: {LONG}"
    assert ticket.fields == (("subject", "Pump"), ("place", "Bonn"))
    assert row(abstract=LONG, body="Whole.").text == f"abstract: {LONG}\n\nWhole."


# Broken by: long_texts asked although the user named the text.
def test_the_text_that_the_user_names_is_all_of_it() -> None:
    fields = {"text": "Yes.", "body": LONG, "title": "Pump"}
    assert piece_of(fields, "", {"text": "text"}).text == "Yes."
    assert piece_of({**fields, "text": ""}, "", {"text": "text"}).text == ""


# Broken by: the first text field taken though it is empty.
def test_a_text_field_that_is_empty_gives_way_to_others() -> None:
    assert row(content=" ", body="Here.").text == "Here."
    screw = row(name="Screw M5", price="0.12", description="")
    assert screw.text == "name: Screw M5. price: 0.12."
    assert row(title="Gone", id="P-7", url="https://example.org/7", text=None).text == ""
    assert row(name="A v. B", pages="9", plain_text="", html="").text == ""


# Broken by: lacks_text always None; fatal faults; _met not kept.
def test_a_record_without_the_named_text_is_a_drop_unless_all_are() -> None:
    records = Records({"text": "Answer", "title": "ask"})
    found = [records.piece({"answer": "a"}, "1"), records.piece({"ask": "b"}, "2")]
    assert isinstance(found[0], Piece) and found[0].title is None
    assert isinstance(found[1], Fault) and not found[1].fatal
    assert found[1].detail == "has no field 'Answer' for its text; it has ask"
    assert not list(records.mistakes())
    records = Records({"text": "answr"})
    records.piece({"answer": "a"}, "1")
    (mistake,) = records.mistakes()
    assert mistake.fatal and "'answr'" in mistake.detail
    with pytest.raises(UnreadableError, match="answr"):
        for number in range(1000):
            records.piece({"answer": "a"}, str(number))


# Broken by: the last of names that differ in case alone.
def test_of_two_names_the_first_counts() -> None:
    assert row(name="a", Name="c", Text="one", text="two")[:2] == ("one", "a")
