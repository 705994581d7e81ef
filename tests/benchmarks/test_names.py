"""What may be written where a benchmark is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest

from steep.benchmarks.names import Benchmark, parse_benchmarks
from steep.cli.bench import split_tasks
from steep.errors import UserInputError


def test_names_and_local_files(tmp_path: Path) -> None:
    file = tmp_path / "mmlu.jsonl"
    file.touch()
    one, two, three = parse_benchmarks(["MedQA", f" mmlu = {file}", "arc_easy"])
    assert (one, one.task, one.spec) == (Benchmark("medqa"), "medqa_4options", "medqa")
    assert two == Benchmark("mmlu", file)
    assert (three.name, three.task) == ("arc_easy", "arc_easy")
    assert split_tasks(["mmlu, piqa=a/b.jsonl", "medqa"]) == ["mmlu", "piqa=a/b.jsonl", "medqa"]


@pytest.mark.parametrize(
    ("specs", "said"),
    [
        (["=x"], "name=path"),
        (["mmlu="], "name=path"),
        (["mmul=/nowhere"], "did you mean 'mmlu'"),
        (["mmlu=/nowhere"], "there is no /nowhere"),
        (["piqa", "piqa"], "named twice"),
        (["humaneval"], "--allow-code-execution"),
        (["multipl-e-js"], "--allow-code-execution"),
        (["mbpp"], "--allow-code-execution"),
    ],
)
def test_what_is_wrong_is_said(specs: list[str], said: str) -> None:
    with pytest.raises(UserInputError, match=said) as caught:
        parse_benchmarks(specs)
    assert caught.value.exit_code == 2


def test_code_runs_only_by_leave() -> None:
    (one,) = parse_benchmarks(["humaneval"], allow_code_execution=True)
    assert one.runs_code
    assert not Benchmark("mmlu").runs_code
