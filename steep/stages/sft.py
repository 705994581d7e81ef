"""Instruction tuning: from the evaluated model and instruction rows to one that answers.

``sft/`` holds ``weights.safetensors`` (every trained parameter, as it is after this stage) and the
manifest, written last, with the rows used and left out and the loss of each step. Nothing is kept
on the way: a run that is stopped here begins this stage, which takes minutes, again from its
beginning, and ends with the same bits (CPU, same threads).
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from steep.artifact import is_done, key_of, read_manifest, write_manifest
from steep.durable import make_folder, write_bytes
from steep.errors import UserInputError
from steep.pipeline.chat import Row, ensure_template, render
from steep.pipeline.sft import read_rows, tune
from steep.progress import Progress
from steep.recipe import Recipe, SftRecipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.train import Trained

_VERSION = 1
_WEIGHTS = "weights.safetensors"


def shown_rows(sft: SftRecipe, tokenizer: Any, count: int) -> list[list[tuple[bool, str]]]:
    """The first rows as stretches of text, each with whether it is trained on."""
    ensure_template(tokenizer)
    rows = (render(conversation, tokenizer) for conversation in read_rows(sft)[:count])
    return [[(on, str(tokenizer.decode(ids))) for on, ids in row.spans()] for row in rows]


def last_stage(
    recipe: Recipe, base: Base, trained: Trained, run: RunFolder, progress: Progress
) -> tuple[Trained, dict[str, Trained]]:
    """The model to judge and export, and those it was made from, by stage; only [sft] makes any."""
    if recipe.sft is None:
        return trained, {}
    return _sft_stage(recipe, recipe.sft, base, trained, run, progress), {"cpt": trained}


def _sft_stage(
    recipe: Recipe,
    sft: SftRecipe,
    base: Base,
    trained: Trained,
    run: RunFolder,
    progress: Progress,
) -> Trained:
    """Tune on instructions, or find it done.

    Args:
        trained: what continued pre-training made, at its strength; it is left as it is.

    Raises:
        UserInputError: no row fits ``max_length``.
        TrainingAlarm: training can't go on; nothing is kept of it.
    """
    folder = run.sft
    conversations = read_rows(sft)
    key = {
        "version": _VERSION,
        "trained": trained.key,
        "sft": sft.model_dump(exclude={"data"}),
        "rows": key_of({"rows": [repr(row) for row in conversations]}),
        "template": ensure_template(base.tokenizer),
        "seed": recipe.seed,
    }
    if not is_done(folder, key):
        rows = [render(conversation, base.tokenizer) for conversation in conversations]
        _train(recipe, sft, rows, key, base, trained, folder, progress)
    facts = read_manifest(folder) or {}
    notes = list(trained.notes)
    if left_out := facts.get("left_out"):
        notes.append(f"{left_out} instruction rows are longer than max_length and were left out")
    return Trained(_Loaded(trained, folder), {"sft": key}, tuple(notes), trained.alarm)


def _train(
    recipe: Recipe,
    sft: SftRecipe,
    rows: list[Row],
    key: dict[str, Any],
    base: Base,
    trained: Trained,
    folder: Path,
    progress: Progress,
) -> None:
    from safetensors.torch import save

    kept = [row for row in rows if len(row.ids) <= sft.max_length]
    if not kept:
        raise UserInputError(
            f"[sft] none of {len(rows)} rows fits {sft.max_length} tokens; raise sft.max_length"
        )
    model = copy.deepcopy(trained.load())
    progress.stage(f"Instruction tuning: {sft.max_steps} steps on {len(kept)} rows")
    weights, losses = tune(model, kept, base.tokenizer, sft, recipe.train, recipe.seed, progress)
    make_folder(folder)
    write_bytes(folder / _WEIGHTS, save(weights))
    write_manifest(
        folder,
        "sft",
        key,
        [_WEIGHTS],
        rows=len(kept),
        left_out=len(rows) - len(kept),
        target_tokens=sum(sum(row.is_target) for row in kept),
        losses=losses,
    )


class _Loaded:
    """The tuned model: a copy of the one before with this stage's weights in it, made once."""

    def __init__(self, trained: Trained, folder: Path) -> None:
        self._trained, self._folder = trained, folder
        self._made: Any = None

    def __call__(self) -> Any:
        if self._made is None:
            import torch
            from safetensors.torch import load_file

            model = copy.deepcopy(self._trained.load())
            parameters = dict(model.named_parameters())
            with torch.no_grad():
                for name, weight in load_file(self._folder / _WEIGHTS).items():
                    parameters[name].copy_(weight)
            self._made = model.eval()
        return self._made
