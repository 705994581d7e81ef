"""Rewriting in a run: asked once, kept, resumed, counted, and never about held-out documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.corpus.rewrite import Task
from steep.corpus.sentences import split_sentences
from steep.documents.record import Document
from steep.errors import RecipeError, UserInputError
from steep.recipe import RewriteRecipe, recipe_from
from steep.stages.rewrite import estimate
from tests.endpoint import Quota, Reply, Server, answer
from tests.stages.project import write_project, write_recipe_file


def _reordered(prompt: str) -> Reply:
    """A faithful answer: the passage's sentences the other way round."""
    passage = prompt.split("\nText:\n")[1]
    return answer(" So it is. ".join(reversed(split_sentences(passage))))


def _recipe(folder: Path, server: Server, name: str = "run", **rewrite: Any) -> Path:
    """A project that is rewritten, or another recipe for the project that is there."""
    if not (folder / "docs").exists():
        write_project(folder)
    given = {"enabled": True, "model": "m", "base_url": server.url, "kinds": ["paraphrase"]}
    data = {"general": "reading"}
    path = write_recipe_file(folder / "recipe.toml", data=data, rewrite={**given, **rewrite})
    text = path.read_text().replace('output_dir = "run"', f'output_dir = "{name}"')
    path.write_text(text)
    return path


def _books(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((data / "ledger.json").read_text())
    return found


# Broken by: giving ``rewrite`` all documents, or leaving its pieces out of the shards.
def test_trained_documents_are_rewritten_once_and_held_out_ones_never(tmp_path: Path) -> None:
    with Server(_reordered) as server:
        books = _books(steep.prepare(_recipe(tmp_path, server)))
        asked = len(server.requests)
        assert books["rewrites"]["asked"] == books["rewrites"]["kept"] == asked > 0
        assert books["rewrites"]["novelty"] > 0.2
        assert books["tokens"]["by_kind"]["rewritten"] > 0 and books["balanced"]
        held = {row["source"].split("/")[-1].removesuffix(".txt") for row in books["held_out"]}
        assert held
        sent = " ".join(r["body"]["messages"][0]["content"] for r in server.requests).lower()
        assert not any(f"{name} was founded" in sent for name in held)
        again = _books(steep.prepare(_recipe(tmp_path, server, "other")))
        assert again["rewrites"] == books["rewrites"] and len(server.requests) == asked


# Broken by: writing the cache at the end.
def test_what_came_before_a_failure_is_not_asked_again(tmp_path: Path) -> None:
    dies = Quota(_reordered, 3)
    with Server(dies) as server:
        path = _recipe(tmp_path, server)
        with pytest.raises(UserInputError, match="quota"):
            steep.prepare(path)
        assert not (tmp_path / "run" / "data").exists()
        dies.left = 1000
        books = _books(steep.prepare(path))
    assert len(server.requests) == books["rewrites"]["asked"] + 1


# Broken by: adding the pieces behind ``decontaminate``.
def test_answers_that_are_unfaithful_cut_off_or_hold_a_question_are_left_out(
    tmp_path: Path,
) -> None:
    turn = 0

    def mixed(prompt: str) -> Reply:
        nonlocal turn
        turn += 1
        good = _reordered(prompt)
        assert good is not None
        text = good[1]["choices"][0]["message"]["content"]
        return [
            answer(text + " It is 4711 years old."),
            answer(text, "length"),
            answer(text + " Who started Acme?"),
            good,
        ][turn % 4]

    with Server(mixed) as server:
        books = _books(steep.prepare(_recipe(tmp_path, server)))
    found = books["rewrites"]
    assert set(found["left_out"]) == {"invents a number", "cut off"}
    assert found["asked"] == found["kept"] + sum(found["left_out"].values())
    assert books["contamination"]["removed_pieces"]["rewritten"] >= 1


def test_the_budget_cuts_and_the_estimate_says_what_it_takes(tmp_path: Path) -> None:
    with Server(_reordered) as server:
        books = _books(steep.prepare(_recipe(tmp_path, server, budget_tokens=2600)))
    assert books["rewrites"]["asked"] == 2
    task = Task("paraphrase", Document("x", "X", "x.txt"), "x" * 4000, 0)
    priced = RewriteRecipe(enabled=True, model="m", price_in=1.0, price_out=10.0)
    said = estimate([task] * 1000, priced)
    assert "1,000 requests" in said and "1,000,000 to write at most" in said
    assert "11." in said
    assert "prices" not in estimate([task], RewriteRecipe(enabled=True, model="m"))


def test_the_plan_says_what_rewriting_takes_and_asks_nobody(tmp_path: Path) -> None:
    with Server(_reordered) as server:
        found = steep.plan(_recipe(tmp_path, server), quick=True)
        (said,) = [advice.text for advice in found.advice if advice.about == "rewriting"]
        assert said.startswith("7 requests: about ") and not server.requests


def test_rewriting_with_nobody_is_refused() -> None:
    values: dict[str, Any] = {"data": {"domain": ["docs"]}, "train": {"epochs": 1}}
    with pytest.raises(RecipeError, match=r"rewrite\.model"):
        recipe_from({**values, "rewrite": {"enabled": True}})
    with pytest.raises(RecipeError, match="base_url"):
        recipe_from({**values, "rewrite": {"base_url": "file:///etc/passwd"}})
