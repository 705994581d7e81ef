"""The story of a run: everything the report tells, read once from the run folder."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from steep.artifact import is_sealed, read_json
from steep.errors import UserInputError
from steep.export.card import CardFacts, plain
from steep.export.loading import Exported

FILES = {
    "recipe.toml": "the recipe with every default",
    "evaluation.json": "the proof: measures, intervals, verdict",
    "benchmarks.json": "lm-eval's tasks, base beside tuned",
    "metrics.jsonl": "one line per training step",
    "data/ledger.json": "what became of every document and token",
    "machine.json": "what it ran on",
    "plan.json": "what it was predicted to take",
    "guard.json": "what the guard saw while it trained, and what it did",
    "strength.json": "how much of the change is kept, and what else was tried",
    "lifted.json": "how far the model in training, in fewer bits, was from the one judged",
    "exports.json": "what was exported, and its parity",
}


@dataclass(frozen=True)
class Step:
    """One optimizer step of metrics.jsonl; ``loss`` in nats per target token.

    ``stage`` is the name of its stage in a curriculum.
    """

    step: int
    tokens: int
    seconds: float
    loss: float
    lr: float
    tokens_per_second: float
    peak_memory_bytes: int | None
    stage: str | None = None


@dataclass(frozen=True)
class Check:
    """Measures taken while training: the ``checks`` of a metrics line, by name.

    Step 0 is before training (``checks_before`` of the first line).
    """

    step: int
    values: Mapping[str, float]


@dataclass(frozen=True)
class RunStory:
    """A run as its folder tells it. A part that isn't there is None (or empty, for lists).

    All strings are free of control characters and lone surrogates, but not escaped: that is the
    business of whoever prints them.

    Attributes:
        name: name of the run folder.
        exports: None also where another model was exported than the one judged.
        files: (path relative to the run folder, what it is), only those that exist.
    """

    name: str
    evaluation: Mapping[str, Any]
    ledger: Mapping[str, Any] | None
    steps: tuple[Step, ...]
    checks: tuple[Check, ...]
    recipe: Mapping[str, Any] | None
    recipe_text: str | None
    machine: Mapping[str, Any] | None
    exports: Mapping[str, Any] | None
    strength: Mapping[str, Any] | None
    guard: Mapping[str, Any] | None
    plan: Mapping[str, Any] | None
    benchmarks: Mapping[str, Any] | None
    files: tuple[tuple[str, str], ...]

    @property
    def base_model(self) -> str:
        """The model that the result is a change of, as the recipe names it."""
        recipe = self.recipe or {}
        return str(recipe.get("instruct") or recipe.get("model", "unknown"))

    @property
    def tokens(self) -> int | None:
        """Tokens trained by the steps on record."""
        return sum(step.tokens for step in self.steps) if self.steps else None

    @property
    def seconds(self) -> float | None:
        """Wall time of the steps on record, without pauses between sessions."""
        return sum(step.seconds for step in self.steps) if self.steps else None

    @property
    def peak_memory_bytes(self) -> int | None:
        """Peak memory over the steps on record."""
        peaks = [s.peak_memory_bytes for s in self.steps if s.peak_memory_bytes is not None]
        return max(peaks, default=None)


def read_story(run: Path) -> RunStory:
    """Read a run folder.

    Raises:
        UserInputError: there is no evaluation, or a file of the run is broken.
    """
    evaluation = _mapping(run / "evaluation.json", _read_evaluation)
    if evaluation is None:
        raise UserInputError(f"no evaluation.json in {run}; run: steep evaluate RECIPE")
    missing = [key for key in ("verdict", "ship", "measures") if key not in evaluation]
    if missing:
        raise UserInputError(
            f"{run / 'evaluation.json'} has no '{missing[0]}'; run: steep evaluate RECIPE"
        )
    recipe_path = run / "recipe.toml"
    recipe = _mapping(recipe_path, lambda path: tomllib.loads(path.read_text(encoding="utf-8")))
    steps, checks = _read_metrics(run / "metrics.jsonl")
    exports = _mapping(run / "exports.json", read_json)
    is_judged = exports is None or exports_judged(exports, evaluation)
    return RunStory(
        name=plain(run.resolve().name),
        evaluation=evaluation,
        ledger=_mapping(run / "data" / "ledger.json", read_json),
        steps=steps,
        checks=checks,
        recipe=recipe,
        recipe_text=plain(recipe_path.read_text(encoding="utf-8")) if recipe else None,
        machine=_mapping(run / "machine.json", read_json),
        exports=exports if is_judged else None,
        strength=_mapping(run / "strength.json", read_json),
        guard=_mapping(run / "guard.json", read_json),
        plan=_mapping(run / "plan.json", read_json),
        benchmarks=_mapping(run / "benchmarks.json", read_json),
        files=tuple(_files(run, exports or {}, is_judged=is_judged)),
    )


def exports_judged(exports: Mapping[str, Any], evaluation: Mapping[str, Any]) -> bool:
    """Is what stands in exports.json the model that the evaluation is of, as far as they say?"""
    judged = (evaluation.get("fingerprint") or {}).get("tuned")
    return exports.get("tuned") in (None, judged) or judged is None


def card_facts(
    story: RunStory,
    kind: Exported,
    base_hash: str | None = None,
    licence: str | None = None,
) -> CardFacts:
    """What ``steep.export.card.model_card`` needs, from a story."""
    exports, recipe = story.exports or {}, story.recipe or {}
    what = (recipe.get("export") or {}).get("gguf") if kind == "gguf" else kind
    figures = (exports.get("figures") or {}).get(what) or {}
    parity = exports.get("parity") or {}
    kept = figures.get("max_logit_difference", parity.get("max_logit_difference"))
    return CardFacts(
        kind=kind,
        base_model=story.base_model,
        trained_on=str(recipe["model"]) if recipe.get("instruct") else None,
        base_hash=base_hash,
        evaluation=story.evaluation,
        ledger=story.ledger,
        recipe=story.recipe,
        steps=story.steps[-1].step if story.steps else None,
        tokens=story.tokens,
        seconds=story.seconds,
        machine=story.machine,
        max_logit_difference=parity.get(kind, kept),
        parity=figures or None,
        licence=licence,
    )


def _mapping(path: Path, read: Callable[[Path], Any]) -> Mapping[str, Any] | None:
    """A file's table, cleaned; None if there is no file."""
    if not path.is_file():
        return None
    try:
        value = read(path)
    except (ValueError, OSError) as error:
        raise UserInputError(f"{path} can't be read ({error}); run the stage again") from None
    if not isinstance(value, dict):
        raise UserInputError(f"{path} isn't a table of values; run the stage again")
    cleaned: Mapping[str, Any] = _clean(value)
    return cleaned


