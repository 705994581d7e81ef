"""Benchmarks: lm-eval's tasks put to the exported model and its base, and the table of both.

``benchmarks.json``: ``{"schema": 1, "model", "base", "lm_eval", "limit", "rows": [{"benchmark",
"metric", "n", "clusters", "base", "tuned", "delta", "ci95", "better"}…], "key"}``. Asked alone, a
model has null ``base`` and ``delta``, and ``ci95`` is the interval of ``tuned``.
"""

from __future__ import annotations

import gc
import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steep.artifact import file_hash, key_of, read_sealed, write_sealed
from steep.benchmarks.names import Benchmark, parse_benchmarks
from steep.model.load import load_model, model_fingerprint, resolve_model
from steep.progress import Progress
from steep.proof.measure import SCORER_VERSION
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder

if TYPE_CHECKING:
    from steep.benchmarks.run import BenchmarkRow, Scores
    from steep.benchmarks.tasks import Loaded


@dataclass(frozen=True)
class BenchResult:
    """What benchmarks say about a model.

    Attributes:
        model, base: what was asked; ``base`` is None if the model was asked alone.
        lm_eval: the version of lm-eval whose tasks these are.
        limit: items of each task; None means all.
    """

    model: str
    base: str | None
    lm_eval: str
    limit: int | None
    rows: tuple[BenchmarkRow, ...]

    def as_json(self) -> dict[str, Any]:
        """As it stands in benchmarks.json, without the run's key."""
        return {
            "schema": 1,
            "model": self.model,
            "base": self.base,
            "lm_eval": self.lm_eval,
            "limit": self.limit,
            "rows": [row.as_json() for row in self.rows],
        }


def bench_models(
    model: str,
    base: str | None,
    benchmarks: Sequence[Benchmark],
    limit: int | None,
    progress: Progress,
) -> BenchResult:
    """Ask one model, or two one after the other (only one is in memory at a time).

    Raises:
        UserInputError: a model or a benchmark can't be loaded.
    """
    from steep.benchmarks.run import compare
    from steep.benchmarks.tasks import load_benchmark, need_harness

    need_harness()
    for name in (model, base):
        if name is not None:
            resolve_model(name)  # a wrong name is told before anything is fetched
    progress.stage("Reading the benchmarks")
    loaded = [load_benchmark(benchmark) for benchmark in benchmarks]
    before = None if base is None else _ask(base, loaded, limit, progress, "the base model")
    after = _ask(model, loaded, limit, progress, "the model" if base is None else "the tuned model")
    version = importlib.metadata.version("lm-eval")
    return BenchResult(model, base, version, limit, tuple(compare(after, before)))


def _ask(
    name: str, loaded: Sequence[Loaded], limit: int | None, progress: Progress, who: str
) -> list[Scores]:
    from steep.benchmarks.run import ask_benchmarks

    model, tokenizer = load_model(name)
    progress.stage(f"Asking {who}: {name}")

    def heard(what: str, done: int, total: int) -> None:
        progress.at(done, total, what)

    scores = ask_benchmarks(model, tokenizer, loaded, limit=limit, heard=heard)
    del model
    gc.collect()
    return scores


def check_benchmarks(recipe: Recipe) -> tuple[Benchmark, ...]:
    """The recipe's benchmarks; whatever can be wrong with them is found before any work.

    Raises:
        UserInputError: a name or a file isn't right, or lm-eval isn't there.
    """
    evaluate = recipe.evaluate
    found = parse_benchmarks(
        evaluate.benchmarks, allow_code_execution=evaluate.allow_code_execution
    )
    if found:
        from steep.benchmarks.formats import read_items
        from steep.benchmarks.tasks import need_harness

        need_harness()
        for benchmark in found:
            if benchmark.path is not None:
                read_items(benchmark)
    return found


def benchmark_stage(
    recipe: Recipe, base: Base, exports: dict[str, Any], run: RunFolder, progress: Progress
) -> dict[str, Any] | None:
    """Ask base and exported model, and write benchmarks.json; the same again is skipped.

    A recipe without benchmarks has none (None): an old file is removed.
    """
    benchmarks = check_benchmarks(recipe)
    if not benchmarks:
        run.benchmarks.unlink(missing_ok=True)
        return None
    merged = run.path / exports["merged"]
    limit = recipe.evaluate.benchmark_limit
    key = key_of(
        {
            "benchmarks": {b.spec: None if b.path is None else _hash(b.path) for b in benchmarks},
            "limit": limit,
            "scorer": SCORER_VERSION,
            "lm_eval": importlib.metadata.version("lm-eval"),
            "base": base.fingerprint,
            "tuned": model_fingerprint(str(merged)),
        }
    )
    kept = read_sealed(run.benchmarks)
    if kept.get("key") == key:
        return kept
    result = bench_models(str(merged), base.path, benchmarks, limit, progress)
    written = {**result.as_json(), "model": exports["merged"], "base": recipe.home, "key": key}
    write_sealed(run.benchmarks, written)
    return written


def _hash(path: Path) -> str:
    """A hash of a file, or of all files in a folder."""
    if path.is_file():
        return file_hash(path)
    return key_of({f.name: file_hash(f) for f in sorted(path.iterdir()) if f.is_file()})
