"""A run stopped by an alarm ends with its last good state, judged and never to be shipped."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.artifact import read_json
from steep.errors import TrainingAlarm
from steep.proof.seal import what_is_wrong
from steep.recipe import load_recipe
from steep.training import gradients
from steep.training.checkpoint import checkpoints
from tests.stages.project import write_project
from tests.stages.test_guard import RUINED
from tests.training.test_loop import LORA

TRAIN: dict[str, Any] = {**LORA, "lora_r": 4, "max_steps": 6}
QUICK: dict[str, Any] = {"data": {"general_share": 0.0}, "evaluate": {"probes": 0}}


def _bad_from(step: int, patch: pytest.MonkeyPatch) -> list[int]:
    """The loss of this step and all later ones isn't finite; the steps that were tried."""
    before = gradients.accumulate
    tried: list[int] = []

    def accumulate(*given: Any) -> float:
        tried.append(len(tried) + 1)
        return math.nan if tried[-1] >= step else before(*given)

    patch.setattr(gradients, "accumulate", accumulate)
    return tried


def _trained(run: Path) -> tuple[Any, Any]:
    trained = read_json(run / "data" / "ledger.json")["trained"]
    return trained["steps"], trained["tokens"]


# Broken by: raising the alarm through the stage, or shipping what it stopped; books of the steps
# that were planned, or that stay short when training has gone on.
def test_the_last_good_state_is_judged_and_not_to_ship(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_project(tmp_path, train=TRAIN, **QUICK)
    run = tmp_path / "run"
    steep.prepare(recipe)
    planned = _trained(run)
    with monkeypatch.context() as patch:
        tried = _bad_from(5, patch)
        outcome = steep.run(recipe)
        assert tried == [1, 2, 3, 4, 5]
        again = steep.run(recipe)  # the same command doesn't run into the same wall
        assert tried == [1, 2, 3, 4, 5]
    assert next(checkpoints(run / "checkpoints")).step == 4
    assert not outcome.ship
    assert again.evaluation == outcome.evaluation
    assert outcome.verdict.startswith("Training was stopped by an alarm. Do not ship")
    assert "step 5: the loss is not finite" in outcome.evaluation["alarm"]
    assert read_json(run / "alarm.json")["step"] == 4
    lines = [json.loads(line) for line in (run / "metrics.jsonl").open()]
    assert _trained(run) == (4, sum(line["tokens"] for line in lines))
    assert (run / "base_continued_merged" / "model.safetensors").is_file()
    base, tuned = (
        read_json(run / "scores" / f"{name}.json")["result"] for name in ("base", "tuned")
    )
    assert what_is_wrong(outcome.evaluation, base, tuned) is None
    assert steep.verify(run).is_whole
    slower = load_recipe(recipe, ["train.learning_rate=0.0005"])
    changed = steep.evaluate(slower, accept_change=True)
    assert next(checkpoints(run / "checkpoints")).step == 6
    assert changed.evaluation["alarm"] is None
    assert not (run / "alarm.json").exists()
    assert _trained(run) == planned


def test_with_nothing_to_keep_the_alarm_is_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_project(tmp_path, train=TRAIN, **QUICK)
    _bad_from(1, monkeypatch)
    with pytest.raises(TrainingAlarm, match="step 1") as caught:
        steep.train(recipe)
    assert caught.value.exit_code == 3
    assert not (tmp_path / "run" / "evaluation.json").exists()


# Broken by: no alarm_at handed on to the guard's sentence, which then counts the planned steps.
def test_what_the_guard_did_before_the_alarm_is_told_of_what_is_judged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_project(tmp_path, guard={"limit": 0.3}, **RUINED)
    _bad_from(4, monkeypatch)
    outcome = steep.evaluate(path)
    said = outcome.evaluation["reasons"][0]
    assert said.startswith("The guard took training back once")
    assert "at 0.25 times the rate until an alarm stopped it" in said
    assert said.endswith("after step 3 of 6 is judged. 1 of 6 steps are in the model.")
    assert _trained(tmp_path / "run")[0] == 1
