"""Moving back toward the base, for full training and for adapters."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from steep.model.adapters import make_trainable
from steep.model.strength import StrengthDial
from steep.recipe import TrainRecipe
from tests.tiny import Kind, tiny_model, tiny_tokenizer


@pytest.fixture
def model() -> Any:
    return tiny_model("llama", tiny_tokenizer())


def test_full_training_lands_on_the_line_to_the_base(model: Any) -> None:
    # Fails if strength and 1 - strength are mixed up.
    base = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    dial = StrengthDial(model, lambda: base)
    dial.turn(0.25)
    dial.turn(0.75)  # counted from the ends, not from where the dial stood
    for after, before in zip(model.parameters(), base.parameters(), strict=True):
        assert torch.allclose(after - before, torch.full_like(after, 0.75), atol=1e-5)


# Fails if an end is reached by arithmetic that rounds.
def test_both_ends_are_exact(model: Any) -> None:
    base = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    tuned = copy.deepcopy(model)
    dial = StrengthDial(model, lambda: base)
    for strength, end in ((0.4, None), (0.0, base), (0.4, None), (1.0, tuned)):
        dial.turn(strength)
        if end is not None:
            pairs = zip(model.parameters(), end.parameters(), strict=True)
            assert all(torch.equal(one, other) for one, other in pairs)


def test_adapters_are_scaled_and_saved_modules_meet_their_originals(model: Any) -> None:
    # Fails if B isn't scaled, if A is too, or if the tied head is moved twice.
    recipe = TrainRecipe(
        method="lora", lora_r=4, max_steps=1, target_modules=["all-linear", "embed_tokens"]
    )
    tuned = make_trainable(model, recipe, 0)
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.add_(0.5)
    before = {name: p.detach().clone() for name, p in tuned.named_parameters()}
    StrengthDial(tuned, lambda: pytest.fail("the base isn't needed")).turn(0.5)
    for name, parameter in tuned.named_parameters():
        if ".lora_B." in name:
            assert torch.allclose(parameter, before[name] * 0.5)
        elif ".modules_to_save." in name:
            assert torch.allclose(parameter, before[name] - 0.25, atol=1e-5)
        else:
            assert torch.equal(parameter, before[name])


# Fails if the magnitudes stay as trained, go toward zero or one, or their beginning is computed
# from the transposed weight (GPT-2's lies the other way round).
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "gpt2"])
@pytest.mark.parametrize("rslora", [False, True])
def test_dora_turns_from_the_base_to_the_trained_model(kind: Kind, rslora: bool) -> None:
    tokenizer = tiny_tokenizer()
    ids = torch.arange(2, 40)[None]
    recipe = TrainRecipe(
        method="lora", lora_r=4, max_steps=1, use_dora=True, use_rslora=rslora, frozen_layers=[0]
    )
    tuned = make_trainable(tiny_model(kind, tokenizer), recipe, 0).eval()
    begun = {n: p.detach().clone() for n, p in tuned.named_parameters()}
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
        trained = {n: p.detach().clone() for n, p in tuned.named_parameters()}
        whole = tuned(ids).logits
        dial = StrengthDial(tuned, lambda: pytest.fail("the base isn't needed"))
        dial.turn(0.25)
        for name, parameter in tuned.named_parameters():
            if ".lora_magnitude_vector." in name:
                between = begun[name] + 0.25 * (trained[name] - begun[name])
                assert torch.allclose(parameter, between, atol=1e-5), name
            elif ".lora_B." in name:
                assert torch.allclose(parameter, 0.25 * trained[name]), name
            else:
                assert torch.equal(parameter, trained[name]), name
        dial.turn(0.0)
        assert torch.equal(tuned(ids).logits, tiny_model(kind, tokenizer)(ids).logits)
        dial.turn(1.0)
        assert torch.equal(tuned(ids).logits, whole)
    assert all(torch.equal(p, trained[n]) for n, p in tuned.named_parameters())


# Fails if a frozen layer is moved by arithmetic that rounds.
def test_frozen_layers_stay_at_any_strength(model: Any) -> None:
    base = copy.deepcopy(model)
    recipe = TrainRecipe(method="full", max_steps=1, frozen_layers=[0])
    tuned = make_trainable(model, recipe, 0)
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.add_(1.0)
    dial = StrengthDial(tuned, lambda: base)
    before = dict(base.named_parameters())
    for strength in (0.3, 0.7, 0.0, 1.0):
        dial.turn(strength)
        for name, parameter in tuned.named_parameters():
            if name.startswith("model.layers.0."):
                assert torch.equal(parameter, before[name])
            else:
                moved = torch.full_like(parameter, strength)
                assert torch.allclose(parameter - before[name], moved, atol=1e-5)
