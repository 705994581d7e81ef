"""Repeated lines and paragraphs: cut only where they are furniture, and never all of them."""

from __future__ import annotations

from steep.documents.read import _characters
from steep.documents.record import Document
from steep.documents.repeats import cut_repeats

HEAD = "Acme GmbH | Internal and confidential | Do not distribute"
FOOT = "Home\nProducts\nContact us and find our offices\nLegal notice"


def page(number: int, *, folder: str = "site", inner: str = "") -> Document:
    body = f"Page {number}.\n\n{inner or f'Text {number} says what only page {number} says, at length. ' * 4}"
    body = body.strip()
    return Document(f"{HEAD}\n\n{body}\n\n{FOOT}", f"p{number}", f"{folder}/{number}.html")


def lines_of(documents: list[Document]) -> set[str]:
    return {line for document in documents for line in document.text.split("\n")}


# Broken by: the first document cut too, or lines counted in another folder.
def test_furniture_stays_in_the_first_document_alone() -> None:
    before = [page(n) for n in range(8)]
    result = cut_repeats(before)
    assert HEAD in result.documents[0].text and FOOT in result.documents[0].text
    assert all(HEAD not in d.text and "Legal notice" not in d.text for d in result.documents[1:])
    assert all(f"Text {n} says" in d.text for n, d in enumerate(result.documents))
    assert lines_of(result.documents) == lines_of(before)
    assert result.counts["repeated lines cut"] == 7 * 5
    assert result.counts["repeated"] == _characters(before) - _characters(result.documents)
    assert result.cut[result.documents[3].id] == [HEAD, *FOOT.split("\n")]


def test_what_is_no_furniture_stays() -> None:
    few = [page(n) for n in range(4)]
    assert cut_repeats(few).documents == few
    apart = [page(n, folder=f"site{n}") for n in range(9)]
    assert cut_repeats(apart).documents == apart
    headings = [Document(f"Overview\n\nText {n} of it.", "t", f"d/{n}.md") for n in range(9)]
    assert cut_repeats(headings).documents == headings
    revisions = [Document(f"{HEAD}\n{FOOT}\nVersion {n}", "t", f"d/{n}.txt") for n in range(9)]
    assert cut_repeats(revisions).documents == revisions
    code = [Document(f"{HEAD}\n{FOOT}\n{'x = 1 ' * 90}", "t", f"d/{n}.py") for n in range(9)]
    assert cut_repeats(code).documents == code
    rows = [
        Document(f"{HEAD}\n{'words ' * 90}", "t", "t.csv", f"row {n}", (("a", "b"),))
        for n in range(9)
    ]
    assert cut_repeats(rows).documents == rows
    kept = [page(n) for n in range(8)]
    assert cut_repeats(kept, lines=False).documents == kept


def test_paragraphs_are_counted_and_cut_only_on_request() -> None:
    clause = (
        "The supplier is liable for damage only where it acted with gross negligence or intent."
    )
    inner = [f"Clause {n} is about its own matter.\n\n{clause}" for n in range(3)]
    before = [Document(text, "t", f"d/{n}.txt") for n, text in enumerate(inner)]
    before.append(Document(clause, "t", "d/last.txt"))
    counted = cut_repeats(before)
    assert counted.documents == before
    assert counted.found == {"paragraphs": 1, "copies": 3, "characters": 3 * len(clause)}
    cut = cut_repeats(before, paragraphs=True)
    assert [clause in d.text for d in cut.documents] == [True, False, False]
    assert [(d.source, d.reason) for d in cut.drops] == [("d/last.txt", "repeated")]
    assert cut.counts["repeated"] == _characters(before) - _characters(cut.documents)


ALLERGIES = "Allergies: no known drug allergies were reported at all"
LAW = "This agreement is governed by the laws of the State of Delaware."


def note(number: int, end: str, *, mail: bool = False) -> Document:
    text = f"{f'Note {number} says what only note {number} says. ' * 6}\n\n{end}".strip()
    fields = (("From", "Ada"),) if mail else ()
    return Document(text, "t", f"notes/{number}.txt", fields=fields)


# Broken by: _is_said left out, either of its patterns, or _FEWEST_OF_SAID at 5.
def test_what_many_documents_say_is_no_furniture() -> None:
    for line in (ALLERGIES, LAW):
        most = [note(n, "" if n == 3 else line) for n in range(10)]
        assert cut_repeats(most).documents == most
        more = [note(n, line if n % 5 else "") for n in range(30)]
        assert cut_repeats(more).documents == more
        nearly_all = [note(n, line if n else "") for n in range(30)]
        assert cut_repeats(nearly_all).counts["repeated lines cut"] == 28
        all_of_few = [note(n, line) for n in range(6)]
        assert cut_repeats(all_of_few).documents == all_of_few


# Broken by: mail asked for as many.
def test_a_disclaimer_of_mail_is_furniture() -> None:
    mails = [note(n, LAW if n % 2 else "", mail=True) for n in range(12)]
    assert cut_repeats(mails).counts["repeated lines cut"] == 5
