"""The export stage: every kind is compared before it takes its place, or isn't there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.cli.verdict import verdict_lines
from steep.errors import ModelError, SteepError, UserInputError
from steep.export.gguf.read import load_gguf
from steep.recipe import load_recipe
from steep.report.story import read_story
from steep.stages.exported import model_of
from steep.workflow import export, report
from tests.stages.project import write_project

TRAIN = {"method": "lora", "lora_r": 4, "learning_rate": 1e-2, "max_steps": 2}
TRAIN["target_modules"] = ["all-linear", "embed_tokens", "lm_head"]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was exported with a GGUF, by its recipe."""
    folder = tmp_path_factory.mktemp("project")
    made = write_project(
        folder,
        data={"general_share": 0.0},
        train=TRAIN,
        evaluate={"probes": 0},
        export={"gguf": "Q8_0"},
    )
    export(made)
    return made


def _run(recipe: Path) -> Path:
    return recipe.parent / "run"


def test_a_gguf_is_written_and_its_figures_kept(recipe: Path) -> None:
    run = _run(recipe)
    exports = json.loads((run / "exports.json").read_text())
    assert exports["gguf"] == "base_continued_merged_gguf/base_continued_merged-Q8_0.gguf"
    names = {"base_continued_merged-Q8_0.gguf", "Modelfile", "README.md"}
    assert {path.name for path in (run / "base_continued_merged_gguf").iterdir()} == names
    assert exports["gguf"] in exports["files"]
    assert set(exports["figures"]) == {"adapter", "merged", "Q8_0"}
    for figures in exports["figures"].values():
        assert figures["equal_strings"] == figures["strings"] == 1000
    assert exports["figures"]["Q8_0"]["max_logit_difference"] > exports["parity"]["merged"]
    read, _ = load_gguf(run / exports["gguf"])
    merged, _ = steep.load_model(str(run / "base_continued_merged"))
    moved = read.model.embed_tokens.weight - merged.model.embed_tokens.weight
    assert float(moved.detach().abs().max()) < 0.01


def test_the_same_again_is_skipped(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: Any, **__: Any) -> None:
        raise AssertionError("written again")

    for name in ("save_gguf", "save_merged", "save_adapter"):
        monkeypatch.setattr(f"steep.stages.export.{name}", again)
    assert export(recipe)["gguf"]


def test_another_kind_takes_the_place_and_none_leaves_none(recipe: Path) -> None:
    folder = _run(recipe) / "base_continued_merged_gguf"
    exports = export(load_recipe(recipe, ["export.gguf=F16"]))
    assert exports["gguf"].endswith("-F16.gguf")
    assert len(list(folder.glob("*.gguf"))) == 1
    plain = recipe.with_name("plain.toml")
    plain.write_text(recipe.read_text().replace('gguf = "Q8_0"', ""))
    assert export(plain)["gguf"] is None
    assert not folder.exists()


# Broken by: compare() called with one model on both sides; the check behind the rename; a report
# that comes only after every file was written.
def test_what_is_not_the_trained_model_is_not_kept(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = _run(recipe)
    plain = recipe.with_name("plain.toml")
    plain.write_text(recipe.read_text().replace('gguf = "Q8_0"', ""))
    export(plain)
    before = (run / "exports.json").read_bytes()
    monkeypatch.setattr("steep.export.gguf.layout.interleaved", lambda weight, heads: weight)
    with pytest.raises(SteepError, match="isn't the trained model and was not kept") as caught:
        export(recipe)
    assert caught.value.exit_code != 0
    assert not (run / "base_continued_merged_gguf").exists()
    assert (run / "exports.json").read_bytes() == before
    assert not list(run.glob(".*.tmp"))
    assert not (run / "report.html").exists()
    with pytest.raises(SteepError, match="isn't the trained model"):
        steep.run(recipe)
    assert (run / "report.html").is_file()


# Broken by: exports_judged that is always true, a report of whatever age, or an evaluation that is
# written again though it is the same.
def test_exports_and_a_report_of_an_earlier_model_are_told(recipe: Path) -> None:
    run = _run(recipe)
    export(recipe)
    report(recipe)
    same = verdict_lines(steep.evaluate(recipe))
    assert same[-1] == f"Report: {run / 'report.html'}"
    assert model_of(str(run)) == str(run / "base_continued_merged")
    assert read_story(run).exports is not None

    other = verdict_lines(steep.evaluate(load_recipe(recipe, ["strength.scale=0.5"])))
    assert "is of an earlier evaluation; run: steep report" in other[-1]
    with pytest.raises(UserInputError, match=r"isn't the one that was evaluated.*steep export"):
        model_of(str(run))
    story = read_story(run)
    assert story.exports is None
    assert "of an earlier model" in dict(story.files)["base_continued_merged"]

    export(load_recipe(recipe, ["strength.scale=0.5"]))
    assert model_of(str(run)) == str(run / "base_continued_merged")
    assert "earlier" not in str(read_story(run).files)


def test_a_model_that_cannot_be_said_is_refused_before_anything(tmp_path: Path) -> None:
    made = write_project(tmp_path, kind="gemma", export={"gguf": "F16"})
    with pytest.raises(ModelError, match=r"export\.gguf.*gemma") as caught:
        steep.run(made)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "run").exists()
