"""The demo writes only where nothing of the user's is in its way."""

from __future__ import annotations

from pathlib import Path

import pytest

from steep.cli.demo import demo_recipe
from steep.errors import RecipeError, UserInputError


def test_a_second_time_finds_its_own_files(tmp_path: Path) -> None:
    first = demo_recipe(tmp_path / "demo", None, 0, ())
    (tmp_path / "demo" / "documents" / ".DS_Store").write_text("a file manager's")
    (tmp_path / "demo" / "notes.txt").write_text("beside it nothing is in the way")
    assert demo_recipe(tmp_path / "demo", None, 0, ()) == first


# Broken by: write_demo being called without a look at what is there.
@pytest.mark.parametrize("name", ["questions.jsonl", "documents/mine.txt", "documents/a/b.csv"])
def test_files_of_others_stay_what_they_are(name: str, tmp_path: Path) -> None:
    mine = tmp_path / name
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(UserInputError, match=f"{name} there is no file of this demo's"):
        demo_recipe(tmp_path, None, 0, ())
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert mine.read_text() == "mine"


def test_another_world_is_not_laid_over_the_first(tmp_path: Path) -> None:
    demo_recipe(tmp_path, None, 0, ())
    with pytest.raises(UserInputError, match="choose another folder"):
        demo_recipe(tmp_path, None, 1, ())


# Broken by: a table taken for one unasked (AttributeError, TypeError).
@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('data = "x"', "'data'"),
        ("train = 5", "'train'"),
        ('[train]\nstages = ["x"]', "'train.stages.0'"),
        ("[train]\nstages = 3", "'train.stages'"),
        ("evaluate = 3\n[train]\nmax_steps = 1", "'evaluate'"),
    ],
)
def test_settings_of_wrong_types_are_told(text: str, part: str, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(text)
    with pytest.raises(RecipeError, match=part):
        demo_recipe(tmp_path / "demo", tmp_path / "mine.toml", 0, ())
