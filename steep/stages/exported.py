"""From what a user names to the model that is meant, and the base it came from."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from steep.artifact import read_json
from steep.errors import UserInputError


def model_of(name: str) -> str:
    """The model to load: a run folder stands for its merged model.

    Raises:
        UserInputError: a run folder that hasn't exported yet.
    """
    folder = Path(name).expanduser()
    exports = folder / "exports.json"
    if exports.is_file():
        return str(folder / read_json(exports)["merged"])
    if (folder / "recipe.toml").is_file():
        raise UserInputError(
            f"{name}: the run has exported no model yet; run: steep export {folder / 'recipe.toml'}"
        )
    return name


def base_of(model: Path) -> str | None:
    """The base model that a tuned one came from; None if nothing says so.

    A model folder in a run folder says it by the run's recipe (an instruct model that was named
    there is what the result is a change of), an adapter by its configuration.
    """
    recipe = model.parent / "recipe.toml"
    if model.is_dir() and recipe.is_file():
        asked = tomllib.loads(recipe.read_text(encoding="utf-8"))
        return str(asked.get("instruct") or asked["model"])
    adapter = model / "adapter_config.json"
    if adapter.is_file():
        named: Any = read_json(adapter).get("base_model_name_or_path")
        return str(named) if named else None
    return None
