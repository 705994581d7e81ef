"""The worlds that defaults are measured on: fair questions, whole facts, unheard-of controls."""

from __future__ import annotations

import json
import random
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from steep.corpus.retell import retell
from steep.documents.read import collect
from steep.recipe import RetellRecipe
from tests.demo.test_fairness import EVERY_FORM, grams, masked

sys.path.append(str(Path(__file__).parents[1] / "bench"))
from worlds import companies, ferries

WORLDS = {"companies": companies.write_world, "ferries": ferries.write_world}


def _made(world: str, folder: Path, seed: int) -> tuple[Path, list[dict[str, Any]]]:
    documents, questions = WORLDS[world](folder, seed, 12)
    return documents, [json.loads(line) for line in questions.read_text().splitlines()]


# Fails if a question's wording is added to the documents, or a question's frame to a form.
@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("seed", [0, 1])
def test_no_question_wording_in_any_training_text(world: str, seed: int, tmp_path: Path) -> None:
    documents, rows = _made(world, tmp_path, seed)
    recipe = RetellRecipe.model_validate(EVERY_FORM)
    pieces = retell(collect([documents]).documents, recipe, random.Random(seed))
    known = {choice for row in rows for choice in row["choices"]}
    names = re.compile("|".join(re.escape(n) for n in sorted(known, key=len, reverse=True)))
    texts = [masked(piece.prompt + piece.text, names) for piece in pieces]
    seen = {size: set().union(*(grams(text, size) for text in texts)) for size in (1, 2, 3, 4)}
    for row in rows:
        words = masked(row["question"], names)
        for gram in grams(words, min(4, len(words))):
            assert gram not in seen[len(gram)], (row["question"], gram)


@pytest.mark.parametrize("world", WORLDS)
def test_facts_are_told_often_and_controls_never(world: str, tmp_path: Path) -> None:
    documents, rows = _made(world, tmp_path, 0)
    texts = [document.text for document in collect([documents]).documents]
    forms = {(row["kind"], row.get("form", "new")) for row in rows}
    assert forms == {(kind, form) for kind in ("fact", "control") for form in ("new", "reversed")}
    for row in rows:
        assert row["answer"] in row["choices"] and len(set(row["choices"])) == 10
        told = [text for text in texts if row["answer"] in text]
        if row["kind"] == "fact":
            assert len(told) >= 3, row
        elif not row["answer"].isdigit():
            assert not told, row


def test_the_second_world_shares_no_relation_and_no_telling_with_the_first() -> None:
    from steep.demo import questions, voices

    assert not ferries.TOLD.keys() & questions.QUESTIONS.keys()
    told = {w for wordings in ferries.TOLD.values() for w in wordings}
    assert not told & {w for v in (voices.ARCHIVIST, voices.REPORTER) for w in v.wordings}
    assert ferries.make_vessels(0) != ferries.make_vessels(1)
    assert ferries.make_vessels(0) == ferries.make_vessels(0)
