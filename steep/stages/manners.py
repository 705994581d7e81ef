"""What the models of a run with [sft] or [dpo] are asked beside the rest of the panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from steep.artifact import key_of, text_hash
from steep.pipeline.chat import ensure_template, render_pair
from steep.pipeline.preferences import Preference
from steep.proof.manners import Judgement, instructions
from steep.proof.measure import Panel
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.rows import Rows

_MOST_PAIRS = 200  # asked of every stage's model; more would narrow the interval little


def with_manners(recipe: Recipe, panel: Panel, rows: Rows, base: Base) -> Panel:
    """The panel with instructions to be followed and the pairs held out; as it is without [sft]
    and [dpo].

    A tokenizer without a chat template gets the plain one. Pairs are held against each other in
    tokens, so there are none where the tuned model's aren't the base's.
    """
    tables = recipe.later.values()
    if not tables:
        return panel
    for tokenizer in (base.tokenizer, base.tuned_tokenizer):
        ensure_template(tokenizer)
    pairs = rows.held_out if base.extension is None else ()
    most_tokens = max(table.max_length for table in tables)
    judged = _judgements(pairs, most_tokens, base.tokenizer)
    return replace(panel, instructions=instructions(), preferences=judged)


def _judgements(
    pairs: Sequence[Preference], most_tokens: int, tokenizer: Any
) -> tuple[Judgement, ...]:
    """Held-out pairs in tokens, some of many; longer ones are left out."""
    found: dict[str, Judgement] = {}
    for pair in pairs:
        row = render_pair(pair, tokenizer)
        if row.length <= most_tokens:
            name = key_of({"pair": repr(pair)})[:12]
            cluster = text_hash(pair.about)[:12]
            found[name] = Judgement(name, cluster, row.prompt, row.chosen, row.rejected)
    return tuple(found[name] for name in sorted(found)[:_MOST_PAIRS])
