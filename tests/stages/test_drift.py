"""A run goes on only from what it was begun with; else a short diff and the ways on."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import steep
from steep.artifact import read_json, write_sealed
from steep.cli.main import cli
from steep.errors import DriftError
from steep.progress import Silent
from steep.recipe import Recipe, load_recipe
from steep.stages.drift import changes, sound_ones
from steep.training.checkpoint import checkpoints
from steep.training.stop import Interrupted
from tests.crash.harness import Acts
from tests.stages.project import write_project
from tests.tiny import save_tiny_model
from tests.training.test_loop import LORA

TRAIN: dict[str, Any] = {**LORA, "lora_r": 4, "max_steps": 6, "save_steps": 2}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recipe whose run was stopped after four of six steps."""
    folder = tmp_path_factory.mktemp("drift")
    quick: dict[str, Any] = {"data": {"general_share": 0.0}, "evaluate": {"probes": 0}}
    recipe = write_project(folder, train=TRAIN, **quick)
    stop = Acts("Training", lambda: os.kill(os.getpid(), signal.SIGTERM), step=4)
    with pytest.raises(Interrupted):
        steep.train(recipe, progress=stop)
    return recipe


@pytest.fixture
def begun(project: Path, tmp_path: Path) -> Callable[..., Recipe]:
    """The recipe for a copy of that run, with overrides."""
    shutil.copytree(project.parent / "run", tmp_path / "run")
    return lambda *overrides: load_recipe(project, [f"output_dir='{tmp_path}/run'", *overrides])


@pytest.fixture
def spoilt(project: Path, tmp_path: Path) -> Iterator[Path]:
    """The project's folder, to change what is in it: it is put back afterwards."""
    folder = project.parent
    for name in ("docs", "base"):
        shutil.copytree(folder / name, tmp_path / "kept" / name)
    yield folder
    for name in ("docs", "base"):
        shutil.rmtree(folder / name)
        shutil.copytree(tmp_path / "kept" / name, folder / name)


class _Heard(Silent):
    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def test_changes_name_what_differs_with_dots() -> None:
    before = {"a": 1, "b": {"c": [1], "d": None}, "x": 1}
    after = {"a": 1, "b": {"c": [2], "e": 3}, "x": 2}
    found = changes(before, after, free=("x",))
    assert [str(change) for change in found] == ["b.c: [1] -> [2]", "b.e: None -> 3"]
    assert sound_ones(found) == []


# Broken by: comparing lists of tables as one value; taking every key of a stage for sound.
def test_of_a_stage_the_name_and_the_rate_may_change() -> None:
    def trained(**first: Any) -> dict[str, Any]:
        stage = {"name": "broad", "epochs": 1, "learning_rate": 1e-4}
        return {"train": {"stages": [{**stage, **first}, stage]}}

    found = changes(trained(), trained(name="wide", learning_rate=2e-4))
    assert [change.name for change in found] == [
        "train.stages.1.name", "train.stages.1.learning_rate"
    ]  # fmt: skip
    assert sound_ones(found) == found
    longer = changes(trained(), trained(epochs=2))
    assert [str(change) for change in longer] == ["train.stages.1.epochs: 1 -> 2"]
    assert sound_ones(longer) == []
    fewer = changes(trained(), {"train": {"stages": []}})
    assert [change.name for change in fewer] == ["train.stages"]


# Broken by: open_run or resumable that accept anything, or nothing.
def test_a_sound_change_goes_on_only_when_accepted_and_is_recorded(
    begun: Callable[..., Recipe], tmp_path: Path
) -> None:
    slower = begun("train.learning_rate=0.005")
    with pytest.raises(DriftError, match=r"train\.learning_rate: .* -> 0\.005") as caught:
        steep.train(slower)
    said = str(caught.value)
    assert "--accept-change" in said
    assert "--fresh" in said
    assert "\n" not in said
    heard = _Heard()
    steep.train(slower, accept_change=True, progress=heard)
    assert any("resuming at step 4 of 6" in note for note in heard.notes)
    newest = next(checkpoints(tmp_path / "run" / "checkpoints"))
    assert newest.step == 6
    (change,) = newest.accepted
    assert change["step"] == 4
    assert "train.learning_rate" in change["changes"][0]
    outcome = steep.evaluate(slower)  # the same command, without the word, goes on from there
    assert any("changed at step 4" in note for note in outcome.evaluation["notes"])


