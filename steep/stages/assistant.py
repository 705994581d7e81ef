"""Behind the documents: from the trained model and rows to one that answers, stage by stage.

``sft/`` and ``dpo/`` each hold ``weights.safetensors`` (every trained parameter, as it is after
the stage), ``rows.jsonl`` (what it was trained on) and the manifest, written last, with the rows
used and left out and the loss of each step. Nothing is kept on the way: a run that is stopped in a
stage, which takes minutes, begins it again, and ends with the same bits (CPU, same threads).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from steep.artifact import is_done, key_of, read_manifest, write_manifest, write_text
from steep.corpus.reading import reading_texts
from steep.corpus.shards import Shards
from steep.durable import make_folder, write_bytes
from steep.pipeline.chat import ensure_template, render, render_pair
from steep.pipeline.dpo import DPO_RATES, tune_on_pairs
from steep.pipeline.replay import Replay
from steep.pipeline.sft import SFT_RATES, tune_on_rows
from steep.pipeline.trainer import Task
from steep.progress import Progress
from steep.recipe import Recipe, RowsRecipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.later import later_share, later_warmup
from steep.stages.prepare import replay_name
from steep.stages.rows import Rows, none_fits
from steep.stages.train import Trained
from steep.stages.vocabulary import hold_rows
from steep.wording import counted

_VERSION = 4
_WEIGHTS, _ROWS = "weights.safetensors", "rows.jsonl"


@dataclass(frozen=True)
class _Stage:
    """One stage: what it is called and given, and how it is done.

    Attributes:
        title: what the user reads when it begins.
        given: its rows.
        rendered: a row in tokens, by the tokenizer.
        tune: trains a model on rows in tokens.
    """

    name: str
    title: str
    recipe: RowsRecipe
    given: Sequence[Any]
    rates: dict[str, float]
    rendered: Callable[[Any, Any], Any]
    tune: Callable[..., tuple[dict[str, Any], list[float]]]


def _stages(recipe: Recipe, rows: Rows) -> Iterator[_Stage]:
    if recipe.sft is not None:
        yield _Stage(
            "sft",
            "Instruction tuning",
            recipe.sft,
            rows.instructions,
            SFT_RATES,
            render,
            tune_on_rows,
        )
    if recipe.dpo is not None:
        yield _Stage(
            "dpo",
            "Preference tuning",
            recipe.dpo,
            rows.preferences,
            DPO_RATES,
            render_pair,
            tune_on_pairs,
        )


def models_by_stage(
    recipe: Recipe,
    base: Base,
    trained: Trained,
    rows: Rows,
    shards: Shards,
    run: RunFolder,
    progress: Progress,
) -> dict[str, Trained]:
    """The model after each stage, by its name; the last is the one to judge and export.

    Args:
        trained: what continued pre-training made, at its strength ("cpt"); it is left as it is.
        rows: what the stages train on.
        shards: what was prepared for it, for its replay.

    Raises:
        UserInputError: no row fits ``max_length``.
        TrainingAlarm: training can't go on; nothing is kept of it.
    """
    found = {"cpt": replace(trained, notes=(*trained.notes, *rows.notes))}
    general = _to_rehearse(recipe, shards)
    for stage in _stages(recipe, rows):
        before = list(found.values())[-1]
        replay = Replay(general, later_share(recipe, stage.recipe), recipe.seed)
        folder = run.stage(stage.name)
        found[stage.name] = _after(recipe, stage, base, before, replay, folder, progress)
    return found


def _to_rehearse(recipe: Recipe, shards: Shards) -> list[list[int]]:
    """Token ids of the replay, which is trained on as text here.

    Of the packaged reading that is its prose, which comes first: see ``reading_texts``.
    """
    general: Iterable[int] = map(int, shards.is_general().nonzero()[0])
    if recipe.data.general == "reading":
        prose = {replay_name(number) for number in range(len(reading_texts()))}
        general = (n for n in general if shards.pieces[shards.owners[n]].document in prose)
    return [shards.segment(n).tolist() for n in general]


def _after(
    recipe: Recipe,
    stage: _Stage,
    base: Base,
    before: Trained,
    replay: Replay,
    folder: Path,
    progress: Progress,
) -> Trained:
    """Train a stage on from the model before it, or find it done."""
    key = {
        "version": _VERSION,
        "trained": before.key,
        stage.name: stage.recipe.model_dump(exclude={"data"}),
        "rows": key_of({"rows": [repr(row) for row in stage.given]}),
        "template": ensure_template(base.tuned_tokenizer),
        "seed": recipe.seed,
    }
    if not is_done(folder, key):
        _train(recipe, stage, key, base, before, replay, folder, progress)
    facts = read_manifest(folder) or {}
    notes = list(before.notes)
    if left_out := facts.get("left_out"):
        notes.append(f"[{stage.name}] {counted(left_out, 'row')} longer than max_length left out")
    if shorter := later_warmup(stage.name, stage.recipe):
        notes.append(shorter)
    return Trained(_Loaded(before, folder), {stage.name: key}, tuple(notes), before.alarm)


def _train(
    recipe: Recipe,
    stage: _Stage,
    key: dict[str, Any],
    base: Base,
    before: Trained,
    replay: Replay,
    folder: Path,
    progress: Progress,
) -> None:
    from safetensors.torch import save

    most = stage.recipe.max_length
    rows = [stage.rendered(row, base.tuned_tokenizer) for row in stage.given]
    kept = [row for row in rows if row.length <= most]
    if not kept:
        raise none_fits(stage.name, len(rows), most)
    model = copy.deepcopy(before.load())
    hold_rows(recipe, base, model)
    steps, used = counted(stage.recipe.max_steps, "step"), counted(len(kept), "row")
    progress.stage(f"{stage.title}: {steps} on {used}")
    task = Task(stage.name, stage.recipe, recipe.train, stage.rates, recipe.seed)
    weights, losses = stage.tune(model, kept, base.tuned_tokenizer, task, replay, progress)
    make_folder(folder)
    write_bytes(folder / _WEIGHTS, save(weights))
    lines = (json.dumps(asdict(row), ensure_ascii=False) for row in stage.given)
    write_text(folder / _ROWS, "".join(f"{line}\n" for line in lines))
    write_manifest(
        folder,
        stage.name,
        key,
        [_WEIGHTS, _ROWS],
        rows=len(kept),
        left_out=len(rows) - len(kept),
        tokens=sum(row.length for row in kept),
        losses=losses,
    )


class _Loaded:
    """The tuned model: a copy of the one before with this stage's weights in it, made once."""

    def __init__(self, before: Trained, folder: Path) -> None:
        self._before, self._folder = before, folder
        self._made: Any = None

    def __call__(self) -> Any:
        if self._made is None:
            import torch
            from safetensors.torch import load_file

            model = copy.deepcopy(self._before.load())
            parameters = dict(model.named_parameters())
            with torch.no_grad():
                for name, weight in load_file(self._folder / _WEIGHTS).items():
                    parameters[name].copy_(weight)
            self._made = model.eval()
        return self._made
