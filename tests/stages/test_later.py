"""The plan of a run with stages behind the documents: their time and memory are in it."""

from __future__ import annotations

from pathlib import Path

import pytest

import steep
from steep.pipeline.chat import render
from steep.progress import Silent
from steep.proof.measure import Panel
from steep.recipe import load_recipe
from steep.stages.base import open_base
from steep.stages.inputs import read_inputs
from steep.stages.later import later_work
from steep.stages.manners import with_manners
from steep.stages.vocabulary import extend_base
from tests.pipeline.test_made import from_documents
from tests.planning.calibrations import children_in_process
from tests.stages.project import write_project

pytest.importorskip("trl")


# Broken by: one answer's tokens for a pair; steps or replay that aren't counted; rows counted that
# are too long to be trained on.
def test_their_tokens_are_counted(tmp_path: Path) -> None:
    recipe = load_recipe(write_project(tmp_path, **from_documents()))
    resolved, base = open_base(recipe)
    inputs = read_inputs(resolved)
    panel = with_manners(resolved, Panel(), inputs.rows, base)
    assert len(panel.instructions) == 72 and panel.preferences
    sft, dpo = later_work(resolved, inputs.rows, base)
    more = resolved.model_copy(
        update={"sft": resolved.sft and resolved.sft.model_copy(update={"max_steps": 10})}
    )
    many, same = later_work(more, inputs.rows, base)
    assert many.tokens == pytest.approx(10 * sft.tokens, rel=0.02) and same == dpo
    assert sft.read == 0 and dpo.tokens == pytest.approx(dpo.read / 0.8, abs=1)
    assert dpo.tokens > 1.5 * sft.tokens
    lengths = sorted(render(row, base.tokenizer).length for row in inputs.rows.instructions[:200])
    most = lengths[len(lengths) // 2]
    shorter = resolved.model_copy(
        update={"sft": resolved.sft and resolved.sft.model_copy(update={"max_length": most})}
    )
    few, _ = later_work(shorter, inputs.rows, base)  # rows beyond it aren't trained on
    assert few.tokens < sft.tokens
    without = resolved.model_copy(update={"sft": None, "dpo": None})
    assert later_work(without, inputs.rows, base) == ()
    assert with_manners(without, Panel(), inputs.rows, base) == Panel()


# Broken by: pairs in the base's tokens for both; a template for the base's tokenizer alone.
def test_with_new_tokens_pairs_are_not_held_against_each_other(tmp_path: Path) -> None:
    tables = {**from_documents(), "vocabulary": {"new_tokens": ["TechCorp"]}}
    resolved, base = open_base(load_recipe(write_project(tmp_path, **tables)))
    inputs = read_inputs(resolved)
    extend_base(resolved, inputs, base, Silent())
    base.tuned_tokenizer.chat_template = None
    panel = with_manners(resolved, Panel(), inputs.rows, base)
    assert inputs.rows.held_out and not panel.preferences and len(panel.instructions) == 72
    assert base.tuned_tokenizer.chat_template and base.tokenizer.chat_template


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
