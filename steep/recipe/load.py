"""Read a recipe from TOML, apply ``--set`` overrides, and say plainly what is wrong with it."""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import tomli_w
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from steep.artifact import RECIPE, read_manifest, write_text
from steep.errors import RecipeError
from steep.recipe.assistant import MADE_ROWS
from steep.recipe.schema import Recipe
from steep.recipe.texts import NAMED_TEXTS
from steep.recipe.training import BUDGETS


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read ``path`` and apply ``key=value`` overrides; paths come out absolute.

    A run's own recipe means the folder that it stands in: a run that was moved or copied goes on
    where it is, not where it was made.

    Raises:
        RecipeError: the file is missing, isn't TOML, or doesn't validate.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise RecipeError(f"recipe {path}: {reason}; give the path of a TOML file") from None
    try:
        values = tomllib.loads(raw.decode("utf-8-sig"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RecipeError(f"recipe {path}: not valid TOML ({error})") from None
    recipe = recipe_from(values, overrides, name=str(path), folder=path.parent)
    elsewhere = any(parse_override(override)[0] == ["output_dir"] for override in overrides)
    if elsewhere or not _is_of_run(path):
        return recipe
    return recipe.model_copy(update={"output_dir": os.path.abspath(path.parent)})


def _is_of_run(path: Path) -> bool:
    """True if a recipe stands beside a run's prepared data.

    That it is a resolved one isn't enough: the user may have taken it to write a new one from.
    """
    return path.name == RECIPE and read_manifest(path.parent / "data") is not None


def recipe_from(
    values: Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    name: str = "recipe",
    folder: Path | None = None,
) -> Recipe:
    """Build a recipe from a mapping, with ``--set`` overrides on top.

    Relative paths in ``values`` count from ``folder`` (default: the current folder), those in
    ``overrides`` from the current folder.
    """
    defaults = {"output_dir": Recipe.model_fields["output_dir"].default}
    try:
        merged = _absolute({**defaults, **values}, folder or Path.cwd())
    except RecipeError as error:
        raise RecipeError(f"{name}: {error}") from None
    for override in overrides:
        dotted, value = parse_override(override)
        merged = _with_value(merged, dotted, value)
    try:
        return Recipe.model_validate(merged)
    except ValidationError as error:
        raise RecipeError(f"{name}: {_explain(error.errors()[0])}") from None


def write_recipe(recipe: Recipe, path: Path) -> None:
    """Write a recipe with every default spelled out (keys set to nothing are left out)."""
    write_text(path, tomli_w.dumps(recipe.model_dump(exclude_none=True)))


def parse_override(override: str) -> tuple[list[str], Any]:
    """The dotted key of a ``--set`` option, in parts, and its value: TOML, or else the text itself.

    Raises:
        RecipeError: it isn't key=value.
    """
    dotted, equals, text = override.partition("=")
    if not equals or not dotted.strip():
        raise RecipeError(f"--set {override}: write it as key=value, e.g. train.max_steps=100")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    return [part.strip() for part in dotted.split(".")], value


def _with_value(values: dict[str, Any], dotted: list[str], value: Any) -> dict[str, Any]:
    """``values`` with one (nested) key set; a new budget replaces the one that was there."""
    head, *rest = dotted
    if not rest:
        kept = dict(values)
        if head in BUDGETS:
            kept = {k: v for k, v in kept.items() if k not in BUDGETS}
        return {**kept, head: _absolute_value(head, value, Path.cwd())}
    inner = values.get(head, {})
    if not isinstance(inner, dict):
        raise RecipeError(f"--set {'.'.join(dotted)}: '{head}' is not a table")
    return {**values, head: _with_value(inner, rest, value)}


SQLITE = "sqlite:///"
_PATH_KEYS = {"data", "domain", "general", "questions", "parallel", "output_dir"}


def _absolute(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A copy of ``values`` in which every path key is absolute."""
    return {
        key: _absolute(value, folder)
        if isinstance(value, Mapping)
        else _absolute_value(key, value, folder)
        for key, value in values.items()
    }


def _absolute_value(key: str, value: Any, folder: Path) -> Any:
    if isinstance(value, str) and not value.strip() and key in {*_PATH_KEYS, "model", "instruct"}:
        raise RecipeError(f"'{key}' is empty; name what it should be, or leave the key out")
    if isinstance(value, str) and "\0" in value and key in {*_PATH_KEYS, "model", "instruct"}:
        raise RecipeError(f"'{key}' holds a NUL character, which no path can; write it without")
    if key in ("model", "instruct") and isinstance(value, str):
        local = folder / Path(os.path.expanduser(value))
        return os.path.abspath(local) if local.is_dir() else value
    if key == "benchmarks" and isinstance(value, list):
        return [_absolute_benchmark(item, folder) for item in value]
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return [_absolute(item, folder) for item in value]
    if key not in _PATH_KEYS:
        return value
    if isinstance(value, list):
        return [_absolute_value(key, item, folder) for item in value]
    if isinstance(value, str) and value.startswith(SQLITE) and not value.startswith(SQLITE + "/"):
        return f"{SQLITE}{os.path.abspath(folder)}/{value.removeprefix(SQLITE)}"
    named = MADE_ROWS if key == "data" else NAMED_TEXTS
    if not isinstance(value, str) or value in named or "://" in value.partition("#")[0]:
        return value
    trailing = "/" if value.endswith("/") else ""
    return os.path.abspath(folder / Path(os.path.expanduser(value))) + trailing


def _absolute_benchmark(value: Any, folder: Path) -> Any:
    """ "name=path" with its path absolute."""
    if not isinstance(value, str) or "=" not in value:
        return value
    name, _, where = value.partition("=")
    if not where.strip():
        raise RecipeError(f"benchmark '{value}': write it as name or name=path, e.g. mmlu")
    return f"{name.strip()}={os.path.abspath(folder / Path(os.path.expanduser(where.strip())))}"


def _explain(error: ErrorDetails) -> str:
    """One line for the first thing wrong: where, what, what to do."""
    location = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        *tables, key = location
        where = f"[{'.'.join(tables)}] " if tables else ""
        return f"{where}unknown key '{key}'; {_nearest(tables, key)}"
    where = _dotted(location)
    if error["type"] == "missing":
        return f"'{where}' is missing; it must be set"
    if error["type"] == "value_error":
        prefix = f"[{where}] " if where else ""
        return prefix + str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "list_type" and isinstance(error["input"], str):
        return f"'{where}' is a list; write [{json.dumps(error['input'], ensure_ascii=False)}]"
    if error["type"] == "too_short" and error["input"] == []:
        return f"'{where}' is an empty list; name at least one"
    if error["type"] in ("model_type", "model_attributes_type"):
        return (
            f"'{where}' is {error['input']!r} and should be a table; write [{where}] and its keys"
        )
    message = str(error["msg"])
    return f"'{where}' is {error['input']!r}; {message[:1].lower()}{message[1:]}"


def _dotted(location: list[str]) -> str:
    """The recipe's own name for a place, without the names of union branches."""
    return ".".join(part for part in location if not part.startswith("list[") and part != "str")


def _nearest(tables: list[str], key: str) -> str:
    section: type[BaseModel] = Recipe
    for table in (part for part in tables if not part.isdigit()):
        annotation = section.model_fields[table].annotation
        candidates = [annotation, *get_args(annotation)]
        found = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not found:
            return "remove it"
        section = found[0]
    if section is Recipe and (holder := next(_holding(key), None)):
        return f"did you mean '{holder}.{key}'?"
    names = list(section.model_fields)
    close = difflib.get_close_matches(key, names, n=1, cutoff=0.0)
    return f"did you mean '{close[0]}'? (valid here: {', '.join(names)})"


def _holding(key: str) -> Iterator[str]:
    """The tables that have a key of this name."""
    for table, field in Recipe.model_fields.items():
        for kind in (field.annotation, *get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, BaseModel) and key in kind.model_fields:
                yield table
