"""``steep demo``: write the fictional share, and the recipe that teaches it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from steep.demo import write_demo
from steep.errors import RecipeError, UserInputError
from steep.recipe import Recipe, recipe_from


def demo_recipe(out: Path, settings: Path | None, seed: int, overrides: Sequence[str]) -> Recipe:
    """Write documents and questions into ``out``; the recipe that runs them in ``out/run``.

    ``settings`` keeps everything of that recipe but domain, questions and output_dir.
    """
    if settings is None:
        name, text = "demo recipe", files("steep.demo").joinpath("recipe.toml").read_text("utf-8")
    else:
        try:
            name, text = str(settings), settings.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise RecipeError(f"recipe {settings}: {error}; give the path of a TOML file") from None
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"recipe {name}: not valid TOML ({error})") from None
    folder = out.absolute()
    documents = [str(folder / "documents")]
    for table in (values.setdefault("data", {}), *_stages(values)):
        _set(table, "domain", documents)
    _set(values.setdefault("evaluate", {}), "questions", str(folder / "questions.jsonl"))
    values["output_dir"] = str(folder / "run")
    values.setdefault("seed", seed)
    place = settings.absolute().parent if settings else None
    recipe = recipe_from(values, overrides, name=name, folder=place)
    try:
        _refuse_others(folder, out, seed)
        write_demo(folder, seed=seed)
    except OSError as error:
        raise UserInputError(
            f"--out {out}: {error.strerror or error}; choose a folder you can write to"
        ) from None
    return recipe


def _stages(values: Mapping[str, Any]) -> list[Any]:
    train = values.get("train")
    stages = train.get("stages") if isinstance(train, dict) else None
    return stages if isinstance(stages, list) else []


def _set(table: Any, key: str, value: Any) -> None:
    """Set a key of a table; what is none is refused with the whole recipe."""
    if isinstance(table, dict):
        table[key] = value


def _refuse_others(folder: Path, out: Path, seed: int) -> None:
    """Refuse a folder whose documents or questions aren't this demo's: they'd be written over.

    Raises:
        UserInputError: one of them is another's; it is named.
    """
    with TemporaryDirectory() as place:
        write_demo(place, seed=seed)
        written = _contents(Path(place))
    for name, content in _contents(folder).items():
        if written.get(name) != content:
            raise UserInputError(
                f"--out {out}: {name} there is no file of this demo's, which would write over "
                "such files or learn them; choose another folder"
            )


def _contents(folder: Path) -> dict[str, bytes]:
    """What stands where a demo puts its files, by path from the folder; hidden files are none."""
    found = [folder / "questions.jsonl", *sorted((folder / "documents").rglob("*"))]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in found
        if path.is_file() and not path.name.startswith(".")
    }