def _read_evaluation(path: Path) -> Any:
    """evaluation.json; a ValueError if it isn't as it was written (one without a seal may be)."""
    found = read_json(path)
    if isinstance(found, dict) and "seal" in found and not is_sealed(found):
        raise ValueError("it was edited: its seal doesn't fit its content")
    return found


def _clean(value: Any) -> Any:
    """The same JSON value with every string (and key) made printable."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {plain(str(key)): _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def stage_ends(steps: Sequence[Step]) -> list[int]:
    """Steps after which another stage of a curriculum begins."""
    return [one.step for one, then in pairwise(steps) if one.stage != then.stage]


def _read_metrics(path: Path) -> tuple[tuple[Step, ...], tuple[Check, ...]]:
    """Steps and checks in order; lines that aren't whole are skipped (a run may be going on)."""
    steps: dict[int, Step] = {}
    checks: dict[int, Check] = {}
    for row in _rows(path):
        number = row.get("step")
        if not isinstance(number, int) or isinstance(number, bool):
            continue
        for key, at in (("checks_before", number - 1), ("checks", number)):
            values = {
                plain(str(name)): float(value)
                for name, value in _as_dict(row.get(key)).items()
                if _is_number(value)
            }
            if values:
                checks[at] = Check(at, values)
        step = _step(number, row)
        if step:
            steps[number] = step
    return (
        tuple(steps[number] for number in sorted(steps)),
        tuple(checks[number] for number in sorted(checks)),
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            if isinstance(row, dict):
                yield row


def _step(number: int, row: Mapping[str, Any]) -> Step | None:
    needed = ("tokens", "seconds", "loss", "lr", "tokens_per_second")
    if not all(_is_number(row.get(name)) for name in needed):
        return None
    peak: Any = row.get("peak_memory_bytes")
    stage = row.get("stage")
    return Step(
        step=number,
        tokens=int(row["tokens"]),
        seconds=float(row["seconds"]),
        loss=float(row["loss"]),
        lr=float(row["lr"]),
        tokens_per_second=float(row["tokens_per_second"]),
        peak_memory_bytes=int(peak) if _is_number(peak) else None,
        stage=None if stage is None else plain(str(stage)),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _as_dict(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _files(run: Path, exports: Mapping[str, Any], *, is_judged: bool) -> Iterator[tuple[str, str]]:
    for name, what in FILES.items():
        if (run / name).is_file():
            yield name, what
    kinds = {
        "adapter": "the PEFT adapter",
        "merged": "the merged transformers model",
        "gguf": "the model for llama.cpp and Ollama (a Modelfile is beside it)",
    }
    earlier = "" if is_judged else ", but of an earlier model than the one judged: steep export"
    for kind, what in kinds.items():
        if exports.get(kind) and (run / str(exports[kind])).exists():
            yield str(exports[kind]), f"{what}{earlier}"
