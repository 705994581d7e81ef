"""The one training loop: batch k, summed loss, one division, one update, one line of metrics."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from steep.artifact import write_text
from steep.corpus.schedule import Batch, Schedule, stage_at
from steep.errors import SteepError
from steep.model.adapters import ParameterGroup, parameter_groups
from steep.model.precision import Precision, dtype_of
from steep.model.quantised import work_in
from steep.recipe import TrainRecipe
from steep.training.alarms import Alarms
from steep.training.checkpoint import (
    Checkpoint,
    checkpoint_at,
    load_checkpoint,
    newest_checkpoint,
    save_checkpoint,
)
from steep.training.checks import Checks
from steep.training.gradients import Gradients
from steep.training.graph import StepGraph, can_be_captured
from steep.training.guard import Guard
from steep.training.loss import PackedLoss, Way, choose_way, way_before, way_state
from steep.training.new_rows import NewRows
from steep.training.optimizer import make_optimizer, set_rates
from steep.training.rates import share_of_peak
from steep.training.recompute import recomputing
from steep.training.replay_kl import NO_HELD_LOSS, BaseReference, held_loss
from steep.training.saves import Saves
from steep.training.scaling import Scaling
from steep.training.stop import Interrupted, StopRequest


@dataclass(frozen=True)
class StepMetrics:
    """One optimizer step, as written to metrics.jsonl.

    ``loss`` is what was optimised, in nats per target token, ``tokens`` counts this step's tokens
    without padding, ``seconds`` is wall time since the previous step's end without checks in
    between, ``grad_norm`` the norm before clipping (None where fp16 overflowed and the update was
    skipped).

    Where the divergence from the base on replay is part of the loss, a line has ``kl``, its mean
    over the step's replay tokens (nats; null without any), which is weighed into ``loss``.

    A line has more where a check was taken: ``checks``, its values after the step,
    ``checks_before`` (first step only) those before all training, and ``check_seconds``. Where the
    guard looked it has ``guard`` (or ``guard_before``) and ``guard_seconds``; if the guard went
    back, ``guard`` names the step it went ``back_to`` and the ``factor`` of the rate from there on.
    """

    step: int
    epoch: float
    tokens: int
    target_tokens: int
    seconds: float
    loss: float
    lr: float
    grad_norm: float | None
    tokens_per_second: float
    peak_memory_bytes: int


@dataclass(frozen=True)
class Training:
    """What the loop did: where it started, the steps it ran, how, and whether modules moved.

    ``last`` is the checkpoint of the final state.
    """

    first_step: int
    steps: int
    seconds: float
    way: Way
    moved: dict[str, bool]
    last: Checkpoint


def train_model(
    model: Any,
    schedule: Schedule,
    recipe: TrainRecipe,
    *,
    steps: int,
    seed: int,
    precision: Precision,
    folder: Path,
    key: Mapping[str, Any],
    on_step: Callable[[StepMetrics, int], None],
    checks: Checks | None = None,
    guard: Guard | None = None,
    reference: BaseReference | None = None,
    new_rows: NewRows | None = None,
) -> Training:
    """Train ``model`` in place up to ``steps``, resuming from ``folder/checkpoints``.

    On one CPU with the same threads, a run that was stopped anywhere ends with the same bits as
    one that wasn't.

    Args:
        folder: the run folder; ``metrics.jsonl`` and ``checkpoints/`` are written there.
        key: what the run is made from; only checkpoints of the same key are resumed.
        on_step: called after each step with its metrics and the total number of steps.
        checks: looks at the model now and then; it sees the model with its own forward, after
            the step, and changes nothing of the training.
        guard: looks at fixed steps; where too much is lost it goes back to an earlier checkpoint,
            lowers the rate or ends the training.
        reference: the base's predictions on replay, for ``recipe.replay_kl_coef``.
        new_rows: of a grown vocabulary, and what stays still for them.

    Raises:
        TrainingAlarm: a loss or gradient wasn't finite, the loss jumped, or a step had nothing to
            learn; the update was not applied, and the state before it is saved.
        Interrupted: a stop signal came; the state is saved.
    """
    accelerator = _accelerator(model, precision)
    groups = parameter_groups(model, recipe)
    trainable = {name: p for group in groups for name, p in group.parameters}
    optimizer: Any = make_optimizer(groups, recipe)
    checkpoints = folder / "checkpoints"
    found = newest_checkpoint(checkpoints, key)
    first = found.step if found else 0
    if found:
        load_checkpoint(found, trainable, optimizer)
    dtype = dtype_of(precision)
    before_stop = found.state if found else {}
    way = way_before(model, before_stop.get("way", {}), dtype) or choose_way(
        model, recipe.max_seq_length, dtype
    )
    work_in(model, dtype)  # now that the ways were compared in fp32
    packed = PackedLoss(
        model,
        way,
        dtype,
        reference=reference,
        kl_coef=recipe.replay_kl_coef or 0.0,
        kl_only=bool(recipe.replay_kl_only),
    )
    loss_of, optimizer = accelerator.prepare(packed, optimizer)
    loss_of.train()
    whole = new_rows is None and accelerator.num_processes == 1
    whole = whole and (reference is None or len(reference.ids) > 0)
    graph = None
    if whole and can_be_captured(model, way, recipe, precision):
        graph = StepGraph(model, way, recipe, precision, reference)
    gradients = Gradients(packed, loss_of, recipe, accelerator, graph)
    metrics_path = folder / "metrics.jsonl"
    kept = found.metrics if found else ""
    write_text(metrics_path, kept)  # lines of steps that will be run again go
    alarms = Alarms(before_stop.get("alarms"))
    moved: dict[str, bool] = before_stop.get("moved", {})
    scaling = Scaling(accelerator.scaler)
    scaling.carry_on(before_stop.get("scaling", {}))
    if guard is not None:
        guard.carry_on(before_stop.get("guard", {}))
        guard.go_on()

    def save(done: int) -> Checkpoint:
        state = {
            "alarms": alarms.state,
            "moved": moved,
            "way": way_state(model, way),
            **({"guard": guard.state} if guard else {}),
            **({"scaling": scaling.state} if scaling.state else {}),
        }
        accepted = found.accepted if found else ()
        return save_checkpoint(
            checkpoints,
            done,
            key,
            trainable,
            optimizer,
            metrics=metrics_path.read_text(encoding="utf-8"),
            state=state,
            needs=[guard.best_step] if guard else [],
            accepted=accepted,
        )

    def go_back(step: int) -> None:
        # What lies before a change that the user accepted has the key of before.
        there = checkpoint_at(checkpoints, step, None if found and found.accepted else key)
        if there is None:
            raise SteepError(
                f"{checkpoints / f'step-{step}'}: damaged or gone, and the guard has to go back to "
                "it; start over with --fresh, or with [guard] enabled = false"
            )
        load_checkpoint(there, trainable, optimizer)
        scaling.carry_on(there.state.get("scaling", {}))

    checks = checks if accelerator.is_main_process else None
    extra: dict[str, Any] = {}
    if checks is not None:
        checks.carry_on(map(json.loads, kept.splitlines()))
        extra = checks.take(0) if first == 0 < steps else {}
    begin = before = time.monotonic()
    saves = Saves(save, found, recipe.save_steps)
    if guard is not None and first == 0 < steps:
        extra = {**extra, **guard.begin()}
        if checks is not None:
            checks.spend(extra.get("guard_seconds", 0.0))  # none where it had looked already
        if guard.must_save:
            saves.after(0, must=True)
        before = time.monotonic()
    with (
        StopRequest() as stop,
        closing(gradients),
        recomputing(packed, recipe.gradient_checkpointing),
        metrics_path.open("a", encoding="utf-8") as metrics_file,
    ):
        for step in range(first, steps):
            if guard is not None and guard.has_stopped:
                break
            stage = stage_at(step, schedule.stages)
            if stage is not None and step == stage.first:
                alarms.begin_stage()
            batch = schedule.batch(step)
            with saves.of_last_good_state():
                alarms.check_targets(step, batch.targets)
            places = _places(reference, schedule, step, batch)
            factor = share_of_peak(step, steps, recipe, schedule.stages)
            factor *= guard.factor if guard else 1.0
            set_rates(optimizer, groups, factor, recipe)
            waits = new_rows is not None and step < new_rows.first_steps
            fingerprints = {} if moved or waits else _fingerprints(trainable)
            # Dropout draws from generators set by (seed, step), so a step depends on k alone.
            with torch.random.fork_rng():
                torch.manual_seed(seed * 1_000_003 + step)
                loss = gradients.add(batch, places)
            held = NO_HELD_LOSS
            if reference is not None:
                held = held_loss(gradients.take_divergence(), accelerator)
                extra = {**extra, "kl": held.mean}
            own_loss = held.without(loss, batch.targets, recipe)
            if new_rows is not None:
                new_rows.hold(groups, step)
            norm = _clip(accelerator, list(trainable.values()), recipe.max_grad_norm)
            # fp16 finds its scale by overflowing now and then: the engine skips those updates.
            overflowed = scaling.overflowed(loss, norm)
            if not overflowed:
                with saves.of_last_good_state():
                    alarms.check(step, loss, norm, own_loss)
            with new_rows.at_their_pace(groups) if new_rows is not None else nullcontext():
                optimizer.step()
            optimizer.zero_grad(set_to_none=not gradients.stay)
            if fingerprints and not overflowed:
                moved = _moved(fingerprints, _fingerprints(trainable))
            now = time.monotonic()
            metrics = _metrics(schedule, batch, step, now - before, loss, norm, groups, factor)
            before = now
            if checks and checks.is_due(step + 1, metrics.seconds) and stop.signal_number is None:
                gradients.pause()  # what it derives from the parameters is of before the update
                extra = checks.take(step + 1)
                before = time.monotonic()
            guarded = guard is not None and guard.is_due(step + 1)
            if guard is not None and guarded:
                gradients.pause()
                extra = {**extra, **guard.take(step + 1, go_back)}
                if checks is not None:
                    checks.spend(extra["guard_seconds"])
                before = time.monotonic()
            if stage is not None:
                extra = {"stage": stage.name, **extra}
            metrics_file.write(json.dumps({**metrics.__dict__, **extra}) + "\n")
            metrics_file.flush()
            extra = {}
            on_step(metrics, steps)
            done = step + 1
            acted = guard is not None and guarded and guard.must_save
            saves.after(done, must=acted or stop.signal_number is not None or done == steps)
            if stop.signal_number is not None:
                raise Interrupted(
                    f"stopped at step {done} of {steps}; state saved in {checkpoints}; "
                    "run the same command again to go on",
                    stop.signal_number,
                )
    # Take the engine's mixed-precision wrapper off again: judging and export use plain fp32.
    accelerator.unwrap_model(loss_of, keep_fp32_wrapper=False)
    work_in(model, torch.float32)
    accelerator.free_memory()
    return Training(first, steps, time.monotonic() - begin, way, moved, saves.last)


def _accelerator(model: Any, precision: Precision) -> Any:
    """The engine. Its precision is the whole process's: what an earlier training left is taken off
    where it was another, or a second one in a notebook would be refused.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    wanted = "no" if precision == "fp32" else precision
    left = AcceleratorState._shared_state
    if left and left.get("_mixed_precision") != wanted:
        AcceleratorState._reset_state()
    cpu = next(model.parameters()).device.type == "cpu"
    return Accelerator(cpu=cpu, mixed_precision=wanted)


