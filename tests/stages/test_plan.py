"""The plan of a run: made only where it is worth it, kept, reused, and held against the run."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.documents.record import Document
from steep.planning.advice import Predicted
from steep.planning.calibrate import calibrate
from steep.progress import Silent
from steep.recipe import load_recipe
from steep.report.story import read_story
from steep.stages import plan as planning
from steep.stages.base import open_base
from steep.stages.inputs import read_inputs
from steep.stages.known import first_tokens, passages
from steep.stages.plan import is_worth_planning
from tests.planning.calibrations import children_in_process
from tests.stages.project import write_project
from tests.tiny import tiny_tokenizer


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEEP_CACHE", str(tmp_path / "cache"))


class Notes(Silent):
    """Keeps what is said, in order."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def stage(self, text: str) -> None:
        self.said.append(text)

    def note(self, text: str) -> None:
        self.said.append(text)


def _worth_it(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    monkeypatch.setattr(planning, "WORTH_SECONDS", 0.0)
    return children_in_process(monkeypatch)


# Broken by: WORTH_SECONDS = 0.
def test_a_short_run_is_not_planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = children_in_process(monkeypatch)
    recipe = write_project(tmp_path, data={"general_share": 0.0})
    steep.run(recipe)
    assert not (tmp_path / "run" / "plan.json").exists()
    assert not asked
    report = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert "(predicted" not in report


# Broken by: planning after work.evaluate(), or not writing plan.json.
def test_a_long_run_is_planned_before_the_base_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _worth_it(monkeypatch)
    recipe = write_project(tmp_path)  # its replay is written by the base model
    notes = Notes()
    steep.run(recipe, progress=notes)
    assert asked == [2, 1]
    (line,) = (number for number, text in enumerate(notes.said) if text.startswith("predicted: "))
    for stage in ("Writing general text", "Asking the base", "Training"):
        assert line < next(n for n, text in enumerate(notes.said) if text.startswith(stage))
    assert "tokens/s" in notes.said[line] and "GB" in notes.said[line]
    kept = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    assert kept["training"]["steps"] == 3
    assert kept["actual"]["seconds"] > 0
    story = read_story(tmp_path / "run")
    assert story.plan is not None
    # Predicted stands next to actual, in both reports.
    for name in ("report.md", "report.html"):
        text = (tmp_path / "run" / name).read_text(encoding="utf-8")
        assert text.count("(predicted ") == 4, name
        assert "time of the whole run" in text

    # The same run again needs no plan again; nor does another run of the same shape measure again.
    steep.run(recipe, progress=notes)
    assert asked == [2, 1]
    again = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    assert again == kept


# Broken by: a cache key that holds the output folder.
def test_what_steep_plan_measured_serves_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _worth_it(monkeypatch)
    recipe = load_recipe(write_project(tmp_path, data={"general_share": 0.0}))
    found = steep.plan(recipe, quick=True)
    assert asked == [2, 1]
    assert not (tmp_path / "run").exists()
    steep.run(recipe)
    assert asked == [2, 1]
    kept = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    assert kept["key"] == found.key


# Broken by: "except PlanningError" alone around the prediction.
def test_a_failing_calibration_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("x")

    monkeypatch.setattr(planning, "WORTH_SECONDS", 0.0)
    monkeypatch.setattr(planning, "calibrate", fail)
    notes = Notes()
    recipe = write_project(tmp_path, data={"general_share": 0.0})
    outcome = steep.run(recipe, progress=notes)
    assert outcome.evaluation["schema"] == 1
    assert any(text.startswith("nothing could be predicted") for text in notes.said)
    kept = json.loads((tmp_path / "run" / "plan.json").read_text(encoding="utf-8"))
    assert kept["predicted"] is None
    report = (tmp_path / "run" / "report.md").read_text(encoding="utf-8")
    assert "(predicted" not in report


# Broken by: planning whatever has_begun says.
def test_a_run_that_has_begun_is_not_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_project(tmp_path, data={"general_share": 0.0})
    steep.train(recipe)
    asked = _worth_it(monkeypatch)
    steep.run(recipe)
    assert not asked
    assert not (tmp_path / "run" / "plan.json").exists()


# Broken by: leaving parameters, steps or the threads' number out of the estimate.
def test_worth_is_reckoned_from_the_arithmetic(tmp_path: Path) -> None:
    path = write_project(tmp_path, data={"general_share": 0.0})

    def worth(*overrides: str) -> bool:
        recipe = load_recipe(path, overrides)
        resolved, base = open_base(recipe)
        return is_worth_planning(resolved, read_inputs(recipe), base)

    assert not worth()
    assert worth("train.max_steps=100000000")
    assert worth("train.max_tokens=100000000000")
    assert worth("train.epochs=100000000")
    assert not worth("train.epochs=3")


# Broken by: some errors alone for a reason not to plan, or one rate for whatever isn't a CPU.
def test_worth_is_no_reason_not_to_train(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strict(Exception):
        pass

    def refused(_: Any) -> int:
        raise Strict("time_step_limit")

    given: Any = None
    monkeypatch.setattr(planning, "shape_as_grown", lambda _: {})
    monkeypatch.setattr(planning, "_crude_tokens", lambda *_: 2e5)
    monkeypatch.setattr(planning, "weight_bytes", lambda _: 4_000_000_000)
    for device, expected in (("mps", True), ("cuda", False)):
        monkeypatch.setattr(planning, "best_device", lambda device=device: device)
        assert is_worth_planning(given, given, given) is expected
    monkeypatch.setattr(planning, "weight_bytes", refused)
    assert not is_worth_planning(given, given, given)


# Broken by: bits per byte of another script held against those of general text.
def test_a_new_language_is_not_called_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = load_recipe(write_project(tmp_path, data={"general_share": 0.0}))
    children_in_process(monkeypatch)
    monkeypatch.setattr(planning, "base_on_such_text", lambda *_: Predicted(0.95, 1.0, 5000))
    for is_new in (True, False):
        monkeypatch.setattr(planning, "is_new_language", lambda *_, is_new=is_new: is_new)
        about = {advice.about for advice in steep.plan(recipe).advice}
        assert ("known text" not in about) is is_new


# Broken by: predicting from the draft of another recipe (a cached draft).
def test_a_draft_is_what_the_run_prepares(tmp_path: Path) -> None:
    from steep.stages.prepare import draft

    recipe = load_recipe(write_project(tmp_path, data={"general_share": 0.0}))
    resolved, base = open_base(recipe)
    made = draft(resolved, read_inputs(recipe), base)
    steep.prepare(recipe)
    kept = json.loads((tmp_path / "run" / "data" / "ledger.json").read_text(encoding="utf-8"))
    assert made.ledger == kept
    assert made.steps == kept["trained"]["steps"]


# Broken by: scoring in steep plan --quick, or in a run's plan.
def test_quick_loads_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    children_in_process(monkeypatch)
    recipe = write_project(tmp_path)
    loads: list[str] = []
    load = steep.load_model

    def loading(path: str, **options: Any) -> Any:
        loads.append(path)
        return load(path, **options)

    monkeypatch.setattr("steep.stages.base.load_model", loading)
    found = steep.plan(recipe, quick=True)
    assert not loads
    assert found.prediction is not None
    steep.plan(recipe)
    assert loads == [str(tmp_path / "base")]


# Broken by: a generator that isn't seeded, or whole documents for passages.
def test_the_sample_is_seeded_and_bounded() -> None:
    documents = [Document(f"{n} is a number. " * 100, "t", str(n)) for n in range(5)]
    one, two, other = (passages(documents, 300, random.Random(seed)) for seed in (1, 1, 2))
    assert one == two != other
    assert all(len(text) <= 300 for text in one)
    assert sum(map(len, one)) == pytest.approx(sum(len(d.text) for d in documents), rel=0.1)
    tokenizer = tiny_tokenizer()
    chosen = first_tokens(one, tokenizer, 1000)
    sizes = [len(tokenizer.encode(text)) for text in chosen]
    assert 700 < sum(sizes) <= 1000
    assert first_tokens(one, tokenizer, 1) == one[:1]


def test_calibrate_is_the_planners_own() -> None:
    assert planning.calibrate is calibrate
