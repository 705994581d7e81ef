"""What the stages behind the documents add to a run's work, for its plan."""

from __future__ import annotations

from collections.abc import Sequence

from steep.pipeline.chat import PairRow, Row, ensure_template, render, render_pair
from steep.planning.workload import Later
from steep.recipe import Recipe, RowsRecipe
from steep.stages.base import Base
from steep.stages.rows import Rows
from steep.training.rates import warmup_words

_COUNTED = 200  # rows whose tokens say how many the rest have


def later_work(recipe: Recipe, rows: Rows, base: Base) -> tuple[Later, ...]:
    """Tokens that each stage trains on, replay among them, and for DPO's reference reads first."""
    found: list[Later] = []
    if not recipe.later:
        return ()
    tokenizer = base.tuned_tokenizer
    ensure_template(tokenizer)
    if recipe.sft is not None:
        each = _mean([render(row, tokenizer) for row in rows.instructions[:_COUNTED]], recipe.sft)
        tokens = each * recipe.sft.max_steps * recipe.sft.per_device_train_batch_size
        trained = round(tokens / (1.0 - later_share(recipe, recipe.sft)))
        found.append(Later("instruction tuning", trained))
    if recipe.dpo is not None:
        pairs = [render_pair(row, tokenizer) for row in rows.preferences[:_COUNTED]]
        each = 2 * _mean(pairs, recipe.dpo)
        tokens = each * recipe.dpo.max_steps * recipe.dpo.per_device_train_batch_size
        trained = round(tokens / (1.0 - later_share(recipe, recipe.dpo)))
        found.append(Later("preference tuning", trained, read=round(tokens)))
    return tuple(found)


def later_share(recipe: Recipe, stage: RowsRecipe) -> float:
    """Share of a stage's tokens that is replay."""
    given = stage.general_share
    return recipe.data.general_share if given is None else given


def later_warmup(name: str, stage: RowsRecipe) -> str | None:
    """What to say where a stage's warm-up is made shorter; None where it fits."""
    return warmup_words(f"{name}.warmup_steps", stage.warmup_steps, stage.max_steps)


def _mean(rows: Sequence[Row | PairRow], stage: RowsRecipe) -> float:
    """Tokens of a row; longer ones than the stage takes aren't trained on."""
    kept = [row.length for row in rows if row.length <= stage.max_length]
    return sum(kept) / max(1, len(kept))
