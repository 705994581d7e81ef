"""The plan of a run with stages behind the documents: their time and memory are in it."""

from __future__ import annotations

from pathlib import Path

import pytest

import steep
from steep.proof.measure import Panel
from steep.recipe import load_recipe
from steep.stages.base import open_base
from steep.stages.inputs import read_inputs
from steep.stages.later import later_work
from steep.stages.manners import with_manners
from tests.pipeline.test_made import from_documents
from tests.planning.calibrations import children_in_process
from tests.stages.project import write_project

pytest.importorskip("trl")


# Broken by: one answer's tokens for a pair; steps that aren't counted.
def test_their_tokens_are_counted(tmp_path: Path) -> None:
    recipe = load_recipe(write_project(tmp_path, **from_documents()))
    resolved, base = open_base(recipe)
    inputs = read_inputs(resolved)
    panel = with_manners(resolved, Panel(), inputs.rows, base.tokenizer)
    assert len(panel.instructions) == 72 and panel.preferences
    sft, dpo = later_work(resolved, inputs.rows, base)
    more = resolved.model_copy(
        update={"sft": resolved.sft and resolved.sft.model_copy(update={"max_steps": 10})}
    )
    many, same = later_work(more, inputs.rows, base)
    assert many.tokens == pytest.approx(10 * sft.tokens, rel=0.02) and same == dpo
    assert sft.read == 0 and dpo.read == dpo.tokens > 1.5 * sft.tokens
    without = resolved.model_copy(update={"sft": None, "dpo": None})
    assert later_work(without, inputs.rows, base) == ()
    assert with_manners(without, Panel(), inputs.rows, base.tokenizer) == Panel()


def test_they_stand_in_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEEP_CACHE", str(tmp_path / "cache"))
    children_in_process(monkeypatch)
    found = steep.plan(write_project(tmp_path, **from_documents()), quick=True).prediction
    assert found is not None
    names = [time.name for time in found.times]
    first = names.index("instruction tuning")
    assert names[first : first + 5] == [
        "instruction tuning",
        "ask the model before instruction tuning",
        "preference tuning",
        "ask the model before preference tuning",
        "ask the tuned model",
    ]
    assert {"instruction tuning", "preference tuning"} <= {stage.name for stage in found.memory}
