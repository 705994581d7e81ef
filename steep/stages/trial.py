"""A trial: one short training with settings of its own, and what it came to.

It is the product's own prepare and train on a slice of the documents. Nothing corrects it on the
way (no guard, no checks), so that the settings show what they do. Afterwards the sheet is put to
the model twice: as trained, and at the most of the change that general text bears, as a run would
keep it. Compared by the second, all trials have forgotten equally little.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steep.artifact import read_sealed
from steep.errors import ModelError, TrainingAlarm
from steep.model.strength import StrengthDial
from steep.planning.search import Trial
from steep.progress import Progress, Silent
from steep.proof.scorer import Scorer, TextScore
from steep.proof.trials import Pairs, Scores, Sheet, difference, score, scores_from
from steep.recipe import GuardRecipe, Recipe, RewriteRecipe, StrengthRecipe
from steep.recipe.resolve import resolve_recipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder, hold_run
from steep.stages.inputs import Inputs
from steep.stages.prepare import prepare_data
from steep.stages.setting import read_losses
from steep.stages.strength import as_trained, largest_within
from steep.stages.train import train_stage

# Of the forgetting budget, as for the strength of a run.
SHARE_OF_BUDGET = 0.5


@dataclass(frozen=True)
class Result:
    """What a trial came to.

    Attributes:
        steps, tokens: of its training, replay included.
        training_loss: of the last tenth of its steps; told, and never chosen by.
        seconds: of all of it, judging included; ``asking_seconds`` of judging alone.
        whole: the trained model's scores; None if training failed.
        strength: of the change, what general text bears.
        kept: scores at that strength.
        failed: why there are no scores.
    """

    trial: Trial
    steps: int
    tokens: int
    seconds: float
    asking_seconds: float
    training_loss: float | None
    whole: Scores | None
    strength: float | None
    kept: Scores | None
    failed: str | None = None

    def as_json(self) -> dict[str, Any]:
        """All of it, to be read by ``result_from``."""
        found = {**self.__dict__, "trial": self.trial.__dict__}
        for name in ("whole", "kept"):
            scores: Scores | None = getattr(self, name)
            found[name] = None if scores is None else scores.as_json()
        return found


def result_from(kept: Mapping[str, Any]) -> Result:
    """A result as ``Result.as_json`` wrote it, read from JSON."""
    scores = {n: None if kept[n] is None else scores_from(kept[n]) for n in ("whole", "kept")}
    return Result(**{**kept, "trial": Trial(**kept["trial"]), **scores})


@dataclass(frozen=True)
class Ground:
    """What all trials share.

    Attributes:
        recipe: as the user gave it.
        inputs: the slice of the documents, and replay for all shares.
        sheet: what each trial is asked, and ``before`` what the base model says.
        shorter: length of a trial over the run's, for warm-up and decay.
    """

    recipe: Recipe
    inputs: Inputs
    base: Base
    sheet: Sheet
    before: Scores
    shorter: float


def trial_recipe(recipe: Recipe, trial: Trial, folder: Path, shorter: float) -> Recipe:
    """The resolved recipe of a trial.

    Args:
        shorter: length of the trial over the run's: warm-up and decay shrink with it.
    """
    train = with_rate(recipe, trial.learning_rate).train
    changed = {
        "max_steps": None,
        "max_tokens": None,
        "epochs": trial.passes,
        "warmup_steps": min(train.warmup_steps, math.ceil(train.warmup_steps * shorter)),
        "save_steps": None,
    }
    if train.decay_steps is not None:
        changed["decay_steps"] = max(1, round(train.decay_steps * shorter))
    return resolve_recipe(
        recipe.model_copy(
            update={
                "output_dir": str(folder),
                "seed": trial.seed,
                "data": recipe.data.model_copy(update={"general_share": trial.general_share}),
                "train": train.model_copy(update=changed),
                "vocabulary": None,
                "instruct": None,
                "rewrite": RewriteRecipe(),
                "guard": GuardRecipe(enabled=False),
                "strength": StrengthRecipe(enabled=False),
                "evaluate": recipe.evaluate.model_copy(update={"check_share": 0.0, "probes": 0}),
            }
        )
    )


def with_rate(recipe: Recipe, rate: float) -> Recipe:
    """The recipe at another learning rate; a rate for embeddings keeps its proportion."""
    train = recipe.train
    update: dict[str, Any] = {"learning_rate": rate}
    if train.embedding_learning_rate is not None:
        usual = resolve_recipe(recipe).train.learning_rate
        if usual:
            ratio = train.embedding_learning_rate / usual
            update["embedding_learning_rate"] = float(f"{rate * ratio:.3g}")
    return recipe.model_copy(update={"train": train.model_copy(update=update)})


def run_trial(ground: Ground, trial: Trial, folder: Path, progress: Progress) -> Result:
    """Train and judge; a training that was cut off goes on from its checkpoint.

    Settings that training breaks down under are a result too.
    """
    begin = time.monotonic()
    recipe = trial_recipe(ground.recipe, trial, folder, ground.shorter)
    with hold_run(recipe) as run:
        prepared = prepare_data(recipe, ground.inputs, ground.base, run, Silent())
        tokens = int(prepared.ledger["trained"]["tokens"])

        def done(asking: float = 0.0, **found: Any) -> Result:
            shutil.rmtree(run.checkpoints, ignore_errors=True)  # gigabytes; the scores are kept
            empty = {"whole": None, "strength": None, "kept": None}
            seconds = round(time.monotonic() - begin, 2)
            losses = read_losses(run.metrics)
            last = losses[-max(1, len(losses) // 10) :]
            return Result(
                trial,
                prepared.steps,
                tokens,
                seconds,
                round(asking, 2),
                sum(last) / len(last) if last else None,
                **{**empty, **found},
            )

        try:
            trained = train_stage(
                recipe, ground.inputs, ground.base, prepared, run, _Bar(progress), panel=_no_panel
            )
            if trained.alarm is not None:
                return done(failed=trained.alarm)
            model = trained.load()
            asked = time.monotonic()
            whole, strength, kept = _judged(ground, model, run)
            return done(time.monotonic() - asked, whole=whole, strength=strength, kept=kept)
        except (TrainingAlarm, ModelError) as error:
            return done(failed=str(error))


def _judged(ground: Ground, model: Any, run: RunFolder) -> tuple[Scores, float, Scores]:
    """Scores as trained, the strength that general text bears, and scores at that."""
    sheet, before = ground.sheet, ground.before
    precision = read_sealed(run.machine)["precision"]

    def put(sheet: Sheet) -> Scores:
        with as_trained(model, precision):
            return score(Scorer(model, ground.base.tokenizer), sheet)

    whole = put(sheet)
    budget = SHARE_OF_BUDGET * ground.recipe.evaluate.forgetting_budget
    rise = difference(sheet, before, whole, "general").ci95
    if rise is None or rise[1] <= budget:
        return whole, 1.0, whole
    dial = StrengthDial(model, lambda: ground.base.model)
    known = {0.0: before.general, 1.0: whole.general}

    def measured(strength: float) -> list[TextScore]:
        if strength not in known:
            dial.turn(strength)
            known[strength] = put(Sheet(sheet.general, (), ())).general
        return _texts(known[strength])

    strength, _ = largest_within(budget, measured)
    if strength == 0.0:
        return whole, strength, before
    dial.turn(strength)
    return whole, strength, put(sheet)


def _texts(pairs: Pairs) -> list[TextScore]:
    return [TextScore(nats, tokens, 0) for nats, tokens in pairs]


def _no_panel() -> Any:
    raise AssertionError("a trial takes no checks")


class _Bar:
    """Passes on where training is, and nothing else that a stage says."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def stage(self, text: str) -> None:
        """Leave it out: the search has said which trial it is."""

    def note(self, text: str) -> None:
        """Leave it out."""

    def at(self, done: int, total: int, text: str) -> None:
        """Pass it on."""
        self._progress.at(done, total, text)
