"""Small files in each benchmark's published format."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MMLU = [
    {
        "question": f"Which of the four is letter number {n}? " + "Think of it. " * (n % 3),
        "choices": ["Paris", "London is", "the fox", "1987"],
        "answer": n % 4,
        "subject": "letters" if n < 5 else "numbers",
    }
    for n in range(9)
]
MMLU_SHORT = {
    "question": "Who?", "answer_a": "Paris", "answer_b": "fox", "answer_c": "dog",
    "answer_d": "cat", "correct_answer": "C", "topic": "animals",
}  # fmt: skip
LAMBADA = [{"text": f"The quick brown fox number {n} jumps over the lazy dog"} for n in range(6)]
HELLASWAG = [
    {
        "activity_label": "Jumping", "ctx_a": f"The fox {n} runs.", "ctx_b": "the dog",
        "endings": ["is lazy [title] and quick.", "runs  away.", "founded it.", "is Paris."],
        "label": n % 4, "source_id": f"video~{n // 2}",
    }
    for n in range(6)
]  # fmt: skip
HELLASWAG_SHORT = [
    {"ctx": f"Jumping: The fox {n} runs. the", "endings": list("abcd"), "label": 3}
    for n in range(3)
]
PIQA = [
    {"goal": f"jump over dog {n}", "sol1": "be quick", "sol2": "be a company"} for n in range(5)
]
GSM8K = [
    {"question": f"What is {n} + 1?", "answer": f"It is one more.\n#### {n + 1}"} for n in range(7)
]
BLIMP = [
    {"sentence_good": f"The fox {n} jumps.", "sentence_bad": f"The fox {n} jump.", "UID": "verb"}
    for n in range(4)
]
HUMANEVAL = [
    {
        "task_id": f"T/{n}", "prompt": "def one():\n", "entry_point": "one",
        "test": "def check(f):\n    assert f() == 1",
    }
    for n in range(2)
]  # fmt: skip
MULTIPL_E = [
    {
        "name": f"HumanEval_{n}_one", "language": "sh", "prompt": "one() {\n",
        "tests": "}\n[ \"$(one)\" = 1 ]", "stop_tokens": ["\n}"],
    }
    for n in range(2)
]  # fmt: skip
MEDQA = [
    {
        "question": f"Which {n}?", "options": {"A": "Paris", "B": "fox", "C": "dog", "D": "cat"},
        "answer_idx": "B",
    }
    for n in range(3)
]  # fmt: skip
PUBMEDQA = {
    str(100 + n): {
        "QUESTION": f"Does fox {n} jump?", "CONTEXTS": ["It was seen.", "Often."],
        "final_decision": ("yes", "no", "maybe")[n % 3], "LONG_ANSWER": "Yes.",
    }
    for n in range(6)
}  # fmt: skip
LEGALBENCH = [
    {"task": "hearsay", "prompt": f"Is {n} hearsay? Answer:", "answer": "Yes"} for n in range(3)
]


def lines(path: Path, rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write one object a line, compressed if the name says so."""
    text = "".join(json.dumps(row) + "\n" for row in rows)
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_all(folder: Path) -> dict[str, Path]:
    """A local file (or folder) of every benchmark, by name."""
    piqa, pubmedqa = folder / "piqa", folder / "pubmedqa"
    piqa.mkdir()
    pubmedqa.mkdir()
    lines(piqa / "valid.jsonl", PIQA)
    (piqa / "valid-labels.lst").write_text("0\n1\n1\n0\n1\n")
    (pubmedqa / "ori_pqal.json").write_text(json.dumps(PUBMEDQA))
    (pubmedqa / "test_ground_truth.json").write_text(json.dumps({"101": "no", "104": "no"}))
    return {
        "blimp": lines(folder / "blimp.jsonl", BLIMP),
        "gsm8k": lines(folder / "gsm8k.jsonl", GSM8K),
        "hellaswag": lines(folder / "hellaswag.jsonl", HELLASWAG),
        "humaneval": lines(folder / "humaneval.jsonl.gz", HUMANEVAL),
        "lambada": lines(folder / "lambada.jsonl", LAMBADA),
        "legalbench": lines(folder / "legalbench.jsonl", LEGALBENCH),
        "medqa": lines(folder / "medqa.jsonl", MEDQA),
        "mmlu": lines(folder / "mmlu.jsonl", MMLU),
        "multipl-e": lines(folder / "multipl-e.jsonl", MULTIPL_E),
        "piqa": piqa,
        "pubmedqa": pubmedqa,
    }