# Broken by: recipes compared only once the inputs are read.
def test_another_recipe_is_told_before_any_document_is_read(
    begun: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(_recipe: Recipe) -> None:
        raise AssertionError("documents were read")

    monkeypatch.setattr("steep.stages.inputs.read_inputs", read)
    with pytest.raises(DriftError, match=r"train\.lora_r: .* -> 8"):
        steep.train(begun("train.lora_r=8"))


# Seen to fail: it said that training was done, and kept the new settings as what it was made by.
def test_what_is_trained_to_its_end_is_not_relabelled(
    begun: Callable[..., Recipe], tmp_path: Path
) -> None:
    steep.train(begun())
    with pytest.raises(DriftError, match=r"trained to its end .*learning_rate.*--fresh") as caught:
        steep.train(begun("train.learning_rate=0.005"), accept_change=True)
    assert "--accept-change" not in str(caught.value)
    assert "0.005" not in (tmp_path / "run" / "recipe.toml").read_text()
    assert not next(checkpoints(tmp_path / "run" / "checkpoints")).accepted


@pytest.mark.parametrize("change", ["train.lora_r=8", "seed=3", "train.max_steps=9"])
def test_what_training_cannot_go_on_under_is_refused_even_so(
    change: str, begun: Callable[..., Recipe], tmp_path: Path
) -> None:
    with pytest.raises(DriftError) as caught:
        steep.train(begun(change), accept_change=True)
    assert "--fresh" in str(caught.value)
    assert "--accept-change" not in str(caught.value)
    assert next(checkpoints(tmp_path / "run" / "checkpoints")).step == 4


# Broken by: document_changes that compares sources alone.
def test_changed_documents_are_named(begun: Callable[..., Recipe], spoilt: Path) -> None:
    docs = spoilt / "docs"
    (docs / "bolt.txt").write_text("Bolt was sold in 2001 to a company in Graz, in Austria.")
    (docs / "new.txt").write_text("Zeta was founded in 2020 by Zoe Zander. It makes zips.")
    (docs / "gale.txt").unlink()
    with pytest.raises(DriftError, match="documents: ") as caught:
        steep.train(begun())
    said = str(caught.value)
    for words in ("1 changed", "bolt.txt", "1 new", "new.txt", "1 gone", "gale.txt"):
        assert words in said
    assert "\n" not in said


# Broken by: leaving the tokenizer out of data_key, or a fingerprint of weights alone.
@pytest.mark.parametrize("what", ["tokenizer", "special tokens", "weights"])
def test_another_base_model_or_tokenizer_is_named(
    what: str, begun: Callable[..., Recipe], spoilt: Path
) -> None:
    base = spoilt / "base"
    match what:
        case "weights":
            texts = [path.read_text() for path in sorted((spoilt / "docs").glob("*.txt"))]
            save_tiny_model(base, texts=texts, seed=1)
            says = "base model, model.safetensors"
        case "tokenizer":
            table = json.loads((base / "tokenizer.json").read_text())
            table["model"]["merges"] = table["model"]["merges"][:-3]
            (base / "tokenizer.json").write_text(json.dumps(table))
            says = "base model, tokenizer.json"
        case _:
            path = base / "tokenizer_config.json"
            table = json.loads(path.read_text())
            path.write_text(json.dumps({**table, "eos_token": "<pad>"}))
            says = "tokenizer"
    with pytest.raises(DriftError, match=says):
        steep.train(begun())


def _made_by(checkpoint: Path, version: str) -> None:
    path = checkpoint / "manifest.json"
    write_sealed(path, {**read_json(path), "steep": version})


def test_another_steep_goes_on_only_when_accepted(
    begun: Callable[..., Recipe], tmp_path: Path
) -> None:
    _made_by(tmp_path / "run" / "checkpoints" / "step-4", "0.0.9")
    with pytest.raises(DriftError, match=r"steep: '0\.0\.9' -> .*--accept-change"):
        steep.train(begun())
    steep.train(begun(), accept_change=True)
    # A training that is done is not begun again because steep is newer.
    _made_by(tmp_path / "run" / "checkpoints" / "step-6", "0.0.9")
    steep.train(begun())


def test_the_command_line_takes_the_word(project: Path, begun: Any, tmp_path: Path) -> None:
    options = ["--set", f"output_dir='{tmp_path}/run'", "--set", "train.weight_decay=0.5"]
    result = CliRunner().invoke(cli, ["train", str(project), *options])
    assert isinstance(result.exception, DriftError)
    result = CliRunner().invoke(cli, ["train", str(project), *options, "--accept-change"])
    assert result.exception is None, result.exception
