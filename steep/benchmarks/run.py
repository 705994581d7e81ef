"""Running benchmarks on one model, or on two side by side with paired intervals."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from steep.benchmarks.formats import FEWEST_CLUSTERS
from steep.benchmarks.harness import harness_model
from steep.benchmarks.tasks import Loaded, quiet
from steep.errors import UserInputError
from steep.proof.statistics import Difference, Scale, paired_share, ratio_difference

# How lm-eval brings a metric's items together, and what that is in our statistics. Other ways
# (F1, correlations) don't come from sums over items, so there is no paired interval for them.
_SCALES: dict[str, Scale] = {
    "mean": "plain",
    "perplexity": "exp",
    "weighted_perplexity": "exp",
    "bits_per_byte": "bits",
}

Heard = Callable[[str, int, int], None]
"""Called with what is asked, requests done and requests in all."""


@dataclass(frozen=True)
class Scores:
    """One metric of one benchmark for one model, item by item.

    Attributes:
        items: (task, number) of each item.
        values, units: what is added up for each item, and what it is divided by.
    """

    benchmark: str
    metric: str
    better: Literal["higher", "lower"]
    scale: Scale
    items: tuple[tuple[str, int], ...]
    values: tuple[float, ...]
    units: tuple[float, ...]
    clusters: tuple[str, ...]


@dataclass(frozen=True)
class BenchmarkRow:
    """One line of the table.

    Attributes:
        n, clusters: items, and how many groups of items that are resampled whole.
        base, tuned: the metric; ``base`` and ``delta`` are None if one model was asked alone.
        ci95: 95% interval of ``delta``, or of ``tuned`` if that was asked alone; None if there are
            too few items.
    """

    benchmark: str
    metric: str
    n: int
    clusters: int
    base: float | None
    tuned: float | None
    delta: float | None
    ci95: tuple[float, float] | None
    better: Literal["higher", "lower"]

    def as_json(self) -> dict[str, Any]:
        """As it stands in JSON."""
        return {**asdict(self), "ci95": None if self.ci95 is None else list(self.ci95)}


def ask_benchmarks(
    model: Any,
    tokenizer: Any,
    loaded: Sequence[Loaded],
    *,
    limit: int | None = None,
    heard: Heard | None = None,
) -> list[Scores]:
    """Put every benchmark to one model.

    Args:
        limit: items of each task; None means all.

    Raises:
        UserInputError: a benchmark's results can't be summed up item by item.
    """
    found: list[Scores] = []
    for one in loaded:
        name = one.benchmark.name
        told = None if heard is None else _naming(heard, name)
        with quiet():
            lm = harness_model(model, tokenizer, told)
            samples = _samples(lm, one, limit)
        metrics = list(_metrics(one, samples))
        if not metrics:
            raise UserInputError(
                f"benchmark '{name}': none of its metrics is a sum over items, so base and tuned "
                "can't be compared with an interval; choose another"
            )
        found += metrics
    return found


def compare(tuned: Sequence[Scores], base: Sequence[Scores] | None = None) -> list[BenchmarkRow]:
    """The table's lines; with a base, the same items of both are paired.

    Raises:
        ValueError: base and tuned weren't asked the same.
    """
    others: Sequence[Scores | None] = [None] * len(tuned) if base is None else base
    return [_line(one, other) for one, other in zip(tuned, others, strict=True)]


def _naming(heard: Heard, name: str) -> Callable[[int, int], None]:
    """As ``heard``, with the name; what it prints isn't lm-eval's and goes where it should."""
    real = sys.stderr

    def told(done: int, total: int) -> None:
        with contextlib.redirect_stderr(real):
            heard(name, done, total)

    return told


def _samples(lm: Any, one: Loaded, limit: int | None) -> Mapping[str, list[Mapping[str, Any]]]:
    """lm-eval's own evaluation of one benchmark: what it says about each item."""
    from lm_eval.evaluator import evaluate

    for task in one.tasks.values():
        if task.get_config("num_fewshot") is None:
            task.set_config(key="num_fewshot", value=0)
        task.set_fewshot_seed(seed=_fewshot_seed())
    result = evaluate(
        lm,
        {"tasks": dict(one.tasks)},
        limit=limit,
        bootstrap_iters=0,
        log_samples=True,
        confirm_run_unsafe_code=one.benchmark.runs_code,
    )
    samples: Mapping[str, list[Mapping[str, Any]]] = result["samples"]
    return samples


