"""The calibrating child's parts, in this process: random weights, rows as ordered, all kinds."""

from __future__ import annotations

import dataclasses
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

import pytest
import torch

from steep.errors import PlanningError
from steep.model.quantised import quantise
from steep.planning import child
from steep.planning.child import measure, measuring_schedule, random_model
from steep.planning.measured import Order
from steep.planning.shape import shape_of, truncated
from tests.tiny import Kind, tiny_config, tiny_tokenizer
from tests.training.corpus import make_recipe

ROWS = (((20, 11), (30,)), ((9, 8, 7), (25,)), ((22,), (21, 4)))
FIRSTS = (((1, 5), (1,)), ((1, 1, 1), (9,)), ((1,), (1, 1)))


def order(kind: Kind, **changes: Any) -> Order:
    shape = truncated(shape_of(tiny_config(kind, tiny_tokenizer())), 1)
    train = make_recipe(**{"per_device_train_batch_size": 2, **changes})
    return Order(shape, 1, train.model_dump(), "fp32", 1, "cpu", ROWS, FIRSTS, 60.0, 0.0, True)


# Broken by: leaving the memory as it was found (torch.empty) in random_model.
@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma"])
def test_random_weights_are_finite_and_not_tiny(kind: Kind) -> None:
    model = random_model(tiny_config(kind, tiny_tokenizer()))
    smallest = torch.finfo(torch.float32).tiny
    for name, parameter in model.named_parameters():
        assert bool(torch.isfinite(parameter).all()), name
        present = parameter[parameter != 0].abs()
        assert not len(present) or float(present.min()) >= smallest, name
        if parameter.dim() > 1:
            assert 0.001 < float(parameter.std()) < 0.1, name


# Broken by: packing the ordered segments anew.
def test_rows_are_those_ordered() -> None:
    told: list[int] = []
    asked = order("llama")
    schedule = measuring_schedule(asked, make_recipe(), told.append)
    for step, (rows, firsts) in enumerate(zip(ROWS, FIRSTS, strict=True)):
        batch = schedule.batch(step)
        assert batch.input_ids.shape == (2, max(sum(row) for row in rows))
        for r, row in enumerate(rows):
            counts = [int((batch.segments[r] == n).sum()) for n in range(len(row))]
            assert counts[: len(row) - 1] == list(row)[:-1]
        wanted = sum(n - f for row, f_row in zip(rows, firsts, strict=True)
                     for n, f in zip(row, f_row, strict=True))  # fmt: skip
        assert batch.targets == wanted
        assert int(batch.input_ids.max()) < len(tiny_tokenizer())
    assert told == [0, 1, 2]
    assert schedule.batch(4).segment_ids == schedule.batch(1).segment_ids


# Broken by: asking the model after make_trainable, or not taking the peak before the first step.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2", "gemma"])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_every_kind_and_method_is_measured(kind: Kind, method: str) -> None:
    found = measure(order(kind, method=method))
    assert [step.tokens for step in found.steps] == [61, 49, 47]
    assert all(step.seconds > 0 for step in found.steps)
    if method == "full":
        assert found.trained_bytes == found.weight_bytes
    else:
        assert 0 < found.trained_bytes < found.weight_bytes
    peaks = (found.asked_bytes, found.probed_bytes, found.stepped_bytes, found.saved_bytes)
    assert all(peak is not None and peak > 10**7 for peak in peaks)
    assert all(rate > 0 for rate in asdict(found.rates).values())


# Broken by: "len(steps) > 200" in child.note.
def test_time_ends_the_training_after_three_steps() -> None:
    asked = order("llama")
    short = dataclasses.replace(asked, rows=ROWS * 4, firsts=FIRSTS * 4, most_seconds=0.0)
    found = measure(short)
    assert len(found.steps) == 3
    assert found.saved_bytes is None


# Broken by: asking whatever was ordered.
def test_a_model_that_need_not_answer_is_not_asked() -> None:
    found = measure(dataclasses.replace(order("llama"), ask=False))
    assert found.asked is None
    with pytest.raises(PlanningError, match="how fast the model answers"):
        _ = found.rates


# Broken by: comparing with the first timing alone, or noting repeats as further steps.
def test_disturbed_steps_are_taken_again(monkeypatch: pytest.MonkeyPatch) -> None:
    own, taken = child.train_model, []

    def disturbed(*args: Any, on_step: Any, **options: Any) -> Any:
        def note(metrics: Any, total: int) -> None:
            taken.append(metrics.step)
            on_step(dataclasses.replace(metrics, seconds=5.0 if len(taken) == 2 else 0.5), total)

        return own(*args, on_step=note, **options)

    monkeypatch.setattr(child, "train_model", disturbed)
    found = measure(dataclasses.replace(order("llama"), more_seconds=60.0))
    assert taken[:6] == [1, 2, 3, 4, 5, 6]
    assert [step.seconds for step in found.steps] == [0.5, 0.5, 0.5]
    assert [step.tokens for step in found.steps] == [61, 49, 47]
    assert found.scatter < 0.05
    assert found.saved_bytes is not None


# Broken by: measuring what the recipe trains on weights as they are.
@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs steep[bits]")
def test_quantised_weights_are_measured_as_they_train(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[str] = []

    def seen(model: Any, load_in: Any) -> Any:
        held.append(load_in)
        return quantise(model, load_in)

    monkeypatch.setattr(child, "quantise", seen)
    found = measure(order("llama", method="lora", load_in="8bit"))
    assert held == ["8bit"]
    plain = measure(order("llama", method="lora"))
    assert held == ["8bit"]
    assert (found.weight_bytes, found.trained_bytes) == (plain.weight_bytes, plain.trained_bytes)
    assert len(found.steps) == 3 and found.asked is not None


# Broken by: the order's word on copies not heeded, or heeded beyond its model.
def test_a_part_of_a_large_model_makes_no_copies_either(monkeypatch: pytest.MonkeyPatch) -> None:
    from steep.training import linear

    found: list[int] = []
    monkeypatch.setattr(child, "_measure", lambda _: found.append(linear.MOST_COPIED))
    before = linear.MOST_COPIED
    for copies in (True, False):
        measure(dataclasses.replace(order("llama"), copies=copies))
    assert found == [before, 0]
    assert before == linear.MOST_COPIED
