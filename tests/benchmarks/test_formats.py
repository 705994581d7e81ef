"""Local files of every known benchmark: read as published, refused with file and line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from steep.benchmarks.formats import read_items
from steep.benchmarks.names import LOCAL, Benchmark
from steep.errors import UserInputError
from tests.benchmarks import files


def read(name: str, path: Path) -> Any:
    return read_items(Benchmark(name, path))


def test_every_known_format_is_read(tmp_path: Path) -> None:
    written = files.write_all(tmp_path)
    assert sorted(written) == sorted(LOCAL)
    found = {name: read(name, path) for name, path in written.items()}
    sizes = {name: len(items.rows) for name, items in found.items()}
    assert sizes == {
        "blimp": 4, "gsm8k": 2, "hellaswag": 6, "humaneval": 2, "lambada": 6, "legalbench": 3,
        "medqa": 3, "mmlu": 9, "multipl-e": 2, "piqa": 5, "pubmedqa": 2,
    }  # fmt: skip
    assert found["mmlu"].clusters == [str(n) for n in range(9)]  # of two subjects none could tell
    assert found["blimp"].clusters == ["0", "1", "2", "3"]  # nor of one paradigm
    assert [row["label"] for row in found["piqa"].rows] == [0, 1, 1, 0, 1]
    assert [row["id"] for row in found["pubmedqa"].rows] == ["101", "104"]
    assert len(found["gsm8k"].examples) == 5
    assert found["medqa"].rows[0]["label"] == 1


# Broken by: _is_header always False.
def test_short_exports_and_stray_headers(tmp_path: Path) -> None:
    header = {key: key for key in files.MMLU_SHORT} | {"topic": "animals"}
    path = files.lines(tmp_path / "x.jsonl", [files.MMLU_SHORT, header, files.MMLU_SHORT])
    found = read("mmlu", path)
    assert [row["answer"] for row in found.rows] == [2, 2]
    assert found.rows[0]["choices"] == ["Paris", "fox", "dog", "cat"]
    short = read("hellaswag", files.lines(tmp_path / "h.jsonl", files.HELLASWAG_SHORT))
    assert short.rows[1]["whole"] == "Jumping: The fox 1 runs. the"


def test_examples_come_from_the_training_file_beside(tmp_path: Path) -> None:
    files.lines(tmp_path / "test.jsonl", files.GSM8K)
    files.lines(tmp_path / "train.jsonl", files.GSM8K[:3])
    for path in (tmp_path, tmp_path / "test.jsonl"):
        found = read("gsm8k", path)
        assert (len(found.rows), len(found.examples)) == (7, 3)


# Broken by: items apart whatever there is, or together from two on.
@pytest.mark.parametrize(("subjects", "apart"), [(7, True), (8, False)])
def test_items_of_few_subjects_stand_alone(subjects: int, apart: bool, tmp_path: Path) -> None:
    rows = [MMLU | {"subject": f"s{n % subjects}"} for n in range(16)]
    found = read("mmlu", files.lines(tmp_path / "x.jsonl", rows))
    assert len(set(found.clusters)) == (16 if apart else subjects)


# Broken by: any() in place of none at all; texts that are answers taken for numbers.
def test_choices_counted_from_one_are_refused(tmp_path: Path) -> None:
    rows = [MMLU | {"answer": 1 + n % 3} for n in range(40)]
    with pytest.raises(UserInputError, match="counted from 0"):
        read("mmlu", files.lines(tmp_path / "x.jsonl", rows))
    assert read("mmlu", files.lines(tmp_path / "y.jsonl", [*rows, MMLU | {"answer": 0}])).rows
    legal = [{"prompt": f"p{n}", "answer": 1 + n % 3} for n in range(40)]
    assert read("legalbench", files.lines(tmp_path / "z.jsonl", legal)).rows[0]["answer"] == "1"


MMLU = dict(files.MMLU[0])


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("mmlu", json.dumps(MMLU) + "\n{broken", "x.jsonl, line 2: not valid JSON"),
        ("mmlu", "[1]", "line 1: found [1]"),
        ("mmlu", json.dumps({"q": 1}), "line 1: there is no 'answer_a'"),
        ("mmlu", json.dumps(MMLU | {"answer": 4}), "line 1: 'answer' is 4"),
        ("mmlu", json.dumps(MMLU | {"answer": True}), "line 1: 'answer' is True"),
        ("mmlu", json.dumps(MMLU | {"choices": ["a"]}), "must be a list of 4 texts"),
        ("mmlu", json.dumps(MMLU | {"question": " "}), "'question' is ' '"),
        ("mmlu", "\n\n", "there are no items"),
        ("lambada", '{"text": "one"}', "two words"),
        ("hellaswag", '{"ctx": "a", "endings": ["a"], "label": 0}', "4 texts"),
        ("piqa", '{"goal": "a", "sol1": "b", "sol2": "c"}', "x-labels.lst"),
        ("medqa", '{"question": "a", "options": {"A": "b"}, "answer_idx": "A"}', "A, B, C and D"),
        ("pubmedqa", '{"QUESTION": "a", "CONTEXTS": ["b"], "final_decision": "no?"}', "maybe"),
        ("humaneval", '{"task_id": "a"}', "there is no 'prompt'"),
        ("multipl-e", '{"name": "a"}', "there is no 'stop_tokens'"),
        ("gsm8k", '{"question": "a"}', "there is no 'answer'"),
        ("blimp", '{"sentence_good": "a"}', "there is no 'sentence_bad'"),
        ("legalbench", '{"prompt": "a"}', "there is no 'answer'"),
        ("legalbench", '{"prompt": "a", "answer": null}', "'answer' is None"),
        ("mmlu", json.dumps(files.MMLU_SHORT | {"answer_b": None}), "'answer_b' is None"),
    ],
)
def test_what_is_wrong_is_said(name: str, text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with pytest.raises(UserInputError) as caught:
        read(name, path)
    assert said in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b"x" * 99)[:10] + b"nonsense" * 9)
    with pytest.raises(UserInputError, match="can't be read"):
        read("lambada", path)
    with pytest.raises(UserInputError, match="has no"):
        (tmp_path / "empty").mkdir()
        read("lambada", tmp_path / "empty")
