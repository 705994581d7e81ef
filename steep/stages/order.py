"""The order of training as a recipe asks for it: one schedule, or a curriculum of several."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from steep.artifact import key_of
from steep.corpus.curriculum import in_order
from steep.corpus.schedule import Schedule
from steep.corpus.shards import Shards
from steep.recipe import Recipe, StageRecipe, TrainRecipe

# More self-written text than this takes minutes on a CPU and adds little; replay repeats instead.
_MOST_SELF_WRITTEN_TOKENS = 24_000


def make_schedule(
    recipe: Recipe, shards: Shards, members: Sequence[frozenset[str]]
) -> tuple[Schedule, int]:
    """The order of a corpus, and the budget in optimizer steps.

    Args:
        members: for each stage of the recipe's curriculum the ids of its documents.
    """
    stages = recipe.curriculum
    if not stages:
        schedule = _part(recipe, shards, recipe.train)
        return schedule, _steps(recipe.train, schedule)
    parts = [
        _part(recipe, shards, stage, documents, number)
        for number, (stage, documents) in enumerate(zip(stages, members, strict=True), 1)
    ]
    steps = [_steps(stage, part) for stage, part in zip(stages, parts, strict=True)]
    names = [stage.name or str(number) for number, stage in enumerate(stages, 1)]
    rates = [stage.learning_rate for stage in stages]
    return in_order(parts, steps, names, rates), sum(steps)


def _part(
    recipe: Recipe,
    shards: Shards,
    budget: TrainRecipe | StageRecipe,
    documents: frozenset[str] | None = None,
    number: int = 0,
) -> Schedule:
    train = recipe.train
    share = budget.general_share if isinstance(budget, StageRecipe) else None
    part = Schedule(
        shards,
        recipe.seed,
        train.max_seq_length,
        train.per_device_train_batch_size * train.gradient_accumulation_steps,
        recipe.data.general_share if share is None else share,
        documents,
        (number,) if number else (),
    )
    if budget.max_steps is None:
        # A step of more rows than a pass has would be more passes than were asked for.
        part.rows_per_step = min(part.rows_per_step, part.rows_of_a_pass)
    return part


def _steps(budget: TrainRecipe | StageRecipe, schedule: Schedule) -> int:
    if budget.max_steps is not None:
        return budget.max_steps
    if budget.max_tokens is not None:
        return schedule.steps_for_tokens(budget.max_tokens)
    return schedule.steps_for_epochs(float(budget.epochs or 1))


def budgets_of(recipe: Recipe) -> tuple[TrainRecipe | StageRecipe, ...]:
    """What gives the run its length: each stage, or ``[train]`` itself."""
    return recipe.curriculum or (recipe.train,)


def self_written_tokens(recipe: Recipe, tokens_of_a_pass: Sequence[float]) -> int:
    """Tokens that the base model writes for replay, at most."""
    _, general = crude_tokens(recipe, tokens_of_a_pass)
    return min(int(general) + 1, _MOST_SELF_WRITTEN_TOKENS)


def crude_tokens(recipe: Recipe, tokens_of_a_pass: Sequence[float]) -> tuple[float, float]:
    """(tokens a run trains, replay among them), at most, before there is a schedule.

    Args:
        tokens_of_a_pass: of each stage's documents, retold; of all, one number, without stages.
    """
    total = general = 0.0
    rows = recipe.train.per_device_train_batch_size * recipe.train.gradient_accumulation_steps
    for budget, once in zip(budgets_of(recipe), tokens_of_a_pass, strict=True):
        share = budget.general_share if isinstance(budget, StageRecipe) else None
        share = recipe.data.general_share if share is None else share
        if budget.max_steps is not None:
            # No row holds more than a pass with its replay.
            row = min(float(recipe.train.max_seq_length), once / (1.0 - share))
            tokens = budget.max_steps * rows * row
        elif budget.max_tokens is not None:
            tokens = float(budget.max_tokens)
        else:
            tokens = once * float(budget.epochs or 1) / (1.0 - share)
        total, general = total + tokens, general + share * tokens
    return total, general


def passes_of(shards: Shards, members: Sequence[frozenset[str]]) -> list[float]:
    """Tokens of one pass over each stage's documents; over all, one number, without stages."""
    domain = ~shards.is_general()
    if not members:
        return [float(shards.lengths[domain].sum())]
    owners = np.array([piece.document for piece in shards.pieces])[shards.owners]
    return [
        float(shards.lengths[domain & np.isin(owners, sorted(stage))].sum()) for stage in members
    ]


def stages_key(recipe: Recipe, members: Sequence[frozenset[str]]) -> str:
    """Hash of what a curriculum's order depends on."""
    stages = [
        stage.model_dump(exclude={"domain", "name", "learning_rate"}) for stage in recipe.curriculum
    ]
    return key_of({"stages": stages, "documents": [sorted(ids) for ids in members]})
