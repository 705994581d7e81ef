"""Rows longer than a model was made for: refused where it can't read them, else told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, CodeGenConfig, Gemma3TextConfig, GPTJConfig

from steep.errors import RecipeError
from steep.model.context import check_length, length_warning, made_for, turning_lengths
from tests.tiny import tiny_config, tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


# Broken by: tables of words alone, without buffers; or rotary models taken for such.
@pytest.mark.parametrize("kind", [GPTJConfig, CodeGenConfig, "gpt2"])
def test_a_table_of_positions_has_an_end(kind: Any, tokenizer: Any) -> None:
    if kind == "gpt2":
        config = tiny_config(kind, tokenizer)
    else:
        config = kind(vocab_size=300, n_positions=128, n_embd=32, n_layer=1, n_head=4, rotary_dim=4)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    check_length(model, "sft.max_length", 128)
    with pytest.raises(RecipeError, match=r"sft\.max_length = 129: .* 128 positions; set 128 or"):
        check_length(model, "sft.max_length", 129)
    check_length(tiny_model("llama", tokenizer), "sft.max_length", 129)


# Broken by: >= in place of >, or no look at the configuration.
def test_rotary_positions_go_on_with_a_warning(tokenizer: Any) -> None:
    config = tiny_config("llama", tokenizer)
    assert length_warning(config, "train.max_seq_length", 128) is None
    said = length_warning(config, "train.max_seq_length", 129)
    assert said is not None
    assert said.startswith("train.max_seq_length = 129: the model was made for 128 tokens")


# Broken by: the factor left out, or always taken of the model's own length.
@pytest.mark.parametrize(
    ("scaled", "reach"),
    [
        ({"rope_type": "default"}, 128),
        ({"rope_type": "linear", "factor": 4.0}, 512),
        ({"rope_type": "dynamic", "factor": 2.0}, 256),
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128}, 512),
        # What the configuration names already holds the factor.
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32}, 128),
    ],
)
def test_scaled_positions_reach_further(scaled: dict[str, Any], reach: int, tokenizer: Any) -> None:
    config = tiny_config("llama", tokenizer)
    config.rope_parameters = {"rope_theta": 10_000.0, **scaled}
    assert made_for(config) == reach
    assert length_warning(config, "train.max_seq_length", reach) is None
    assert length_warning(config, "train.max_seq_length", reach + 1) is not None


# Broken by: each kind's factor taken of the model's own length, which holds it already.
def test_layers_of_several_kinds_have_scalings_of_their_own() -> None:
    config = Gemma3TextConfig(max_position_embeddings=128)
    config.rope_parameters = {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1e6},
        "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
    }
    assert made_for(config) == 128


# Broken by: 0 for a model that names no length.
def test_a_model_without_a_limit_has_none(tokenizer: Any) -> None:
    from transformers import BloomConfig

    config = BloomConfig(vocab_size=300, hidden_size=32, n_layer=1, n_head=4)
    assert made_for(config) is None
    assert length_warning(config, "train.max_seq_length", 1_000_000) is None


# Broken by: a length of positions that turn alike everywhere, or of one kind of layer alone.
def test_lengths_beyond_which_a_model_computes_otherwise(tokenizer: Any) -> None:
    config = tiny_config("llama", tokenizer)
    assert turning_lengths(config) == []
    config.attention_chunk_size = 12
    config.rope_parameters = {
        "rope_type": "longrope",
        "rope_theta": 1e4,
        "original_max_position_embeddings": 32,
    }
    assert turning_lengths(config) == [12, 32, 128]
    config.rope_parameters = {
        "one": {"rope_type": "default"},
        "other": {"rope_type": "dynamic", "factor": 2.0},
    }
    assert turning_lengths(config) == [12, 128]
