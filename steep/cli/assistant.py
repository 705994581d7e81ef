"""``steep sft`` and ``steep dpo``: the stages behind the documents, and the rows they train on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from steep.cli.options import ACCEPT, JSON, RECIPE, SET

if TYPE_CHECKING:
    from steep.recipe import Recipe

_SHOW = click.option(
    "--show", type=click.IntRange(min=1), help="Show so many rows, and train nothing."
)


@click.command()
@RECIPE
@SET
@_SHOW
@ACCEPT
@JSON
def sft(
    recipe: Path,
    overrides: tuple[str, ...],
    show: int | None,
    accept_change: bool,
    as_json: bool,
) -> None:
    """Everything up to the verdict on the instruction-tuned model ([sft])."""
    given = _given(recipe, overrides, "sft")
    if show is None:
        _evaluate(given, accept_change, as_json, until="sft")
        return
    from steep.cli.console import say
    from steep.stages.rows import shown_instructions

    for number, row in _shown(given, shown_instructions, show, as_json):
        say(f"--- row {number}; what is between ⟦ and ⟧ is trained on")
        say("".join(f"⟦{text}⟧" if on else text for on, text in row))


@click.command()
@RECIPE
@SET
@_SHOW
@ACCEPT
@JSON
def dpo(
    recipe: Path,
    overrides: tuple[str, ...],
    show: int | None,
    accept_change: bool,
    as_json: bool,
) -> None:
    """Everything up to the verdict on the preference-tuned model ([dpo])."""
    given = _given(recipe, overrides, "dpo")
    if show is None:
        _evaluate(given, accept_change, as_json)
        return
    from steep.cli.console import say
    from steep.stages.rows import shown_preferences

    for number, row in _shown(given, shown_preferences, show, as_json):
        say(f"--- pair {number}")
        say(f"{row['prompt']}⟦chosen: {row['chosen']}⟧⟦rejected: {row['rejected']}⟧")


def _given(path: Path, overrides: tuple[str, ...], table: str) -> Recipe:
    from steep.errors import UserInputError
    from steep.recipe import load_recipe

    given = load_recipe(path, overrides=list(overrides))
    if getattr(given, table) is None:
        raise UserInputError(f'{path} has no [{table}]; add it with data = "documents" or a file')
    return given


def _evaluate(
    recipe: Recipe, accept_change: bool, as_json: bool, *, until: Literal["sft"] | None = None
) -> None:
    from steep.cli.console import Console
    from steep.cli.verdict import tell
    from steep.workflow import evaluate

    with Console(quiet=as_json) as console:
        outcome = evaluate(recipe, until=until, accept_change=accept_change, progress=console)
    tell(outcome, as_json)


def _shown(
    recipe: Recipe, show: Callable[..., list[Any]], count: int, as_json: bool
) -> list[tuple[int, Any]]:
    """Numbered rows to print; none where they were said as JSON."""
    from steep.cli.console import say
    from steep.model.load import load_tokenizer, resolve_model
    from steep.stages.asked import known_rows
    from steep.stages.folder import RunFolder
    from steep.stages.inputs import read_inputs

    tokenizer = load_tokenizer(resolve_model(recipe.home))
    inputs = read_inputs(recipe)
    known = known_rows(recipe, inputs, RunFolder(Path(recipe.output_dir)))
    rows = show(known, tokenizer, count)
    if as_json:
        say(json.dumps({"rows": rows}, ensure_ascii=False))
        return []
    return list(enumerate(rows, 1))
