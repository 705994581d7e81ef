"""What of a model is trained: adapters, embeddings, everything; and what can't be."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from steep.errors import RecipeError
from steep.model.adapters import check_trainable, make_trainable, parameter_groups
from steep.recipe import TrainRecipe
from tests.tiny import Kind, tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


def _recipe(*modules: str, **train: Any) -> TrainRecipe:
    defaults = {
        "method": "lora",
        "max_steps": 1,
        "lora_r": 4,
        "learning_rate": 1e-2,
        "embedding_learning_rate": 1e-3,
        "target_modules": list(modules) or ["all-linear"],
    }
    return TrainRecipe.model_validate({**defaults, **train})


def _adapted(model: Any) -> set[str]:
    """Names of the modules that have an adapter."""
    names = (n for n, p in model.named_parameters() if p.requires_grad and "lora_A" in n)
    return {n.removeprefix("base_model.model.").split(".lora_A")[0] for n in names}


# Broken by: excluding lm_head by hand, or letting all-linear reach it.
@pytest.mark.parametrize(
    ("kind", "modules"), [("llama", 7), ("qwen3", 7), ("gemma", 7), ("gpt2", 4)]
)
def test_all_linear_is_every_layer_but_the_head(kind: Kind, modules: int, tokenizer: Any) -> None:
    model = make_trainable(tiny_model(kind, tokenizer), _recipe(), seed=0)
    adapted = _adapted(model)
    assert len(adapted) == 2 * modules
    assert not any("head" in name or "embed" in name or "wte" in name for name in adapted)
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    assert all(".lora_" in name for name in trained)


@pytest.mark.parametrize(
    ("asked", "adapted"),
    [
        (["q_proj"], {f"model.layers.{n}.self_attn.q_proj" for n in (0, 1)}),
        (["mlp.up_proj"], {f"model.layers.{n}.mlp.up_proj" for n in (0, 1)}),
        (["layers.0.self_attn.q_proj"], {"model.layers.0.self_attn.q_proj"}),
    ],
)
def test_named_modules(asked: list[str], adapted: set[str], tokenizer: Any) -> None:
    model = make_trainable(tiny_model("llama", tokenizer), _recipe(*asked), seed=0)
    assert _adapted(model) == adapted


# Broken by: leaving a name to PEFT, whose error isn't the user's.
@pytest.mark.parametrize(
    "asked",
    [
        ["query"],
        ["q_proj", "layers.9.self_attn.q_proj"],
        ["self_attn"],
        ["input_layernorm"],
        ["embed_tokens"],
        ["all-linear", "nonsense"],
        ["all-linear", "self_attn"],
        ["proj"],
    ],
)
def test_what_is_no_linear_module_is_refused(asked: list[str], tokenizer: Any) -> None:
    with pytest.raises(RecipeError, match=r"train\.target_modules") as caught:
        make_trainable(tiny_model("llama", tokenizer), _recipe(*asked), seed=0)
    assert "all-linear" in str(caught.value)
    if asked != ["embed_tokens"]:
        assert asked[-1] in str(caught.value)
        assert "q_proj" in str(caught.value)


def test_the_names_offered_are_the_models_own(tokenizer: Any) -> None:
    with pytest.raises(RecipeError, match="c_attn"):
        make_trainable(tiny_model("gpt2", tokenizer), _recipe("q_proj"), seed=0)


# Broken by: ensure_weight_tying=False in _lora_config.
@pytest.mark.parametrize("asked", ["embed_tokens", "lm_head"])
@pytest.mark.parametrize("kind", ["llama", "gemma"])
def test_a_tied_pair_is_trained_as_one(kind: Kind, asked: str, tokenizer: Any) -> None:
    model = make_trainable(tiny_model(kind, tokenizer), _recipe("all-linear", asked), seed=0)
    whole = [n for n, p in model.named_parameters() if p.requires_grad and "lora_" not in n]
    assert len(whole) == 1
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    assert embedding.weight.data_ptr() == head.weight.data_ptr()


def test_an_untied_pair_is_trained_as_asked(tokenizer: Any) -> None:
    for asked, part in (("embed_tokens", "embed_tokens"), ("lm_head", "lm_head")):
        model = make_trainable(tiny_model("qwen3", tokenizer), _recipe("all-linear", asked), seed=0)
        (name,) = [n for n, p in model.named_parameters() if p.requires_grad and "lora_" not in n]
        assert part in name


def test_other_families_names_for_embeddings_are_understood(tokenizer: Any) -> None:
    model = make_trainable(tiny_model("gpt2", tokenizer), _recipe("all-linear", "embed_tokens"), 0)
    (name,) = [n for n, p in model.named_parameters() if p.requires_grad and "lora_" not in n]
    assert "wte" in name


# Broken by: dropping fork_rng, or seeding with a constant.
def test_the_seed_makes_the_adapter_and_disturbs_nobody(tokenizer: Any) -> None:
    state = torch.get_rng_state()
    one, same, other = (
        dict(make_trainable(tiny_model("llama", tokenizer), _recipe(), seed).named_parameters())
        for seed in (1, 1, 2)
    )
    assert torch.equal(torch.get_rng_state(), state)
    name = next(n for n in one if "lora_A" in n)
    assert torch.equal(one[name], same[name])
    assert not torch.equal(one[name], other[name])


def test_alpha_is_twice_the_rank_unless_given(tokenizer: Any) -> None:
    for given, alpha in ((None, 8), (3.0, 3.0)):
        model = make_trainable(tiny_model("llama", tokenizer), _recipe(lora_alpha=given), seed=0)
        assert model.peft_config["default"].lora_alpha == alpha


# Broken by: 2r whichever the scaling; use_rslora not passed on.
def test_rslora_scales_as_plain_lora_does_unless_alpha_is_given(tokenizer: Any) -> None:
    for given, scale in ((None, 2.0), (6.0, 3.0)):
        recipe = _recipe(use_rslora=True, lora_alpha=given)  # of rank 4
        model = make_trainable(tiny_model("llama", tokenizer), recipe, seed=0)
        assert model.peft_config["default"].use_rslora is True
        layer = model.get_base_model().model.layers[0].mlp.up_proj
        assert layer.scaling["default"] == pytest.approx(scale)


# Broken by: decay on whatever isn't an embedding; use_dora not passed on.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "gpt2"])
def test_dora_adds_a_magnitude_to_each_adapter_and_none_decays(kind: Kind, tokenizer: Any) -> None:
    recipe = _recipe(use_dora=True, weight_decay=0.1)
    model = make_trainable(tiny_model(kind, tokenizer), recipe, seed=0)
    groups = {group.name: group for group in parameter_groups(model, recipe)}
    magnitudes = {n.split(".lora_")[0] for n, _ in groups["vectors"].parameters}
    assert {n.removeprefix("base_model.model.") for n in magnitudes} == _adapted(model)
    assert all(".lora_magnitude_vector." in n for n, _ in groups["vectors"].parameters)
    assert groups["vectors"].weight_decay == 0.0
    assert groups["vectors"].learning_rate == groups["matrices"].learning_rate == 1e-2
    assert groups["matrices"].weight_decay == 0.1


LAYERS = {"llama": "model.layers", "qwen3": "model.layers", "gemma": "model.layers"}


# Broken by: PEFT's own list for all-linear (whole names, for which it heeds no layers), or a fixed
# layers_pattern.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "gpt2"])
@pytest.mark.parametrize(("asked", "left"), [([0], 1), ([-1], 0), ([1, -1], 0)])
def test_frozen_layers_have_no_adapters(
    kind: Kind, asked: list[int], left: int, tokenizer: Any
) -> None:
    stack = LAYERS.get(kind, "transformer.h")
    every = _adapted(make_trainable(tiny_model(kind, tokenizer), _recipe(), seed=0))
    model = make_trainable(tiny_model(kind, tokenizer), _recipe(frozen_layers=asked), seed=0)
    assert _adapted(model) == {name for name in every if name.startswith(f"{stack}.{left}.")}
    assert model.peft_config["default"].layers_to_transform == [left]


@pytest.mark.parametrize(
    ("modules", "adapted"),
    [
        (["q_proj", "mlp.up_proj"], {"self_attn.q_proj", "mlp.up_proj"}),
        (["model.layers.1.self_attn.q_proj"], {"self_attn.q_proj"}),
        (["layers.1.mlp.up_proj", "embed_tokens"], {"mlp.up_proj"}),
    ],
)
def test_frozen_layers_and_named_modules(
    modules: list[str], adapted: set[str], tokenizer: Any
) -> None:
    recipe = _recipe(*modules, frozen_layers=[0])
    model = make_trainable(tiny_model("llama", tokenizer), recipe, seed=0)
    assert _adapted(model) == {f"model.layers.1.{name}" for name in adapted}


# Broken by: leaving modules in no layer to layers_to_transform, which drops them.
@pytest.mark.parametrize("asked", ["all-linear", "extra"])
def test_linear_modules_outside_the_layers_are_still_adapted(asked: str, tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer)
    model.model.extra = torch.nn.Linear(4, 4)
    adapted = _adapted(make_trainable(model, _recipe(asked, frozen_layers=[0]), seed=0))
    assert "model.extra" in adapted
    assert len(adapted) == (8 if asked == "all-linear" else 1)


# Broken by: leaving it to PEFT, whose error isn't the user's.
@pytest.mark.parametrize(
    ("modules", "frozen"),
    [
        (["all-linear"], [0, 1]),
        (["all-linear", "embed_tokens"], [0, -1]),
        (["q_proj", "layers.0.mlp.up_proj"], [0]),
        (["model.layers.0.mlp.up_proj"], [0]),
    ],
)
def test_nothing_left_to_adapt_is_refused(
    modules: list[str], frozen: list[int], tokenizer: Any
) -> None:
    with pytest.raises(RecipeError, match=r"train\.frozen_layers: .*freeze fewer") as caught:
        make_trainable(
            tiny_model("llama", tokenizer), _recipe(*modules, frozen_layers=frozen), seed=0
        )
    assert "\n" not in str(caught.value)


# Broken by: freezing before everything is unfrozen.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "gpt2"])
def test_in_full_training_frozen_layers_take_no_gradient(kind: Kind, tokenizer: Any) -> None:
    recipe = _recipe(method="full", frozen_layers=[-1])
    model = make_trainable(tiny_model(kind, tokenizer), recipe, seed=0)
    stack = LAYERS.get(kind, "transformer.h")
    for name, parameter in model.named_parameters():
        assert parameter.requires_grad != name.startswith(f"{stack}.1."), name
    trained = {n for group in parameter_groups(model, recipe) for n, _ in group.parameters}
    assert trained == {n for n, p in model.named_parameters() if p.requires_grad}


def test_with_every_layer_frozen_full_training_still_has_embeddings(tokenizer: Any) -> None:
    recipe = _recipe(method="full", frozen_layers=[0, 1])
    model = make_trainable(tiny_model("llama", tokenizer), recipe, seed=0)
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {"model.embed_tokens.weight", "model.norm.weight"}


# Broken by: no look at tables of positions, or one that takes rotary models for such.
def test_rows_longer_than_a_table_of_positions_are_refused(tokenizer: Any) -> None:
    learned, rotary = tiny_model("gpt2", tokenizer), tiny_model("llama", tokenizer)
    with pytest.raises(RecipeError, match=r"max_seq_length = 129: .* 128 positions; set 128 or"):
        check_trainable(learned, _recipe(max_seq_length=129))
    check_trainable(learned, _recipe(max_seq_length=128))
    check_trainable(rotary, _recipe(max_seq_length=129))


# Broken by: no look at attention; one that takes models without a word on it for such.
def test_a_model_that_sees_what_comes_is_refused(tokenizer: Any) -> None:
    from transformers import AutoModelForCausalLM, BertConfig, BloomConfig

    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    small: dict[str, Any] = {**size, "intermediate_size": 32, "vocab_size": len(tokenizer)}
    with torch.device("meta"):
        ahead, behind, silent = (
            AutoModelForCausalLM.from_config(config)
            for config in (
                BertConfig(**small),
                BertConfig(**small, is_decoder=True),
                BloomConfig(hidden_size=32, n_layer=1, n_head=2, vocab_size=len(tokenizer)),
            )
        )
    with pytest.raises(RecipeError, match="a BertLMHeadModel reads every token with those behind"):
        check_trainable(ahead, _recipe())
    check_trainable(behind, _recipe())
    check_trainable(silent, _recipe())


# Broken by: check_trainable that looks only at the method that is the default.
@pytest.mark.parametrize("method", ["full", "lora"])
def test_what_cannot_be_trained_is_known_without_weights(method: str, tokenizer: Any) -> None:
    model = tiny_model("llama", tokenizer).to("meta")
    check_trainable(model, _recipe(method=method, frozen_layers=[0], gradient_checkpointing=True))
    with pytest.raises(RecipeError, match="no layer 7"):
        check_trainable(model, _recipe(method=method, frozen_layers=[7]))
    model.supports_gradient_checkpointing = False
    with pytest.raises(RecipeError, match=r"train\.gradient_checkpointing"):
        check_trainable(model, _recipe(method=method, gradient_checkpointing=True))


# Broken by: one bucket for all.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
def test_groups_hold_each_trained_parameter_once(kind: Kind, tokenizer: Any) -> None:
    recipe = _recipe(method="full", weight_decay=0.1)
    model = make_trainable(tiny_model(kind, tokenizer), recipe, seed=0)
    groups = {group.name: group for group in parameter_groups(model, recipe)}
    names = [name for group in groups.values() for name, _ in group.parameters]
    assert sorted(names) == sorted(n for n, _ in model.named_parameters())
    rates = {name: group.learning_rate for name, group in groups.items()}
    assert rates == {"embeddings": 1e-3, "vectors": 1e-2, "matrices": 1e-2}
    assert {n: g.weight_decay for n, g in groups.items()} == {
        "embeddings": 0.0,
        "vectors": 0.0,
        "matrices": 0.1,
    }
    assert len(groups["embeddings"].parameters) == (2 if kind == "qwen3" else 1)
    assert all(p.ndim < 2 for _, p in groups["vectors"].parameters)


def test_rates_must_be_resolved_first(tokenizer: Any) -> None:
    recipe = _recipe(method="full", learning_rate=None)
    with pytest.raises(ValueError, match="resolve"):
        parameter_groups(tiny_model("llama", tokenizer), recipe)
