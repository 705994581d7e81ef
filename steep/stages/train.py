"""Train: from the prepared corpus to the trained model, resuming whatever was begun."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from steep.artifact import read_json, write_json
from steep.model.adapters import make_trainable, parameter_groups
from steep.model.load import best_device
from steep.model.precision import Precision, choose_precision
from steep.model.strength import StrengthDial
from steep.planning.machine import processor
from steep.progress import Progress
from steep.proof.measure import Panel
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.checks import LightCheck, Sample, light_sample
from steep.stages.folder import RunFolder, training_key
from steep.stages.inputs import Inputs
from steep.stages.prepare import Prepared
from steep.stages.strength import choose_strength, strength_key
from steep.training.checkpoint import Checkpoint, load_weights, newest_checkpoint
from steep.training.checks import Checks
from steep.training.loop import StepMetrics, Training, train_model


@dataclass(frozen=True)
class Trained:
    """The trained model, loaded only if asked for, and notes for the report.

    ``key`` is what it was made from.
    """

    load: Callable[[], Any]
    key: dict[str, Any]
    notes: tuple[str, ...]


def train_stage(
    recipe: Recipe,
    inputs: Inputs,
    base: Base,
    prepared: Prepared,
    run: RunFolder,
    progress: Progress,
    *,
    panel: Callable[[], Panel],
) -> Trained:
    """Train up to the budget, or find it done; then turn the model to its strength.

    Args:
        panel: makes what the result will be judged on; a small part is looked at while training.
    """
    key = training_key(recipe, prepared.key, base.fingerprint)
    strength = strength_key(recipe, inputs.validation, key)
    made_from = {**key, "strength": strength}
    if recipe.strength.fixed is not None:
        run.strength.unlink(missing_ok=True)  # an earlier search is no longer this run's

    def ready(model: Any) -> Any:
        if recipe.strength.fixed != 1.0:
            dial = StrengthDial(model, lambda: base.model)
            texts = inputs.validation
            dial.turn(
                choose_strength(recipe, texts, dial, model, base.tokenizer, strength, run, progress)
            )
        return model.eval()

    found = newest_checkpoint(run.checkpoints, key)
    if found and found.step >= prepared.steps:
        progress.note(f"training is done ({found.step} steps)")
        load = _Kept(lambda: ready(_from_checkpoint(recipe, base, found)))
        return Trained(load, made_from, _notes(run))
    if found:
        progress.note(f"resuming at step {found.step} from {found.folder}")
    machine = _machine(recipe, run)
    sample = _sample(
        recipe, inputs, base, prepared, panel
    )  # may ask the base model: before it goes
    progress.stage(
        f"Training: {recipe.train.method}, {prepared.steps} steps, {machine['precision']} on "
        f"{machine['device']}"
    )
    model = make_trainable(base.take(), recipe.train, recipe.seed)
    look = None
    if sample is not None:
        look = LightCheck(model, base.tokenizer, sample, machine["precision"])
        progress.note(f"looking now and then at {sample.words}")
    training = train_model(
        model,
        prepared.schedule,
        recipe.train,
        steps=prepared.steps,
        seed=recipe.seed,
        precision=machine["precision"],
        folder=run.path,
        key=key,
        on_step=lambda metrics, steps: _say(progress, metrics, steps, look),
        checks=_checks(recipe, prepared, look),
    )
    _record_modules(run, training)
    return Trained(_Kept(lambda: ready(model)), made_from, _notes(run))


def _sample(
    recipe: Recipe,
    inputs: Inputs,
    base: Base,
    prepared: Prepared,
    panel: Callable[[], Panel],
) -> Sample | None:
    """What is looked at while it trains; None if the recipe or a short run leaves it out."""
    share = recipe.evaluate.check_share
    if not share:
        return None
    tokens = int(prepared.ledger["trained"]["tokens"])
    return light_sample(panel(), inputs.validation, base.tokenizer, tokens=tokens, share=share)


def _checks(recipe: Recipe, prepared: Prepared, look: LightCheck | None) -> Checks | None:
    share = recipe.evaluate.check_share
    return None if look is None else Checks(look, share=share, steps=prepared.steps)


class _Kept:
    """Calls a function once and keeps what it gave."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __call__(self) -> Any:
        if self._made is None:
            self._made = self._make()
        return self._made


def _from_checkpoint(recipe: Recipe, base: Base, checkpoint: Checkpoint) -> Any:
    model = make_trainable(base.take(), recipe.train, recipe.seed)
    groups = parameter_groups(model, recipe.train)
    load_weights(checkpoint, {name: p for group in groups for name, p in group.parameters})
    return model


def _machine(recipe: Recipe, run: RunFolder) -> dict[str, Any]:
    """What trains. The precision chosen first stays for the whole run, or resuming would differ."""
    import torch
    import transformers

    import steep

    device = best_device()
    before: dict[str, Any] = read_json(run.machine) if run.machine.is_file() else {}
    precision: Precision
    if before.get("device") == device and before.get("asked") == recipe.train.precision:
        precision = before["precision"]
    else:
        precision = choose_precision(recipe.train.precision, device)
    machine = {
        "device": device,
        "asked": recipe.train.precision,
        "precision": precision,
        "threads": torch.get_num_threads(),
        "cpu": processor(),
        "cores": os.cpu_count(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "steep": steep.__version__,
    }
    write_json(run.machine, machine)
    return machine


def _say(progress: Progress, metrics: StepMetrics, steps: int, look: LightCheck | None) -> None:
    """The step's numbers, and behind them those of the last check."""
    text = f"loss {metrics.loss:.3f}, {metrics.tokens_per_second:.0f} tokens/s"
    text += f", rate {metrics.lr:.1e}"
    checked = look.words if look else ""
    progress.at(metrics.step, steps, f"{text} | {checked}" if checked else text)


def _record_modules(run: RunFolder, training: Training) -> None:
    """Keep which modules didn't change in the first step, and how rows were computed."""
    unmoved = sorted(name for name, moved in training.moved.items() if not moved)
    if training.first_step == 0:
        write_json(
            run.modules,
            {
                "trained": len(training.moved),
                "unmoved": unmoved,
                "packing": training.way.packing,
                "head": training.way.head,
            },
        )


def _notes(run: RunFolder) -> tuple[str, ...]:
    kept = read_json(run.modules) if run.modules.is_file() else {}
    notes = []
    if unmoved := kept.get("unmoved"):
        notes.append(f"{len(unmoved)} modules were to be trained but didn't move: {unmoved[0]}, …")
    if kept.get("packing") == "alone":
        notes.append("this model can't keep packed documents apart, so each had a row of its own")
    return tuple(notes)
