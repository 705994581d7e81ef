"""Moving back toward the base, for full training and for adapters."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch

from steep.model.adapters import make_trainable
from steep.model.strength import apply_strength
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
    apply_strength(model, 0.75, lambda: base)
    for after, before in zip(model.parameters(), base.parameters(), strict=True):
        assert torch.allclose(after - before, torch.full_like(after, 0.75), atol=1e-5)


def test_full_strength_touches_nothing(model: Any) -> None:
    apply_strength(model, 1.0, lambda: pytest.fail("the base isn't needed"))


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
    apply_strength(tuned, 0.5, lambda: pytest.fail("the base isn't needed"))
    for name, parameter in tuned.named_parameters():
        if ".lora_B." in name:
            assert torch.allclose(parameter, before[name] * 0.5)
        elif ".modules_to_save." in name:
            assert torch.allclose(parameter, before[name] - 0.25, atol=1e-5)
        else:
            assert torch.equal(parameter, before[name])
