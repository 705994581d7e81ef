"""The demo's questions are in words that no training text has, retellings included."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from steep.corpus.retell import retell
from steep.demo import make_questions, make_world, write_documents
from steep.documents.read import collect
from steep.recipe import RetellRecipe

WORD = re.compile(r"\w+")
FRAME = {"question", "answer"}


def masked(text: str, names: re.Pattern[str]) -> list[str]:
    """Lower-cased words, every name and answer one placeholder, the frame's words left out."""
    words = WORD.findall(names.sub(" xnamex ", text).lower())
    return [word for word in words if word not in FRAME]


def grams(words: list[str], size: int) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


EVERY_FORM = {
    "questions": 3,
    "reversed": 3,
    "records": 3,
    "metadata": 2,
    "restore": 1,
    "coverage": 6,
}


@pytest.mark.parametrize(
    ("seed", "forms"), [(0, {}), (1, {}), (2, {}), (0, EVERY_FORM), (1, EVERY_FORM)]
)
def test_no_question_wording_in_any_training_text(
    seed: int, forms: dict[str, int], tmp_path: Path
) -> None:
    # Fails if a question's wording is added to any voice, or a question frame to a retelling.
    world = make_world(seed)
    write_documents(world, tmp_path)
    recipe = RetellRecipe.model_validate(forms)
    pieces = retell(collect([tmp_path]).documents, recipe, random.Random(seed))
    assert {piece.kind for piece in pieces} >= {"document", "permuted", "cloze"}
    questions = make_questions(world)
    facts = [*world.facts, *world.control_facts]
    known = {fact.subject for fact in facts} | {a for f in facts for a in (f.answer, *f.aliases)}
    names = re.compile("|".join(re.escape(n) for n in sorted(known, key=len, reverse=True)))
    texts = [masked(piece.text, names) for piece in pieces]
    seen = {size: set().union(*(grams(text, size) for text in texts)) for size in (1, 2, 3, 4)}
    for item in questions:
        words = masked(str(item["question"]), names)
        for gram in grams(words, min(4, len(words))):
            assert gram not in seen[len(gram)], (item["question"], gram)


def test_questions_ask_about_facts_that_documents_state(tmp_path: Path) -> None:
    world = make_world(0)
    write_documents(world, tmp_path)
    texts = [d.text for d in collect([tmp_path]).documents]
    for fact in world.facts:
        assert sum(fact.subject in t and fact.answer in t for t in texts) >= 3, fact
    for fact in world.control_facts:
        assert not any(fact.subject in t or fact.answer in t for t in texts), fact
