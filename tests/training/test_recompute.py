"""Gradient checkpointing: the same losses and gradients from fewer kept activations."""

from __future__ import annotations

import copy
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.training import linear
from steep.training.loss import PackedLoss, Way, choose_way
from steep.training.recompute import recomputing
from steep.training.rows import Rows
from tests.tiny import Kind, tiny_tokenizer
from tests.training.corpus import (
    TEXTS,
    make_model,
    make_recipe,
    make_schedule,
    rows_of,
    train,
    weights,
)

KINDS: list[Kind] = ["llama", "qwen3", "gemma", "gpt2"]
WAYS = [
    Way("segments", "chunked", "fused"),
    Way("segments", "chunked", "stacked"),
    Way("segments", "logits", "plain"),
    Way("mask", "chunked", "plain"),
    Way("mask", "logits", "plain"),
    Way("alone", "logits", "plain"),
]
METHODS: dict[str, dict[str, Any]] = {
    "full": {"method": "full"},
    "full, first layer frozen": {"method": "full", "frozen_layers": [0]},
    "lora": {"method": "lora"},
    "lora, first layer frozen": {"method": "lora", "frozen_layers": [0]},
    "lora with dropout": {"method": "lora", "lora_dropout": 0.3},
    "lora with embeddings": {
        "method": "lora",
        "target_modules": ["all-linear", "embed_tokens", "lm_head"],
    },
    "dora": {"method": "lora", "use_dora": True},
}


@pytest.fixture(scope="module")
def rows() -> Rows:
    return rows_of(make_schedule(tiny_tokenizer(TEXTS), rows=2).batch(0))


def _model(kind: Kind, method: str) -> Any:
    model = make_model(kind, make_recipe(**METHODS[method]))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".lora_B." in name:
                parameter.normal_(std=0.1, generator=generator)
    return model.train()


def _run(
    model: Any, way: Way, rows: Rows, wanted: bool, dtype: torch.dtype = torch.float32
) -> tuple[float, dict[str, torch.Tensor], int]:
    """(loss, gradients, bytes kept for the backward pass but for parameters)."""
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = 0

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        nonlocal kept
        if tensor.untyped_storage().data_ptr() not in own:
            kept += tensor.numel() * tensor.element_size()
        return tensor

    with (
        closing(PackedLoss(model, way, dtype)) as packed,
        recomputing(packed, wanted),
        torch.random.fork_rng(),
    ):
        torch.manual_seed(3)  # for dropout
        packed.begin_step()
        hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor)
        with hooks, torch.autocast("cpu", torch.bfloat16, enabled=dtype != torch.float32):
            loss = packed(rows)
        loss.backward()  # type: ignore[no-untyped-call]
        stacks = packed._linears.stacks if packed._linears is not None else []
        assert not any(stack._outputs for stack in stacks)  # nothing waits for a sibling
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad(set_to_none=True)
    return float(loss.detach()), found, kept


def _assert_same(model: Any, way: Way, rows: Rows, dtype: torch.dtype = torch.float32) -> None:
    loss, gradients, kept = _run(model, way, rows, False, dtype)
    found, recomputed, fewer = _run(model, way, rows, True, dtype)
    assert found == pytest.approx(loss, rel=1e-6)
    assert recomputed.keys() == gradients.keys()
    for name, gradient in recomputed.items():
        assert (gradient - gradients[name]).abs().max() <= 1e-6 * gradients[name].abs().max(), name
    # What enters each layer is kept aside of these, tokens x width a layer: a small part. Logits
    # are kept either way.
    assert fewer < kept / (3 if way.head == "chunked" else 2)


# Broken by: leaving the second run of a layer to the model's own attention (context_fn), by
# handing siblings out by place alone in Stack.output, by preserve_rng_state=False (dropout).
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", METHODS)
def test_nothing_changes_but_what_is_kept(kind: Kind, method: str, rows: Rows) -> None:
    model = _model(kind, method)
    _assert_same(model, choose_way(model), rows)


@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("method", ["full", "lora"])
def test_each_way_can_be_recomputed(way: Way, method: str, rows: Rows) -> None:
    _assert_same(_model("llama", method), way, rows)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_in_half_precision_too(method: str, rows: Rows) -> None:
    _assert_same(_model("llama", method), WAYS[0], rows, torch.bfloat16)


# Broken by: recomputing that doesn't switch off, or leaves transformers' hook on the embeddings.
@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_model_is_as_it_was_afterwards(method: str, rows: Rows) -> None:
    model = _model("llama", method)
    way = choose_way(model)
    expected = _run(model, way, rows, False)
    for _ in range(2):
        _run(model, way, rows, True)
    again = _run(model, way, rows, False)
    assert (again[0], again[2]) == (expected[0], expected[2])
    inner = model.get_base_model() if method == "lora" else model
    assert not inner.is_gradient_checkpointing
    assert not inner.get_input_embeddings()._forward_hooks
    with torch.inference_mode():
        model.eval()(input_ids=rows["input_ids"])
    holders = [m for m in model.modules() if "_gradient_checkpointing_func" in m.__dict__]
    assert all(m._gradient_checkpointing_func is torch.utils.checkpoint.checkpoint for m in holders)
    copy.deepcopy(model)


# Broken by: switching it on before the ways are tried.
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", ["full", "lora", "lora with dropout", "dora"])
def test_a_run_takes_the_same_way_and_the_same_steps(
    kind: Kind, method: str, tmp_path: Path
) -> None:
    found = []
    for wanted in (False, True):
        recipe = make_recipe(**METHODS[method], gradient_checkpointing=wanted)
        model = make_model(kind, recipe)
        training, metrics = train(model, recipe, tmp_path / str(wanted), steps=3)
        found.append((training, [m.loss for m in metrics], weights(model)))
    (plain, losses, ends), (again, relosses, reends) = found
    assert again.way == plain.way
    assert relosses == pytest.approx(losses, rel=1e-6)
    for name, end in ends.items():
        assert torch.allclose(reends[name], end, rtol=1e-5, atol=1e-6), name


# Broken by: yielding without switching on.
def test_layers_are_called_a_second_time(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    product = linear.Stack.product

    def counted(self: Any, x: torch.Tensor) -> torch.Tensor:
        calls.append(self)
        return product(self, x)

    monkeypatch.setattr(linear.Stack, "product", counted)
    model = _model("llama", "lora")
    counts = []
    for wanted in (False, True):
        calls.clear()
        _run(model, WAYS[0], rows, wanted)
        counts.append(len(calls))
    assert counts[0] == 2 * 4  # of two layers: q, k and v; o; gate and up; down
    assert counts[1] > 1.5 * counts[0]
