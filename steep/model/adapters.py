"""Make a model trainable as the recipe asks: LoRA adapters, embeddings, or everything."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from steep.errors import RecipeError
from steep.model.context import check_length
from steep.model.layers import decoder_layers, frozen_numbers
from steep.model.reach import (
    adapted_weights,
    beside_text,
    has_stacks,
    left_out,
    linear_layers,
    reach_warning,
)
from steep.recipe import TrainRecipe
from steep.recipe.resolve import default_alpha

_EMBEDDING_NAMES = frozenset({"embed_tokens", "wte", "word_embeddings"})
_HEAD_NAMES = frozenset({"lm_head", "embed_out", "output"})


@dataclass(frozen=True)
class ParameterGroup:
    """Trainable parameters that share a rate: their names, and the rate at the schedule's peak."""

    name: str
    parameters: tuple[tuple[str, Any], ...]
    learning_rate: float
    weight_decay: float


def check_trainable(model: Any, recipe: TrainRecipe) -> None:
    """Find out whether ``make_trainable`` would refuse; a model without weights will do.

    Raises:
        RecipeError: the model isn't one that writes text, a requested module or layer isn't in
            it, nothing would be trained, or rows are longer than it can read.
    """
    looks = [module.is_causal for module in model.modules() if hasattr(module, "is_causal")]
    if looks and not any(looks):
        raise RecipeError(
            f"model: a {type(model).__name__} reads every token with those behind it, as models do "
            "that classify or embed texts, and so can't learn to write; name one that writes text"
        )
    if recipe.method == "full":
        _frozen_modules(model, recipe)
    else:
        _check_places(model, recipe)
    check_length(model, "train.max_seq_length", recipe.max_seq_length)
    if recipe.gradient_checkpointing and not model.supports_gradient_checkpointing:
        raise RecipeError(
            f"train.gradient_checkpointing: {type(model).__name__} can't do it; set it to false"
        )


def adapters_warning(model: Any, recipe: TrainRecipe) -> str | None:
    """What to know of a model that the adapters asked for leave mostly as it is."""
    if recipe.method == "full" or "all-linear" not in recipe.target_modules:
        return None
    return reach_warning(model, _lora_config(model, _unfrozen(recipe)))


