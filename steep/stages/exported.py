"""From what a user names to the model that is meant, and the base it came from."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from steep.artifact import RECIPE, is_run, read_table
from steep.errors import UserInputError
from steep.report.story import exports_judged


def model_of(name: str) -> str:
    """The model to load: a run folder stands for its merged model.

    Raises:
        UserInputError: a run folder that hasn't exported yet, or not the model it judged last.
    """
    folder = Path(os.path.expanduser(name))
    exports = read_table(folder / "exports.json")
    if "merged" in exports:
        if not exports_judged(exports, read_table(folder / "evaluation.json")):
            raise UserInputError(
                f"{name}: the exported model isn't the one that was evaluated last; run: steep "
                f"export {folder / 'recipe.toml'} (or name {folder / exports['merged']} for it)"
            )
        return str(folder / exports["merged"])
    if is_run(folder):
        raise UserInputError(
            f"{name}: the run has exported no model yet; run: steep export {folder / 'recipe.toml'}"
        )
    return name


def base_of(model: Path) -> str | None:
    """The base model that a tuned one came from; None if nothing says so.

    A model folder in a run folder says it by the run's recipe (an instruct model that was named
    there is what the result is a change of), an adapter by its configuration.
    """
    if model.is_dir() and is_run(model.parent) and (trained := _trained_in(model.parent)):
        return trained
    named: Any = read_table(model / "adapter_config.json").get("base_model_name_or_path")
    return str(named) if named else None


def _trained_in(run: Path) -> str | None:
    try:
        asked = tomllib.loads((run / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a run by its data; what it was made from nobody can read
        return None
    named = asked.get("instruct") or asked.get("model")
    return str(named) if named else None
