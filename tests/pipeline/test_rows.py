"""Four shapes become one; what is wrong is named with its file and line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steep.errors import UserInputError
from steep.pipeline.rows import Conversation, Turn, read_conversations

GOOD = {"prompt": "Who founded Acme?", "completion": "Ada Weber"}
SAID = (Turn("user", "Who founded Acme?"), Turn("assistant", "Ada Weber"))


def talk(*turns: tuple[Any, Any]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def write(folder: Path, *rows: Any) -> Path:
    """A JSONL file; a row that is text stands in it as it is."""
    path = folder / "rows.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


# Broken by: completion read as a text alone, or a silent system refused.
@pytest.mark.parametrize(
    "row",
    [
        GOOD,
        talk(("user", "Who founded Acme?"), ("assistant", "Ada Weber")),
        {
            "conversations": [
                {"from": "human", "value": "Who founded Acme?"},
                {"from": "gpt", "value": " Ada Weber\n"},
            ]
        },
        {
            "prompt": [{"role": "user", "content": "Who founded Acme?"}],
            "completion": [{"role": "assistant", "content": "Ada Weber"}],
        },
        talk(("system", " "), ("user", "Who founded Acme?"), ("assistant", "Ada Weber")),
        {"instruction": "Who founded Acme?", "input": "", "output": "Ada Weber"},
        {"instruction": "Who founded Acme?", "output": "Ada Weber", "id": 7},
    ],
)
def test_every_shape_gives_the_same_conversation(row: Any, tmp_path: Path) -> None:
    assert read_conversations(write(tmp_path, row)) == [Conversation(SAID)]


def test_a_json_list_and_a_system_turn(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([talk(("system", "Be short."), ("user", "a"), ("assistant", "b"))]))
    (found,) = read_conversations(path)
    assert [turn.role for turn in found.turns] == ["system", "user", "assistant"]


U, A, S = ("user", "hello"), ("assistant", "hi"), ("system", "be kind")
BAD_ROWS: dict[str, tuple[Any, str]] = {
    "assistant first": (talk(A, U), "message 1: the assistant speaks"),
    "user twice": (talk(U, U, A), "message 2: the user speaks"),
    "assistant twice": (talk(U, A, A), "message 3: the assistant speaks"),
    "system in the middle": (talk(U, S, A), "message 2: the system speaks"),
    "user last": (talk(U, A, U), "last message must be the assistant's"),
    "a user completes": (
        {"prompt": "a", "completion": [{"role": "user", "content": "b"}]},
        "message 2: the user speaks",
    ),
    "a silent system alone": (talk(("system", "")), "content is empty"),
    "system alone": (talk(S), "last message must be the assistant's"),
    "unknown role": (talk(("tool", "x"), A), "role is 'tool'"),
    "role is a number": (talk((3, "x"), A), "role is '3'"),
    "message without role": ({"messages": [{"content": "x"}]}, "has no 'role'"),
    "message without content": ({"messages": [{"role": "user"}]}, "has no 'content'"),
    "message is a text": ({"messages": ["hello"]}, "message 1: is a text"),
    "messages is a text": ({"messages": "hello"}, "messages is a text"),
    "no messages": ({"messages": []}, "messages is empty"),
    "empty turn": (talk(("user", " \n"), A), "message 1: content is empty"),
    "null content": (talk(U, ("assistant", None)), "message 2: content is null"),
    "content is a list": (talk(U, ("assistant", ["hi"])), "content is a list"),
    "completion is a number": ({"prompt": "a", "completion": 7}, "completion is a number"),
    "no completion": ({"prompt": "a"}, "has prompt; a row needs"),
    "empty output": ({"instruction": "a", "output": ""}, "output is empty"),
    "input is a list": ({"instruction": "a", "input": ["x"], "output": "b"}, "input is a list"),
    "ShareGPT without value": ({"conversations": [{"from": "human"}]}, "has no 'value'"),
    "two shapes in a row": (GOOD | talk(U, A), "keys of two shapes at once"),
    "no keys": ({}, "has no keys"),
    "an endless turn": ({"prompt": "a" * 100_000, "completion": "b"}, "100,000 characters"),
    "half a character": ('{"prompt": "\\ud800", "completion": "b"}', "half a character"),
    "a list for a row": ([1, 2], "is a list, not an object"),
    "half a line": ('{"prompt": "a", "comp', "isn't JSON"),
}


# Broken by: taking the row as it is where a check is left out, one by one.
@pytest.mark.parametrize("name", BAD_ROWS)
def test_the_first_bad_row_is_named(name: str, tmp_path: Path) -> None:
    row, said = BAD_ROWS[name]
    good = row if isinstance(row, str) else GOOD
    like = talk(U, A) if isinstance(row, dict) and "messages" in row and len(row) == 1 else good
    first = like if isinstance(like, dict) else GOOD
    if isinstance(row, dict):
        for keys in ({"conversations"}, {"instruction", "output"}):
            if keys <= row.keys():
                first = row | _filled(row)
    path = write(tmp_path, first, row, row)
    with pytest.raises(UserInputError) as caught:
        read_conversations(path)
    message = str(caught.value)
    assert f"{path}, line 2" in message
    assert said in message
    assert "\n" not in message and len(message) < 400


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    """The same shape with nothing wrong."""
    if "conversations" in row:
        said = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
        return {"conversations": said}
    return {"instruction": "a", "input": "", "output": "b"}


def test_two_shapes_in_one_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, "", talk(U, A))
    with pytest.raises(UserInputError, match="line 3: a messages row among prompt/completion"):
        read_conversations(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "holds no rows"), (b"[]", "holds no rows"), (b"\xff\xfe\x00", "isn't UTF-8")],
)
def test_files_without_rows(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserInputError, match=said):
        read_conversations(path)
    with pytest.raises(UserInputError, match="can't be read"):
        read_conversations(tmp_path / "absent.jsonl")
