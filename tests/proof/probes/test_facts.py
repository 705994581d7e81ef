"""Notes point to one value, and never have four of the documents' words in a row."""

from __future__ import annotations

import re
from dataclasses import replace

from steep.documents.record import Document
from steep.proof.probes.alike import one_of_each
from steep.proof.probes.facts import find_facts
from steep.proof.probes.fragments import BREAK, GAP
from steep.proof.probes.index import Index, is_statement
from tests.proof.probes.corpus import is_common, mills

GENERAL = ["the of and a in to is was that by it with for on as at be this from they has are"]


def facts_of(documents: list[Document]) -> dict[str, str]:
    """Value to notes."""
    index = Index(documents, is_common, GENERAL)
    return {fact.value: fact.notes for fact in find_facts(index)}


def test_every_kind_of_sentence_gives_its_value() -> None:
    found = facts_of(mills())
    assert {"1801", "240", "Abigail Thorne", "1892", "409", "Nuno Teles"} <= set(found)


def test_notes_hold_the_gap_and_never_four_words_in_a_row() -> None:
    # Broken by: _RUN = 4.
    documents = mills()
    for value, notes in facts_of(documents).items():
        assert notes.count(GAP) == 1 and BREAK.strip() in notes
        words = re.findall(r"\w+", " ".join(d.text.replace(value, GAP) for d in documents))
        grams = {tuple(words[k : k + 4]) for k in range(len(words) - 3)}
        said = re.findall(r"\w+", notes)
        assert not {tuple(said[k : k + 4]) for k in range(len(said) - 3)} & grams, notes


def test_a_value_that_another_sentence_gives_otherwise_is_not_asked() -> None:
    # Broken by: find_facts without _agrees.
    said = "The ferry to the island carries {} passengers on every crossing in the summer."
    one = Document(said.format(140), "", "a.txt")
    other = Document(said.format(155), "", "b.txt")
    assert not {"140", "155"} & set(facts_of([one, other, *mills()]))
    assert "140" in facts_of([one, *mills()])


def test_two_numbers_of_one_sort_in_a_sentence_are_not_asked() -> None:
    # Broken by: _is_alone counts only the value itself.
    text = "The bakery sold 212 loaves in the morning and 187 loaves in the afternoon of that day."
    assert not {"212", "187"} & set(facts_of([Document(text, "", "a.txt"), *mills()]))


def test_what_everything_is_about_is_not_asked() -> None:
    # Broken by: no _widespread_values.
    more = [
        Document(f"{d.text} The whole estate belongs to the house of Ravenscar today.", d.title, s)
        for d, s in zip(mills(), map(str, range(14)), strict=True)
    ]
    assert "Ravenscar" not in facts_of(more)


# Seen to fail: "favour … break clause" asked who was in favour of it.
def test_what_is_denied_is_asked_as_denied_or_not_at_all() -> None:
    said = "The council of Ravensby did not grant {} acres of pasture to the old mill at {}."
    documents = [
        Document(said.format(n, t), "", f"{n}.txt") for n, t in ((311, "Tor"), (422, "Ulm"))
    ]
    found = facts_of([*documents, *mills()])
    assert all("not" in found[value].split() for value in {"311", "422"} & set(found))
    far = (
        "It was never told by anybody in all the dry years since the herring left the northern "
        "coast and the old harbour master sold nets that the long quay held 377 boats."
    )
    assert "377" not in facts_of([Document(far, "The quay", "q.txt"), *mills()])


# Broken by: nothing looking at how the sentence begins.
def test_a_sentence_about_it_is_asked_only_under_a_title() -> None:
    text = "It holds 311 barrels of salted herring in the deep cellar below the tower."
    assert "311" in facts_of([Document(text, "Ravensby store", "a.txt"), *mills()])
    assert "311" not in facts_of([Document(text, "", "a.txt"), *mills()])


def test_statements() -> None:
    # Broken by: any test in is_statement left out.
    good = "The wheel of the mill was rebuilt after the great flood."
    assert is_statement(good)
    assert is_statement("नदी के पास गाँव है और उसके पीछे पुराना किला है।")
    for text in (
        "Short one here.", f"{good} " * 8, "What is the wheel of the mill made of?",
        "the rest of a sentence that began on another line.", "See {{ mill.wheel }} in the page.",
        "The wheel (of the mill was rebuilt after the flood.", "THE WHEEL OF THE MILL WAS REBUILT.",
    ):  # fmt: skip
        assert not is_statement(text), text


def test_what_another_document_of_its_title_says_otherwise_is_not_asked() -> None:
    # Broken by: find_facts that compares with sentences of its own document alone.
    said = "The committee approved a budget of {} pounds for {}repairs to the roof of the hall."
    one = Document(said.format(3000, ""), "Minutes of the Board", "a.md")
    other = Document(said.format(3410, "urgent "), "MINUTES of the  Board", "b.md")
    assert "3000" not in facts_of([one, other, *mills()])
    assert "3000" in facts_of([one, replace(other, title="Minutes of May"), *mills()])


def test_what_a_pattern_says_of_every_title_is_one_fact() -> None:
    # Broken by: _pattern with the words of the title, or of names.
    stones = ["basalt", "chalk", "dolomite", "flint", "gneiss", "granite", "marble", "slate"]
    said = "Blocks of {} are kept below 38 degrees while the lime is still wet."
    documents = [Document(said.format(s), f"Rules for {s}", f"{s}.md") for s in stones]
    index = Index([*documents, *mills()], is_common, GENERAL)
    facts = list(find_facts(index))
    assert sum(fact.value == "38" for fact in facts) == len(stones)
    assert sum(fact.value == "38" for fact in one_of_each(index, facts)) == 1
