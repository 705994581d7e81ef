"""The evaluate stage: what both are asked, what is kept, and what the ledger says of questions."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.artifact import key_of, read_json, write_json
from steep.progress import Silent
from steep.proof.measure import fingerprint
from steep.proof.probes.screen import Probes, probes_from
from steep.proof.seal import tokenizer_hash
from steep.recipe import load_recipe
from steep.stages import evaluate as stage
from steep.stages.base import open_base
from steep.stages.evaluate import contaminated_items, kept_scores, make_panel, measure_base
from steep.stages.folder import RunFolder
from steep.stages.inputs import few_texts, read_inputs
from tests.stages.project import write_project, write_questions
from tests.tiny import tiny_tokenizer

WHOLE_PANEL = True


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe whose run is finished."""
    path = write_project(tmp_path_factory.mktemp("evaluate"))
    steep.evaluate(path)
    return path


def probes_of(recipe: Path) -> Probes | None:
    place = recipe.parent / "run" / "probes.json"
    return probes_from(read_json(place)) if place.is_file() else None


# Broken by: asking the base model although its results and predictions are kept.
def test_the_base_is_asked_once(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved, base = open_base(load_recipe(recipe))
    panel, _ = make_panel(read_inputs(resolved), probes_of(recipe))
    run = RunFolder(recipe.parent / "run")
    before = read_json(run.scores / "base.json")["result"]
    assert before["own_texts"] and before["few_shot"] and before["open_book"]

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("asked again")

    with monkeypatch.context() as patched:
        patched.setattr(stage, "measure", refuse)
        shutil.rmtree(run.scores)
        assert measure_base(base, panel, run, Silent()) == before  # from the cache
        kept_scores(fingerprint(panel, base.fingerprint)).unlink()
        assert measure_base(base, panel, run, Silent()) == before  # from the run
        assert (run.scores / "base.npz").is_file()
    for place in (run.scores / "base.npz", *kept_scores("x").parent.glob("*.npz")):
        place.unlink()
    with monkeypatch.context() as patched, pytest.raises(AssertionError, match="asked again"):
        patched.setattr(stage, "measure", refuse)
        measure_base(base, panel, run, Silent())
    again = measure_base(base, panel, run, Silent())
    assert again["own_texts"] == before["own_texts"]  # it writes the same again


def test_the_tuned_model_is_judged_on_what_the_base_wrote(recipe: Path) -> None:
    scores = recipe.parent / "run" / "scores"
    evaluation = steep.evaluate(recipe).evaluation
    base, tuned = (read_json(scores / f"{name}.json")["result"] for name in ("base", "tuned"))
    rows = {row["name"]: row for row in evaluation["measures"]}
    assert [row["id"] for row in tuned["own"]] == [name for name, _ in base["own_texts"]]
    assert tuned["open_book"] == [] and base["divergence"] == []
    assert rows["general_kl"]["tuned"] > 0 and rows["general_kl"]["base"] == 0
    assert rows["general_project_bits_per_byte"]["n"] == rows["general_bits_per_byte"]["n"]
    assert rows["general_user_bits_per_byte"]["n"] == 0
    assert rows["general_reference_bits_per_byte"]["n"] == 32
    assert rows["grammar_accuracy"]["n"] == 120 and rows["longest_copied"]["n"] > 0
    assert evaluation["ceiling"]["n"] == len(base["open_book"]) > 0
    assert evaluation["fingerprint"]["base"] and evaluation["next"]


# Broken by: not reading the ledger's contamination.
def test_contamination_comes_from_the_ledger(recipe: Path) -> None:
    ledger = recipe.parent / "run" / "data" / "ledger.json"
    kept = ledger.read_bytes()
    scores = read_json(recipe.parent / "run" / "scores" / "tuned.json")["result"]
    ids = [row["id"] for row in scores["questions"]][:3]
    entry = {"items": {"questions": ids, "general": ["gt-001"]}}
    assert contaminated_items({"contamination": entry}) == {"questions": ids, "probes": []}
    assert contaminated_items({}) == {"questions": [], "probes": []}
    try:
        resolved, base = open_base(load_recipe(recipe))
        panel, left_out = make_panel(read_inputs(resolved), probes_of(recipe))
        run = RunFolder(recipe.parent / "run")
        write_json(ledger, {**read_json(ledger), "contamination": entry})
        before = measure_base(base, panel, run, Silent())
        trained = stage.Trained(lambda: base.model, {"made": "up"}, ())
        found = stage.evaluate_stage(
            resolved, base, {"cpt": trained}, panel, left_out, before, run, Silent()
        )
    finally:
        ledger.write_bytes(kept)
    rows = {row["name"]: row for row in found["measures"]}
    asked = sum(row["form"] == "new" for row in scores["questions"])
    assert rows["fact_accuracy_contaminated"]["n"] == 3 and found["contaminated"]
    assert rows["fact_accuracy"]["n"] == asked - 3
    # The tuned model here is the base itself.
    assert "no change" in found["verdict"] and rows["general_kl"]["tuned"] < 1e-6
    assert found["fingerprint"]["tuned"] == key_of(trained.key)


# Broken by: never asking again, or always.
def test_examples_are_shown_only_where_answers_fell(recipe: Path) -> None:
    before = read_json(recipe.parent / "run" / "scores" / "base.json")["result"]
    assert not stage.answers_fell(before, before)
    worse = {**before, "general_questions": [
        {**row, "first": False} for row in before["general_questions"]
    ]}  # fmt: skip
    better = {**before, "general_questions": [
        {**row, "first": True} for row in before["general_questions"]
    ]}  # fmt: skip
    assert stage.answers_fell(better, worse) and not stage.answers_fell(worse, better)


def test_the_users_general_texts_stand_beside_the_projects(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, evaluate={"general": ["general/"]})
    folder = tmp_path / "general"
    folder.mkdir()
    for n in range(4):
        (folder / f"{n}.txt").write_text(f"Rain fell on the {n} hills, and nobody minded it much.")
    write_questions(tmp_path / "questions.jsonl")
    panel, _ = make_panel(read_inputs(load_recipe(recipe)), None)
    assert panel.general_source == "user" and len(panel.general) == 4
    assert len(panel.general_project) == 24


def test_the_tokenizer_hash_follows_what_it_does() -> None:
    one, two = tiny_tokenizer(), tiny_tokenizer(["another text altogether, with other merges"])
    before = tokenizer_hash(one)
    one(["a", "a longer one"], padding=True, truncation=True, max_length=4)
    assert tokenizer_hash(one) == before == tokenizer_hash(tiny_tokenizer())
    assert tokenizer_hash(two) != before
    one.add_tokens(["zzyzx"])
    assert tokenizer_hash(one) != before


def test_few_general_texts_are_warned_about_before_training(tmp_path: Path) -> None:
    path = write_project(tmp_path, evaluate={"general": ["judged/"]})
    (tmp_path / "judged").mkdir()
    for count, warned in ((2, True), (8, False)):
        for number in range(count):
            text = f"A general text of number {number}, told in a few plain words."
            (tmp_path / "judged" / f"{number}.txt").write_text(text)
        recipe = load_recipe(path)
        said = few_texts(recipe, read_inputs(recipe))
        assert bool(said) is warned and all("gives 2 texts" in line for line in said)
    usual = load_recipe(write_project(tmp_path / "usual"))
    assert few_texts(usual, read_inputs(usual)) == []
