"""Truncated configurations: fewer layers, everything else the same."""

from __future__ import annotations

from typing import Any

import pytest

from steep.planning.shape import (
    config_of,
    depth_of,
    measured_depths,
    shape_of,
    truncated,
    weight_bytes,
)
from tests.tiny import Kind, random_model, tiny_config, tiny_model, tiny_tokenizer

KINDS: tuple[Kind, ...] = ("llama", "qwen3", "gpt2", "gemma")


# Broken by: writing "num_hidden_layers" whatever the configuration calls it (GPT-2's "n_layer").
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_cut(kind: Kind) -> None:
    tokenizer = tiny_tokenizer()
    shape = shape_of(tiny_config(kind, tokenizer))
    assert depth_of(shape) == 2
    cut = truncated(shape, 1)
    assert depth_of(cut) == 1
    assert depth_of(shape) == 2  # the original is left alone
    config = config_of(cut)
    assert config.num_hidden_layers == 1
    model, whole = random_model(config), tiny_model(kind, tokenizer)
    assert len(model.get_decoder().layers if kind != "gpt2" else model.transformer.h) == 1
    assert model.config.hidden_size == whole.config.hidden_size
    assert weight_bytes(shape) == 4 * whole.num_parameters()
    assert weight_bytes(cut) < weight_bytes(shape)


# Broken by: not cutting lists (Qwen3's layer_types must be as long as the model is deep).
def test_lists_with_a_value_per_layer_are_cut_too() -> None:
    shape = shape_of(tiny_config("qwen3", tiny_tokenizer()))
    assert len(shape["layer_types"]) == 2
    cut = truncated({**shape, "other": [1, 2, 3]}, 1)
    assert len(cut["layer_types"]) == 1
    assert cut["other"] == [1, 2, 3]


def test_the_text_part_of_a_larger_model_is_cut() -> None:
    inner: dict[str, Any] = {"model_type": "llama", "num_hidden_layers": 4, "layer_types": [0] * 4}
    shape = {"model_type": "other", "text_config": inner, "depth": 4}
    cut = truncated(shape, 2)
    assert cut["text_config"]["num_hidden_layers"] == 2
    assert len(cut["text_config"]["layer_types"]) == 2
    assert cut["depth"] == 4
    assert inner["num_hidden_layers"] == 4


def test_a_depth_that_is_not_there_is_refused() -> None:
    shape = shape_of(tiny_config("llama", tiny_tokenizer()))
    for layers in (0, 3):
        with pytest.raises(ValueError, match="layers"):
            truncated(shape, layers)
    with pytest.raises(ValueError, match="how many layers"):
        depth_of({"model_type": "llama"})


# Broken by: measured_depths returning (2, 10) whatever the layers weigh.
def test_depths_are_small_for_large_layers() -> None:
    shape = shape_of(tiny_config("llama", tiny_tokenizer()))
    assert measured_depths({**shape, "num_hidden_layers": 1}) == (1,)
    assert measured_depths(shape) == (1, 2)
    assert measured_depths({**shape, "num_hidden_layers": 5}) == (2, 5)
    assert measured_depths({**shape, "num_hidden_layers": 30}) == (2, 10)
    large = {**shape, "num_hidden_layers": 32, "hidden_size": 8192, "intermediate_size": 28672}
    assert measured_depths(large) == (1, 2)
