"""Preference rows: two shapes become one, and what is wrong is named with its file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steep.errors import UserInputError
from steep.pipeline.chat import ensure_template, render_pair
from steep.pipeline.preferences import Preference, read_preferences
from steep.pipeline.rows import Turn
from tests.pipeline.test_rows import write
from tests.tiny import tiny_tokenizer

GOOD = {"prompt": "Who?", "chosen": "Ada", "rejected": "Bo"}
U = {"role": "user", "content": "Who?"}
A, B = ({"role": "assistant", "content": name} for name in ("Ada", "Bo"))

SILENT = {"role": "system", "content": ""}


# Broken by: lists of one message alone taken for answers, or a silent system refused.
@pytest.mark.parametrize(
    "row",
    [
        GOOD,
        {"prompt": [U], "chosen": [A], "rejected": [B]},
        {"prompt": [U], "chosen": "Ada", "rejected": " Bo\n"},
        {"chosen": [U, A], "rejected": [U, B]},
        {"prompt": "Who?", "chosen": [U, A], "rejected": [U, B]},
        {"prompt": [U], "chosen": [SILENT, U, A], "rejected": [SILENT, U, B]},
    ],
)
def test_every_shape_gives_the_same_preference(row: Any, tmp_path: Path) -> None:
    expected = Preference((Turn("user", "Who?"),), "Ada", "Bo", "Who?")
    assert read_preferences(write(tmp_path, row)) == [expected]


BAD_ROWS: dict[str, tuple[Any, str]] = {
    "no rejected": ({"prompt": "a", "chosen": "b"}, "a row needs chosen, rejected"),
    "an instruction row": ({"prompt": "a", "completion": "b"}, "a row needs chosen, rejected"),
    "the same twice": ({**GOOD, "rejected": "Ada "}, "chosen and rejected are the same"),
    "empty chosen": ({**GOOD, "chosen": " "}, "chosen is empty"),
    "rejected is a number": ({**GOOD, "rejected": 7}, "rejected is a number"),
    "prompt is null": ({**GOOD, "prompt": None}, "prompt is null"),
    "two answers in a list": ({**GOOD, "chosen": [A, A]}, "one message of the assistant's"),
    "the user answers": ({**GOOD, "chosen": [U]}, "one message of the assistant's"),
    "prompt ends with the assistant": (
        {"prompt": [U, A], "chosen": "b", "rejected": "c"},
        "the assistant speaks where the user should",
    ),
    "an answer to something else": (
        {"prompt": "When?", "chosen": [U, A], "rejected": [U, B]},
        "answers something else than the prompt",
    ),
    "prompts that differ": (
        {**GOOD, "chosen": [U, A], "rejected": [{**U, "content": "When?"}, B]},
        "differ before the last message",
    ),
    "texts without a prompt": ({"chosen": "a", "rejected": "b"}, "has no prompt"),
    "other questions": (
        {"chosen": [U, A], "rejected": [{"role": "user", "content": "When?"}, B]},
        "differ before the last message",
    ),
    "no question": ({"chosen": [A], "rejected": [B]}, "no question before its answer"),
    "the user last": ({"chosen": [U, A, U], "rejected": [U, B]}, "must be the assistant's"),
}


# Broken by: taking the row as it is where a check is left out, one by one.
@pytest.mark.parametrize("name", BAD_ROWS)
def test_the_first_bad_row_is_named(name: str, tmp_path: Path) -> None:
    row, said = BAD_ROWS[name]
    path = write(tmp_path, GOOD, row, row)
    with pytest.raises(UserInputError) as caught:
        read_preferences(path)
    message = str(caught.value)
    assert f"{path}, line 2" in message and said in message
    assert "\n" not in message and len(message) < 400


# Broken by: giving the prompt's last token to the answers.
def test_both_answers_stand_behind_the_same_prompt_and_end() -> None:
    tokenizer = tiny_tokenizer()
    ensure_template(tokenizer)
    prompt = (Turn("user", "Hi"), Turn("assistant", "Yes"), Turn("user", "Who?"))
    row = render_pair(Preference(prompt, "Ada", "Bo", "Who?"), tokenizer)
    said = [tokenizer.decode(ids) for ids in (row.prompt, row.chosen, row.rejected)]
    assert said[0].endswith("Yes<eos>\n### User:\nWho?\n### Assistant:\n")
    assert said[1:] == ["Ada<eos>", "Bo<eos>"]
