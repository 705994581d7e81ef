"""Which weights adapters stand on in models that aren't plain stacks of linear layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from steep.errors import RecipeError
from steep.model.adapters import adapters_warning, check_trainable, make_trainable
from steep.recipe import TrainRecipe
from tests.tiny import SIZES, random_model

V = 64
SMALL: dict[str, Any] = {"vocab_size": V, "pad_token_id": 1, **SIZES}
EXPERTS = {"num_local_experts": 4, "num_experts_per_tok": 2}


def _recipe(**train: Any) -> TrainRecipe:
    return TrainRecipe.model_validate(
        {"method": "lora", "max_steps": 1, "lora_r": 4, "max_seq_length": 64, **train}
    )


def _adapted(model: Any) -> set[str]:
    """Names of the modules that have an adapter; each has to get a gradient."""
    model = make_trainable(model, _recipe(), seed=0)
    model(input_ids=torch.arange(2, 12)[None], use_cache=False).logits.sum().backward()
    adapters = {n: p for n, p in model.named_parameters() if "lora_B" in n}
    assert all(parameter.grad is not None for parameter in adapters.values())
    return {n.removeprefix("base_model.model.").split(".lora_B")[0] for n in adapters}


# Broken by: nothing left out of a Mamba (PEFT refuses), or its in_proj left out too.
def test_a_mamba_has_adapters_where_peft_allows_them() -> None:
    from transformers import MambaConfig

    model = random_model(MambaConfig(vocab_size=V, hidden_size=32, num_hidden_layers=1))
    check_trainable(model, _recipe())
    with pytest.raises(RecipeError, match="no linear module 'out_proj'"):
        check_trainable(model, _recipe(target_modules=["out_proj"]))
    found = _adapted(model)
    assert found == {f"backbone.layers.0.mixer.{name}" for name in ("in_proj", "x_proj")}


# Broken by: _gives_a_vector returning True, or False for every class of a model's own (Falcon's).
def test_routers_have_none_and_other_layers_of_a_models_own_do() -> None:
    from transformers import FalconConfig, PhimoeConfig

    router = random_model(PhimoeConfig(**SMALL, **EXPERTS))
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 4}
    own = random_model(FalconConfig(vocab_size=V, **sizes))
    assert {name.rpartition(".")[2] for name in _adapted(router)} == {
        "q_proj",
        "k_proj",
        "v_proj",
        "o_proj",
    }
    assert len(_adapted(own)) == 4


# Broken by: adapters on every linear layer of the model, or everything unfrozen.
def test_what_reads_images_stays_as_it_is() -> None:
    from transformers import Gemma3Config

    text = {"head_dim": 8, "sliding_window": 12, **SMALL}
    vision = {"hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 2}
    sizes = {"num_hidden_layers": 2, "image_size": 28, "patch_size": 14}
    config = Gemma3Config(
        text_config=text, vision_config={**vision, **sizes}, mm_tokens_per_image=1
    )
    adapted = _adapted(random_model(config))
    assert len(adapted) == 14
    assert all(name.startswith("model.language_model.layers.") for name in adapted)
    model = make_trainable(random_model(config), _recipe(method="full"), seed=0)
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad == name.startswith("model.language_model."), name


# Broken by: no look at what PEFT makes of it (no expert of layer 1 would have an adapter).
def test_stacked_experts_and_frozen_layers_are_refused() -> None:
    from transformers import GptOssConfig, MixtralConfig

    config = MixtralConfig(**SMALL, **EXPERTS)
    with torch.device("meta"):
        model = random_model(config)
    check_trainable(model, _recipe())
    check_trainable(model, _recipe(method="full", frozen_layers=[0]))
    check_trainable(model, _recipe(target_modules=["q_proj"], frozen_layers=[0]))
    with pytest.raises(RecipeError, match=r"train\.frozen_layers: in a MixtralForCausalLM"):
        check_trainable(model, _recipe(frozen_layers=[0]))
    with pytest.raises(RecipeError, match=r"train\.method: PEFT can't put .*use_dora") as caught:
        check_trainable(model, _recipe(use_dora=True))
    assert "\n" not in str(caught.value)
    with torch.device("meta"):
        unreached = random_model(GptOssConfig(**SMALL, **EXPERTS, head_dim=8))
    check_trainable(unreached, _recipe(frozen_layers=[0]))  # no expert has an adapter either way


# Broken by: a warning for Mixtral, whose experts PEFT reaches, or counting embeddings.
def test_adapters_on_little_of_a_model_are_worth_a_word() -> None:
    from transformers import GptOssConfig, MixtralConfig

    little = random_model(GptOssConfig(**SMALL, **EXPERTS, head_dim=8))
    found = adapters_warning(little, _recipe())
    assert found is not None
    assert found.startswith("adapters reach only 11% of the weights in the layers of a GptOssFor")
    assert adapters_warning(little, _recipe(frozen_layers=[0])) == found
    assert adapters_warning(little, _recipe(method="full")) is None
    assert adapters_warning(little, _recipe(target_modules=["q_proj"])) is None
    assert adapters_warning(random_model(MixtralConfig(**SMALL, **EXPERTS)), _recipe()) is None
