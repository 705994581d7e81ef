"""Fill in what a recipe leaves open; every choice from evidence.

The method and the rates come from the experiments in docs/RESULTS.md: in the same time an adapter
learns as many facts as full fine-tuning and forgets less, at two to three times its rate.
"""

from __future__ import annotations

import math
import re

from pydantic import ValidationError

from steep.errors import RecipeError
from steep.recipe.schema import ExportRecipe, Recipe
from steep.recipe.training import TrainRecipe

_RATES = {"full": 8e-4, "lora": 2e-3}
_SHORT_NAMES = {"smollm2-135m": "smollm2"}


def resolve_recipe(recipe: Recipe) -> Recipe:
    """The recipe with method, rates, budget-free defaults and export names all spelled out.

    Raises:
        RecipeError: a name that the recipe gives one export is the other's by default.
    """
    train = recipe.train
    method = "lora" if train.method == "auto" else train.method
    rate = train.learning_rate or default_rate(train)
    embedding_rate = train.embedding_learning_rate
    if embedding_rate is None:
        embedding_rate = rate if method == "full" else rate / 10
    vocabulary = recipe.vocabulary
    if vocabulary is not None:
        sayable = recipe.export.gguf is None
        exact = {"whole_words": sayable, "join_marks": sayable}
        given = vocabulary.model_dump(exclude_none=True)
        vocabulary = vocabulary.model_copy(update={**exact, **given})
    coefficient, kl_only = recipe.replay_kl
    short = _SHORT_NAMES.get(recipe.home) or _slug(recipe.home)
    return recipe.model_copy(
        update={
            "train": train.model_copy(
                update={
                    "method": method,
                    "learning_rate": rate,
                    "embedding_learning_rate": embedding_rate,
                    "lora_alpha": train.lora_alpha or default_alpha(train),
                    "replay_kl_coef": coefficient,
                    "replay_kl_only": kl_only,
                }
            ),
            "vocabulary": vocabulary,
            "export": _named(recipe.export, short),
        }
    )


def _named(export: ExportRecipe, short: str) -> ExportRecipe:
    """The exports with all names, checked again: a given name may be another's default."""
    names = {
        "adapter": export.adapter or f"continued_pretrain_{short}",
        "merged": export.merged or f"{short}_continued_merged",
    }
    try:
        return ExportRecipe.model_validate({**export.model_dump(), **names})
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        told = ", ".join(f"{key} = {name!r}" for key, name in names.items())
        raise RecipeError(f"[export] {said} ({told})") from None


def default_rate(train: TrainRecipe) -> float:
    """The peak rate that the method was found to learn best with."""
    return _RATES["full" if train.method == "full" else "lora"]


def default_alpha(train: TrainRecipe) -> float:
    """The alpha that scales an adapter's product by 2, as the rates above were found with.

    PEFT divides alpha by r, under rsLoRA by sqrt(r). An alpha of 2r would then scale by
    2 sqrt(r), 16 at rank 64: in effect another learning rate.
    """
    return 2.0 * (math.sqrt(train.lora_r) if train.use_rslora else train.lora_r)


def _slug(model: str) -> str:
    name = model.rstrip("/").split("/")[-1].lower()
    return re.sub(r"[^a-z0-9._-]+", "-", name).strip("-.") or "model"
