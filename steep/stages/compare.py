"""Compare: finished runs side by side, paired item by item, if their evaluations can be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from steep.artifact import read_json
from steep.errors import DriftError, UserInputError
from steep.proof.measures import OPTIONAL_SETS, PAIRED_SETS, Raw, better
from steep.proof.measures import compare as compare_raw
from steep.proof.seal import what_is_wrong
from steep.proof.statistics import NOTHING, Difference
from steep.stages.folder import RunFolder

_BY_ID = (*PAIRED_SETS, "few_shot", "divergence", "copied")
_SAME = {
    "scorer_version": "another scorer version",
    "tokenizer": "another tokenizer",
    "panel": "another panel (questions, general texts or grammar)",
}


@dataclass(frozen=True)
class MeasureOfRun:
    """One measure of one run, as its evaluation.json has it."""

    n: int
    base: float | None
    tuned: float | None
    delta: float | None
    ci95: tuple[float, float] | None


@dataclass(frozen=True)
class MeasureCompared:
    """One measure over all runs.

    Attributes:
        better: which direction is good.
        runs: as each run has it.
        against_first: for each run but the first its tuned model minus the first run's, over the
            items that both were asked.
    """

    name: str
    better: str
    runs: tuple[MeasureOfRun, ...]
    against_first: tuple[Difference, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; ``verdicts`` are their own."""

    runs: tuple[str, ...]
    verdicts: tuple[str, ...]
    ship: tuple[bool, ...]
    measures: tuple[MeasureCompared, ...]

    def as_json(self) -> dict[str, Any]:
        """The same as what JSON can hold."""
        return {"schema": 1, **asdict(self)}


@dataclass(frozen=True)
class _Finished:
    """A run's evaluation, its tuned model's results, and what its base model wrote, by id."""

    path: Path
    evaluation: dict[str, Any]
    tuned: Raw
    own: Mapping[str, str]


def compare(*runs: str | Path) -> Comparison:
    """Put finished runs side by side.

    Args:
        runs: run folders, two or more; differences are to the first.

    Raises:
        UserInputError: fewer than two runs, or one isn't finished.
        DriftError: an evaluation was edited, or was made with another tokenizer, scorer version or
            panel than the first.
    """
    if len(runs) < 2:
        raise UserInputError("compare needs two run folders or more: steep compare RUN RUN")
    found = [_finished(Path(run)) for run in runs]
    first = found[0]
    for other in found[1:]:
        _refuse_other(first, other)
    paired = [_paired(first, other) for other in found[1:]]
    rows = [{row["name"]: row for row in run.evaluation["measures"]} for run in found]
    names = dict.fromkeys(name for row in rows for name in row)
    return Comparison(
        runs=tuple(str(run.path) for run in found),
        verdicts=tuple(str(run.evaluation["verdict"]) for run in found),
        ship=tuple(run.evaluation["ship"] is True for run in found),
        measures=tuple(
            MeasureCompared(
                name=name,
                better=better(name),
                runs=tuple(_of_run(row.get(name)) for row in rows),
                against_first=tuple(differences.get(name, NOTHING) for differences in paired),
            )
            for name in names
        ),
    )


def _finished(path: Path) -> _Finished:
    """A run whose evaluation is what its results give."""
    run = RunFolder(path)
    evaluation = _table(run.evaluation, path)
    base, tuned = (
        _table(run.scores / f"{name}.json", path).get("result") for name in ("base", "tuned")
    )
    try:
        wrong = what_is_wrong(evaluation, base or {}, tuned or {})
    except (DriftError, KeyError, TypeError, ValueError, AttributeError):
        wrong = "can't be recomputed: the results in scores/ are damaged or of an older steep"
    if wrong is not None:
        raise DriftError(
            f"{run.evaluation} {wrong}; make it again from that run's recipe with: "
            "steep evaluate RECIPE"
        )
    return _Finished(path, evaluation, tuned or {}, dict((base or {}).get("own_texts") or ()))


def _table(file: Path, path: Path) -> dict[str, Any]:
    try:
        found = read_json(file)
    except FileNotFoundError:
        raise UserInputError(
            f"no {file.relative_to(path)} in {path}; give the folder of a finished run, or finish "
            "it with: steep evaluate RECIPE"
        ) from None
    except (OSError, ValueError) as error:
        raise DriftError(
            f"{file} can't be read ({error}); make it again from that run's recipe with: "
            "steep evaluate RECIPE"
        ) from None
    if not isinstance(found, dict):
        raise DriftError(f"{file} isn't a table of values; run: steep evaluate RECIPE")
    return found


def _refuse_other(first: _Finished, other: _Finished) -> None:
    one, two = first.evaluation["fingerprint"], other.evaluation["fingerprint"]
    for name, what in _SAME.items():
        if one[name] != two[name]:
            raise DriftError(
                f"{other.path} was evaluated with {what} than {first.path}, so the two can't be "
                "compared; evaluate both with the same one, with: steep evaluate RECIPE"
            )


def _paired(first: _Finished, other: _Finished) -> dict[str, Difference]:
    """The other run's tuned model minus the first's on the items that both were asked."""
    one, two = shared_items(_on_texts_of(first, other), _on_texts_of(other, first))
    contaminated: dict[str, set[str]] = {}
    for run in (first, other):
        for name, ids in run.evaluation["contamination"]["items"].items():
            contaminated.setdefault(name, set()).update(ids)
    return compare_raw(one, two, contaminated).measures


def _on_texts_of(run: _Finished, other: _Finished) -> Raw:
    """A run's results without those on texts that only its own base model wrote.

    Their ids are numbers, so that another base model's texts, or those that the same one wrote on
    another machine, have the same.
    """
    gone = {name for name, text in run.own.items() if other.own.get(name) != text}
    kept = {
        name: [row for row in run.tuned[name] if row["id"] not in gone]
        for name in ("own", "divergence")
    }
    return {**run.tuned, **kept}


def shared_items(one: Raw, two: Raw) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both results without the items that only one of them has, in one order.

    Runs of other seeds hold out other documents, in other languages perhaps, and a run may have
    been asked what the other wasn't.
    """
    first, second = dict(one), dict(two)
    optional = [name for name in OPTIONAL_SETS if name in one or name in two]
    for name in optional:
        if name not in one or name not in two:
            for result in (first, second):
                result.pop(name, None)
    for name in (*_BY_ID, *(name for name in optional if name != "languages" and name in first)):
        there = {_identity(row): row for row in two[name]}
        kept = [row for row in one[name] if _identity(row) in there]
        first[name], second[name] = kept, [there[_identity(row)] for row in kept]
    if "languages" in first:
        codes = first["languages"].items() & second["languages"].items()
        kept_ids = {row["id"] for row in first["domain"]}
        told = {id: code for id, code in sorted(codes) if id in kept_ids}
        first["languages"], second["languages"] = told, dict(told)
    return first, second


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two results those of one item."""
    size = row.get("bytes")
    asked: Sequence[str] = row.get("choices") or ()
    return (row["id"], size, row.get("question"), row.get("truth"), tuple(asked))


def _of_run(row: Mapping[str, Any] | None) -> MeasureOfRun:
    """A measure as a run has it; nothing where it hasn't."""
    if row is None:
        return MeasureOfRun(0, None, None, None, None)
    interval = row["ci95"]
    return MeasureOfRun(
        n=row["n"],
        base=row["base"],
        tuned=row["tuned"],
        delta=row["delta"],
        ci95=None if interval is None else (interval[0], interval[1]),
    )
