"""What the stages behind the documents train on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steep.pipeline.chat import ensure_template, render, render_pair
from steep.pipeline.preferences import Preference, read_preferences
from steep.pipeline.rows import Conversation, read_conversations
from steep.pipeline.trainer import check_installed
from steep.recipe import Recipe


@dataclass(frozen=True)
class Rows:
    """Rows of all stages."""

    instructions: tuple[Conversation, ...] = ()
    preferences: tuple[Preference, ...] = ()


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
    return Rows(tuple(instructions), tuple(preferences))


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
