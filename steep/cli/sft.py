"""``steep sft``: instruction tuning, and the rows it would train on."""

from __future__ import annotations

import json
from pathlib import Path

import click

from steep.cli.options import ACCEPT, JSON, RECIPE, SET


@click.command()
@RECIPE
@SET
@click.option("--show", type=click.IntRange(min=1), help="Show so many rows, and train nothing.")
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
    from steep.cli.console import Console, say
    from steep.cli.verdict import tell
    from steep.errors import UserInputError
    from steep.recipe import load_recipe
    from steep.workflow import evaluate

    given = load_recipe(recipe, overrides=list(overrides))
    if given.sft is None:
        raise UserInputError(f'{recipe} has no [sft]; add it with data = "instructions.jsonl"')
    if show is not None:
        from steep.model.load import load_tokenizer, resolve_model
        from steep.stages.sft import shown_rows

        tokenizer = load_tokenizer(resolve_model(given.model))
        rows = shown_rows(given.sft, tokenizer, show)
        if as_json:
            say(json.dumps({"rows": rows}, ensure_ascii=False))
        for number, row in enumerate(() if as_json else rows, 1):
            say(f"--- row {number}; what is between ⟦ and ⟧ is trained on")
            say("".join(f"⟦{t}⟧" if on else t for on, t in row))
        return
    with Console(quiet=as_json) as console:
        outcome = evaluate(given, accept_change=accept_change, progress=console)
    tell(outcome, as_json)
