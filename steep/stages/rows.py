"""What the stages behind the documents train on, and what is kept aside to judge them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

from steep.artifact import text_hash
from steep.corpus.contamination import Items, found_in
from steep.corpus.piece import Piece
from steep.documents.split import Split
from steep.errors import ModelError, UserInputError
from steep.pipeline.chat import ensure_template, render, render_pair
from steep.pipeline.made import instructions_from, preferences_from
from steep.pipeline.mined import Mined, hold_out, mine
from steep.pipeline.preferences import Preference, read_preferences
from steep.pipeline.rows import Conversation, Turn, read_conversations
from steep.pipeline.trainer import check_installed
from steep.proof.manners import instructions
from steep.recipe import Recipe
from steep.wording import counted


@dataclass(frozen=True)
class Rows:
    """Rows of all stages.

    Attributes:
        held_out: preferences that are never trained.
        facts, facts_aside: what made rows are made from, and what the held-out ones are.
        notes: for the report.
    """

    instructions: tuple[Conversation, ...] = ()
    preferences: tuple[Preference, ...] = ()
    held_out: tuple[Preference, ...] = ()
    facts: tuple[Mined, ...] = ()
    facts_aside: tuple[Mined, ...] = ()
    notes: tuple[str, ...] = ()


def read_rows(recipe: Recipe) -> Rows:
    """The rows of all files that ``[sft]`` and ``[dpo]`` name; cheap, and done before any work.

    Raises:
        UserInputError: TRL isn't installed, a file can't be read, or a row isn't one.
    """
    instructions: list[Conversation] = []
    preferences: list[Preference] = []
    if recipe.sft is not None:
        check_installed("sft")
        instructions = [row for f in recipe.sft.files for row in read_conversations(Path(f))]
    if recipe.dpo is not None:
        check_installed("dpo")
        preferences = [row for f in recipe.dpo.files for row in read_preferences(Path(f))]
    trained, held_out = _split(recipe, preferences)
    return Rows(tuple(instructions), trained, held_out)


def made_rows(recipe: Recipe, given: Rows, split: Split, asked: Mapping[str, Items]) -> Rows:
    """The rows of the files, and rows made from the trained documents where ``data`` says so.

    Where pairs are made, the facts of those held out are in no made row at all.

    Args:
        given: the rows of the files; they stay as they are.
        asked: what judges the models, by the name of its set: no made row may hold its wording.

    Raises:
        UserInputError: nothing could be made.
    """
    wanted = _made_tables(recipe)
    if not wanted:
        return given
    others = (text for items in asked.values() for _, text in items.items)
    unknown_in = chain((f"{d.title}\n{d.text}" for d in split.held_out), others)
    facts, aside = mine(split.trained, unknown_in, recipe.seed), list[Mined]()
    if recipe.dpo is not None and "dpo" in wanted:
        facts, aside = hold_out(facts, recipe.dpo.held_out_share, recipe.seed)
        items = _judging(recipe, given, asked)
        judged = _clean(preferences_from(aside, recipe.seed), _preferred, items)
        given = replace(given, held_out=judged)
    given = replace(given, facts=tuple(facts), facts_aside=tuple(aside))
    return rows_from(recipe, given, dict.fromkeys(wanted, facts), asked)


def rows_from(
    recipe: Recipe, given: Rows, facts: Mapping[str, Sequence[Mined]], asked: Mapping[str, Items]
) -> Rows:
    """Rows made of facts, for each table ("sft", "dpo") of its own; the others stay as given.

    Raises:
        UserInputError: nothing could be made.
    """
    items = _judging(recipe, given, asked)
    found = given
    if "sft" in facts:
        rows = _clean(instructions_from(facts["sft"], recipe.seed), _said, items)
        found = replace(found, instructions=rows)
    if "dpo" in facts:
        pairs = _clean(preferences_from(facts["dpo"], recipe.seed), _preferred, items)
        found = replace(found, preferences=pairs)
    for table in facts:
        if not (found.instructions if table == "sft" else found.preferences):
            raise UserInputError(
                f"[{table}] no rows could be made from the documents (facts with names, numbers or "
                "dates, in a language that steep has phrases for); give a file as data"
            )
    return found


def check_rendered(recipe: Recipe, rows: Rows, tokenizer: Any) -> None:
    """Find out before any work whether the model's chat template takes the rows, and one fits.

    A row of each order of speakers is rendered, and rows until one fits.

    Raises:
        ModelError: the template refuses rows, or the model can't be trained on them.
        UserInputError: not one row fits ``max_length``.
    """
    if recipe.later:
        ensure_template(tokenizer)
    tables: dict[str, tuple[Sequence[Any], Sequence[Any], Callable[[Any, Any], Any]]] = {
        "sft": (rows.instructions, (), render),
        "dpo": (rows.preferences, rows.held_out, render_pair),
    }
    for name, table in recipe.later.items():
        given, judged, rendered = tables[name]
        kinds = {tuple(turn.role for turn in _turns(row)): row for row in (*judged, *given)}
        try:
            for row in kinds.values():
                rendered(row, tokenizer)
        except ModelError as error:
            raise ModelError(f"[{name}] {error}") from error
        if given and not any(rendered(r, tokenizer).length <= table.max_length for r in given):
            raise none_fits(name, len(given), table.max_length)


def none_fits(name: str, count: int, most_tokens: int) -> UserInputError:
    """What to raise where a table's rows are all too long."""
    return UserInputError(
        f"[{name}] not one of {counted(count, 'row')} fits {most_tokens} tokens; raise "
        f"{name}.max_length"
    )


