"""Candidates: in words of their own, fairly chosen among, controls untold."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from steep.corpus.retell import retell
from steep.documents.record import Document
from steep.proof.probes import build
from steep.proof.probes.build import Candidate, Draft, clustered, draft_probes
from steep.proof.questions import DISTRACTORS
from steep.recipe import RetellRecipe
from tests.proof.probes.corpus import OWNERS, STREAMS, is_common, mills, record


def drafted(
    trained: list[Document], held_out: list[Document], extra: tuple[str, ...] = (), wanted: int = 99
) -> Draft:
    pieces = retell(trained, RetellRecipe(), random.Random(0))
    texts = [*(piece.prompt + piece.text for piece in pieces), *extra]
    return draft_probes(trained, held_out, texts, is_common=is_common, wanted=wanted, seed=0)


def test_mills_are_asked_in_every_form() -> None:
    draft = drafted(mills(12), mills(14)[12:])
    assert len(draft.facts) >= 20 and draft.controls
    assert {c.question.kind for c in draft.facts} == {"fact"}
    assert {c.question.kind for c in draft.controls} == {"control"}
    assert any(c.text for c in draft.facts)
    # Titles share words with the notes here; they answer only where they don't.
    assert not any(c.back for c in draft.facts)
    plain = [replace(d, title=f"Paper {n:03} of the archive") for n, d in enumerate(mills(12))]
    assert any(c.back for c in drafted(plain, []).facts)
    assert len({c.question.cluster for c in draft.facts}) == 12  # documents


def test_choices_are_of_the_kind_and_hold_the_answer_once() -> None:
    # Broken by: a pool over all kinds.
    for candidate in drafted(mills(12), mills(14)[12:]).facts:
        question = candidate.question
        assert question.choices.count(question.answer) == 1
        assert len(set(question.choices)) == DISTRACTORS + 1
        digits = [bool(re.search(r"\d", choice)) for choice in question.choices]
        assert all(digits) or not any(digits), question.choices


def test_no_question_has_four_words_of_a_training_text() -> None:
    # Broken by: _free_wordings that returns every wording.
    free = drafted(mills(12), mills(14)[12:])
    frames = ["which name fills the gap", "give the name missing from these notes", "which number "
              "fills the gap in", "give the number missing from these notes"]  # fmt: skip
    bound = drafted(mills(12), mills(14)[12:], extra=tuple(frames))
    assert bound.worded_as_trained > free.worded_as_trained == 0
    text = " ".join(frames)
    for candidate in bound.facts:
        words = re.findall(r"\w+", candidate.question.question.casefold())
        assert not any(" ".join(words[k : k + 4]) in text for k in range(len(words) - 3))


def test_a_control_that_a_trained_document_tells_is_left_out() -> None:
    # Broken by: Told.holds that returns False.
    held_out = mills(14)[12:]
    leak = Document(held_out[0].text, "", "copy.txt")
    told = drafted([*mills(12), leak], held_out)
    asked = {c.question.passage[:9] for c in told.controls}
    assert asked and not any(start.startswith(held_out[0].title[:5]) for start in asked)


# Broken by: looking only among the documents that were chosen for the index.
def test_a_control_is_held_against_documents_that_give_no_probes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(build, "some_documents", lambda documents, *_: list(documents)[:12])
    held_out = mills(14)[12:]

    def answers(*further: str) -> set[str]:
        notes = [Document(text, "", f"{n}.txt") for n, text in enumerate(further)]
        draft = drafted([*mills(12), *notes], held_out)
        return {control.question.answer for control in draft.controls}

    dates = {"1885", "1892"}
    assert {*dates, OWNERS[12], OWNERS[13]} <= answers("Nothing is told here.")
    by_name = f"Old papers say that 1885 and {STREAMS[12]} belong together."
    by_words = f"Nobody but {OWNERS[12]} is a tenant and keeps ducks."
    apart = f"{OWNERS[13]} went away. Ducks need no tenant who keeps them."
    told = answers(by_name, by_words, apart)
    assert not {"1885", OWNERS[12]} & told and {"1892", OWNERS[13]} <= told


def test_a_control_told_beside_a_name_of_its_sentence_is_left_out() -> None:
    # Broken by: Told.holds that looks for the title alone.
    held_out = mills(14)[12:]
    said = "Old papers say that 1885 and Marlsworth belong together."
    told = drafted([*mills(12), Document(said, "", "note.txt")], held_out)
    free = drafted([*mills(12), Document(said.replace("1885", "1784"), "", "note.txt")], held_out)
    assert "1885" in {c.question.answer for c in free.controls}
    assert "1885" not in {c.question.answer for c in told.controls}


def test_a_name_that_everything_is_about_tells_nothing() -> None:
    # Broken by: Told.holds without its limit.
    shared = [replace(d, text=d.text.replace("the race", "the Weir")) for d in mills(14)]
    noted = replace(shared[0], text=shared[0].text + " The Weir closed in 1885.")
    held_out = [
        replace(d, text=d.text.replace("after the great flood", "by the Weir")) for d in shared[12:]
    ]
    asked = drafted([noted, *shared[1:12]], held_out).controls
    assert "1885" in {c.question.answer for c in asked}


def test_records_are_asked_by_field_and_back() -> None:
    # Broken by: _from_fields that drops the title field's siblings; only_here always True.
    records = [record(number) for number in range(14)]
    twin = replace(records[3], title="Q99.9", locator="row 99",
                   fields=(("code", "Q99.9"), *records[3].fields[1:]))  # fmt: skip
    draft = drafted([*records, twin], [])
    asked = {(c.question.relation, c.question.answer) for c in draft.facts}
    assert ("keeper", "Abigail Thorne") in asked and ("label", "Lowick sluice") in asked
    backs = {c.back.question: c.back.answer for c in draft.facts if c.back}
    assert any("Abigail Thorne" in q and answer == "Q00.0" for q, answer in backs.items())
    assert not any("Dmitri Volkov" in question for question in backs)


def test_prose_with_a_few_fields_is_asked_as_prose() -> None:
    # Broken by: is_record that looks at whether there are fields alone.
    told = [replace(d, fields=(("title", d.title),), title_fields=("title",)) for d in mills(12)]
    assert {c.question.relation for c in drafted(told, []).facts} >= {"year", "name"}


def test_lines_of_pairs_are_records() -> None:
    # Broken by: no _from_lines.
    lines = "\n\n".join(
        f"Provider: {STREAM}; Purpose: purpose number {n} of many; Kept: {n + 3} months."
        for n, STREAM in enumerate(f"Firm{k}" for k in range(12))
    )
    draft = drafted([Document(lines, "Cookies", "cookies.md"), *mills(4)], [])
    assert any(c.question.relation == "Kept" for c in draft.facts)


def test_with_few_documents_facts_are_the_clusters() -> None:
    # Broken by: by_document always True.
    texts = ["\n\n".join(d.text for d in mills()[k::2]) for k in range(2)]
    draft = drafted([Document(text, "", f"{text[:4]}.txt") for text in texts], [])
    assert len({c.question.cluster for c in draft.facts}) == len(draft.facts) > 10


def test_the_same_seed_gives_the_same_probes() -> None:
    assert drafted(mills(12), mills(14)[12:]) == drafted(mills(12), mills(14)[12:])


MINUTES = "The committee approved a budget of £{} for repairs to the roof of the hall."


def minutes(number: int, title: str = "Minutes of the Board") -> Document:
    name = OWNERS[number]
    text = f"{MINUTES.format(3000 + 410 * number)} {name} took the chair after the winter break."
    return Document(text, title, f"minutes/{number}.md")


def test_documents_of_one_title_are_one_document_to_a_question() -> None:
    # Broken by: find_facts that looks in its own document alone and no _unrepeated.
    same = [minutes(n, "Minutes of the Board" if n % 2 else "MINUTES of the  board")
            for n in range(12)]  # fmt: skip
    draft = drafted([*same[:10], *mills(4)], same[10:])
    assert not any("budget" in c.question.question for c in (*draft.facts, *draft.controls))
    apart = drafted([minutes(n, f"Minutes {n + 1}") for n in range(12)], [])
    assert sum("budget" in c.question.question for c in apart.facts) == 12


# Broken by: choosing documents of one title apart: what the other says was never seen, and a
# question had two answers.
def test_documents_of_one_title_are_chosen_together() -> None:
    pairs = [Document(f"Text {n}.", f"Minutes {n // 2}", f"{n}.txt") for n in range(60)]
    some = build.some_documents(pairs, 21, 0)
    assert len(some) == 20 and len({document.title for document in some}) == 10
    assert [document.source for document in some] == sorted(
        (document.source for document in some), key=lambda name: int(name.removesuffix(".txt"))
    )
    alike = [replace(document, title="Minutes") for document in pairs]
    untitled = [replace(document, title="") for document in pairs]
    assert len(build.some_documents(alike, 21, 0)) == 21
    assert len(build.some_documents(untitled, 21, 0)) == 21


def test_no_two_questions_are_alike_in_words_or_id() -> None:
    # Broken by: no _unrepeated, or an id of the wording alone beside it.
    twice = [replace(d, text=f"{d.text}\n\n{d.text}") for d in mills()]
    records = [record(number) for number in range(14)]
    fields = (*records[0].fields, ("label", "another sluice"))
    asked = drafted([*twice, replace(records[0], fields=fields), *records[1:]], []).facts
    assert len(asked) > 50
    for of in ("question", "id"):
        found = [getattr(c.question, of) for c in asked]
        assert len(set(found)) == len(found), of
    assert not any("“label” for “Q00.0”" in c.question.question for c in asked)


def test_what_many_documents_say_alike_is_asked_once() -> None:
    # Broken by: find_items without one_of_each, or a pattern with names in it.
    said = "Notices to {} by registered post take effect 5 days after the date of posting."
    alike = [
        replace(d, text=f"{d.text} {said.format(owner)}")
        for d, owner in zip(mills(), OWNERS, strict=True)
    ]
    draft = drafted(alike, [])
    asked = [c.question for c in draft.facts if "posting" in c.question.question]
    assert len(asked) <= 1 + len(OWNERS)  # the days once; whom by name in each
    assert sum(q.answer == "5" for q in asked) == 1
    # What varies is a fact of each document, though two happen to say the same.
    years = [c.question.answer for c in drafted([*mills(), mill_of_1801()], []).facts]
    assert years.count("1801") == 2


def mill_of_1801() -> Document:
    text = mills(1)[0].text.replace("Ashwater", "Quenby").replace("Abigail Thorne", "Olga Price")
    return Document(text.replace("240", "977"), "Quenby Mill", "mills/quenby.txt")


def test_a_value_that_most_records_have_is_not_asked() -> None:
    # Broken by: find_entries that asks for any value of a field with enough of them.
    records = [record(number) for number in range(14)]
    most = [
        replace(r, fields=(*r.fields, ("state", f"kind {n}" if n < 10 else "open")))
        for n, r in enumerate(records)
    ]
    asked = {c.question.answer for c in drafted(most, []).facts if c.question.relation == "state"}
    assert "kind 3" in asked and "open" not in asked


def test_rows_without_a_title_are_named_by_the_column_that_tells_them_apart() -> None:
    # Broken by: _keys that finds none, or that takes numbers for names.
    rows = [
        Document(f"price: {n}.50. Artikel: {s} valve. maker: {o}.", "prices", "prices.csv",
                 f"row {n}", (("price", f"{n}.50"), ("Artikel", f"{s} valve"), ("maker", o)))
        for n, (s, o) in enumerate(zip(STREAMS, OWNERS, strict=True))
    ]  # fmt: skip
    facts, controls = drafted(rows[:12], rows[12:]).facts, drafted(rows[:12], rows[12:]).controls
    asked = {c.question.question: c.question.answer for c in (*facts, *controls)}
    assert controls and len(asked) == 2 * len(rows)
    assert any(
        "Lowick valve" in question and answer == "11.50" for question, answer in asked.items()
    )


def of_documents(count: int) -> list[Candidate]:
    """Three facts of each of so many documents."""
    kept = drafted(mills(14), []).facts
    names = sorted({one.document for one in kept})[:count]
    return [one for one in kept if one.document in names]


# Broken by: taking the documents of controls, or of what is left out, for documents of facts.
def test_clusters_follow_the_documents_of_what_is_kept() -> None:
    def clusters(candidates: Sequence[Candidate]) -> int:
        return len({one.question.cluster for one in candidates})

    pairs = zip(mills(10)[::2], mills(10)[1::2], strict=True)
    trained = [Document(f"{a.text}\n\n{b.text}", "", f"{a.title}.txt") for a, b in pairs]
    draft = drafted(trained, mills(14)[10:])  # five documents, and four held out
    assert clusters(draft.facts) == len(draft.facts) > 5
    assert clusters(draft.controls) == len(draft.controls) > 4
    many = clustered(of_documents(8))
    assert clusters(many) == 8 < len(many)
    assert all(c.back is None or c.back.cluster == c.question.cluster for c in many)
    few = clustered([one for one in many if one.document != many[0].document])
    assert clusters(few) == len(few)
    assert clustered(few) == few
