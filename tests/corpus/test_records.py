"""Records in sentences: every field is said, in several ways, under the record's own subject."""

from __future__ import annotations

import random

from steep.corpus.frames import FRAMES, NEUTRAL
from steep.corpus.records import (
    field_sentences,
    is_record,
    record_sentences,
    record_subjects,
)
from steep.corpus.retell import retell
from steep.corpus.spans import SpanFinder
from steep.documents.record import Document
from steep.recipe import RetellRecipe

FIELDS = (("code", "A00.1"), ("label", "Cholera"), ("first_seen", "1987."), ("{odd}", "{x} 7"))
RECORD = Document(
    "code: A00.1. label: Cholera. first_seen: 1987. {odd}: {x} 7.",
    "A00.1 Cholera",
    "codes.xml",
    "1",
    FIELDS,
    ("code", "label"),
)
PROSE = Document("A long text about cholera. " * 9, "Cholera", "c.csv", "row 1", (("ward", "7"),))


def test_what_a_record_is() -> None:
    assert is_record(RECORD)
    assert not is_record(PROSE)
    assert not is_record(Document("Text.", "T", "t.txt"))


# Broken by: naming a record by its whole title, so that no field says the other half.
def test_every_other_field_is_said_of_the_first_field_of_the_title() -> None:
    (about,) = record_subjects([RECORD])
    said, texts = field_sentences(RECORD, about, SpanFinder([RECORD.text]))
    assert texts == ()
    for sentences in (
        [said],
        record_sentences(RECORD, about, FRAMES["en"], 3, random.Random(0)),
    ):
        for version in sentences:
            assert {s.spans[0].text for s in version} == {"Cholera", "1987", "{x} 7"}
            for sentence in version:
                (span,) = sentence.spans
                assert sentence.subject == "A00.1"
                assert sentence.text[span.start : span.end] == span.text


# Broken by: the same frame in every version.
def test_each_version_has_other_words() -> None:
    for frames in (FRAMES["en"], FRAMES["zh"], NEUTRAL):
        versions = record_sentences(RECORD, "A00.1", frames, 3, random.Random(0))
        assert len(versions) == 3
        for value in ("Cholera", "1987", "{x} 7"):
            said = {s.text for v in versions for s in v if s.spans[0].text == value}
            assert len(said) == 3
            assert all("A00.1" in text and value in text for text in said)


def test_a_record_of_its_title_alone_says_nothing_more() -> None:
    bare = Document("name: Acme.", "Acme", "a.csv", "row 1", (("name", "Acme"),), ("name",))
    assert record_sentences(bare, "Acme", NEUTRAL, 2, random.Random(0)) == []
    assert field_sentences(bare, "Acme", SpanFinder([bare.text])) == ((), ())


def row(number: int, *fields: tuple[str, str], title: str = "prices") -> Document:
    text = " ".join(f"{name}: {value}." for name, value in fields)
    return Document(text, title, f"{title}.csv", f"row {number}", fields)


# Broken by: the file's name as every row's subject; a field that two rows have as theirs.
def test_rows_without_a_title_are_called_by_what_tells_them_apart() -> None:
    names = ("Bolt", "Nut", "Nail", "nail")
    prices = [row(n, ("colour", "red"), ("item", name)) for n, name in enumerate(names)]
    years = [row(n, ("year", str(1990 + n)), ("staff", "7"), title="years") for n in range(3)]
    alone = [Document("town: Oslo.", "acme", "acme.json", "", (("town", "Oslo"),))]
    titled = [row(1, ("item", "Bolt"), title="Prices of today")]
    titled = [Document(d.text, d.title, "p.csv", d.locator, d.fields) for d in titled]
    long = "Said at length. " * 9
    told = [Document(long, "notes", "n.jsonl", f"line {n}", (("id", f"x{n}"),)) for n in (1, 2)]
    found = record_subjects([*prices, *years, *alone, *titled, *told])
    assert found == ["Bolt", "Nut", "", "", "", "", "", "acme", "Prices of today", "", ""]


# Broken by: the key field left out of the chunk's head, or items of rows that nothing names.
def test_nothing_is_asked_of_a_tables_name() -> None:
    prices = [(("item", f"Bolt {n}"), ("price", f"{10 + n}"), ("colour", "red")) for n in range(3)]
    rows = [row(n, *fields) for n, fields in enumerate(prices)]
    rows += [row(n, ("year", str(1990 + n)), ("staff", "7"), title="years") for n in range(3)]
    pieces = retell(rows, RetellRecipe(records=2, questions=1), random.Random(0))
    retold = [p for p in pieces if p.kind != "document"]
    assert {p.kind for p in retold} >= {"record", "cloze", "question", "permuted"}
    assert not any(name in p.prompt + p.text for p in retold for name in ("prices", "years"))
    assert all("Bolt" in p.prompt + p.text for p in retold)


LONG = "Made by Acme Corp in Lyon since 1987, it holds doors, gates and shutters of every kind " * 2
PART = " > ".join(["Catalogue of everything that is sold in the shop", "Ironware for doors"] * 2)


# Broken by: records that aren't retold by default, or the fields beside a text told as well.
def test_records_are_said_in_words_and_what_stands_beside_a_text_only_if_asked_for() -> None:
    rows = [row(n, ("item", f"Bolt {n}"), ("colour", f"red {n}")) for n in range(3)]
    prose = [Document("Acme makes pumps. " * 9, "Acme", "a.jsonl", "line 1", (("ward", "East"),))]
    pieces = retell([*rows, *prose], RetellRecipe(), random.Random(0))
    assert [p.document for p in pieces if p.kind == "record"] == [d.id for d in rows for _ in "12"]
    assert any("Bolt 1" in p.prompt and p.text.strip() == "red 1" for p in pieces)
    assert not any("East" in p.text for p in pieces)
    more = retell([*rows, *prose], RetellRecipe(metadata=1), random.Random(0))
    assert any("East" in p.text for p in more if p.kind == "record")


# Broken by: a description asked for as a whole or not at all; a place in a tree asked for.
def test_a_long_value_is_a_text_and_no_answer() -> None:
    fields = (("item", "Bolt"), ("price", "7"), ("note", LONG.strip()), ("within", PART))
    rows = [row(1, *fields), row(2, ("item", "Nut"), ("note", "short"))]
    retold = retell(rows, RetellRecipe(cloze=9), random.Random(0))
    pieces = [p for p in retold if p.prompt]
    assert {p.text.strip() for p in pieces} >= {"Acme Corp", "Lyon", "1987", "short"}
    assert not any("Catalogue" in p.prompt + p.text for p in pieces)
    assert max(len(p.text) for p in pieces) < 20
    assert all("about Bolt" in p.prompt for p in pieces if "Acme Corp" in p.text)
    shuffled = " ".join(p.text for p in retold if p.kind == "permuted")
    assert LONG.strip() in shuffled and "Price: 7" in shuffled
