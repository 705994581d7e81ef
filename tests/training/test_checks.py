"""Checks while training: when they come, what they may cost, and that they change nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.model.precision import Precision
from steep.proof.scorer import Choices, Scorer
from steep.training import loop
from steep.training.checks import MOST_CHECKS, Checks
from steep.training.linear import merged
from steep.training.loop import StepMetrics, Training
from tests.tiny import tiny_tokenizer
from tests.training.corpus import TEXTS, make_model, make_recipe, train, weights
from tests.training.test_loop import METHODS, Killed


@pytest.fixture(autouse=True)
def another_precision() -> Iterator[None]:
    """The engine keeps one precision in a process; these tests use two."""
    from accelerate.state import AcceleratorState

    AcceleratorState._reset_state(True)
    yield
    AcceleratorState._reset_state(True)


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def moments(run: float, cost: float, step: float, share: float = 0.05) -> tuple[list[int], int]:
    """(steps after which checks were taken, all steps) of a run of so many seconds."""
    clock = Clock()

    def look() -> dict[str, float]:
        clock.now += cost
        return {"loss": 1.0}

    steps = round(run / step)
    checks = Checks(look, share=share, steps=steps, clock=clock)
    checks.take(0)
    taken = []
    for number in range(1, steps + 1):
        clock.now += step
        if checks.is_due(number, step):
            checks.take(number)
            taken.append(number)
    return taken, steps


# Broken by: leaving the next check's cost out of is_due, or counting time instead of its share.
@pytest.mark.parametrize("run", [180.0, 600.0, 3600.0, 36_000.0])
@pytest.mark.parametrize("part", [0.001, 0.005, 0.0125])  # of the run, for one check
def test_checks_keep_to_their_share_and_one_falls_in_the_middle(run: float, part: float) -> None:
    cost = part * run
    taken, steps = moments(run, cost, 2.0)
    assert (1 + len(taken)) * cost <= 0.05 * run * 1.0001
    assert any(0.1 * steps < step < 0.9 * steps for step in taken)
    assert len(taken) <= MOST_CHECKS


# Broken by: a fixed number of steps between checks.
def test_the_longer_a_check_takes_the_rarer_it_comes() -> None:
    few, some, many = (len(moments(600.0, cost, 1.0)[0]) for cost in (6.0, 3.0, 1.0))
    assert few < some < many
    assert moments(600.0, 40.0, 1.0) == ([], 600)


# Broken by: no bound on their number, or one that keeps the last step out.
def test_long_runs_have_enough_with_sixty() -> None:
    taken, steps = moments(100_000.0, 1.0, 1.0)
    assert 50 < len(taken) <= MOST_CHECKS
    assert taken[-1] == steps


# Broken by: begun set to True at the start.
def test_never_after_the_first_step_of_a_session() -> None:
    checks = Checks(dict, share=0.5, steps=10)
    assert not checks.is_due(1, 100.0)
    assert checks.is_due(2, 100.0)
    resumed = Checks(dict, share=0.5, steps=10)
    assert not resumed.is_due(6, 100.0)
    assert resumed.is_due(7, 100.0)


# Broken by: carry_on that forgets what was spent, or what was trained.
def test_an_earlier_session_counts() -> None:
    lines = [{"step": 1, "seconds": 10.0, "check_seconds": 2.0}, {"step": 2, "seconds": 10.0}]

    def resumed(seconds: float) -> bool:
        checks = Checks(dict, share=0.1, steps=10)
        checks.carry_on(lines)
        checks.is_due(3, 0.0)
        return checks.is_due(4, seconds)

    assert not resumed(19.0)  # 2 + 2 of 39 seconds
    assert resumed(20.0)


def test_a_look_that_finds_nothing_still_costs() -> None:
    clock = Clock()

    def look() -> Mapping[str, float]:
        clock.now += 3.0
        return {}

    checks = Checks(look, share=0.1, steps=10, clock=clock)
    assert checks.take(0) == checks.take(4) == {"check_seconds": 3.0}


class At(Checks):
    """Checks at named steps, whatever the time."""

    def __init__(
        self, look: Callable[[], Mapping[str, float]], steps: set[int], **options: Any
    ) -> None:
        super().__init__(look, share=0.05, steps=6, **options)
        self.wanted = steps

    def is_due(self, step: int, seconds: float) -> bool:
        super().is_due(step, seconds)
        return step in self.wanted


def seen_by(model: Any, dtype: torch.dtype = torch.float32) -> dict[str, float]:
    """Texts and choices scored on the model as it is."""
    scorer = Scorer(model, tiny_tokenizer(TEXTS), max_length=96)
    half = dtype != torch.float32
    with torch.autocast("cpu", dtype=dtype if half else None, enabled=half), merged(model, dtype):
        texts = scorer.score_texts(TEXTS[:3])
        ((one, two),) = scorer.score_continuations([Choices("Company 1 was", (" Ada", " Bo"))])
    return {"nats": sum(t.nats for t in texts), "gap": one.logprob - two.logprob}


def run(
    model: Any,
    recipe: Any,
    folder: Path,
    *,
    at: set[int] | None,
    precision: Precision = "fp32",
    on_step: Callable[[StepMetrics], None] | None = None,
) -> tuple[Training, list[dict[str, Any]]]:
    """Train six steps with checks after some (None: none at all); the lines of metrics.jsonl."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    checks = None if at is None else At(lambda: seen_by(model, dtype), at)
    training, _ = train(model, recipe, folder, on_step=on_step, precision=precision, checks=checks)
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return training, [json.loads(line) for line in lines]


