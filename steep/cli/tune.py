"""``steep tune``: a search within a budget, told in lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steep.cli.options import JSON, RECIPE, SET

if TYPE_CHECKING:
    from steep.stages.tune import Tuning


@click.command()
@RECIPE
@SET
@click.option(
    "--minutes",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="What the search may take, all commands on it together.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="The recipe to write (default: RECIPE's name with -tuned).",
)
@click.option("--fresh", is_flag=True, help="Move an old search aside and begin again.")
@click.option("--force", is_flag=True, help="Replace a recipe that is there.")
@JSON
def tune(
    recipe: Path,
    overrides: tuple[str, ...],
    minutes: float,
    output: Path | None,
    fresh: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Search learning rate, replay and passes on a slice of the documents; write the RECIPE found.

    Run it again to go on where it was stopped.
    """
    from steep.cli.console import Console, say
    from steep.stages.tune import tune as tune_recipe

    with Console(quiet=as_json) as console:
        found = tune_recipe(
            recipe,
            overrides=overrides,
            minutes=minutes,
            output=output,
            fresh=fresh,
            force=force,
            progress=console,
        )
    if as_json:
        say(json.dumps(found.as_json(), ensure_ascii=False))
        return
    for line in tuning_lines(found):
        say(line)


def tuning_lines(found: Tuning) -> list[str]:
    """The trials, what they come to, and where the recipe is."""
    from steep.report.tune import HEADER, headline, sentence, trial_rows

    rows = [list(HEADER), *trial_rows(found.evidence)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]
    lines += ["", sentence(found.evidence), *(f"- {note}" for note in found.evidence["notes"])]
    lines += ["", f"{headline(found.evidence)}.", f"The evidence: {found.folder / 'tune.html'}"]
    if found.written is not None:
        lines.append(f"Written: {found.written}. Next: steep run {found.written}")
    return lines
