"""fp16's scale of the loss: what a stopped run keeps of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import accelerate
import pytest
import torch

from steep.recipe import GuardRecipe
from steep.training.checkpoint import checkpoints
from steep.training.guard import DOMAIN, GENERAL, Guard
from steep.training.loop import StepMetrics
from steep.training.scaling import Scaling
from tests.training.corpus import make_model, make_recipe, train, weights
from tests.training.test_loop import Killed


class Scaled(accelerate.Accelerator):
    """As on a GPU in fp16: a first scale that is out of range, which doubles at every update."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.scaler = torch.amp.GradScaler(
            "cpu", init_scale=2.0**127, backoff_factor=2.0**-120, growth_interval=1
        )


@pytest.fixture(autouse=True)
def _scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accelerate, "Accelerator", Scaled)


def skipped(folder: Path) -> list[int]:
    """Steps whose update was."""
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [row["step"] for row in rows if row["grad_norm"] is None]


def scales(folder: Path) -> list[float]:
    """As kept in the checkpoints, the newest first."""
    return [found.state["scaling"]["scale"] for found in checkpoints(folder / "checkpoints")]


# Broken by: no scaling in the checkpoint's state, or none taken from it.
def test_a_resumed_run_goes_on_with_its_scale(tmp_path: Path) -> None:
    recipe = make_recipe(save_steps=1, max_grad_norm=None)
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    expected = make_model("llama", recipe)
    train(expected, recipe, whole)
    assert skipped(whole) == [1]
    assert scales(whole) == [2.0**12, 2.0**11]  # down once, and up in each of five steps

    def stop(metrics: StepMetrics) -> None:
        if metrics.step == 4:
            raise Killed

    with pytest.raises(Killed):
        train(make_model("llama", recipe), recipe, stopped, on_step=stop)
    model = make_model("llama", recipe)
    training, _ = train(model, recipe, stopped)
    assert training.first_step == 3
    assert skipped(stopped) == [1]
    assert scales(stopped) == scales(whole)
    found = weights(model)
    assert all(torch.equal(found[name], p) for name, p in weights(expected).items())


# Broken by: a scale that stays as it is where the guard goes back.
def test_where_the_guard_goes_back_the_scale_does_too(tmp_path: Path) -> None:
    recipe = make_recipe(save_steps=1, max_grad_norm=None)
    seen = iter([(0.0, 5.0), (0.0, 4.0), (9.0, 9.0), (0.0, 3.0)])

    def look() -> dict[str, float]:
        general, domain = next(seen)
        return {GENERAL: general, DOMAIN: domain}

    guard = Guard(look, GuardRecipe(limit=1.0), steps=6)
    train(make_model("llama", recipe), recipe, tmp_path, guard=guard)
    assert [(b["step"], b["back_to"]) for b in guard.state["backoffs"]] == [(4, 2)]
    # Up at step 2, back to that after step 4, and up at the two steps behind it.
    assert scales(tmp_path)[0] == 2.0**10


# Broken by: a count that a step without an overflow doesn't end, or that isn't kept.
def test_twenty_overflows_in_a_row_are_borne() -> None:
    scaling = Scaling(torch.amp.GradScaler("cpu"))
    for _ in range(20):
        assert scaling.overflowed(1.0, math.inf)
    assert not scaling.overflowed(1.0, 1.0)
    for _ in range(15):
        assert scaling.overflowed(1.0, math.inf)
    other = Scaling(torch.amp.GradScaler("cpu"))
    other.carry_on(json.loads(json.dumps(scaling.state)))
    found = [other.overflowed(1.0, math.nan) for _ in range(6)]
    assert found == [True] * 5 + [False]


# Broken by: a loss that isn't finite borne, or a state where nothing is scaled.
def test_without_a_scale_nothing_is_borne() -> None:
    plain = Scaling(None)
    assert not plain.overflowed(1.0, math.inf)
    plain.carry_on({})
    assert plain.state == {}
    assert not Scaling(torch.amp.GradScaler("cpu")).overflowed(math.nan, math.inf)
