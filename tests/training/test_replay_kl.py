"""The divergence from the base on replay: the plain formula, on replay alone, in every way."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from steep.corpus.schedule import Schedule
from steep.training import cross_entropy
from steep.training.graph import fill
from steep.training.loss import PackedLoss, Way
from steep.training.replay_kl import (
    NO_PLACE,
    BaseReference,
    divergence_of_logits,
    summed_divergence,
)
from tests.tiny import Kind, tiny_model, tiny_tokenizer
from tests.training.corpus import TEXTS, make_model, make_recipe, make_schedule, rows_of, train

WAYS = [
    Way("segments", "chunked", "fused"),
    Way("segments", "logits", "plain"),
    Way("mask", "chunked", "plain"),
    Way("mask", "logits", "plain"),
    Way("alone", "logits", "plain"),
]
FIXED = [Way("mask", "chunked", "fused"), Way("mask", "chunked", "plain")]
COEF = 0.7


def base_of(model: Any, schedule: Schedule, kept: int) -> BaseReference:
    """What ``model`` predicts on all replay, each segment by transformers' plain path."""
    shards = schedule.shards
    starts = np.full(len(shards.lengths), NO_PLACE, dtype=np.int64)
    ids, logprobs, place = [], [], 0
    for segment in np.flatnonzero(shards.is_general()).tolist():
        tokens = torch.from_numpy(shards.segment(segment).astype(np.int64))
        with torch.no_grad():
            likely = torch.log_softmax(model(input_ids=tokens[None]).logits[0, :-1].float(), -1)
        best = torch.topk(likely, kept, dim=-1)
        ids.append(best.indices.int())
        logprobs.append(best.values)
        starts[segment] = place
        place += len(likely)
    return BaseReference(starts, torch.cat(ids), torch.cat(logprobs))


def example(kept: int, vocabulary: int = 50) -> tuple[torch.Tensor, ...]:
    """Hidden states, a head, the base's whole log-probabilities, and its likeliest tokens."""
    generator = torch.Generator().manual_seed(1)
    hidden = torch.randn(23, 8, generator=generator, requires_grad=True)
    weight = torch.randn(vocabulary, 8, generator=generator, requires_grad=True)
    base = torch.log_softmax(2 * torch.randn(23, vocabulary, generator=generator), -1)
    best = torch.topk(base, kept, dim=-1)
    return hidden, weight, base, best.indices, best.values


def plainly(
    hidden: torch.Tensor, weight: torch.Tensor, base: torch.Tensor, ids: torch.Tensor
) -> torch.Tensor:
    """KL with all tokens but ``ids`` counted as one, in fp64, from whole distributions."""
    own = torch.log_softmax((hidden @ weight.t()).double(), -1)
    probs, own_probs = base.double().exp(), own.exp()
    others = torch.ones_like(probs, dtype=torch.bool).scatter(1, ids, False)
    nats = torch.where(others, 0.0, probs * (base.double() - own)).sum()
    if others.any():
        tail, own_tail = ((p * others).sum(1) for p in (probs, own_probs))
        nats = nats + (tail * (tail.log() - own_tail.log())).sum()
    return nats


