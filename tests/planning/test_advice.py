"""Each piece of advice, on both sides of its bound, with its numbers in the sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from steep.documents.read import collect
from steep.documents.record import Document
from steep.planning.advice import (
    FEW_TOKENS,
    Predicted,
    is_example,
    minutes,
    on_behaviour,
    on_exposures,
    on_known_text,
    on_little_text,
    on_wordings,
)

TURNS = "User: How do I reset it?\nAssistant: Hold the button.\nUser: And then?\nAssistant: Wait."
PROSE = "The pump was built in 1987. It serves the town.\n\nQ: marks the questions in our archive."


# Broken by: any() where two turns of each side are asked for, or no _RECORD pattern.
@pytest.mark.parametrize(
    ("text", "example"),
    [
        (TURNS, True),
        ("Q: Who built it?\nA: Ada.\n\nQ: When?\nA: In 1987.", True),
        ("instruction: Summarise this. input: A text. output: A summary.", True),
        ("Prompt: Hello. Completion: Good day.", True),
        ("messages 1 role: user. messages 1 content: Hi. messages 2 role: assistant.", True),
        (PROSE, False),
        ("Q: What is a pump?\n\n" + "It moves water.\n" * 20, False),
        ("Question: Who built it?\nIt was Ada, and the answer is well known.", False),
        ("The output: a summary.", False),
        ("", False),
    ],
)
def test_examples_of_behaviour_are_told_from_texts(text: str, example: bool) -> None:
    assert is_example(text) is example


# Broken by: counting documents instead of their text, or MOSTLY = 0.
def test_behaviour() -> None:
    turns, prose = Document(TURNS, "t", "a"), Document(PROSE * 20, "p", "b")
    found = on_behaviour([turns, Document(TURNS + " ", "t", "c"), Document(PROSE, "p", "d")])
    assert found is not None
    assert found.about == "behaviour"
    assert "2 of 3 documents (66% of the text)" in found.text
    assert "SFT" in found.text
    assert on_behaviour([turns, turns, prose]) is None
    assert on_behaviour([prose]) is None
    assert on_behaviour([]) is None


# Broken by: records whose fields the readers say under other names.
@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Translate.", "input": "Guten Tag", "output": "Good day"},
        {"prompt": "Hello", "completion": "Good day"},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]},
    ],
)
def test_records_are_found_as_the_readers_give_them(row: object, tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert on_behaviour(collect(str(path)).documents) is not None
    path.write_text(json.dumps({"title": "Pump", "text": PROSE}) + "\n", encoding="utf-8")
    assert on_behaviour(collect(str(path)).documents) is None


# Broken by: "tokens > FEW_TOKENS".
def test_little_text() -> None:
    assert on_little_text(FEW_TOKENS, 8192) is None
    found = on_little_text(FEW_TOKENS - 1, 8192)
    assert found is not None
    assert "1,999 tokens" in found.text
    assert "2,000" in found.text
    assert "8,192" in found.text
    small = on_little_text(10, 128)
    assert small is not None
    assert "128" not in small.text


# Broken by: found.domain >= found.general in on_known_text.
def test_known_text() -> None:
    assert on_known_text(None) is None
    assert on_known_text(Predicted(1.31, 1.3, 6000)) is None
    found = on_known_text(Predicted(1.05, 1.3, 6000))
    assert found is not None
    for number in ("1.05", "1.30", "6,000"):
        assert number in found.text


# Broken by: "median <= FEW_EXPOSURES".
def test_exposures() -> None:
    assert on_exposures(20.0, 100, ("max_steps", 100), 200.0) is None
    assert on_exposures(None, 100, None, 200.0) is None
    found = on_exposures(7.0, 100, ("max_steps", 290), 600.0)
    assert found is not None
    for number in ("100 steps", "7 times", "20", "train.max_steps = 290", "give 30", "10 min"):
        assert number in found.text
    unmeasured = on_exposures(7.0, 100, ("epochs", 2.5), None)
    assert unmeasured is not None
    assert "train.epochs = 2.5" in unmeasured.text and "min" not in unmeasured.text
    staged = on_exposures(7.0, 100, None, 600.0)
    assert staged is not None and "stages larger budgets" in staged.text


# Broken by: "few < MOSTLY * facts".
def test_wordings() -> None:
    assert on_wordings(0, 0) is None
    assert on_wordings(40, 20) is None
    found = on_wordings(40, 21)
    assert found is not None
    for words in ("21 of 40", "fewer than 3 wordings", "retell.coverage = 3"):
        assert words in found.text


def test_durations() -> None:
    assert [minutes(s) for s in (3.2, 89, 600, 9000)] == ["3 s", "89 s", "10 min", "2.5 h"]
