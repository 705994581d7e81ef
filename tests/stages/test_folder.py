"""The run folder: an old run is moved aside, never deleted; keys hold what matters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steep.artifact import key_of
from steep.errors import BusyError, DriftError, UserInputError
from steep.recipe import Recipe
from steep.recipe.schema import RUN_NAMES
from steep.stages.folder import RunFolder, check_place, hold_run, move_aside, open_run, training_key
from steep.stages.lock import RunLock


def _recipe(folder: Path, **changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "output_dir": str(folder / "run"),
        "data": {"domain": ["d"]},
        "train": {"max_steps": 3},
    }
    for name, value in changes.items():
        values[name] = {**values.get(name, {}), **value} if isinstance(value, dict) else value
    return Recipe.model_validate(values)


def test_opening_twice_is_fine_and_another_recipe_is_not(tmp_path: Path) -> None:
    run = open_run(_recipe(tmp_path))
    assert run.recipe.is_file()
    assert open_run(_recipe(tmp_path)) == run
    free = _recipe(tmp_path, train={"threads": 7, "save_steps": 2})
    assert open_run(free) == run
    with pytest.raises(DriftError, match=r"train\.epochs: None -> 2"):
        open_run(_recipe(tmp_path, train={"max_steps": None, "epochs": 2}))
    with pytest.raises(DriftError, match=r"train\.optim: 'adamw' -> 'adafactor'"):
        open_run(_recipe(tmp_path, train={"optim": "adafactor"}))
    with pytest.raises(DriftError, match="general_share"):
        open_run(_recipe(tmp_path, data={"general_share": 0.5}))


# Broken by: no _refuse_others in hold_run.
@pytest.mark.parametrize("name", ["data/mine.csv", "notes.txt", "merged/x.txt", "recipe.toml"])
def test_a_folder_of_other_files_is_not_taken_for_a_run(name: str, tmp_path: Path) -> None:
    """A run would replace its "data" and its exports, the user's files in them too."""
    mine = tmp_path / "run" / name
    mine.parent.mkdir(parents=True)
    mine.write_text('model = "mine"')
    there = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserInputError, match="no run of steep's"):
        check_place(tmp_path / "run")
    with pytest.raises(UserInputError, match="no run of steep's"), hold_run(_recipe(tmp_path)):
        pass
    assert sorted(tmp_path.rglob("*")) == there


def test_a_run_and_an_empty_folder_are_taken(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    check_place(folder)
    assert not folder.exists()
    folder.mkdir()
    (folder / ".DS_Store").touch()
    check_place(folder)
    with hold_run(_recipe(tmp_path)) as run:
        (run.path / "mine.txt").touch()
    check_place(folder)  # a run stays one, whatever else is laid into it
    (folder / "mine.txt").unlink()
    run.recipe.write_bytes(b"\x00 cut off")  # by a failing disk, before data was made
    check_place(folder)


# Broken by: no lock taken in check_place (inputs and base were read first, in silence).
def test_a_busy_folder_is_told_at_once(tmp_path: Path) -> None:
    with RunLock(tmp_path / "run"), pytest.raises(BusyError):
        check_place(tmp_path / "run")


# Broken by: leaving a name out of RUN_NAMES.
def test_exports_can_have_no_name_that_the_run_uses() -> None:
    run = RunFolder(Path("run"))
    paths = [getattr(run, k) for k, v in vars(RunFolder).items() if isinstance(v, property)]
    used = {path.name for path in paths if isinstance(path, Path)}
    assert used | {".lock", "sft", "dpo", "report.md", "report.html"} == RUN_NAMES


def test_moving_aside_deletes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert move_aside(folder) is None
    for number in (1, 2):
        folder.mkdir()
        (folder / "file").write_text(str(number))
        assert move_aside(folder) == tmp_path / f"run.before-{number}"
    assert not folder.exists()
    assert [(tmp_path / f"run.before-{n}" / "file").read_text() for n in (1, 2)] == ["1", "2"]


# Broken by: leaving "seed" or "data" out of training_key, or any key of [train].
def test_the_training_key_follows_everything_training_depends_on(tmp_path: Path) -> None:
    recipe = _recipe(tmp_path)
    key = training_key(recipe, "data", "model")
    assert (
        training_key(_recipe(tmp_path, train={"threads": 3, "save_steps": 1}), "data", "model")
        == key
    )
    others = [
        training_key(_recipe(tmp_path, seed=1), "data", "model"),
        training_key(_recipe(tmp_path, train={"learning_rate": 0.1}), "data", "model"),
        training_key(_recipe(tmp_path, train={"max_steps": 4}), "data", "model"),
        *(
            training_key(_recipe(tmp_path, train=change), "data", "model")
            for change in (
                {"use_rslora": True},
                {"use_dora": True},
                {"frozen_layers": [0]},
                {"optim": "adafactor"},
                {"gradient_checkpointing": True},
                {"lr_scheduler_type": "warmup_stable_decay"},
                {"lr_scheduler_type": "warmup_stable_decay", "decay_steps": 1},
            )
        ),
        training_key(recipe, "other", "model"),
        training_key(recipe, "data", "other"),
        *(
            training_key(_recipe(tmp_path, vocabulary={"learned": 5, **rows}), "data", "model")
            for rows in ({}, {"first_steps": 1}, {"learning_rate": 0.1})
        ),
    ]
    assert all(other != key for other in others)
    assert len({key_of(other) for other in others}) == len(others)
