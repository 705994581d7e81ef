"""The guard: where it looks, what it decides, and that going back is exact and resumable."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from steep.errors import SteepError
from steep.recipe import GuardRecipe
from steep.training.checkpoint import adopt_checkpoint, checkpoints
from steep.training.checks import Checks
from steep.training.guard import (
    DOMAIN,
    FACTOR,
    GENERAL,
    MOST_BACKOFFS,
    Guard,
    look_steps,
    saving_steps,
    steps_in_model,
)
from steep.training.loop import StepMetrics
from tests.tiny import tiny_tokenizer
from tests.training.corpus import (
    TEXTS,
    Recording,
    make_model,
    make_recipe,
    make_schedule,
    train,
    weights,
)
from tests.training.test_checks import another_precision, seen_by
from tests.training.test_loop import METHODS, Killed

__all__ = ["another_precision"]

STEPS = 6


# Broken by: a first look that isn't halved, or an end that is left out.
def test_looks_follow_from_the_number_of_steps() -> None:
    assert look_steps(230) == [7, 14, 29, 58, 87, 115, 144, 173, 202, 230]
    assert saving_steps(230) == [29, 58, 87, 115, 144, 173, 202, 230]
    assert look_steps(12) == [4, 8, 12]
    assert look_steps(1) == [1]
    assert look_steps(0) == []
    for steps in (2, 30, 99, 5000, 100_000):
        looks = look_steps(steps)
        assert looks[-1] == steps and len(looks) < 25
        assert min(looks) <= max(steps / 3 + 1, 12)


def scripted(
    values: Sequence[Mapping[str, float]], steps: int = STEPS, **recipe: Any
) -> tuple[Guard, list[int], list[str]]:
    """A guard that sees these values one after another; where it goes back, and what it says."""
    coming = iter(values)
    said: list[str] = []
    guard = Guard(
        lambda: next(coming),
        GuardRecipe(**{"limit": 0.5, **recipe}),
        steps=steps,
        tell=lambda record, sentence: said.append(sentence) if sentence else None,
    )
    guard._due = guard._saving = set(range(1, steps + 1))
    guard.begin()
    return guard, [], said


def sight(rise: float, gain: float) -> dict[str, float]:
    return {GENERAL: 3.0 + rise, DOMAIN: 2.0 - gain}


# Broken by: the last point taken for the best, or the gain alone.
def test_the_best_point_weighs_gain_against_loss() -> None:
    seen = [sight(0, 0), sight(-0.1, 0.3), sight(0.04, 0.5), sight(0.4, 0.6), sight(0.45, 2.0)]
    guard, back, _ = scripted(seen)
    best = []
    for step in range(1, 5):
        guard.take(step, back.append)
        best.append(guard.best_step)
    assert best == [1, 2, 2, 4]  # a third of what the third look gained would be kept
    assert back == []


# Broken by: a factor that isn't multiplied, or a limit compared with the loss itself.
def test_beyond_the_limit_it_goes_back_and_lowers_the_rate_until_it_gives_up() -> None:
    guard, back, said = scripted([sight(0, 0), sight(0.5, 0.1), *[sight(0.51, 9.0)] * 9], steps=20)
    guard.take(1, back.append)
    assert back == [] and guard.factor == 1.0 and guard.words == ""
    for number in range(1, MOST_BACKOFFS + 1):
        found = guard.take(1 + number, back.append)
        assert guard.factor == FACTOR**number
        assert found["guard"]["back_to"] == 1 and found["guard"]["factor"] == guard.factor
        assert guard.must_save and not guard.has_stopped
    guard.take(5, back.append)
    assert guard.has_stopped and guard.state["stopped_at"] == 5
    assert back == [1] * 4
    assert "rose by 0.51" in said[0] and "back to step 1" in said[0] and "0.25" in said[0]
    assert said[-1].endswith("stopped")


def test_stop_stops_at_once_and_a_model_that_bursts_is_a_breach() -> None:
    guard, back, said = scripted([sight(0, 0), {}], on_breach="stop")
    guard.take(1, back.append)
    assert guard.has_stopped and back == [0]
    assert "could not be scored" in said[0] and "the base model" in said[0]
    json.dumps(guard.record, allow_nan=False)
    blind, back, _ = scripted([{}, {}, {DOMAIN: 1.0}])  # a base that can't be scored is no measure
    blind.take(1, back.append)
    blind.take(2, back.append)
    assert back == []


# Broken by: the last step kept after a breach, or the best kept without one.
def test_at_the_end_the_best_point_is_kept_only_if_it_intervened() -> None:
    worse = [sight(0, 0), sight(0, 1.0), sight(0.2, 0.9)]
    calm, back, _ = scripted(worse, steps=2)
    for step in (1, 2):
        calm.take(step, back.append)
    assert back == [] and calm.best_step == 1
    guard, back, said = scripted([*worse[:2], sight(9, 0), sight(0.2, 0.9)], steps=3)
    for step in (1, 2, 3):
        guard.take(step, back.append)
    assert back == [1, 1]
    assert "step 1 was the better point" in said[-1]
    assert list(steps_in_model(guard.record)) == [0]


# Broken by: steps between the point gone back to and the breach counted as trained; the best point
# taken for the model where an alarm ended it at another.
def test_what_is_in_the_model_after_going_back() -> None:
    def kept(
        *backoffs: tuple[int, int],
        best: int = 12,
        stopped: int | None = None,
        alarm: int | None = None,
    ) -> list[int]:
        record = {
            "backoffs": [{"step": step, "back_to": back} for step, back in backoffs],
            "best_step": best,
            "stopped_at": stopped,
            "steps": 12,
        }
        return list(steps_in_model(record, alarm))

    assert kept(best=3) == list(range(12))
    assert kept((4, 0)) == [4, 5, 6, 7, 8, 9, 10, 11]
    assert kept((4, 2), (8, 6)) == [0, 1, 4, 5, 8, 9, 10, 11]
    assert kept((4, 2), (8, 2), best=10) == [0, 1, 8, 9]
    assert kept((4, 2), (6, 2), stopped=6, best=2) == [0, 1]
    assert kept((12, 8), best=8) == list(range(8))
    assert kept(best=3, alarm=5) == list(range(5))
    assert kept((4, 2), best=2, alarm=6) == [0, 1, 4, 5]


def guarded(model: Any, recipe: GuardRecipe, *, at: set[int]) -> Guard:
    """A guard over the tiny model's own losses, looking after named steps."""

    def look() -> dict[str, float]:
        values = seen_by(model)
        return {GENERAL: values["nats"] / 10, DOMAIN: -values["gap"]}

    guard = Guard(look, recipe, steps=STEPS)
    guard._due = guard._saving = at
    return guard