def _turns(row: Conversation | Preference) -> tuple[Turn, ...]:
    return row.turns if isinstance(row, Conversation) else row.prompt


def _judging(recipe: Recipe, given: Rows, asked: Mapping[str, Items]) -> dict[str, Items]:
    """Everything whose wording no made row may hold; of made pairs, facts are held out already."""
    held_out = given.held_out if recipe.dpo is not None and recipe.dpo.files else ()
    prompts = tuple((str(n), pair.prompt[-1].content) for n, pair in enumerate(held_out))
    return {
        **asked,
        "instructions": Items("question", tuple((i.id, i.prompt) for i in instructions())),
        "preferences": Items("question", prompts),
    }


def made_texts(recipe: Recipe, rows: Rows) -> list[str]:
    """What rows made from the documents say; the user's own rows don't count."""
    wanted = _made_tables(recipe)
    said = [_said(row) for row in rows.instructions] if "sft" in wanted else []
    return said + ([_preferred(pair) for pair in rows.preferences] if "dpo" in wanted else [])


def _made_tables(recipe: Recipe) -> list[str]:
    """Of "sft" and "dpo" those whose rows are made from the documents."""
    return [name for name, table in recipe.later.items() if not table.files]


_Row = TypeVar("_Row")


def _clean(
    rows: Sequence[_Row], text: Callable[[_Row], str], asked: Mapping[str, Items]
) -> tuple[_Row, ...]:
    """Rows that don't hold the wording of what is asked."""
    pieces = [Piece("question", "", text(row)) for row in rows]
    found = found_in(pieces, asked)
    return tuple(row for row, items in zip(rows, found, strict=True) if not items)


def _said(row: Conversation) -> str:
    return "\n".join(turn.content for turn in row.turns)


def _preferred(pair: Preference) -> str:
    return "\n".join([*(turn.content for turn in pair.prompt), pair.chosen, pair.rejected])


def _split(
    recipe: Recipe, pairs: Sequence[Preference]
) -> tuple[tuple[Preference, ...], tuple[Preference, ...]]:
    """(pairs to train on, pairs held out); those about the same thing stay together."""
    if recipe.dpo is None:
        return (), ()
    share = recipe.dpo.held_out_share
    names = sorted({pair.about for pair in pairs}, key=lambda a: text_hash(f"{recipe.seed}:{a}"))
    aside = set(names[: round(share * len(names))])
    return (
        tuple(pair for pair in pairs if pair.about not in aside),
        tuple(pair for pair in pairs if pair.about in aside),
    )


Shown = list[tuple[bool, str]]
"""A row as stretches of text, each with whether it is trained on."""


def shown_instructions(rows: Rows, tokenizer: Any, count: int) -> list[Shown]:
    """The first instruction rows as they are trained on."""
    ensure_template(tokenizer)
    shown = (render(conversation, tokenizer) for conversation in rows.instructions[:count])
    return [[(on, str(tokenizer.decode(ids))) for on, ids in row.spans()] for row in shown]


def shown_preferences(rows: Rows, tokenizer: Any, count: int) -> list[dict[str, str]]:
    """The first preference pairs as they are trained on: prompt, chosen and rejected."""
    ensure_template(tokenizer)
    shown = (render_pair(pair, tokenizer) for pair in rows.preferences[:count])
    return [{name: str(tokenizer.decode(getattr(row, name))) for name in _PARTS} for row in shown]


_PARTS = ("prompt", "chosen", "rejected")
