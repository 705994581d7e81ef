"""Truncated configurations: fewer layers, everything else the same."""

from __future__ import annotations

from typing import Any

import pytest

from steep.planning.shape import (
    config_of,
    depth_of,
    linear_parameters,
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


# Broken by: a shape that keeps transformers' table for an infinite number.
def test_infinite_numbers_survive() -> None:
    from transformers import Mamba2Config

    config = Mamba2Config(vocab_size=64, hidden_size=32, num_heads=4, head_dim=16, n_groups=1)
    assert list(config_of(shape_of(config)).time_step_limit) == [0.0, float("inf")]
    assert weight_bytes(shape_of(config)) > 0


# Broken by: two layers of whatever kind, or kinds of attention counted too.
def test_depths_have_every_kind_of_layer() -> None:
    shape = {**shape_of(tiny_config("qwen3", tiny_tokenizer())), "num_hidden_layers": 12}
    hybrid = [*["linear_attention"] * 3, "full_attention"] * 3
    reach = [*["sliding_attention"] * 3, "full_attention"] * 3
    assert measured_depths({**shape, "layer_types": reach}) == (2, 10)
    kinds = {**shape, "model_type": "qwen3_5_text", "layer_types": hybrid}
    assert measured_depths(kinds) == (4, 8)
    late = {**kinds, "layer_types": ["linear_attention"] * 11 + ["full_attention"]}
    assert measured_depths(late) == (2, 10)  # too many to measure
    short = {**kinds, "num_hidden_layers": 5, "layer_types": hybrid[:5]}
    assert measured_depths(short) == (4, 5)
    assert measured_depths({**short, "num_hidden_layers": 4, "layer_types": hybrid[:4]}) == (4,)


# Broken by: layers that share keys counted as in the whole, or none of a kind left to share from.
def test_shared_keys_and_values_are_cut_too() -> None:
    types = [*["sliding_attention"] * 4, "full_attention"] * 6
    inner = {
        "model_type": "gemma3n_text",
        "num_hidden_layers": 30,
        "num_kv_shared_layers": 10,
        "layer_types": types,
    }
    shared = [truncated(inner, n)["num_kv_shared_layers"] for n in (2, 5, 10, 30)]
    assert shared == [0, 0, 3, 10]


# Broken by: the head counted in.
def test_matrices_are_counted_without_making_them() -> None:
    tokenizer = tiny_tokenizer()
    shape = shape_of(tiny_config("qwen3", tokenizer))
    attention = 32 * 8 * (4 + 2 + 2 + 4)
    assert linear_parameters(shape) == 2 * (attention + 3 * 32 * 64)
