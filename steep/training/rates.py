"""Learning-rate schedules as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence

from steep.corpus.schedule import Stage, stage_at
from steep.recipe import TrainRecipe
from steep.wording import counted

_LEAST_PER_WARMUP = 5


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
    peak and none at zero. A run too short for both keeps the warm-up, which is a fifth of it at
    most (``warmup_within``).
    """
    warmup = warmup_within(recipe.warmup_steps, steps)
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


def warmup_within(asked: int, steps: int) -> int:
    """How many of ``steps`` warm up if ``asked`` are asked for: a fifth of them, or one, at most.

    A budget is often made smaller and the warm-up left as it was. Such a run would be over before
    it has learned much at the rate that was meant.
    """
    most = max(1, steps // _LEAST_PER_WARMUP)
    return min(asked, most, max(0, steps - 1))


def warmup_words(key: str, asked: int, steps: int, *, of: str = "") -> str | None:
    """What to say where a warm-up is made shorter; None where it fits.

    Args:
        key: what the recipe calls it.
        of: what the steps are of, if not the run.
    """
    within = warmup_within(asked, steps)
    if within == asked:
        return None
    here = f"{counted(steps, 'step')} of {of}" if of else counted(steps, "step")
    return f"{key} = {asked} is more than a fifth of the {here}: {within} of them warm up"


def warmup_notes(recipe: TrainRecipe, steps: int, stages: Sequence[Stage] = ()) -> list[str]:
    """What to say of a run's warm-ups; nothing where they fit."""
    parts = [(steps, "")]
    if recipe.rewarm_stages and stages:
        parts = [(stage.steps, f"stage {stage.name}") for stage in stages]
    said = (
        warmup_words("train.warmup_steps", recipe.warmup_steps, count, of=of) for count, of in parts
    )
    return [words for words in said if words is not None]