# Broken by: a look that leaves the model in evaluation mode, draws from the generator that
# dropout uses without the loop's seed, or leaves gradients; the loop not installing its ways again.
@pytest.mark.parametrize(
    ("method", "precision"),
    [*((method, "fp32") for method in METHODS), ("lora with dropout", "bf16"), ("full", "bf16")],
)
def test_training_ends_with_the_same_bits(
    method: str, precision: Precision, tmp_path: Path
) -> None:
    recipe = make_recipe(**METHODS[method])
    found = []
    for number, at in enumerate((None, {4}, {2, 3, 6})):
        model = make_model("llama", recipe)
        training, lines = run(model, recipe, tmp_path / str(number), at=at, precision=precision)
        assert training.first_step == 0
        assert {line["step"] for line in lines if "checks" in line} == (at or set())
        assert ("checks_before" in lines[0]) == (at is not None)
        found.append((weights(model), [line["loss"] for line in lines]))
    for after, losses in found[1:]:
        assert losses == found[0][1]
        assert all(torch.equal(found[0][0][name], p) for name, p in after.items())


# Broken by: packed.close() left out before a check (it would see adapters from before the update).
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("method", ["full", "lora with dropout", "adafactor for adapters"])
def test_a_check_sees_the_model_as_the_step_left_it(
    method: str, precision: Precision, tmp_path: Path
) -> None:
    recipe = make_recipe(**METHODS[method])
    model = make_model("llama", recipe)
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    before = seen_by(model, dtype)
    _, lines = run(model, recipe, tmp_path, at={5, 6}, precision=precision)
    assert lines[0]["checks_before"] == before
    assert lines[5]["checks"] == seen_by(model, dtype)
    assert lines[4]["checks"] != lines[5]["checks"] != before


# Broken by: a step's seconds that begin before the check.
def test_the_seconds_of_a_step_leave_checks_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()

    def look() -> dict[str, float]:
        clock.now += 1000.0
        return {"loss": 1.0}

    def on_step(metrics: StepMetrics) -> None:
        clock.now += 2.0

    monkeypatch.setattr(loop.time, "monotonic", clock)
    recipe = make_recipe(save_steps=100)
    model = make_model("llama", recipe)
    train(model, recipe, tmp_path, on_step=on_step, checks=At(look, {2, 3, 6}, clock=clock))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    assert [line["seconds"] for line in lines] == [0.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    assert lines[1]["tokens_per_second"] == pytest.approx(lines[1]["tokens"] / 2.0, abs=0.01)
    assert [line.get("check_seconds") for line in lines] == [1000.0] * 3 + [None, None, 1000.0]


# Broken by: checks that end with the process, or a base that is measured again when resuming.
@pytest.mark.parametrize("stop", [2, 3, 4, 5])
def test_resuming_with_checks_changes_no_bit(stop: int, tmp_path: Path) -> None:
    recipe = make_recipe(**METHODS["lora with dropout"])
    whole = make_model("llama", recipe)
    _, expected = run(whole, recipe, tmp_path / "whole", at={3, 4})

    def kill(metrics: StepMetrics) -> None:
        if metrics.step == stop:
            raise Killed

    with pytest.raises(Killed):
        run(make_model("llama", recipe), recipe, tmp_path / "run", at={3, 4}, on_step=kill)
    model = make_model("llama", recipe)
    training, lines = run(model, recipe, tmp_path / "run", at={3, 4})
    assert training.first_step == (stop - 1) // 2 * 2
    kept = ("step", "loss", "checks", "checks_before")
    assert [{k: line.get(k) for k in kept} for line in lines] == [
        {k: line.get(k) for k in kept} for line in expected
    ]
    assert all(torch.equal(p, weights(model)[name]) for name, p in weights(whole).items())


# Broken by: the kept lines not handed to the accounts.
def test_what_was_spent_before_an_interruption_stays_spent(tmp_path: Path) -> None:
    recipe = make_recipe(save_steps=2)
    clock = Clock()

    def look() -> dict[str, float]:
        clock.now += 1000.0
        return {"loss": 1.0}

    def kill(metrics: StepMetrics) -> None:
        if metrics.step == 3:
            raise Killed

    with pytest.raises(Killed):
        train(make_model("llama", recipe), recipe, tmp_path, on_step=kill,
              checks=At(look, {2}, clock=clock))  # fmt: skip
    train(make_model("llama", recipe), recipe, tmp_path,
          checks=Checks(look, share=0.5, steps=6, clock=clock))  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    assert [line["step"] for line in lines if "check_seconds" in line] == [1, 2]