def _places(
    reference: BaseReference | None, schedule: Schedule, step: int, batch: Batch
) -> Any | None:
    """Where each token's prediction stands in the reference; None without one."""
    if reference is None:
        return None
    width = batch.input_ids.shape[1]
    return reference.places(schedule.rows_of(step), schedule.shards.lengths, width)


def _clip(accelerator: Any, parameters: list[Any], limit: float | None) -> float:
    """Clip to ``limit`` (None: only measure); the norm before clipping."""
    return float(accelerator.clip_grad_norm_(parameters, limit if limit else math.inf))


def _fingerprints(parameters: Mapping[str, Any]) -> dict[str, float]:
    """Two cheap sums per parameter; they differ if any meaningful change was made."""
    with torch.no_grad():
        return {
            name: float((there := p.cpu().double()).sum()) + 0.5 * float(there.abs().sum())
            for name, p in parameters.items()
        }


def _moved(before: dict[str, float], after: dict[str, float]) -> dict[str, bool]:
    """Per module: did any of its parameters change in the first step?

    A LoRA pair counts as one module: with B at zero, A moves only from the second step on.
    DoRA's magnitude is another, or it would hide a pair that doesn't move.
    """
    moved: dict[str, bool] = {}
    for name, value in before.items():
        module = re.split(r"\.lora_(?:embedding_)?[AB]\.", name)[0]
        module = module.removesuffix(".weight").removesuffix(".bias")
        moved[module] = moved.get(module, False) or value != after[name]
    return moved


def _metrics(
    schedule: Schedule,
    batch: Batch,
    step: int,
    seconds: float,
    loss: float,
    norm: float,
    groups: list[ParameterGroup],
    factor: float,
) -> StepMetrics:
    tokens = sum(int(schedule.shards.lengths[i]) for i in batch.segment_ids)
    main = next((group for group in groups if group.name != "embeddings"), groups[0])
    return StepMetrics(
        step=step + 1,
        epoch=round(schedule.epoch_of(step + 1), 4),
        tokens=tokens,
        target_tokens=batch.targets,
        seconds=round(seconds, 4),
        loss=loss,
        lr=main.learning_rate * factor,
        grad_norm=norm if math.isfinite(norm) else None,
        tokens_per_second=round(tokens / max(seconds, 1e-9), 2),
        peak_memory_bytes=peak_memory_bytes(),
    )


def peak_memory_bytes() -> int:
    """Peak memory of this process so far: on the GPU if one is used, else resident."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    import resource
    import sys

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
