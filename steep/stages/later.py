"""What the stages behind the documents add to a run's work, for its plan."""

from __future__ import annotations

from collections.abc import Sequence

from steep.pipeline.chat import ensure_template, render, render_pair
from steep.planning.workload import Later
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.rows import Rows

_COUNTED = 200  # rows whose tokens say how many the rest have


def later_work(recipe: Recipe, rows: Rows, base: Base) -> tuple[Later, ...]:
    """Tokens that each stage trains on and, for DPO's reference, reads once more."""
    found: list[Later] = []
    if recipe.sft is None and recipe.dpo is None:
        return ()
    tokenizer = base.tuned_tokenizer
    ensure_template(tokenizer)
    if recipe.sft is not None:
        each = _mean([render(row, tokenizer).length for row in rows.instructions[:_COUNTED]])
        tokens = round(each * recipe.sft.max_steps * recipe.sft.per_device_train_batch_size)
        found.append(Later("instruction tuning", tokens))
    if recipe.dpo is not None:
        each = _mean(
            [2 * render_pair(row, tokenizer).length for row in rows.preferences[:_COUNTED]]
        )
        tokens = round(each * recipe.dpo.max_steps * recipe.dpo.per_device_train_batch_size)
        found.append(Later("preference tuning", tokens, read=tokens))
    return tuple(found)


def _mean(values: Sequence[int]) -> float:
    return sum(values) / max(1, len(values))
