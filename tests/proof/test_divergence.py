"""The drift of predictions, without both models in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from steep.model.grow import grow_model
from steep.model.vocabulary import Wanted, extend_tokenizer
from steep.proof import divergence, forward
from steep.proof.divergence import (
    divergences,
    make_reference,
    own_texts,
    read_reference,
    same_tokens,
    write_reference,
)
from steep.proof.forward import Forward
from steep.proof.scorer import Scorer
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = [(f"t{n}", f"{n} The quick brown fox jumps over the lazy dog. Who?") for n in range(5)]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


def scorer(tokenizer: Any, seed: int) -> Scorer:
    return Scorer(tiny_model("llama", tokenizer, seed), tokenizer)


def exact(base: Scorer, tuned: Scorer, ids: tuple[int, ...]) -> float:
    """KL(tuned || base) summed over a text, from both models' whole distributions."""
    with torch.inference_mode():
        p, q = (
            torch.log_softmax(s.model(torch.tensor([ids])).logits[0, :-1].double(), dim=-1)
            for s in (tuned, base)
        )
    return float((p.exp() * (p - q)).sum())


# Broken by: the base's log-probabilities one place off, or KL(base || tuned) instead.
def test_it_is_the_divergence(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divergence, "KEPT_TOKENS", 100_000)
    base, tuned = scorer(tokenizer, 0), scorer(tokenizer, 1)
    reference = make_reference(base, [TEXTS])
    rows = divergences(tuned, reference)
    for (name, ids), row in zip(reference.texts, rows, strict=True):
        assert row["id"] == name and row["tokens"] == len(ids) - 1
        assert row["nats"] == pytest.approx(exact(base, tuned, ids), rel=1e-3)


# Broken by: places of the texts that are left out kept.
def test_another_tokenizer_is_asked_only_where_it_gives_the_same_tokens(tokenizer: Any) -> None:
    found = extend_tokenizer(tokenizer, Wanted(("zebra",)), len(tokenizer))
    assert found is not None
    zebras = [(f"z{n}", f"The zebra jumps over {n} dogs.") for n in range(3)]
    texts = [*TEXTS, *zebras]
    base = scorer(tokenizer, 0)
    reference = same_tokens(make_reference(base, [texts]), tokenizer, found.tokenizer)
    assert reference.texts == make_reference(base, [TEXTS]).texts
    model = tiny_model("llama", tokenizer)
    grow_model(model, found)
    rows = divergences(Scorer(model, found.tokenizer), reference)
    assert len(rows) == len(TEXTS)
    # What the new rows take, and nothing else.
    assert all(0 < row["nats"] < 0.5 * row["tokens"] for row in rows)


# Broken by: leaving the rest of the vocabulary out.
def test_few_kept_tokens_give_a_lower_bound(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(divergence, "KEPT_TOKENS", 4)
    base, tuned = scorer(tokenizer, 0), scorer(tokenizer, 1)
    reference = make_reference(base, [TEXTS])
    for (_, ids), row in zip(reference.texts, divergences(tuned, reference), strict=True):
        assert 0 < row["nats"] <= exact(base, tuned, ids) + 1e-6


def test_a_model_doesnt_diverge_from_itself(tokenizer: Any) -> None:
    base = scorer(tokenizer, 0)
    rows = divergences(base, make_reference(base, [TEXTS, TEXTS[:2]]))
    assert len(rows) == 7
    assert all(abs(row["nats"]) < 1e-6 * row["tokens"] for row in rows)


def test_it_is_kept_without_pickle(tokenizer: Any, tmp_path: Path) -> None:
    base = scorer(tokenizer, 0)
    reference = make_reference(base, [TEXTS])
    write_reference(tmp_path / "base.npz", reference)
    kept = read_reference(tmp_path / "base.npz")
    assert kept is not None and kept.texts == reference.texts
    assert divergences(base, kept) == divergences(base, reference)
    (tmp_path / "bad.npz").write_bytes((tmp_path / "base.npz").read_bytes()[:300])
    assert read_reference(tmp_path / "bad.npz") is None
    assert read_reference(tmp_path / "none.npz") is None
    write_reference(tmp_path / "empty.npz", make_reference(base, []))
    empty = read_reference(tmp_path / "empty.npz")
    assert empty is not None and divergences(base, empty) == []


def test_the_base_writes_texts_of_its_own(tokenizer: Any) -> None:
    base = scorer(tokenizer, 0)
    texts = own_texts(base)
    assert texts == own_texts(base) and len({text for _, text in texts}) > 8


# Broken by: the head asked about a whole text, or about all places of eight texts.
@pytest.mark.parametrize("whole", [False, True])
def test_a_long_texts_logits_are_made_some_places_at_a_time(
    whole: bool, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sequences = [[(7 * n + k) % 300 for k in range(9 + 13 * n)] for n in range(9)]
    plain = list(divergence.likeliest(scorer(tokenizer, 0), sequences, 64))
    monkeypatch.setattr(forward, "LOGITS_BYTES", 4 * len(tokenizer) * 48)
    if whole:  # as for a head that isn't a plain module: its body's states are logits
        monkeypatch.setattr(Forward, "_splits", lambda *_: False)
    monkeypatch.setattr(divergence, "_PLACES", 128)
    asked: list[int] = []
    read: list[tuple[int, ...]] = []
    logits, run = Forward.logits, Forward.run

    def counted(self: Forward, states: Any) -> Any:
        asked.append(len(states))
        return logits(self, states)

    def sized(self: Forward, ids: Any) -> Any:
        read.append(tuple(ids.shape))
        return run(self, ids)

    monkeypatch.setattr(Forward, "logits", counted)
    monkeypatch.setattr(Forward, "run", sized)
    found = list(divergence.likeliest(scorer(tokenizer, 0), sequences, 64))
    assert max(asked) == 48
    assert sum(asked) == sum(len(ids) - 1 for ids in sequences)
    room = 48 if whole else 128
    assert all(rows * width <= room or rows == 1 for rows, width in read)
    assert any(rows > 1 for rows, _ in read)
    for (ids, logprobs), (other, others) in zip(found, plain, strict=True):
        assert (ids == other).all()
        assert logprobs == pytest.approx(others, rel=1e-6)
        assert logprobs.shape == (len(ids), 64)


# Broken by: another grouping of short texts, whose sums then have another order.
def test_short_texts_are_read_eight_at_a_time() -> None:
    sequences = [[0] * (10 * n) for n in range(1, 20)]
    groups = list(divergence._groups(sequences, divergence._PLACES))
    assert [len(group) for group in groups] == [8, 8, 3]
    assert [ids for group in groups for ids in group] == sequences
