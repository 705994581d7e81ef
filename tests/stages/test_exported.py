"""From a name to a model and its base: what stands beside a model is a run's only in a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steep.artifact import write_manifest
from steep.errors import UserInputError
from steep.recipe import recipe_from, write_recipe
from steep.stages.exported import base_of, model_of

GOOD = {"model": "owner/base", "data": {"domain": ["docs"]}, "train": {"max_steps": 1}}


def test_a_runs_model_came_from_the_model_of_its_recipe(tmp_path: Path) -> None:
    (tmp_path / "merged").mkdir()
    write_recipe(recipe_from(GOOD), tmp_path / "recipe.toml")
    assert base_of(tmp_path / "merged") == "owner/base"
    write_recipe(recipe_from({**GOOD, "instruct": "owner/chat"}), tmp_path / "recipe.toml")
    assert base_of(tmp_path / "merged") == "owner/chat"
    with pytest.raises(UserInputError, match="exported no model yet"):
        model_of(str(tmp_path))


# Broken by: any recipe.toml taken for a run's (its model was named as the base, or a KeyError), or
# a run's recipe read without a thought that it may be damaged (TOMLDecodeError).
@pytest.mark.parametrize("text", ['model = "another"', "seed = 1", "[data", "\udcff"])
def test_a_recipe_beside_a_model_need_not_be_its_runs(text: str, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8", errors="surrogateescape")
    assert base_of(tmp_path / "model") is None
    assert model_of(str(tmp_path)) == str(tmp_path)
    if "another" not in text:
        write_manifest(tmp_path / "data", "prepare", {}, [])
        assert base_of(tmp_path / "model") is None
    config = {"base_model_name_or_path": "owner/of-the-adapter"}
    (tmp_path / "model" / "adapter_config.json").write_text(json.dumps(config))
    assert base_of(tmp_path / "model") == "owner/of-the-adapter"