# Broken by: a look that isn't followed by begin_step, or a guard that saves into the optimizer.
@pytest.mark.parametrize("method", METHODS)
def test_without_a_breach_it_changes_no_bit(method: str, tmp_path: Path) -> None:
    recipe = make_recipe(**METHODS[method])
    plain, watched = make_model("llama", recipe), make_model("llama", recipe)
    train(plain, recipe, tmp_path / "plain")
    guard = guarded(watched, GuardRecipe(limit=1e6), at={1, 2, 4, 6})
    train(watched, recipe, tmp_path / "watched", guard=guard)
    assert [look["step"] for look in guard.state["looks"]] == [0, 1, 2, 4, 6]
    assert not guard.state["backoffs"]
    name = "checkpoints/step-6/weights.safetensors"
    assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "watched" / name).read_bytes()
    expected = weights(plain)
    assert all(torch.equal(expected[n], p) for n, p in weights(watched).items())


def lines_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").open()]


def general_loss(step: int) -> float:
    """What the scripted model loses: too much after four steps, whatever is done about it."""
    return 9.0 if step == 4 else 3.0 + 0.01 * step


def falling(model: Any, recipe: GuardRecipe, step_of: dict[str, int]) -> Guard:
    """A guard that finds the model ruined after step 4, once; before that it only improves."""

    def look() -> dict[str, float]:
        step = step_of["step"]
        return {GENERAL: general_loss(step), DOMAIN: 2.0 - 0.1 * step}

    guard = Guard(look, recipe, steps=STEPS)
    guard._due = guard._saving = {1, 2, 3, 4, 6}
    inner = guard.take

    def take(step: int, go_back: Any) -> dict[str, Any]:
        step_of["step"] = step
        return inner(step, go_back)

    guard.take = take  # type: ignore[method-assign]
    return guard


def interrupted(recipe: Any, guard: GuardRecipe, folder: Path, stop: int | None) -> Any:
    """A run killed after ``stop`` steps (None: never), then begun again and finished."""

    def kill(metrics: StepMetrics) -> None:
        if metrics.step == stop:
            raise Killed

    for on_step in (kill, None) if stop else (None,):
        model = make_model("llama", recipe)
        watching = falling(model, guard, {"step": 0})
        try:
            train(model, recipe, folder, on_step=on_step, guard=watching)
        except Killed:
            continue
    return model, watching


# Broken by: state left out of the checkpoint, optimizer moments not put back, a best checkpoint
# that is pruned, or the factor left out of set_rates.
@pytest.mark.parametrize("method", ["full", "lora with dropout", "adafactor for adapters"])
@pytest.mark.parametrize("on_breach", ["lower_rate", "stop"])
def test_interrupted_anywhere_it_ends_with_the_same_bits(
    method: str, on_breach: str, tmp_path: Path
) -> None:
    recipe = make_recipe(**{**METHODS[method], "save_steps": 2})
    guard = GuardRecipe.model_validate({"on_breach": on_breach})
    whole, expected = interrupted(recipe, guard, tmp_path / "whole", None)
    assert [(b["step"], b["back_to"]) for b in expected.state["backoffs"]] == [(4, 3)]
    kept = ("step", "loss", "lr", "guard", "guard_before")
    lines = [{k: line.get(k) for k in kept} for line in lines_of(tmp_path / "whole")]
    assert len(lines) == (4 if on_breach == "stop" else 6)
    for stop in range(1, len(lines) + 1):
        folder = tmp_path / str(stop)
        model, found = interrupted(recipe, guard, folder, stop)
        assert found.state == expected.state
        assert [{k: line.get(k) for k in kept} for line in lines_of(folder)] == lines
        assert all(torch.equal(p, weights(model)[name]) for name, p in weights(whole).items())


