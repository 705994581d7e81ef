"""What the models of a run are asked and, with [sft] or [dpo], what else they are trained on.

Both hang together: rows made from the documents may not hold the wording of a question, and pairs
that are held out are asked.
"""

from __future__ import annotations

from dataclasses import dataclass

from steep.progress import Progress
from steep.proof.measure import Panel
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.evaluate import make_panel
from steep.stages.folder import RunFolder
from steep.stages.inputs import Inputs
from steep.stages.prepare import Prepared
from steep.stages.probes import make_probes
from steep.stages.rows import Rows


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
    """Make the probes, the panel and the rows of a prepared run."""
    probes = make_probes(recipe, base, prepared, run, progress)
    panel, left_out = make_panel(inputs, probes)
    return Asked(panel, left_out, inputs.rows)
