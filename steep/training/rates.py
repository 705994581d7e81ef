"""Learning-rate schedules as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steep.corpus.schedule import Stage, stage_at
from steep.recipe import TrainRecipe


def share_of_peak(
    step: int, steps: int, recipe: TrainRecipe, stages: Sequence[Stage] = ()
) -> float:
    """Share of the recipe's peak rate for ``step`` (from 0) of ``steps``.

    In a curriculum the stage's own peak, if it has one, takes the recipe's place, also for
    embeddings in proportion; under ``rewarm_stages`` the shape is the stage's own.

    Args:
        stages: of the curriculum, in order; empty without one. The recipe is a resolved one.
    """
    stage = stage_at(step, stages)
    if stage is None:
        return rate_factor(step, steps, recipe)
    if recipe.rewarm_stages:
        factor = rate_factor(step - stage.first, stage.steps, recipe)
    else:
        factor = rate_factor(step, steps, recipe)
    if stage.learning_rate is None or recipe.learning_rate is None:
        return factor
    return factor * stage.learning_rate / recipe.learning_rate


def rate_factor(step: int, steps: int, recipe: TrainRecipe) -> float:
    """Share of the peak rate for ``step`` (from 0) of ``steps``: linear warm-up, then the shape.

    The first step already moves the weights and the last one still does. In
    "warmup_stable_decay" the way down mirrors the way up: each of ``decay_steps`` is below the
    peak and none at zero. A run too short for both keeps the warm-up.
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
        case "warmup_stable_decay":
            asked = max(1, steps // 5) if recipe.decay_steps is None else recipe.decay_steps
            decay = min(asked, steps - warmup - 1)  # the peak has a step of its own
            return min(1.0, (steps - step) / (decay + 1))
