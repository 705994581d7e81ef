"""What a user may write where a benchmark is wanted: ``mmlu``, or ``mmlu=eval/mmlu.jsonl``."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steep.errors import UserInputError

# Our names (left) and lm-eval's task or group for the same thing; others are lm-eval's own.
ALIASES = {
    "lambada": "lambada_openai",
    "medqa": "medqa_4options",
}
LOCAL = (
    "blimp",
    "gsm8k",
    "hellaswag",
    "humaneval",
    "lambada",
    "legalbench",
    "medqa",
    "mmlu",
    "multipl-e",
    "piqa",
    "pubmedqa",
)
"""Benchmarks whose local files can be read."""

RUNS_CODE = ("humaneval", "multipl-e", "mbpp")
"""Benchmarks (by the beginning of their names) that execute what the model writes."""


@dataclass(frozen=True)
class Benchmark:
    """A benchmark as asked for: a known name, and where its data are if they are local."""

    name: str
    path: Path | None = None

    @property
    def spec(self) -> str:
        """As the user would write it."""
        return self.name if self.path is None else f"{self.name}={self.path}"

    @property
    def task(self) -> str:
        """The name of lm-eval's task or group."""
        return ALIASES.get(self.name, self.name)

    @property
    def runs_code(self) -> bool:
        """Does it execute what the model writes?"""
        return self.name.startswith(RUNS_CODE)


def parse_benchmarks(
    specs: Sequence[str], *, allow_code_execution: bool = False
) -> tuple[Benchmark, ...]:
    """Benchmarks from ``name`` or ``name=path``, in the order given.

    Raises:
        UserInputError: a name without data, a path that isn't there, the same name twice, or code
            to be executed without leave.
    """
    found = [_parse(spec) for spec in specs]
    for benchmark in found:
        if sum(other.name == benchmark.name for other in found) > 1:
            raise UserInputError(f"benchmark '{benchmark.name}' is named twice; keep one of them")
        if benchmark.runs_code and not allow_code_execution:
            raise UserInputError(
                f"benchmark '{benchmark.name}' runs code that the model writes, on this machine; "
                "allow it with --allow-code-execution (in a recipe: evaluate.allow_code_execution "
                "= true), best in a container"
            )
    return tuple(found)


def _parse(spec: str) -> Benchmark:
    name, equals, where = (part.strip() for part in spec.partition("="))
    if not name or (equals and not where):
        raise UserInputError(f"benchmark '{spec}': write it as name or name=path, e.g. mmlu")
    name = name.lower() if name.lower() in LOCAL else name
    if not equals:
        return Benchmark(name)
    if name not in LOCAL:
        near = difflib.get_close_matches(name, LOCAL, n=1, cutoff=0.0)[0]
        raise UserInputError(
            f"benchmark '{name}': no local format of that name is known; did you mean '{near}'? "
            f"(known: {', '.join(LOCAL)})"
        )
    path = Path(os.path.expanduser(where))
    if not path.exists():
        raise UserInputError(f"benchmark '{name}': there is no {path}; give a file of its items")
    return Benchmark(name, path.absolute())
