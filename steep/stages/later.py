"""What the stages behind the documents add to a run's work, for its plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from steep.pipeline.chat import ensure_template, render, render_pair
from steep.planning.workload import Later
from steep.proof.manners import instructions
from steep.proof.measure import Panel
from steep.recipe import Recipe
from steep.stages.asked import rows_of_run
from steep.stages.base import Base
from steep.stages.inputs import Inputs

_COUNTED = 200  # rows whose tokens say how many the rest have


def asked_after(recipe: Recipe, panel: Panel) -> Panel:
    """The panel with what is asked where there are such stages; held-out pairs cost little."""
    if recipe.sft is None and recipe.dpo is None:
        return panel
    return replace(panel, instructions=instructions())


def later_work(recipe: Recipe, inputs: Inputs, base: Base, panel: Panel) -> tuple[Later, ...]:
    """Tokens that each stage trains on and, for DPO's reference, reads once more.

    Raises:
        UserInputError: no rows could be made from the documents.
    """
    found: list[Later] = []
    if recipe.sft is None and recipe.dpo is None:
        return ()
    tokenizer = base.tokenizer
    ensure_template(tokenizer)
    rows = rows_of_run(recipe, inputs, panel)
    if recipe.sft is not None:
        each = _mean([len(render(row, tokenizer).ids) for row in rows.instructions[:_COUNTED]])
        tokens = round(each * recipe.sft.max_steps * recipe.sft.per_device_train_batch_size)
        found.append(Later("instruction tuning", tokens))
    if recipe.dpo is not None:
        each = _mean([2 * _pair_tokens(row, tokenizer) for row in rows.preferences[:_COUNTED]])
        tokens = round(each * recipe.dpo.max_steps * recipe.dpo.per_device_train_batch_size)
        found.append(Later("preference tuning", tokens, read=tokens))
    return tuple(found)


def _pair_tokens(pair: Any, tokenizer: Any) -> int:
    return render_pair(pair, tokenizer).length


def _mean(values: Sequence[int]) -> float:
    return sum(values) / max(1, len(values))
