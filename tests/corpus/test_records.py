"""Records in sentences: every field is said, in several ways, under the record's own subject."""

from __future__ import annotations

import random

from steep.corpus.frames import FRAMES, NEUTRAL
from steep.corpus.records import field_sentences, is_record, record_sentences
from steep.documents.record import Document

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
    for sentences in (
        [field_sentences(RECORD)],
        record_sentences(RECORD, FRAMES["en"], 3, random.Random(0)),
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
        versions = record_sentences(RECORD, frames, 3, random.Random(0))
        assert len(versions) == 3
        for value in ("Cholera", "1987", "{x} 7"):
            said = {s.text for v in versions for s in v if s.spans[0].text == value}
            assert len(said) == 3
            assert all("A00.1" in text and value in text for text in said)


def test_a_record_of_its_title_alone_says_nothing_more() -> None:
    bare = Document("name: Acme.", "Acme", "a.csv", "row 1", (("name", "Acme"),), ("name",))
    assert record_sentences(bare, NEUTRAL, 2, random.Random(0)) == []
    assert field_sentences(bare) == ()
