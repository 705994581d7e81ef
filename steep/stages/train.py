"""Train: from the prepared corpus to the trained model, resuming whatever was begun."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import PurePath
from typing import Any

from steep.artifact import read_sealed, read_table, sealed, write_sealed, write_text
from steep.errors import TrainingAlarm
from steep.model.adapters import parameter_groups
from steep.model.load import best_device
from steep.model.precision import Precision, choose_precision
from steep.model.strength import StrengthDial
from steep.planning.machine import processor
from steep.progress import Progress
from steep.proof.measure import Panel
from steep.recipe import Recipe, write_recipe
from steep.stages.alarm import Alarm, keep_alarm, kept_alarm
from steep.stages.base import Base
from steep.stages.checks import LightCheck, Sample, light_sample
from steep.stages.drift import changes, resumable
from steep.stages.folder import RunFolder, training_key
from steep.stages.graft import grafted, with_instruct
from steep.stages.guard import make_guard, settle
from steep.stages.inputs import Inputs
from steep.stages.lifted import as_they_are, is_measured, lift_words, lifted
from steep.stages.prepare import Prepared, recount
from steep.stages.replay_kl import base_reference
from steep.stages.strength import choose_strength, strength_key
from steep.stages.vocabulary import start_model
from steep.training.checkpoint import (
    Checkpoint,
    damaged_checkpoints,
    load_weights,
    newest_checkpoint,
)
from steep.training.checks import Checks
from steep.training.guard import Guard
from steep.training.loop import StepMetrics, train_model
from steep.training.rates import warmup_notes
from steep.wording import counted


@dataclass(frozen=True)
class Trained:
    """The trained model, loaded only if asked for, and notes for the report.

    ``key`` is what it was made from; ``alarm`` what stopped training before its end, ``alarm_at``
    after how many steps.
    """

    load: Callable[[], Any]
    key: dict[str, Any]
    notes: tuple[str, ...]
    alarm: str | None = None
    alarm_at: int | None = None


def train_stage(
    recipe: Recipe,
    inputs: Inputs,
    base: Base,
    prepared: Prepared,
    run: RunFolder,
    progress: Progress,
    *,
    panel: Callable[[], Panel],
    accept_change: bool = False,
) -> Trained:
    """Train up to the budget, or find it done; then turn the model to its strength.

    Args:
        panel: makes what the result will be judged on; a small part is looked at while training.
        accept_change: go on from checkpoints of other settings where that is sound.

    Raises:
        DriftError: what was trained so far was made from something else.
        TrainingAlarm: training can't go on, and no good state was saved before.
    """
    key = training_key(recipe, prepared.key, base.fingerprint)
    whole_change = with_instruct(base, key)
    kinds = [texts for texts in (inputs.validation, inputs.validation_reference) if texts]
    strength = strength_key(recipe, kinds, whole_change)
    made_from = {**whole_change, "strength": strength}
    if recipe.strength.fixed is not None:
        run.strength.unlink(missing_ok=True)  # an earlier search is no longer this run's

    def ready(model: Any, learned: dict[str, Any]) -> Any:
        model = lifted(recipe, base, model, learned, run, progress)
        model, home = grafted(as_they_are(recipe), base, model, progress), base.home
        if recipe.strength.fixed != 1.0:
            dial = StrengthDial(model, home.take)
            dial.turn(choose_strength(recipe, kinds, dial, model, home, strength, run, progress))
        return model.eval()

    def trained(
        done: Checkpoint, load: Callable[[], Any] | None = None, alarm: Alarm | None = None
    ) -> Trained:
        """The result as it is on disk; ``load`` gives the model where it is in memory already."""
        _record_modules(run, done)
        write_text(run.metrics, done.metrics)
        load = load or (lambda: _from_checkpoint(recipe, base, done))
        learned = {**key, "step": done.step}
        result = _Kept(lambda: ready(load(), learned))
        if not is_measured(recipe, learned, run):
            result()  # the notes will tell of it
        whole = {**made_from, **({"accepted": list(done.accepted)} if done.accepted else {})}
        alarm_at = None if alarm is None else done.step
        settle(recipe, run, prepared, done.state.get("guard", {}), alarm_at)
        if alarm is None:
            run.alarm.unlink(missing_ok=True)  # it was of settings that were changed since
            return Trained(result, whole, _notes(recipe, base, prepared, run, done))
        whole["stopped_at"] = done.step
        notes = _notes(recipe, base, prepared, run, done)
        return Trained(result, whole, notes, alarm.message, alarm_at)

    steps = prepared.steps
    found = resumable(run.checkpoints, key, steps=steps, accept_change=accept_change)
    write_recipe(recipe, run.recipe)
    after = found.step if found else -1
    for name, wrong in damaged_checkpoints(run.checkpoints, after=after).items():
        progress.note(f"warning: checkpoint {name} can't be used: {wrong}")
    guarded = found.state.get("guard", {}) if found else {}
    has_stopped = guarded.get("stopped_at") is not None and not _is_changed(found)
    if found and (found.step >= steps or has_stopped):
        progress.note(f"training is done ({counted(found.step, 'step')})")
        if not read_sealed(run.machine):
            _machine(recipe, run, None)
        return trained(found)
    alarm = kept_alarm(run, key)
    if found and alarm:
        progress.note(f"training was stopped by an alarm: {alarm.message}")
        return trained(found, alarm=alarm)
    if found:
        progress.note(f"resuming at step {found.step} of {steps} from {found.folder}")
    if prepared.ledger["trained"]["steps"] != steps:  # an alarm ended it before its time
        prepared = recount(run, prepared, range(steps))
    machine = _machine(recipe, run, progress if found else None)
    sample = _sample(recipe, inputs, base, prepared, panel)  # before the base model goes
    if base.instruct is not None:
        base.instruct.let_go()  # it was asked, and has nothing to do until training is done
    reference = base_reference(recipe, base, prepared, run, machine["precision"], progress)
    for note in warmup_notes(recipe.train, steps, prepared.schedule.stages):
        progress.note(note)
    progress.stage(
        f"Training: {recipe.train.method}, {counted(prepared.steps, 'step')}, "
        f"{machine['precision']} on {machine['device']}"
    )
    model, new_rows = start_model(recipe, base)
    look = None
    if sample is not None:
        look = LightCheck(model, base.tuned_tokenizer, sample, machine["precision"])
        progress.note(f"looking now and then at {sample.words}")
    guard = make_guard(
        recipe,
        inputs,
        prepared,
        run,
        model,
        base.tuned_tokenizer,
        machine["precision"],
        guarded,
        progress,
    )
    try:
        training = train_model(
            model,
            prepared.schedule,
            recipe.train,
            steps=steps,
            seed=recipe.seed,
            precision=machine["precision"],
            folder=run.path,
            key=key,
            on_step=lambda metrics, total: _say(progress, metrics, total, look, guard),
            checks=_checks(recipe, prepared, look),
            guard=guard,
            reference=reference,
            new_rows=new_rows,
        )
    except TrainingAlarm as error:
        last_good = newest_checkpoint(run.checkpoints, key)
        if last_good is None or not last_good.step:
            raise
        progress.note(f"alarm: {error}; going on with the last good state, step {last_good.step}")
        return trained(last_good, alarm=keep_alarm(run, key, error))
    return trained(training.last, lambda: model)


def _is_changed(found: Checkpoint | None) -> bool:
    """True if the user changed settings of training right here; another steep alone is none."""
    last = found.accepted[-1] if found and found.accepted else None
    if found is None or last is None or last["step"] != found.step:
        return False
    return any(not change.startswith("steep: ") for change in last["changes"])


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
    return light_sample(
        panel(), inputs.validation, base.tuned_tokenizer, tokens=tokens, share=share
    )


def _checks(recipe: Recipe, prepared: Prepared, look: LightCheck | None) -> Checks | None:
    share = recipe.evaluate.check_share
    return None if look is None else Checks(look, share=share, steps=prepared.steps)


class _Kept:
    """Calls a function once and keeps what it gave, not what the function held."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Callable[[], Any] | None = make
        self._made: Any = None

    def __call__(self) -> Any:
        if self._make is not None:
            self._made, self._make = self._make(), None
        return self._made


