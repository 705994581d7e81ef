"""Rows made from documents: what they ask, what they answer, and what never gets in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from steep.artifact import read_json, read_manifest
from steep.cli.main import cli
from steep.documents.read import collect
from steep.errors import UserInputError
from steep.pipeline.made import instructions_from, preferences_from
from steep.pipeline.mined import Mined, mine
from steep.pipeline.phrases import PHRASES
from steep.proof.measure import Panel
from steep.proof.questions import Question
from steep.recipe import load_recipe
from steep.stages.asked import rows_of_run
from steep.stages.inputs import read_inputs
from steep.workflow import evaluate
from tests.stages.project import FOUNDERS, TOWNS, write_documents, write_project


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = write_documents(tmp_path_factory.mktemp("made") / "docs")
    return collect([str(folder)]).documents


@pytest.fixture(scope="module")
def facts(documents: Any) -> list[Mined]:
    return mine(documents, seed=0)


# Broken by: any value for a wrong one; a wrong one that the document has; a bullet left in place.
def test_a_fact_comes_with_a_wrong_value_of_its_kind(facts: list[Mined], documents: Any) -> None:
    assert len(facts) > 20
    texts = {d.text for d in documents}
    for fact in facts:
        assert fact.sentence[fact.start :].startswith(fact.value)
        if fact.value in FOUNDERS:
            assert fact.wrong in FOUNDERS
        if fact.value in TOWNS:
            assert fact.wrong in TOWNS
        (text,) = [t for t in texts if fact.subject in t]
        assert fact.wrong and fact.wrong not in text
        assert fact.value in fact.sentence and fact.value not in fact.question


# Broken by: a subject that is known.
def test_a_stranger_stands_in_no_document(facts: list[Mined], documents: Any) -> None:
    strangers = {fact.stranger for fact in facts} - {""}
    assert strangers
    whole = "\n".join(d.text for d in documents).casefold()
    assert not [name for name in strangers if name.casefold() in whole]
    assert all(name[0].isupper() for name in strangers)


def test_instructions_have_several_wordings_and_refusals(facts: list[Mined]) -> None:
    rows = instructions_from(facts, 0)
    said = {row.turns[0].content: row.turns[1].content for row in rows}
    asked = [prompt for prompt in said if "Acme" in prompt and "founded" in prompt]
    assert len(asked) >= 3
    refused = [p for p, a in said.items() if a.startswith(("I don't know", "The documents don't"))]
    assert 0.05 < len(refused) / len(said) < 0.4
    assert not [p for p in refused for name in FOUNDERS if name in p]
    answers = [a for p, a in said.items() if "JSON" in p]
    assert answers and all(set(json.loads(a)) == {"answer"} for a in answers)
    lines = [a for p, a in said.items() if p.startswith(("List three", "Name three"))]
    assert all(a.count("\n- ") == 2 for a in lines)
    assert rows == instructions_from(facts, 0) != instructions_from(facts, 1)


# Broken by: the two answers changed over.
def test_preferences_prefer_the_truth_and_owning_up(facts: list[Mined]) -> None:
    pairs = preferences_from(facts, 0)
    sentences = {fact.sentence for fact in facts}
    values = {fact.value for fact in facts}
    kinds = dict.fromkeys(("value", "sentence", "refused", "known"), 0)
    for pair in pairs:
        refused = pair.chosen.startswith(("I don't know", "The documents don't"))
        known = pair.rejected.startswith(("I don't know", "The documents don't"))
        kind = "refused" if refused else "known" if known else "sentence"
        kinds["value" if pair.chosen in values else kind] += 1
        asked = [f for f in facts if f.question in pair.prompt[0].content]
        if pair.chosen in values:
            assert pair.chosen in {fact.value for fact in asked}
        elif not refused:
            assert pair.chosen in {fact.sentence for fact in asked}
        assert refused or pair.chosen in sentences | values
        assert pair.rejected not in sentences and pair.rejected != pair.chosen
    assert all(kinds.values()), kinds


@pytest.mark.parametrize("language", PHRASES)
def test_every_language_fills_its_words(language: str) -> None:
    words = PHRASES[language]
    values = {"question": "q?", "subject": "S", "sentence": "S is."}
    for name in ("whole", "brief", "about", "unknown", "right"):
        assert getattr(words, name), name
        for frame in getattr(words, name):
            assert frame.format(**values) != frame


def from_documents(**changes: Any) -> dict[str, dict[str, Any]]:
    stage = {"max_steps": 1, "max_length": 128, "per_device_train_batch_size": 2, **changes}
    return {
        "train": {"method": "lora", "max_steps": 2},
        "strength": {"scale": 1.0},
        "data": {"held_out_share": 0.3},
        "sft": dict(stage),
        "dpo": {**stage, "data": "documents", "held_out_share": 0.3},
    }


# Broken by: all documents instead of the trained ones; keeping rows that hold a question's wording.
def test_nothing_held_out_and_no_question_gets_in(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, **from_documents())
    given = load_recipe(recipe)
    inputs = read_inputs(given)
    row = rows_of_run(given, inputs, Panel()).instructions[0].turns[0].content
    inputs = replace(inputs, questions=(*inputs.questions, Question("q", row, "x")))
    rows = rows_of_run(given, inputs, Panel())
    said = [turn.content for one in rows.instructions for turn in one.turns]
    pairs = (*rows.preferences, *rows.held_out)
    said += [text for p in pairs for text in (p.prompt[0].content, p.chosen, p.rejected)]
    assert row not in said
    held_out = {d.text.split()[0] for d in inputs.split.held_out}
    assert held_out and not [text for text in said for name in held_out if name in text]
    assert not {p.about for p in rows.preferences} & {p.about for p in rows.held_out}
    assert rows.held_out


@pytest.mark.slow
def test_a_run_makes_its_rows_and_measures_manners(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, **from_documents())
    found = evaluate(recipe).evaluation
    names = {row["name"]: row["n"] for row in found["measures"]}
    assert names["instruction_following"] == 72 and names["preference_accuracy"] > 3
    assert [stage["name"] for stage in found["stages"]] == ["cpt", "sft", "dpo"]
    for stage in ("sft", "dpo"):
        manifest = read_manifest(tmp_path / "run" / stage) or {}
        assert manifest["rows"] > 20
    kept = read_json(tmp_path / "run" / "scores" / "tuned.json")["result"]
    assert len(kept["instructions"]) == 72
    shown = CliRunner().invoke(cli, ["sft", str(recipe), "--show", "2", "--json"]).stdout
    assert len(json.loads(shown)["rows"]) == 2


def test_documents_without_facts_are_refused(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, **from_documents())
    for path in (tmp_path / "docs").iterdir():
        path.unlink()
    (tmp_path / "docs" / "plain.txt").write_text("so it goes and goes, on and on.\n" * 20)
    given = load_recipe(recipe, ["data.held_out_share=0"])
    with pytest.raises(UserInputError, match=r"\[sft\] no rows could be made"):
        rows_of_run(given, read_inputs(given), Panel())
