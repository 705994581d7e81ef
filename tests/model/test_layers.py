"""Finding a model's decoder layers, and reading which are to be kept."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from steep.errors import RecipeError
from steep.model.layers import decoder_layers, frozen_numbers
from tests.tiny import SIZES, Kind, random_model, tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


# Broken by: looking for "layers" by name.
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("llama", "model.layers"),
        ("qwen3", "model.layers"),
        ("gemma", "model.layers"),
        ("gpt2", "transformer.h"),
    ],
)
def test_the_stack_is_found(kind: Kind, name: str, tokenizer: Any) -> None:
    layers = decoder_layers(tiny_model(kind, tokenizer))
    assert layers.name == name
    assert layers.own_name == name.split(".")[1]
    assert len(layers.modules) == 2
    assert layers.place_of(f"{name}.1.mlp.up") == (1, "mlp.up")
    assert layers.place_of(f"{name}.10.mlp.up.0") == (10, "mlp.up.0")
    for outside in ("lm_head", name, f"{name}x.1.mlp", "other.1.mlp"):
        assert layers.place_of(outside) is None


# Broken by: taking the last list of the right length.
def test_lists_inside_a_layer_are_not_the_stack(tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    for layer in model.model.layers:
        layer.mlp.experts = torch.nn.ModuleList([torch.nn.Identity(), torch.nn.Identity()])
    assert decoder_layers(model).name == "model.layers"


def test_a_model_without_a_stack_is_refused(tokenizer: Any) -> None:
    from transformers import LlamaConfig

    model = random_model(LlamaConfig(vocab_size=64, **SIZES))
    model.config.num_hidden_layers = 5
    with pytest.raises(RecipeError, match=r"train\.frozen_layers: no stack of 5 layers"):
        decoder_layers(model)


# Broken by: abs(number) in place of number % count.
def test_numbers_count_from_either_end() -> None:
    assert frozen_numbers([], 4) == frozenset()
    assert frozen_numbers([0, -1, 3, -4], 4) == {0, 3}
    assert frozen_numbers([-2], 4) == {2}


# Broken by: number <= count.
@pytest.mark.parametrize("number", [4, -5, 99])
def test_a_layer_that_is_not_there_is_named(number: int) -> None:
    with pytest.raises(RecipeError, match=rf"there is no layer {number}; the model has 4, 0 to 3"):
        frozen_numbers([1, number], 4)
