"""``steep prepare``: make the corpus, or look at what it would be made of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from steep.cli.options import ACCEPT, JSON, RECIPE, SET

if TYPE_CHECKING:
    from rich.text import Text

    from steep.stages.show import Look

_TEXT_CHARACTERS, _FORM_CHARACTERS, _CUT_CHARACTERS = 800, 240, 160
_MOST_CHANGES = 12


@click.command()
@RECIPE
@SET
@ACCEPT
@click.option(
    "--show",
    "count",
    type=click.IntRange(min=1),
    metavar="N",
    help="Print N cleaned documents and what was cut from them, and write nothing.",
)
@JSON
def prepare(
    recipe: Path,
    overrides: tuple[str, ...],
    accept_change: bool,
    count: int | None,
    as_json: bool,
) -> None:
    """Read, clean, split, retell and tokenise the documents."""
    from steep.cli.console import Console, say, tell_stage
    from steep.recipe import load_recipe

    chosen = load_recipe(recipe, overrides)
    if count is not None:
        from steep.stages.show import look

        found = look(chosen, count)
        if as_json:
            say(json.dumps({"documents": [one.as_json() for one in found]}, ensure_ascii=False))
        else:
            _print(found)
        return
    from steep.workflow import prepare as prepare_recipe

    with Console(quiet=as_json) as console:
        data = prepare_recipe(chosen, accept_change=accept_change, progress=console)
    tell_stage("prepare", data, as_json)


def _print(found: list[Look]) -> None:
    from rich.console import Console as RichConsole

    console = RichConsole(highlight=False, markup=False, emoji=False)
    for number, one in enumerate(found, start=1):
        console.rule(f"document {number} of {len(found)}", align="left")
        for line in _lines(one):
            console.print(line, soft_wrap=True)


def _lines(one: Look) -> Iterator[Text]:
    from rich.text import Text

    document = one.document
    place = f"{document.source}, {document.locator}" if document.locator else document.source
    yield Text(document.title, style="bold")
    facts = [place, f"{len(document.text):,} characters"]
    facts += [fact for fact in (document.language, document.date, document.licence) if fact]
    yield Text(" · ".join(facts), style="dim")
    if document.flags:
        yield Text(f"flags: {', '.join(document.flags)}", style="yellow")
    yield from _cleaning(one)
    yield Text("")
    yield Text(_short(document.text, _TEXT_CHARACTERS))
    for kind, text in one.forms.items():
        said = _short(" ".join(text.split()), _FORM_CHARACTERS)
        yield Text.assemble((f"also as {kind}: ", "cyan"), said)


def _cleaning(one: Look) -> Iterator[Text]:
    from rich.text import Text

    if one.lines_joined is None:
        yield Text("what it was before cleaning can't be read again", style="dim")
    elif one.lines_joined:
        yield Text(f"line breaks fewer than before: {one.lines_joined:,}", style="green")
    for change in one.changes[:_MOST_CHANGES]:
        removed, added = (_visible(text) for text in (change.removed, change.added))
        yield Text.assemble(
            ("… " + _visible(change.before) + " ", "dim"),
            (removed, "red strike"),
            " " if removed and added else "",
            (added, "green"),
        )
    if len(one.changes) > _MOST_CHANGES:
        yield Text(f"and {len(one.changes) - _MOST_CHANGES:,} more changes", style="dim")
    for line in one.cut:
        yield Text.assemble(("cut, said before: ", "dim"), (_visible(line), "red strike"))


def _short(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters].rstrip()} …"


def _visible(text: str) -> str:
    """A stretch of uncleaned text as it may be printed."""
    from steep.documents.formats import readable

    return readable(_short(" ".join(text.split()), _CUT_CHARACTERS))