# Broken by: weights left as they were at the breach.
def test_going_back_is_exact_and_the_rate_is_lower_from_there(tmp_path: Path) -> None:
    recipe = make_recipe(lr_scheduler_type="constant", save_steps=1)
    model, _ = interrupted(recipe, GuardRecipe(on_breach="stop"), tmp_path, None)
    best = load_file(tmp_path / "checkpoints" / "step-3" / "weights.safetensors")
    assert (tmp_path / "checkpoints" / "step-4").is_dir()
    assert all(torch.equal(best[name], p) for name, p in weights(model).items() if name in best)
    _, guard = interrupted(recipe, GuardRecipe(), tmp_path / "lower", None)
    rates = [line["lr"] for line in lines_of(tmp_path / "lower")]
    assert rates == [1e-2] * 4 + [0.25e-2] * 2
    assert guard.state["best_step"] == 6


# Broken by: the key of after an accepted change asked of the checkpoints before it.
def test_it_goes_back_beyond_a_change_that_was_accepted(tmp_path: Path) -> None:
    recipe = make_recipe(save_steps=1)

    def ruined_at_the_end(model: Any) -> Guard:
        losses = iter([3.0, 3.0, 9.0])
        domain = iter([2.0, 1.5, 1.0])
        guard = Guard(
            lambda: {GENERAL: next(losses), DOMAIN: next(domain)}, GuardRecipe(), steps=STEPS
        )
        guard._due = guard._saving = {2, 6}
        return guard

    def kill(metrics: StepMetrics) -> None:
        if metrics.step == 5:
            raise Killed

    model = make_model("llama", recipe)
    with pytest.raises(Killed):
        train(model, recipe, tmp_path, on_step=kill, guard=ruined_at_the_end(model))
    newest = next(checkpoints(tmp_path / "checkpoints"))
    assert (newest.step, newest.state["guard"]["best_step"]) == (4, 2)
    slower = {**newest.manifest["made_from"], "train.learning_rate": 1e-3}
    adopt_checkpoint(newest, slower, {"step": 4, "changes": ["slower"]})
    model = make_model("llama", recipe)
    guard = ruined_at_the_end(model)
    guard._look(), guard._look()  # what was seen before the change
    train(model, recipe, tmp_path, key=slower, guard=guard)
    assert guard.state["backoffs"][0]["back_to"] == 2
    best = load_file(tmp_path / "checkpoints" / "step-2" / "weights.safetensors")
    assert all(torch.equal(best[name], p) for name, p in weights(model).items() if name in best)


def test_its_time_counts_among_the_checks(tmp_path: Path) -> None:
    recipe = make_recipe()
    model = make_model("llama", recipe)
    spent: list[float] = []

    class Accounts(Checks):
        def spend(self, seconds: float) -> None:
            spent.append(seconds)

        def is_due(self, step: int, seconds: float) -> bool:
            return False

    checks = Accounts(lambda: {"x": 1.0}, share=0.1, steps=STEPS)
    train(model, recipe, tmp_path, guard=guarded(model, GuardRecipe(), at={2, 6}), checks=checks)
    lines = lines_of(tmp_path)
    assert len(spent) == 3 and "guard_before" in lines[0] and "checks_before" in lines[0]
    assert [line["step"] for line in lines if "guard" in line] == [2, 6]
    resumed = Checks(dict, share=0.1, steps=10)
    resumed.carry_on([{"step": 1, "seconds": 10.0, "guard_seconds": 3.0}])
    resumed.is_due(2, 0.0)
    assert not resumed.is_due(3, 19.0)
    assert resumed.is_due(4, 1.0)


def test_a_damaged_best_point_is_told(tmp_path: Path) -> None:
    class Spoiling(Recording):
        def batch(self, step: int) -> Any:
            if step == 3:  # just before the step that breaches the limit
                (tmp_path / "checkpoints" / "step-3" / "weights.safetensors").unlink()
            return super().batch(step)

    recipe = make_recipe(save_steps=1)
    model = make_model("llama", recipe)
    made = make_schedule(tiny_tokenizer(TEXTS))
    schedule = Spoiling(made.shards, 0, made.max_seq_length, made.rows_per_step, 0.2)
    with pytest.raises(SteepError, match="step-3: damaged or gone"):
        train(model, recipe, tmp_path, schedule=schedule,
              guard=falling(model, GuardRecipe(), {"step": 0}))  # fmt: skip
