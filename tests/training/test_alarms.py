"""Alarms: raised before the update, by what can't be a hard batch, and alike after a resume."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.corpus.curriculum import in_order
from steep.errors import TrainingAlarm
from steep.recipe import TrainRecipe
from steep.training import gradients
from steep.training.alarms import Alarms
from steep.training.checkpoint import checkpoints
from steep.training.replay_kl import NO_HELD_LOSS, HeldLoss
from tests.tiny import tiny_tokenizer
from tests.training.corpus import TEXTS, make_model, make_recipe, make_schedule, train, weights


def _watched(losses: list[float]) -> Alarms:
    alarms = Alarms()
    for step, loss in enumerate(losses):
        alarms.check(step, loss, 1.0, loss)
    return alarms


@pytest.mark.parametrize(
    ("loss", "norm", "what"),
    [
        (math.nan, 1.0, "loss is not finite"),
        (math.inf, 1.0, "loss is not finite"),
        (2.0, math.nan, "gradient is not finite"),
        (2.0, math.inf, "gradient is not finite"),
    ],
)
def test_what_is_not_finite_is_refused_at_any_step(loss: float, norm: float, what: str) -> None:
    with pytest.raises(TrainingAlarm, match=f"step 1: the {what}") as caught:
        Alarms().check(0, loss, norm, loss)
    assert (caught.value.step, caught.value.is_good, caught.value.exit_code) == (0, True, 3)


# Broken by: comparing with the last step alone, or from the first steps on.
def test_only_a_loss_far_above_all_before_is_a_jump() -> None:
    hard_and_easy = [3.0, 0.1, 0.2, 3.4, 0.1] * 6
    _watched([*hard_and_easy, 5.5]).check(31, 5.3, 1.0, 5.3)
    _watched([*[1.0] * 19, 9.0]).check(20, 9.0, 1.0, 9.0)
    with pytest.raises(TrainingAlarm, match=r"jumped to 5\.50 .* 3\.40 was the highest") as caught:
        _watched([*hard_and_easy, 9.5]).check(31, 5.5, 1.0, 5.5)
    assert (caught.value.step, caught.value.is_good) == (31, False)


# Broken by: raising at the first step above all others, or counting those that aren't in a row.
def test_one_odd_text_is_no_jump() -> None:
    _watched([*[0.5] * 30, 8.5, 0.5, 8.5, 0.4]).check(34, 8.5, 1.0, 8.5)


# Broken by: watching the whole loss, which depends on how much replay a step happens to have.
def test_the_loss_of_steps_with_less_replay_is_no_jump() -> None:
    alarms = Alarms()
    for step in range(30):
        alarms.check(step, 0.4, 1.0, 4.0 if step % 3 else None)
    alarms.check(30, 0.6, 1.0, 6.2)
    alarms.check(31, 0.1, 1.0, None)
    with pytest.raises(TrainingAlarm, match=r"jumped to 6\.20"):
        alarms.check(32, 0.6, 1.0, 6.2)


# Broken by: replay's nats or tokens left in.
def test_a_step_is_parted_into_its_documents_and_its_replay() -> None:
    held = TrainRecipe(max_steps=1, replay_kl_coef=2.0, replay_kl_only=True)
    assert HeldLoss(3.0, 10).without(0.5, 40, held) == pytest.approx((0.5 * 40 - 2 * 3.0) / 30)
    assert HeldLoss(3.0, 40).without(0.15, 40, held) is None
    also_as_text = TrainRecipe(max_steps=1, replay_kl_coef=2.0, replay_kl_only=False)
    assert HeldLoss(3.0, 10).without(0.5, 40, also_as_text) == pytest.approx(14 / 40)
    assert NO_HELD_LOSS.without(1.5, 40, TrainRecipe(max_steps=1)) == 1.5


# Broken by: state without the highest loss, the count, or whether the last step jumped.
def test_the_state_is_all_it_needs() -> None:
    assert Alarms().state == {}
    with pytest.raises(TrainingAlarm, match="jumped"):
        Alarms(_watched([*[2.0] * 25, 4.1]).state).check(26, 4.1, 1.0, 4.1)
    Alarms(_watched([*[2.0, 4.0] * 12, 6.1]).state).check(25, 5.9, 1.0, 5.9)


# Broken by: a stage whose documents are harder than those before it taken for a jump.
def test_a_stage_is_watched_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([1.0] * 21 + [5.0] * 21 + [9.0, 9.0])
    monkeypatch.setattr(gradients, "accumulate", lambda *given: next(losses))
    recipe = make_recipe()
    parts = [make_schedule(tiny_tokenizer(TEXTS)) for _ in range(2)]
    schedule = in_order(parts, [21, 23], ["easy", "hard"], [None, None])
    with pytest.raises(TrainingAlarm, match=r"step 44: .* 9\.00 .* 5\.00 was the highest"):
        train(make_model("llama", recipe), recipe, tmp_path, schedule=schedule, steps=44)


def test_a_step_without_targets_is_refused() -> None:
    Alarms().check_targets(4, 1)
    with pytest.raises(TrainingAlarm, match="step 5: no token of it is a target"):
        Alarms().check_targets(4, 0)


# Broken by: raising before the state is saved, or saving after the update.
def test_the_last_good_state_is_saved_before_the_alarm_is_raised(tmp_path: Path) -> None:
    recipe = make_recipe()  # by the clock: nothing is saved in so short a run
    model = make_model("llama", recipe)
    kept: dict[str, Any] = {}

    def poison(metrics: Any) -> None:
        if metrics.step == 3:
            kept.update(weights(model))
            next(model.parameters()).register_hook(lambda gradient: gradient * math.nan)

    with pytest.raises(TrainingAlarm, match="step 4"):
        train(model, recipe, tmp_path, on_step=poison)
    assert [found.step for found in checkpoints(tmp_path / "checkpoints")] == [3]
    assert all(torch.equal(kept[name], p) for name, p in weights(model).items())
