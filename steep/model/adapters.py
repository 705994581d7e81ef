"""Make a model trainable as the recipe asks: LoRA adapters, embeddings, or everything."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

from steep.errors import RecipeError
from steep.recipe import TrainRecipe

_EMBEDDING_NAMES = frozenset({"embed_tokens", "wte", "word_embeddings"})
_HEAD_NAMES = frozenset({"lm_head", "embed_out", "output"})


@dataclass(frozen=True)
class ParameterGroup:
    """Trainable parameters that share a rate: their names, and the rate at the schedule's peak."""

    name: str
    parameters: tuple[tuple[str, Any], ...]
    learning_rate: float
    weight_decay: float


def make_trainable(model: Any, recipe: TrainRecipe, seed: int) -> Any:
    """Attach adapters (``method = "lora"``) or unfreeze everything (``"full"``).

    Adapter weights are initialised from ``seed`` without disturbing the global generators.

    Raises:
        RecipeError: a requested module isn't in the model.
    """
    import torch

    if recipe.method == "full":
        model.requires_grad_(True)
        return model
    from peft import get_peft_model

    config = _lora_config(model, recipe)
    with torch.random.fork_rng(), warnings.catch_warnings():
        # PEFT reads a name that transformers is about to retire: nothing a user can act on.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        torch.manual_seed(seed)
        return get_peft_model(model, config)


def _lora_config(model: Any, recipe: TrainRecipe) -> Any:
    from peft import LoraConfig

    linear, saved = _split_targets(model, recipe.target_modules)
    tied = bool(getattr(model.config, "tie_word_embeddings", False))
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=recipe.lora_r,
        lora_alpha=recipe.lora_alpha or 2 * recipe.lora_r,  # type: ignore[arg-type]
        lora_dropout=recipe.lora_dropout,
        target_modules=linear,
        modules_to_save=saved or None,
        ensure_weight_tying=bool(saved) and tied,
    )


def _split_targets(model: Any, asked: list[str]) -> tuple[Any, list[str]]:
    """(target_modules for LoRA, names of embedding and head modules to train whole)."""
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
    known = [name for name, module in model.named_modules() if _takes_adapter(module)]
    for name in linear:
        if name != "all-linear" and not any(f".{k}".endswith(f".{name}") for k in known):
            offered = sorted({k.split(".")[-1] for k in known} - {head})
            raise RecipeError(
                f"train.target_modules: no linear module '{name}' in the model; "
                f'use "all-linear" or one of: {", ".join(offered)}'
            )
    if "all-linear" in linear:
        return "all-linear", list(dict.fromkeys(saved))
    if not linear:
        raise RecipeError('train.target_modules: add "all-linear" or a linear layer\'s name')
    return linear, list(dict.fromkeys(saved))


def _takes_adapter(module: Any) -> bool:
    """True for linear layers; GPT-2's are called Conv1D."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    return isinstance(module, Linear | Conv1D)


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
