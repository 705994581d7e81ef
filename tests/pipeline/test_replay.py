"""Replay between rows: how much of it, in which order, and what the loss makes of it."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from steep.artifact import read_manifest
from steep.corpus.shards import load_shards
from steep.errors import UserInputError
from steep.pipeline.chat import ensure_template, render
from steep.pipeline.replay import Replay
from steep.pipeline.rows import read_conversations
from steep.recipe import load_recipe
from steep.workflow import evaluate
from tests.pipeline.test_dpo import dpo_tables
from tests.pipeline.test_dpo import project as dpo_project
from tests.pipeline.test_sft import models_seen, project, tables
from tests.stages.project import write_project

TEXTS = [range(100 * n, 100 * n + length) for n, length in enumerate((90, 70, 2, 65, 1), 1)]


# Broken by: dropping what is left of a text; counting what is owed and not what is given.
@pytest.mark.parametrize("share", [0.1, 0.2, 0.6])
def test_replay_is_its_share_of_all_tokens(share: float) -> None:
    replay = Replay(TEXTS, share, seed=0)
    rows = given = 0
    for step in range(2000):
        batch = 40 + 13 * (step % 7)
        rows, given = rows + batch, given + sum(map(len, replay.due(batch)))
    assert given / (rows + given) == pytest.approx(share, abs=0.001)


# Broken by: one order for all rounds; texts drawn with replacement; a piece that skips tokens.
def test_every_text_is_given_whole_before_any_comes_again() -> None:
    def rounds(seed: int) -> list[list[int]]:
        replay, found = Replay(TEXTS, 0.5, seed), [[]]
        whole = sum(len(text) for text in TEXTS if len(text) > 1)
        while len(found) < 4:
            for piece in replay.due(30):
                found[-1] += piece
                if len(found[-1]) >= whole:
                    found.append([])
        return found[:3]

    first, second, third = rounds(0)
    expected = Counter(token for text in TEXTS if len(text) > 1 for token in text)
    assert Counter(first) == Counter(second) == Counter(third) == expected
    assert not first == second == third
    assert rounds(0) == [first, second, third] != rounds(1)


# Broken by: pieces of whatever is owed.
def test_pieces_have_something_to_go_on() -> None:
    replay = Replay([range(10_000)], 0.1, seed=0)
    pieces = [piece for _ in range(400) for piece in replay.due(50)]
    assert len(pieces) > 10 and min(map(len, pieces)) >= 64


def test_without_texts_or_a_share_there_is_none() -> None:
    assert Replay([], 0.5, seed=0).due(10_000) == []
    assert Replay(TEXTS, 0.0, seed=0).due(10_000) == []


def nats_of(model: Any, ids: list[int], on: list[bool]) -> tuple[float, int]:
    """Summed over the targets of a row that is asked alone, and how many there are."""
    import torch

    with torch.inference_mode():
        said = model(input_ids=torch.tensor([ids])).logits[0, :-1].double().log_softmax(-1)
    nats = -said.gather(1, torch.tensor(ids)[1:, None])[:, 0]
    targets = torch.tensor(on[1:])
    return float(nats[targets].sum()), int(targets.sum())


def pieces_of(folder: Path, tokens: int, share: float) -> list[list[int]]:
    """What goes with a first step of so many tokens, by the tokens that were prepared."""
    shards = load_shards(folder / "data")
    texts = [shards.segment(n).tolist() for n in shards.is_general().nonzero()[0]]
    return Replay(texts, share, seed=0).due(tokens)


# Broken by: replay that is no target; another stage's share; replay that pads the rows wrong.
def test_instructions_are_trained_with_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trl")
    made = models_seen(monkeypatch)
    recipe = project(tmp_path, learning_rate=1e-12, max_steps=1, general_share=0.7)
    evaluate(recipe)
    model, tokenizer = made[-1]["cpt"].load(), _tokenizer(tmp_path)
    rows = [render(row, tokenizer) for row in read_conversations(tmp_path / "rows.jsonl")]
    pieces = pieces_of(tmp_path / "run", sum(row.length for row in rows), 0.7)
    assert sum(map(len, pieces)) >= 64
    found = [nats_of(model, list(row.ids), list(row.is_target)) for row in rows]
    found += [nats_of(model, piece, [True] * len(piece)) for piece in pieces]
    expected = sum(nats for nats, _ in found) / sum(count for _, count in found)
    manifest = read_manifest(tmp_path / "run" / "sft") or {}
    assert manifest["losses"] == [pytest.approx(expected, abs=1e-4)]


# Broken by: replay as a pair; a loss of the pairs alone.
def test_preferences_are_trained_with_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("trl")
    made = models_seen(monkeypatch)
    changes = dpo_tables("lora", sft=False, max_steps=1, general_share=0.5)
    recipe = dpo_project(tmp_path, changes)
    evaluate(recipe)
    model, tokenizer = made[-1]["cpt"].load(), _tokenizer(tmp_path)
    from steep.pipeline.chat import render_pair
    from steep.pipeline.preferences import read_preferences

    pairs = [render_pair(pair, tokenizer) for pair in read_preferences(tmp_path / "pairs.jsonl")]
    tokens = sum(2 * len(p.prompt) + len(p.chosen) + len(p.rejected) for p in pairs)
    pieces = pieces_of(tmp_path / "run", tokens, 0.5)
    assert pieces
    found = [nats_of(model, piece, [True] * len(piece)) for piece in pieces]
    expected = math.log(2) + sum(nats for nats, _ in found) / sum(count for _, count in found)
    manifest = read_manifest(tmp_path / "run" / "dpo") or {}
    assert manifest["losses"] == [pytest.approx(expected, abs=1e-4)]


def _tokenizer(folder: Path) -> Any:
    from steep.model.load import load_model

    tokenizer = load_model(str(folder / "base"))[1]
    ensure_template(tokenizer)
    return tokenizer


def test_replay_between_rows_needs_replay_of_the_documents(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, **tables("lora", general_share=0.1))
    load_recipe(recipe)
    with pytest.raises(UserInputError, match="goes on with the replay of"):
        load_recipe(recipe, ["data.general_share=0"])
