"""A run in stages, end to end: what it trains, tells, plans, and refuses to mix up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import tomli_w

import steep
from steep.errors import DocumentError, DriftError
from steep.recipe import load_recipe, recipe_from
from steep.stages.inputs import read_inputs
from tests.stages.project import write_project


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = write_project(tmp_path, data={"general": "reading"}, evaluate={"probes": 0})
    broad = tmp_path / "broad"
    broad.mkdir()
    for name in ("acme", "bolt", "cora"):
        (tmp_path / "docs" / f"{name}.txt").rename(broad / f"{name}.txt")
    values: dict[str, Any] = load_recipe(path).model_dump(exclude_none=True)
    values["train"]["stages"] = [
        {"name": "broad", "domain": [str(broad)], "epochs": 1, "learning_rate": 5e-4},
        {"domain": [str(broad), str(tmp_path / "docs")], "max_steps": 2, "general_share": 0.0},
    ]
    path.write_text(tomli_w.dumps(values), encoding="utf-8")
    return path


def test_a_run_in_stages_is_whole_and_says_so(recipe: Path) -> None:
    outcome = steep.run(recipe)
    run = outcome.folder
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    stages = [line["stage"] for line in lines]
    first = stages.count("broad")
    assert stages == ["broad"] * first + ["2", "2"] + ["domain"] * 3 and first
    assert max(line["lr"] for line in lines[:first]) <= 5e-4
    assert lines[first]["lr"] > lines[first - 1]["lr"]  # of one schedule, at twice the peak
    ledger = json.loads((run / "data" / "ledger.json").read_text())
    assert ledger["balanced"] and ledger["trained"]["steps"] == len(lines)
    trained = {Path(row["source"]).name: row["times_trained"][0] for row in ledger["by_document"]}
    assert all(times >= 1 for name, times in trained.items() if name in ("bolt.txt", "cora.txt"))
    assert ledger["trained"]["target_tokens"] == sum(line["target_tokens"] for line in lines)
    assert ledger["trained"]["tokens"] == sum(line["tokens"] for line in lines)
    assert f"broad: {first}, 2: 2, domain: 3" in (run / "report.md").read_text()
    assert "a stage ends" in (run / "report.html").read_text()
    steep.run(recipe)  # nothing is left to do
    with pytest.raises(DriftError, match="stages"):
        steep.run(load_recipe(recipe, ["train.max_steps=4"]))


def test_a_plan_tells_each_stage(recipe: Path) -> None:
    plan = steep.plan(recipe, quick=True)
    told = [(stage["name"], stage["steps"]) for stage in plan.training["stages"]]
    assert told[1:] == [("2", 2), ("domain", 3)] and told[0][0] == "broad"
    assert plan.training["steps"] == sum(steps for _, steps in told)


def test_a_stage_of_which_nothing_is_trained_is_refused(recipe: Path, tmp_path: Path) -> None:
    values: dict[str, Any] = load_recipe(recipe).model_dump(exclude_none=True)
    values["data"]["held_out_share"] = 0.5
    with pytest.raises(DocumentError, match="has nothing left to train on"):
        for path in sorted((tmp_path / "docs").glob("*.txt")):
            values["train"]["stages"][0]["domain"] = [str(path)]
            read_inputs(recipe_from(values))
