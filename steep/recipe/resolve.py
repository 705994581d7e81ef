"""Fill in what a recipe leaves open, from the size of the model; every choice from evidence.

The rates come from the experiments in docs/RESULTS.md; full fine-tuning below half a billion
parameters learns facts faster than adapters do, and needs about a quarter of their rate.
"""

from __future__ import annotations

import re

from steep.recipe.schema import Recipe

FULL_BELOW_PARAMETERS = 500_000_000
_RATES = {"full": 8e-4, "lora": 2e-3}
_SHORT_NAMES = {"smollm2-135m": "smollm2"}


def resolve_recipe(recipe: Recipe, parameters: int) -> Recipe:
    """The recipe with method, rates, budget-free defaults and export names all spelled out.

    Args:
        parameters: number of parameters of the base model.
    """
    train = recipe.train
    method = train.method
    if method == "auto":
        method = "full" if parameters < FULL_BELOW_PARAMETERS else "lora"
    rate = train.learning_rate or _RATES[method]
    embedding_rate = train.embedding_learning_rate
    if embedding_rate is None:
        embedding_rate = rate if method == "full" else rate / 10
    short = _SHORT_NAMES.get(recipe.model) or _slug(recipe.model)
    return recipe.model_copy(
        update={
            "train": train.model_copy(
                update={
                    "method": method,
                    "learning_rate": rate,
                    "embedding_learning_rate": embedding_rate,
                    "lora_alpha": train.lora_alpha or 2.0 * train.lora_r,
                }
            ),
            "export": recipe.export.model_copy(
                update={
                    "adapter": recipe.export.adapter or f"continued_pretrain_{short}",
                    "merged": recipe.export.merged or f"{short}_continued_merged",
                }
            ),
        }
    )


def _slug(model: str) -> str:
    name = model.rstrip("/").split("/")[-1].lower()
    return re.sub(r"[^a-z0-9._-]+", "-", name).strip("-.") or "model"
