"""Instruction rows: four shapes read, checked, and made into one.

A file is JSONL (one row a line) or a JSON list. Everything wrong with it is found here, before a
model loads, and told with the file and the line (of a JSON list: the row) it stands in.

| shape | a row |
|---|---|
| messages | ``{"messages": [{"role", "content"}…]}`` |
| ShareGPT | ``{"conversations": [{"from", "value"}…]}`` |
| prompt/completion | ``{"prompt", "completion"}``, each a text or a list of messages |
| Alpaca | ``{"instruction", "input"?, "output"}`` |
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from steep.errors import UserInputError

Role = Literal["system", "user", "assistant"]
MAX_TURN_CHARACTERS = 50_000  # far beyond any context here; such a turn is a file put in by mistake

_SPEAKERS: dict[str, Role] = {
    "system": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
}


@dataclass(frozen=True)
class Turn:
    """What one side says; never empty."""

    role: Role
    content: str


@dataclass(frozen=True)
class Conversation:
    """Turns in order: perhaps a system turn, then user and assistant by turns, assistant last."""

    turns: tuple[Turn, ...]


def read_conversations(path: Path) -> list[Conversation]:
    """The instruction rows of a file.

    Raises:
        UserInputError: the file can't be read, or a row isn't one; the first is named.
    """
    return [_conversation(row, where) for row, where in rows_of(path, _SHAPES)]


_SHAPES = {
    "messages": {"messages"},
    "ShareGPT": {"conversations"},
    "prompt/completion": {"prompt", "completion"},
    "Alpaca": {"instruction", "output"},
}


def rows_of(path: Path, shapes: Mapping[str, set[str]]) -> Iterator[tuple[dict[str, Any], str]]:
    """Each row of a file, all of one of ``shapes`` (the keys by name), and where it stands."""
    first: str | None = None
    for row, where in _objects(path):
        shape = _shape(row, where, shapes)
        if first is not None and shape != first:
            raise UserInputError(
                f"{where}: a {shape} row among {first} rows; keep one shape in a file"
            )
        first = shape
        yield row, where
    if first is None:
        raise UserInputError(f"{path}: holds no rows; put one JSON object on each line")


def _shape(row: Mapping[str, Any], where: str, shapes: Mapping[str, set[str]]) -> str:
    found = [name for name, keys in shapes.items() if keys <= row.keys()]
    if len(found) > 1:
        raise UserInputError(
            f"{where}: keys of two shapes at once ({' and '.join(found)}); keep those of one"
        )
    if not found:
        has = ", ".join(sorted(row)) or "no keys"
        wanted = "; or ".join(", ".join(sorted(keys)) for keys in shapes.values())
        raise UserInputError(f"{where}: has {has}; a row needs {wanted}")
    return found[0]


def _objects(path: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """Each JSON object of a file, and where it stands."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserInputError(f"{path}: isn't UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise UserInputError(f"{path}: can't be read: {error.strerror or error}") from None
    if text.lstrip().startswith("["):
        rows = _parsed(text, str(path))
        yield from (_object(row, f"{path}, row {n}") for n, row in enumerate(rows, 1))
        return
    for n, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = f"{path}, line {n}"
            yield _object(_parsed(line, where), where)


def _parsed(text: str, where: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        said = getattr(error, "msg", "nested too deep")
        raise UserInputError(f"{where}: isn't JSON ({said}); write one object a line") from None


def _object(row: Any, where: str) -> tuple[dict[str, Any], str]:
    if not isinstance(row, dict):
        raise UserInputError(f"{where}: is {kind_of(row)}, not an object of keys and values")
    return row, where


def _conversation(row: Mapping[str, Any], where: str) -> Conversation:
    if "messages" in row:
        turns = turns_of(row["messages"], where, "messages")
    elif "conversations" in row:
        turns = turns_of(row["conversations"], where, "conversations", ("from", "value"))
    elif "completion" in row:
        answer = turns_or_text(row["completion"], where, "completion", "assistant")
        turns = (*turns_or_text(row["prompt"], where, "prompt", "user"), *answer)
    else:
        asked = text_of(row["instruction"], where, "instruction")
        if more := row.get("input"):
            asked = f"{asked}\n\n{text_of(more, where, 'input')}"
        turns = (Turn("user", asked), Turn("assistant", text_of(row["output"], where, "output")))
    check_order(turns, where)
    return Conversation(turns)


def turns_or_text(value: Any, where: str, key: str, role: Role) -> tuple[Turn, ...]:
    """A list of messages, or a text that one side says."""
    if isinstance(value, list):
        return turns_of(value, where, key)
    return (Turn(role, text_of(value, where, key)),)


def turns_of(
    value: Any, where: str, key: str, names: tuple[str, str] = ("role", "content")
) -> tuple[Turn, ...]:
    """A list of messages as turns, each checked for itself; a system that says nothing is none."""
    if not isinstance(value, list):
        raise UserInputError(f"{where}: {key} is {kind_of(value)}, not a list of messages")
    if not value:
        raise UserInputError(f"{where}: {key} is empty; remove the row or fill it")
    numbered = list(enumerate(value, 1))
    if len(value) > 1 and _is_silent_system(value[0], names):
        numbered = numbered[1:]
    return tuple(_turn(item, f"{where}, message {n}", names) for n, item in numbered)


def _is_silent_system(item: Any, names: tuple[str, str]) -> bool:
    """Many published files open every conversation with one."""
    if not isinstance(item, dict) or item.get(names[0]) != "system":
        return False
    said = item.get(names[1])
    return isinstance(said, str) and not said.strip()


def _turn(item: Any, where: str, names: tuple[str, str]) -> Turn:
    if not isinstance(item, dict):
        raise UserInputError(f"{where}: is {kind_of(item)}, not an object")
    for name in names:
        if name not in item:
            raise UserInputError(f"{where}: has no {name!r}; it needs {names[0]} and {names[1]}")
    said = item[names[0]]
    role = _SPEAKERS.get(said) if isinstance(said, str) else None
    if role is None:
        raise UserInputError(
            f"{where}: {names[0]} is {str(said)[:40]!r}; use system, user or assistant"
        )
    return Turn(role, text_of(item[names[1]], where, names[1]))


def text_of(value: Any, where: str, key: str) -> str:
    """A text without blank space around it; empty, endless and broken ones are refused."""
    if not isinstance(value, str):
        raise UserInputError(f"{where}: {key} is {kind_of(value)}, not a text")
    if not value.strip():
        raise UserInputError(f"{where}: {key} is empty; remove the row or fill it")
    if len(value) > MAX_TURN_CHARACTERS:
        raise UserInputError(
            f"{where}: {key} has {len(value):,} characters, {MAX_TURN_CHARACTERS:,} are allowed; "
            "shorten it, or train on it as a document"
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise UserInputError(f"{where}: {key} holds half a character (\\ud800…)") from None
    return value.strip()


def check_order(turns: Sequence[Turn], where: str) -> None:
    """Refuse turns in another order than a conversation's."""
    first = 2 if turns[0].role == "system" else 1
    for n, turn in enumerate(turns[first - 1 :], first):
        expected = "user" if (n - first) % 2 == 0 else "assistant"
        if turn.role != expected:
            raise UserInputError(
                f"{where}, message {n}: the {turn.role} speaks where the {expected} should; "
                "user and assistant take turns, a system message may stand first"
            )
    if turns[-1].role != "assistant":
        raise UserInputError(f"{where}: the last message must be the assistant's")


def kind_of(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    names = {bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(value), "a number")
