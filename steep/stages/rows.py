"""What the stages behind the documents train on, and what is kept aside to judge them by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from steep.artifact import text_hash
from steep.corpus.contamination import Items, found_in
from steep.corpus.piece import Piece
from steep.documents.record import Document
from steep.errors import UserInputError
from steep.pipeline.chat import ensure_template, render, render_pair
from steep.pipeline.made import instructions_from, preferences_from
from steep.pipeline.mined import mine
from steep.pipeline.preferences import Preference, read_preferences
from steep.pipeline.rows import Conversation, read_conversations
from steep.pipeline.trainer import check_installed
from steep.recipe import Recipe


@dataclass(frozen=True)
class Rows:
    """Rows of all stages; ``held_out`` are preferences that are never trained."""

    instructions: tuple[Conversation, ...] = ()
    preferences: tuple[Preference, ...] = ()
    held_out: tuple[Preference, ...] = ()


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


def made_rows(
    recipe: Recipe, given: Rows, documents: Sequence[Document], asked: Mapping[str, Items]
) -> Rows:
    """The rows of the files, and where ``data`` is "documents" rows made from these.

    Args:
        documents: those that are trained; never those held out.
        asked: what judges the models: no made row may hold its wording. The user's own rows stay
            as they are.

    Raises:
        UserInputError: nothing could be made.
    """
    wanted = [table for table in ("sft", "dpo") if (t := getattr(recipe, table)) and not t.files]
    if not wanted:
        return given
    facts = mine(documents, recipe.seed)
    found = given
    if "sft" in wanted:
        rows = _clean(instructions_from(facts, recipe.seed), _said, asked)
        found = replace(found, instructions=tuple(rows))
    if "dpo" in wanted:
        pairs = _clean(preferences_from(facts, recipe.seed), _preferred, asked)
        trained, held_out = _split(recipe, pairs)
        found = replace(found, preferences=trained, held_out=held_out)
    for table in wanted:
        if not (found.instructions if table == "sft" else found.preferences):
            raise UserInputError(
                f"[{table}] no rows could be made from the documents (facts with names, numbers or "
                "dates, in a language that steep has phrases for); give a file as data"
            )
    return found


_Row = TypeVar("_Row")


def _clean(
    rows: Sequence[_Row], text: Callable[[_Row], str], asked: Mapping[str, Items]
) -> list[_Row]:
    """Rows that don't hold the wording of what is asked."""
    pieces = [Piece("question", "", text(row)) for row in rows]
    found = found_in(pieces, asked)
    return [row for row, items in zip(rows, found, strict=True) if not items]


def _said(row: Conversation) -> str:
    return "\n".join(turn.content for turn in row.turns)


def _preferred(pair: Preference) -> str:
    return "\n".join([*(turn.content for turn in pair.prompt), pair.chosen, pair.rejected])


def _split(
    recipe: Recipe, pairs: Sequence[Preference]
) -> tuple[tuple[Preference, ...], tuple[Preference, ...]]:
    """(pairs to train on, pairs held out); those about the same thing stay together.

    Raises:
        UserInputError: all of them would be held out.
    """
    if recipe.dpo is None or not pairs:
        return (), ()
    share = recipe.dpo.held_out_share
    names = sorted({pair.about for pair in pairs}, key=lambda a: text_hash(f"{recipe.seed}:{a}"))
    aside = set(names[: round(share * len(names))])
    trained = tuple(pair for pair in pairs if pair.about not in aside)
    if not trained:
        raise UserInputError(
            "[dpo] all pairs would be held out; lower dpo.held_out_share or add more prompts"
        )
    return trained, tuple(pair for pair in pairs if pair.about in aside)


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
