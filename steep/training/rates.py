"""Learning-rate schedules as pure functions of the step."""

from __future__ import annotations

import math

from steep.recipe import TrainRecipe


def rate_factor(step: int, steps: int, recipe: TrainRecipe) -> float:
    """Share of the peak rate for ``step`` (from 0) of ``steps``: linear warm-up, then the shape.

    The first step already moves the weights and the last one still does.
    """
    warmup = min(recipe.warmup_steps, max(0, steps - 1))
    if step < warmup:
        return (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1, steps - warmup)
    match recipe.lr_scheduler_type:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 - progress
        case "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * progress))
