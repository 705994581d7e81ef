"""What the models of a run are asked and, with [sft] or [dpo], what else they are trained on.

Both hang together: rows made from the documents may not hold the wording of a question, and pairs
that are held out are asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from steep.artifact import key_of, text_hash
from steep.corpus.contamination import Items
from steep.pipeline.chat import ensure_template, render_pair
from steep.pipeline.preferences import Preference
from steep.progress import Progress
from steep.proof.manners import Judgement, instructions
from steep.proof.measure import Panel
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.contamination import evaluation_items
from steep.stages.evaluate import make_panel
from steep.stages.folder import RunFolder
from steep.stages.inputs import Inputs
from steep.stages.prepare import Prepared
from steep.stages.probes import make_probes
from steep.stages.rows import Rows, made_rows

_MOST_PREFERENCES = 200  # asked of every stage's model; more would narrow the interval little


@dataclass(frozen=True)
class Asked:
    """The panel, how many questions were left out of it, and the rows of later stages."""

    panel: Panel
    left_out: int
    rows: Rows


def what_is_asked(
    recipe: Recipe,
    inputs: Inputs,
    base: Base,
    prepared: Prepared,
    run: RunFolder,
    progress: Progress,
) -> Asked:
    """Make the probes, the panel and the rows of a prepared run.

    Raises:
        UserInputError: no rows could be made from the documents.
    """
    probes = make_probes(recipe, base, prepared, run, progress)
    panel, left_out = make_panel(inputs, probes)
    if recipe.sft is None and recipe.dpo is None:
        return Asked(panel, left_out, inputs.rows)
    ensure_template(base.tokenizer)
    rows = rows_of_run(recipe, inputs, panel)
    panel = replace(
        panel,
        instructions=instructions(),
        preferences=_judgements(recipe, rows.held_out, base.tokenizer),
    )
    return Asked(panel, left_out, rows)


def rows_of_run(recipe: Recipe, inputs: Inputs, panel: Panel) -> Rows:
    """The rows of the user's files, and those made from the trained documents.

    Args:
        panel: questions made from the documents are taken from it; nothing is asked of it.
    """
    return made_rows(recipe, inputs.rows, inputs.split.trained, _never_trained(inputs, panel))


def _never_trained(inputs: Inputs, panel: Panel) -> Mapping[str, Items]:
    """Wordings that no made row may hold. Questions in the documents' own words are no secret."""
    probes = [q for q in (*panel.probes, *panel.controls) if q.form != "text"]
    return {
        **evaluation_items(inputs),
        "probes": Items("question", tuple((q.id, q.question) for q in probes)),
        "instructions": Items("question", tuple((i.id, i.prompt) for i in instructions())),
    }


def _judgements(
    recipe: Recipe, pairs: Sequence[Preference], tokenizer: Any
) -> tuple[Judgement, ...]:
    """Held-out pairs in tokens, some of many; those longer than what is trained are left out."""
    if recipe.dpo is None:
        return ()
    found = []
    for pair in pairs:
        row = render_pair(pair, tokenizer)
        if row.length <= recipe.dpo.max_length:
            name = key_of({"pair": repr(pair)})[:12]
            cluster = text_hash(pair.about)[:12]
            found.append(Judgement(name, cluster, row.prompt, row.chosen, row.rejected))
    chosen = {item.id: item for item in sorted(found, key=lambda item: item.id)}
    return tuple(chosen.values())[:_MOST_PREFERENCES]