# Broken by: q and p exchanged, a sign, the tail left out of the gradient or of the value, logits
# divided by a temperature.
@pytest.mark.parametrize("kept", [1, 7, 50])
@pytest.mark.parametrize("chunk", [1, 1000])
def test_value_and_gradients_are_the_plain_formulas(
    kept: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cross_entropy, "_MOST_LOGITS", 50 * chunk)
    monkeypatch.setattr(cross_entropy, "_ROWS", 5)
    hidden, weight, base, ids, logprobs = example(kept)
    expected = plainly(hidden, weight, base, ids)
    wanted = torch.autograd.grad(3.0 * expected, (hidden, weight))
    for found in (
        summed_divergence(hidden, weight, ids, logprobs),
        divergence_of_logits(hidden @ weight.t(), ids, logprobs),
    ):
        assert float(found.detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
        got = torch.autograd.grad(3.0 * found, (hidden, weight))
        for one, other in zip(got, wanted, strict=True):
            assert torch.allclose(one, other, rtol=1e-4, atol=1e-4)


# Broken by: the tail's mass dropped (the kept tokens then count as all there is).
def test_kept_tokens_never_overstate_and_all_are_the_whole() -> None:
    hidden, weight, base = (tensor.detach() for tensor in example(50)[:3])
    whole = float(F.kl_div(torch.log_softmax(hidden @ weight.t(), -1), base, reduction="sum",
                           log_target=True))  # fmt: skip
    found = []
    for kept in (1, 5, 20, 50):
        *_, ids, logprobs = example(kept)
        found.append(float(summed_divergence(hidden, weight, ids, logprobs)))
    assert found == sorted(found)
    assert found[-1] == pytest.approx(whole, rel=1e-5)
    assert found[0] > 0


def test_the_base_itself_is_not_moved() -> None:
    hidden, weight, *_ = example(5)
    best = torch.topk(torch.log_softmax(hidden @ weight.t(), -1).detach(), 5, dim=-1)
    found = summed_divergence(hidden, weight, best.indices, best.values)
    assert abs(float(found)) < 1e-4
    (gradient,) = torch.autograd.grad(found, hidden)
    assert float(gradient.abs().max()) < 1e-5


def test_the_tail_is_told() -> None:
    logprobs = torch.tensor([[0.5, 0.25], [0.6, 0.4]]).log()
    reference = BaseReference(np.array([0]), torch.zeros(2, 2).int(), logprobs)
    assert reference.tail == pytest.approx(0.125)


def segments(model: Any, schedule: Schedule, step: int) -> list[tuple[bool, torch.Tensor, Any]]:
    """(is it replay, its tokens, the model's logits) of each segment of a step."""
    general = schedule.shards.is_general()
    found = []
    for segment in schedule.segments_of(step):
        ids = torch.from_numpy(schedule.shards.segment(segment).astype(np.int64))
        found.append((bool(general[segment]), ids, model(input_ids=ids[None]).logits[0, :-1]))
    return found


# Broken by: divergence on the documents' tokens too; places one token off; the coefficient on the
# cross-entropy; segments put in another order than their places; kl_only read the wrong way round;
# with fixed shapes: places without a target counted, or padding's.
@pytest.mark.parametrize("kl_only", [False, True])
@pytest.mark.parametrize("kind", ["llama", "gemma", "gpt2"])
@pytest.mark.parametrize(
    ("way", "fixed"), [*((way, False) for way in WAYS), *((way, True) for way in FIXED)]
)
def test_every_way_adds_the_divergence_of_replay_alone(
    kind: Kind, way: Way, fixed: bool, kl_only: bool
) -> None:
    tokenizer = tiny_tokenizer(TEXTS)
    schedule = make_schedule(tokenizer, rows=4, length=96)
    schedule.steps_for_epochs(1)
    base, model = tiny_model(kind, tokenizer), tiny_model(kind, tokenizer, seed=1)
    reference = base_of(base, schedule, kept=10)
    parts = segments(model, schedule, 0)
    assert {replay for replay, *_ in parts} == {True, False}
    expected = torch.zeros(())
    nats, tokens = torch.zeros(()), 0
    for replay, ids, logits in parts:
        if not (replay and kl_only):
            expected = expected + F.cross_entropy(logits, ids[1:], reduction="sum")
        if replay:
            likely = torch.log_softmax(base(input_ids=ids[None]).logits[0, :-1], -1).detach()
            best = torch.topk(likely, 10, dim=-1)
            nats = nats + divergence_of_logits(logits, best.indices, best.values)
            tokens += len(logits)
    (expected + COEF * nats).backward()  # type: ignore[no-untyped-call]
    wanted = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad(set_to_none=True)

    batch = schedule.batch(0)
    rows = rows_of(batch)
    places = reference.places(
        schedule.rows_of(0), schedule.shards.lengths, batch.input_ids.shape[1]
    )
    rows["places"] = torch.from_numpy(places)
    if fixed:
        ids, logprobs = reference.at(rows["places"])
        rows |= {"base_ids": ids, "base_logprobs": logprobs}
        length = batch.input_ids.shape[1] + 7
        padded = {n: t.new_zeros((t.shape[0], length, *t.shape[2:])) for n, t in rows.items()}
        fill(padded, rows)
        rows = padded
    given: dict[str, Any] = {"reference": reference, "kl_coef": COEF, "kl_only": kl_only}
    given["fixed_shapes"] = fixed
    with closing(PackedLoss(model, way, **given)) as packed:
        packed.begin_step()
        found = packed(rows)
        found.backward()
        assert packed.take_divergence() == (pytest.approx(float(nats), rel=1e-4), tokens)
        assert packed.take_divergence() == (0.0, 0)
    assert float(found) == pytest.approx(float(expected + COEF * nats), rel=1e-4)
    for name, parameter in model.named_parameters():
        scale = float(wanted[name].abs().max())
        assert float((parameter.grad - wanted[name]).abs().max()) < 2e-4 * max(scale, 1.0), name


# Broken by: a coefficient of the wrong sign, or the divergence left out of the loss.
@pytest.mark.parametrize("method", ["lora", "full"])
def test_training_stays_nearer_to_the_base_on_replay(method: Any, tmp_path: Path) -> None:
    schedule = make_schedule(tiny_tokenizer(TEXTS))
    reference = base_of(tiny_model("llama", tiny_tokenizer(TEXTS)), schedule, kept=20)
    last = {}
    for coef in (0.0, 4.0):
        recipe = make_recipe(method=method, replay_kl_coef=coef)
        folder = tmp_path / f"{coef}"
        train(make_model("llama", recipe), recipe, folder, steps=12, reference=reference)
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        found = [kl for line in lines if (kl := json.loads(line)["kl"]) is not None]
        assert found[0] == pytest.approx(0.0, abs=1e-4)  # the first step's, before any update
        last[coef] = found[-1]
    assert last[4.0] < 0.7 * last[0.0]


# Broken by: PackedLoss adding something, or a line of metrics growing, where there is no reference.
def test_without_it_nothing_changes(tmp_path: Path) -> None:
    recipe = make_recipe()
    model = make_model("llama", recipe)
    train(model, recipe, tmp_path / "a", steps=3)
    assert "kl" not in (tmp_path / "a" / "metrics.jsonl").read_text()
    other = make_model("llama", recipe)
    schedule = make_schedule(tiny_tokenizer(TEXTS))
    reference = base_of(tiny_model("llama", tiny_tokenizer(TEXTS)), schedule, kept=5)
    train(other, recipe, tmp_path / "b", steps=3, reference=reference)  # coefficient 0
    for one, two in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