def make_trainable(model: Any, recipe: TrainRecipe, seed: int, *, has_grown: bool = False) -> Any:
    """Attach adapters (``method = "lora"``) or unfreeze everything (``"full"``).

    Either way ``recipe.frozen_layers`` stay out of it, and what reads images or sound. Adapter
    weights are initialised from ``seed`` without disturbing the global generators.

    Args:
        has_grown: the vocabulary has, so the adapter holds embedding and head whether they are
            asked for or not.

    Raises:
        RecipeError: a requested module or layer isn't in the model, or nothing would be trained.
    """
    import torch

    if recipe.method == "full":
        model.requires_grad_(True)
        for parameter in beside_text(model):
            parameter.requires_grad_(False)
        for module in _frozen_modules(model, recipe):
            module.requires_grad_(False)
        return model
    from peft import get_peft_model

    config = _lora_config(model, recipe, has_grown=has_grown)
    with torch.random.fork_rng(), quiet_libraries():
        torch.manual_seed(seed)
        return get_peft_model(model, config)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """No word of names that PEFT and TRL use and transformers will retire: no user can act."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*gradient_checkpointing", FutureWarning)
        yield


def _frozen_modules(model: Any, recipe: TrainRecipe) -> list[Any]:
    if not recipe.frozen_layers:
        return []
    layers = decoder_layers(model)
    numbers = frozen_numbers(recipe.frozen_layers, len(layers.modules))
    return [layers.modules[number] for number in sorted(numbers)]


def embeddings_asked(model: Any, recipe: TrainRecipe) -> frozenset[str]:
    """Names of the embedding and head modules that the recipe trains whole.

    Args:
        model: without adapters.
    """
    if recipe.method == "full":
        return frozenset(embedding_names(model))
    return frozenset(_split_targets(model, recipe.target_modules)[1])


def embedding_names(model: Any) -> list[str]:
    """Own names of the embedding and, if there is one, the head."""
    names = {id(module): name for name, module in model.named_modules()}
    modules = [model.get_input_embeddings(), model.get_output_embeddings()]
    return [names[id(module)].split(".")[-1] for module in modules if module is not None]


def _lora_config(model: Any, recipe: TrainRecipe, *, has_grown: bool = False) -> Any:
    from peft import LoraConfig

    linear, saved = _split_targets(model, recipe.target_modules)
    if has_grown:
        saved = embedding_names(model)
    tied = bool(getattr(model.config, "tie_word_embeddings", False))
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha or default_alpha(recipe),  # type: ignore[arg-type]
        lora_dropout=recipe.lora_dropout,
        use_rslora=recipe.use_rslora,
        use_dora=recipe.use_dora,
        modules_to_save=saved or None,
        ensure_weight_tying=bool(saved) and tied,
        **_places(model, linear, recipe.frozen_layers),
    )


def _check_places(model: Any, recipe: TrainRecipe) -> None:
    """Find out whether PEFT would refuse, or would adapt other layers than those asked for.

    Raises:
        RecipeError: it would.
    """
    config = _lora_config(model, recipe)
    if not has_stacks(model):  # PEFT does as it is told
        return
    found = adapted_weights(model, config)
    if not recipe.frozen_layers:
        return
    layers = decoder_layers(model)
    numbers = frozen_numbers(recipe.frozen_layers, len(layers.modules))
    every = adapted_weights(model, _lora_config(model, _unfrozen(recipe)))
    asked = {n for n in every if (place := layers.place_of(n)) is None or place[0] not in numbers}
    if found != asked:
        raise RecipeError(
            f"train.frozen_layers: in a {type(model).__name__}, whose experts are stacked, PEFT "
            'adapts the experts of all layers or of none; remove the key, or set method = "full"'
        )


def _unfrozen(recipe: TrainRecipe) -> TrainRecipe:
    return recipe.model_copy(update={"frozen_layers": []})


def _places(model: Any, linear: list[str], frozen: list[int]) -> dict[str, Any]:
    """Where PEFT is to put adapters: ``target_modules``, and the layers if some are frozen.

    PEFT heeds ``layers_to_transform`` only for names that are less than a module's whole name,
    and then only within layers. So "all-linear" is spelled out: names within a layer, and whole
    names outside.
    """
    without = left_out(model)
    excluded = {"exclude_modules": without} if without else {}
    if not frozen:
        return {"target_modules": "all-linear" if "all-linear" in linear else linear, **excluded}
    layers = decoder_layers(model)
    numbers = frozen_numbers(frozen, len(layers.modules))
    trained: dict[str, bool] = dict.fromkeys(linear, False)
    targets: set[str] = set()
    for name in linear_layers(model):
        place = layers.place_of(name)
        asked = [n for n in linear if n == "all-linear" or _is_named(name, n)]
        if not asked or (place is not None and place[0] in numbers):
            continue
        trained |= dict.fromkeys(asked, True)
        everything = "all-linear" in asked
        targets |= {name} if place is None else {place[1]} if everything else set(asked)
    for name, found in trained.items():
        if not found:
            raise RecipeError(
                f"train.frozen_layers: every layer that target_modules' '{name}' could adapt is "
                "frozen; freeze fewer layers"
            )
    return {
        "target_modules": sorted(targets),
        "layers_to_transform": sorted(set(range(len(layers.modules))) - numbers),
        "layers_pattern": [layers.own_name],
        **excluded,
    }


def _split_targets(model: Any, asked: list[str]) -> tuple[list[str], list[str]]:
    """(names of linear modules to adapt, names of embedding and head modules to train whole)."""
    names = {id(module): name for name, module in model.named_modules()}
    embedding = names[id(model.get_input_embeddings())].split(".")[-1]
    head_module = model.get_output_embeddings()
    head = names[id(head_module)].split(".")[-1] if head_module is not None else None
    tied = bool(getattr(model.config, "tie_word_embeddings", False))
    linear: list[str] = []
    saved: list[str] = []
    for name in asked:
        if name == embedding or name in _EMBEDDING_NAMES:
            saved.append(embedding)
        elif name == head or name in _HEAD_NAMES:
            if head is None:
                raise RecipeError(f"train.target_modules: the model has no '{name}'")
            saved.append(head)
        else:
            linear.append(name)
    if tied and saved and head is not None:
        saved = [embedding, head]
    known = linear_layers(model)
    for name in linear:
        if name != "all-linear" and not any(_is_named(k, name) for k in known):
            offered = sorted({k.split(".")[-1] for k in known})
            raise RecipeError(
                f"train.target_modules: no linear module '{name}' in the model; "
                f'use "all-linear" or one of: {", ".join(offered)}'
            )
    if not linear:
        raise RecipeError('train.target_modules: add "all-linear" or a linear layer\'s name')
    return linear, list(dict.fromkeys(saved))


def _is_named(whole: str, asked: str) -> bool:
    return f".{whole}".endswith(f".{asked}")


def parameter_groups(model: Any, recipe: TrainRecipe) -> list[ParameterGroup]:
    """Trainable parameters by rate: embeddings and head apart; no decay on vectors.

    ``recipe.learning_rate`` and ``recipe.embedding_learning_rate`` must be resolved.
    """
    if recipe.learning_rate is None or recipe.embedding_learning_rate is None:
        raise ValueError("resolve the recipe's rates first")
    embeddings = _embedding_parameters(model)
    buckets: dict[str, list[tuple[str, Any]]] = {"embeddings": [], "vectors": [], "matrices": []}
    for name, parameter in model.named_parameters():
        if not parameter.requires_grad:
            continue
        if id(parameter) in embeddings:
            buckets["embeddings"].append((name, parameter))
        else:
            buckets["vectors" if parameter.ndim < 2 else "matrices"].append((name, parameter))
    rates = {
        "embeddings": recipe.embedding_learning_rate,
        "vectors": recipe.learning_rate,
        "matrices": recipe.learning_rate,
    }
    return [
        ParameterGroup(
            name, tuple(found), rates[name], recipe.weight_decay if name == "matrices" else 0.0
        )
        for name, found in buckets.items()
        if found
    ]


def _embedding_parameters(model: Any) -> set[int]:
    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    modules = [base.get_input_embeddings(), base.get_output_embeddings()]
    return {id(p) for module in modules if module is not None for p in module.parameters()}
