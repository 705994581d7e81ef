"""The coverage plan: thin facts first, other wordings only, never beyond the budget."""

from __future__ import annotations

import random
from collections import Counter

from steep.corpus.coverage import wordings_of
from steep.corpus.piece import Piece
from steep.corpus.retell import retell
from steep.corpus.subjects import fact_hash
from steep.documents.record import Document
from steep.recipe import RetellRecipe

# Paul Weber and Lyon are told three times, the others once.
TEXT = (
    "Acme Corp was founded in 1987 by Maria Cruz. Acme Corp has 250 people in Oslo. "
    "Acme Corp belongs to Paul Weber in Lyon. Acme Corp listens to Paul Weber in Lyon. "
    "Acme Corp speaks through Paul Weber, in Lyon."
)
DOCUMENTS = [Document(TEXT, "Acme Corp", "acme.txt")]


def _made(**recipe: object) -> list[Piece]:
    return retell(DOCUMENTS, RetellRecipe.model_validate(recipe), random.Random(0))


def _counts(pieces: list[Piece]) -> dict[str, int]:
    told = wordings_of(pieces)
    values = ("1987", "Maria Cruz", "250", "Oslo", "Paul Weber", "Lyon")
    return {value: len(told[fact_hash("Acme Corp", value)]) for value in values}


# Broken by: max for min of the heap's counts, or counting pieces for wordings.
def test_thin_facts_get_wordings_and_others_none() -> None:
    before = _made(coverage=0)
    assert _counts(before) == {"1987": 2, "Maria Cruz": 2, "250": 2, "Oslo": 2,
                               "Paul Weber": 6, "Lyon": 6}  # fmt: skip
    after = _made(coverage=3, coverage_share=0.9)
    assert after[: len(before)] == before
    assert _counts(after) == {"1987": 3, "Maria Cruz": 3, "250": 3, "Oslo": 3,
                              "Paul Weber": 6, "Lyon": 6}  # fmt: skip


# Broken by: not counting down the budget.
def test_the_budget_holds_and_goes_round_before_anyone_gets_a_second() -> None:
    before = _made(coverage=0)
    size = sum(len(p.prompt) + len(p.text) for p in before)
    added = _made(coverage=8, coverage_share=0.3)[len(before) :]
    sizes = [len(p.prompt) + len(p.text) for p in added]
    assert 0 < sum(sizes[:-1]) <= 0.3 * size
    turns = Counter(fact for piece in added for fact in piece.facts)
    assert max(turns.values()) - min(turns.values()) <= 1
    assert not _made(coverage=3, coverage_share=0.0)[len(before) :]
    few = {
        fact
        for piece in _made(coverage=8, coverage_share=0.1)[len(before) :]
        for fact in piece.facts
    }
    assert few and not few & {fact_hash("Acme Corp", name) for name in ("Paul Weber", "Lyon")}


def test_a_fact_without_another_form_is_left_as_it_is() -> None:
    added = _made(coverage=50, coverage_share=0.9)
    told = wordings_of(added)
    assert max(map(len, told.values())) < 50
    assert len({(p.prompt, p.text) for p in added if p.prompt}) == sum(
        bool(p.prompt) for p in added
    )


def test_a_piece_without_wordings_is_one_of_its_own() -> None:
    pieces = [Piece("document", "a", "", (1, 2)), Piece("cloze", "a", "", (1,))]
    assert {fact: len(told) for fact, told in wordings_of(pieces).items()} == {1: 2, 2: 1}
