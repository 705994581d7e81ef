"""Moving back toward the base, for full training and for adapters."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from steep.model.adapters import make_trainable
from steep.model.strength import StrengthDial
from steep.recipe import TrainRecipe
from tests.tiny import tiny_model, tiny_tokenizer


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