def _from_checkpoint(recipe: Recipe, base: Base, checkpoint: Checkpoint) -> Any:
    model, _ = start_model(recipe, base)
    groups = parameter_groups(model, recipe.train)
    load_weights(checkpoint, {name: p for group in groups for name, p in group.parameters})
    return model


def _machine(recipe: Recipe, run: RunFolder, resuming: Progress | None) -> dict[str, Any]:
    """What trains. The precision chosen first stays for the whole run, or resuming would differ.

    ``resuming`` is told if the same bits can't be promised.
    """
    import torch
    import transformers

    import steep

    device = best_device()
    before = read_sealed(run.machine)
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
    if recipe.train.load_in is not None:
        machine["bitsandbytes"] = version("bitsandbytes")
    differ = [str(change) for change in changes(before, machine, free=("seal",))]
    if device != "cpu":
        differ.append(f"sums on {device} come in no fixed order")
    if resuming is not None and before and differ:
        resuming.note(
            f"the result will be as good as without the stop, but perhaps not the same to the last "
            f"bit ({'; '.join(differ)})"
        )
    write_sealed(run.machine, machine)
    return machine


def _say(
    progress: Progress,
    metrics: StepMetrics,
    steps: int,
    look: LightCheck | None,
    guard: Guard | None,
) -> None:
    """The step's numbers, and behind them those of the last check and what the guard did."""
    text = f"loss {metrics.loss:.3f}, {metrics.tokens_per_second:.0f} tokens/s"
    text += f", rate {metrics.lr:.1e}"
    said = (text, look.words if look else "", guard.words if guard else "")
    progress.at(metrics.step, steps, " | ".join(part for part in said if part))