def _fewshot_seed() -> int:
    from lm_eval.defaults import DEFAULT_OTHER_SEED

    return int(DEFAULT_OTHER_SEED)


def _metrics(one: Loaded, samples: Mapping[str, list[Mapping[str, Any]]]) -> Iterator[Scores]:
    """Every metric that all tasks of a benchmark have and that is a sum over items."""
    first = next(iter(one.tasks.values()))
    kept = {
        (s["filter"], metric): None for s in samples[_name(one, first)] for metric in s["metrics"]
    }
    for chosen, metric in kept:
        how = getattr(first.aggregation().get(metric), "__name__", "")
        if how not in _SCALES:
            continue
        rows = [
            (task, sample)
            for task, found in samples.items()
            for sample in found
            if sample["filter"] == chosen and metric in sample["metrics"]
        ]
        pairs = [_value(how, sample[metric]) for _, sample in rows]
        items = tuple((task, int(sample["doc_id"])) for task, sample in rows)
        yield Scores(
            benchmark=one.benchmark.name,
            metric=metric if chosen == "none" else f"{metric} ({chosen})",
            better="higher" if first.higher_is_better().get(metric, True) else "lower",
            scale=_SCALES[how],
            items=items,
            values=tuple(value for value, _ in pairs),
            units=tuple(unit for _, unit in pairs),
            clusters=tuple(
                one.cluster(task, number, sample["doc"])
                for (task, number), (_, sample) in zip(items, rows, strict=True)
            ),
        )


def _name(one: Loaded, task: Any) -> str:
    return next(name for name, other in one.tasks.items() if other is task)


def _value(how: str, value: Any) -> tuple[float, float]:
    """(what is added up, what it is divided by), nats counted as loss."""
    if how == "mean":
        return float(value), 1.0
    if how == "perplexity":
        return -float(value), 1.0
    logprob, size = value
    return -float(logprob), float(size)


def _line(tuned: Scores, base: Scores | None) -> BenchmarkRow:
    if base is not None and (base.items, base.metric) != (tuned.items, tuned.metric):
        raise ValueError(f"base and tuned were asked different items of {tuned.benchmark}")
    clusters = tuned.clusters if len(set(tuned.clusters)) >= FEWEST_CLUSTERS else _apart(tuned)
    values = (0.0,) * len(tuned.items) if base is None else base.values
    is_share = _is_share(tuned) and (base is None or _is_share(base))
    if is_share:
        found = paired_share(values, tuned.values, clusters)
    else:
        found = ratio_difference(
            values,
            tuned.values,
            tuned.units if base is None else base.units,
            tuned.units,
            clusters=clusters,
            scale=tuned.scale,
        )
    return BenchmarkRow(
        benchmark=tuned.benchmark,
        metric=tuned.metric,
        n=found.n,
        clusters=len(set(clusters)),
        base=None if base is None else found.base,
        tuned=found.tuned,
        delta=None if base is None else found.delta,
        ci95=found.ci95 if base is not None else _of_itself(found, is_share=is_share),
        better=tuned.better,
    )


def _is_share(scores: Scores) -> bool:
    """True if items are right or wrong, or in between: then few changes don't prove much."""
    plain = scores.scale == "plain" and set(scores.units) <= {1.0}
    return plain and all(0 <= value <= 1 for value in scores.values)


def _apart(scores: Scores) -> tuple[str, ...]:
    """Each item a cluster of its own, where there would be too few to show anything."""
    return tuple(f"{task} {number}" for task, number in scores.items)


def _of_itself(found: Difference, *, is_share: bool) -> tuple[float, float] | None:
    """The interval of a value from that of its difference to what nothing at all gives."""
    if found.ci95 is None or found.base is None:
        return None
    low, high = found.ci95[0] + found.base, found.ci95[1] + found.base
    return (max(0.0, low), high) if is_share else (low, high)
