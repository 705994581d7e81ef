"""``steep vocab``: what text costs in tokens, told in lines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steep.cli.options import JSON, RECIPE, SET

if TYPE_CHECKING:
    from steep.planning.fertility import Fertility
    from steep.stages.vocab import Survey


@click.command()
@RECIPE
@SET
@click.option(
    "--tokens",
    type=click.IntRange(min=1),
    help="Tokens to learn from the documents (default: the recipe's, else 2000).",
)
@click.option("--apply", is_flag=True, help="Write them into RECIPE.")
@JSON
def vocab(
    recipe: Path, overrides: tuple[str, ...], tokens: int | None, apply: bool, as_json: bool
) -> None:
    """Say what the documents cost in tokens, and whether tokens of their own would help."""
    from steep.cli.console import Console, say
    from steep.stages.vocab import vocab as survey

    with Console(quiet=as_json) as console:
        found = survey(recipe, overrides=overrides, tokens=tokens, apply=apply, progress=console)
    if as_json:
        say(json.dumps(found.as_json(), ensure_ascii=False))
        return
    for line in vocab_lines(found, recipe):
        say(line)


def vocab_lines(found: Survey, recipe: Path) -> list[str]:
    """The languages, the gain, the tokens, and what to do."""
    rows: list[tuple[str, ...]] = [
        ("language", "documents", "tokens/word", "tokens/byte", "then/word", "saved")
    ]
    rows += [_row(language, language.language) for language in found.languages]
    rows.append(_row(found.english, "general English"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    where = {"held_out": "held-out documents", "trained": "the documents themselves"}
    if found.tokens:
        lines += [
            "",
            f"{found.tokens:,} new tokens, {found.rows:,} more rows; counted on "
            f"{where[found.judged_on]}: {found.fewer:.2f} times fewer tokens, about "
            f"{found.faster:.2f} times as much text a second (predicted), "
            f"{found.words_before:,.0f} → {found.words_after:,.0f} words a row",
            f"Most useful: {' '.join(repr(token.text) for token in found.useful)}",
        ]
    lines += ["", f"{found.recommendation}."]
    if found.written is not None:
        lines.append(f"Written: {found.written}. Next: steep run {found.written}")
    elif found.extend:
        lines.append(f"To extend: steep vocab {recipe} --apply")
    return lines


def _row(found: Fertility, name: str) -> tuple[str, ...]:
    after = "" if found.after is None else f"{found.after / max(1, found.words):.2f}"
    return (
        name,
        f"{found.documents:,}",
        f"{found.per_word:.2f}",
        f"{found.per_byte:.3f}",
        after,
        f"{found.saved:.0%}",
    )
