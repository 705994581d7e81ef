"""Preference rows: a prompt, an answer to it and a worse one; read and checked as instructions are.

| shape | a row |
|---|---|
| with its prompt | ``{"prompt", "chosen", "rejected"}``, each a text or a list of messages |
| with it twice | ``{"prompt", "chosen", "rejected"}``, the last two lists that end prompt, answer |
| whole conversations | ``{"chosen", "rejected"}``, two lists of messages alike but for the last |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steep.errors import UserInputError
from steep.pipeline.rows import Turn, check_order, rows_of, text_of, turns_of, turns_or_text

_SHAPES = {"chosen/rejected": {"chosen", "rejected"}}


@dataclass(frozen=True)
class Preference:
    """Of two answers to one prompt the better and the worse.

    ``about`` tells pairs that ask for the same from others: they are held out together.
    """

    prompt: tuple[Turn, ...]
    chosen: str
    rejected: str
    about: str


def read_preferences(path: Path) -> list[Preference]:
    """The preference rows of a file.

    Raises:
        UserInputError: the file can't be read, or a row isn't one; the first is named.
    """
    return [_preference(row, where) for row, where in rows_of(path, _SHAPES)]


def _preference(row: Mapping[str, Any], where: str) -> Preference:
    if "prompt" in row:
        prompt = turns_or_text(row["prompt"], where, "prompt", "user")
        (before, chosen), (other, rejected) = (
            _answer(row[key], where, key) for key in ("chosen", "rejected")
        )
        if before and before[-len(prompt) :] != prompt:
            raise UserInputError(f"{where}: chosen answers something else than the prompt")
        prompt = before or prompt
    else:
        (prompt, chosen), (other, rejected) = (
            _conversation(row[key], where, key) for key in ("chosen", "rejected")
        )
        before = prompt
    if before != other:
        raise UserInputError(
            f"{where}: chosen and rejected differ before the last message; only the last "
            "answer may differ"
        )
    check_order((*prompt, Turn("assistant", chosen)), where)
    if chosen == rejected:
        raise UserInputError(f"{where}: chosen and rejected are the same; remove the row")
    return Preference(prompt, chosen, rejected, about=prompt[-1].content)


def _answer(value: Any, where: str, key: str) -> tuple[tuple[Turn, ...], str]:
    """(the turns before, an answer) that is a text, or the last message of a list."""
    if not isinstance(value, list):
        return (), text_of(value, where, key)
    turns = turns_of(value, where, key)
    if [turn.role for turn in turns[-2:]] not in (["assistant"], ["user", "assistant"]):
        raise UserInputError(
            f"{where}: {key} must be one message of the assistant's; put what comes before it "
            "into prompt"
        )
    return turns[:-1], turns[-1].content


def _conversation(value: Any, where: str, key: str) -> tuple[tuple[Turn, ...], str]:
    """(the turns before, the answer) of a whole conversation."""
    if isinstance(value, str):
        raise UserInputError(f"{where}: has no prompt; add it, or give {key} as messages")
    turns = turns_of(value, where, key)
    if len(turns) < 2:
        raise UserInputError(f"{where}: {key} has no question before its answer")
    check_order(turns, where)
    return turns[:-1], turns[-1].content
