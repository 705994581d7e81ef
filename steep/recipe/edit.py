"""Change single keys of a recipe's file and leave everything else in it as it was written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import tomli_w

_HEADER = re.compile(r"\s*\[")


def with_changes(text: str, changes: Mapping[str, Any]) -> str:
    """``text`` (TOML) with other values for some keys; comments and order stay.

    Args:
        changes: values by dotted name ("train.learning_rate", or "seed" above all tables); None
            takes a key out. A key that isn't there is added at the end of its table, a table at
            the end of the file.

    The lines are read as a person would read them: what stands inside a string of several lines is
    not told from a key, so whoever writes the result compares what it says with what was meant.
    """
    lines = text.splitlines()
    for dotted, value in changes.items():
        table, _, key = dotted.rpartition(".")
        lines = _changed(lines, table, key, value)
    return "\n".join(lines) + "\n"


def _changed(lines: list[str], table: str, key: str, value: Any) -> list[str]:
    begin, end = _place(lines, table)
    said = None if value is None else f"{key} = {_toml(value)}"
    if begin is None:
        return lines if said is None else [*lines, "", f"[{table}]", said]
    line = re.compile(rf"(\s*)(?:{re.escape(key)}|\"{re.escape(key)}\")\s*=\s*(.*)$")
    for number in range(begin, end):
        if (found := line.match(lines[number])) is None:
            continue
        if said is None:
            return [*lines[:number], *lines[number + 1 :]]
        comment = _comment(found[2])
        new = f"{found[1]}{said}"
        new = f"{new:<{lines[number].index(comment)}}{comment}" if comment else new
        return [*lines[:number], new, *lines[number + 1 :]]
    if said is None:
        return lines
    while end > begin and not lines[end - 1].strip():
        end -= 1
    return [*lines[:end], said, *lines[end:]]


def _place(lines: list[str], table: str) -> tuple[int | None, int]:
    """(first line below a table's header, the line after its last); None if it isn't there."""
    headers = [number for number, line in enumerate(lines) if _HEADER.match(line)]
    header = re.compile(rf"\s*\[\s*{re.escape(table)}\s*\]\s*(#.*)?$")
    begin = 0 if not table else None
    for number in headers:
        if begin is not None:
            return begin, number
        if header.match(lines[number]):
            begin = number + 1
    return begin, len(lines)


def _comment(rest: str) -> str:
    """The comment behind a value; empty if there is none."""
    found = re.match(r"""(?:"(?:\\.|[^"\\])*"|'[^']*'|[^"'#])*(#.*)?$""", rest)
    return (found[1] or "") if found else ""


def _toml(value: Any) -> str:
    return tomli_w.dumps({"key": value}).strip().removeprefix("key = ")