def _record_modules(run: RunFolder, trained: Checkpoint) -> None:
    """Keep which modules didn't change in the first step, and how rows were computed."""
    moved: dict[str, bool] = trained.state["moved"]
    unmoved = sorted(name for name, did in moved.items() if not did)
    table = {"trained": len(moved), "unmoved": unmoved, **trained.state["way"]}
    if read_sealed(run.modules) != sealed(table):
        write_sealed(run.modules, table)


def _on_graft(recipe: Recipe) -> str:
    return (
        f"the documents trained {PurePath(recipe.model).name}, and what changed was put on "
        f"{PurePath(recipe.home).name}, which is the base of every comparison here"
    )


def _notes(
    recipe: Recipe, base: Base, prepared: Prepared, run: RunFolder, trained: Checkpoint
) -> tuple[str, ...]:
    kept = read_table(run.modules)
    notes = [] if recipe.instruct is None else [_on_graft(recipe)]
    notes += [*base.warnings, *warmup_notes(recipe.train, prepared.steps, prepared.schedule.stages)]
    if lift := read_sealed(run.lifted):
        notes.append(lift_words(lift))
    notes += [
        f"settings were changed at step {change['step']}: {'; '.join(change['changes'])}"
        for change in trained.accepted
    ]
    alone = recipe.vocabulary.first_steps if recipe.vocabulary is not None else 0
    if alone >= trained.step > 0:
        notes.append(
            f"only rows of new tokens were trained: vocabulary.first_steps is {alone}, and there "
            f"were only {trained.step}"
        )
    if unmoved := kept.get("unmoved"):
        notes.append(f"{len(unmoved)} modules were to be trained but didn't move: {unmoved[0]}, …")
    if kept.get("packing") == "alone":
        notes.append("this model can't keep packed documents apart, so each had a row of its own")
    return tuple(notes)
