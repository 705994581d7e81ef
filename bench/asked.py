"""What a model answers and how it scores general text, kept as JSON and compared in pairs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from steep.artifact import read_json, write_json
from steep.progress import Silent
from steep.proof.asking import log_probabilities, ranked
from steep.proof.measure import Panel
from steep.proof.questions import Question, general_texts
from steep.proof.scorer import Scorer
from steep.proof.statistics import paired, paired_share
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.folder import open_run
from steep.stages.inputs import read_inputs
from steep.stages.prepare import Prepared, prepare_data
from steep.stages.train import Trained, train_stage


@dataclass(frozen=True)
class Answers:
    """Rows of ``{"set", "cluster", "first"}``, one a question; (nats, tokens) of each text."""

    questions: list[dict[str, Any]]
    general: list[list[float]]

    def sets(self) -> list[str]:
        """The kinds of questions, in order."""
        return list(dict.fromkeys(row["set"] for row in self.questions))

    def as_json(self) -> dict[str, Any]:
        """What ``from_json`` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Answers:
        """Answers as they were kept."""
        return cls(found["questions"], found["general"])


def ask(
    model: Any, tokenizer: Any, questions: Sequence[Question], general: int | Sequence[str]
) -> Answers:
    """Rank the choices of every question, and score texts, or so many of the packaged ones."""
    scorer = Scorer(model, tokenizer)
    scores = log_probabilities(scorer, questions)
    rows = [
        {"set": _set(q), "cluster": q.cluster or q.id, "first": bool(ranked(q, row)["first"])}
        for q, row in zip(questions, scores, strict=True)
    ]
    packaged = [text for _, text in general_texts()]
    texts = packaged[:general] if isinstance(general, int) else general
    return Answers(rows, [[s.nats, s.tokens] for s in scorer.score_texts(texts)])


def _set(question: Question) -> str:
    if question.kind == "control":
        return "control"
    source = "probe" if question.id.startswith("probe-") else "question"
    return f"{source} {question.form}"


def share(before: Answers, after: Answers, name: str) -> str:
    """The share right of one set of questions, with the 95% interval of its change."""
    places = [n for n, row in enumerate(after.questions) if row["set"] == name]
    sides = [[float(side.questions[n]["first"]) for n in places] for side in (before, after)]
    change = paired_share(*sides, [after.questions[n]["cluster"] for n in places])
    low, high = change.ci95 or (0.0, 0.0)
    return f"{name} ({change.n}): {change.tuned or 0.0:.1%} ({low:+.1%} to {high:+.1%})"


def change_of_loss(before: Answers, after: Answers) -> str:
    """The change of the loss on general text, nats per token, with its 95% interval."""
    sides = [[nats / tokens for nats, tokens in side.general] for side in (before, after)]
    weights = [tokens for _, tokens in after.general]
    loss = paired(*sides, [str(n) for n in range(len(weights))], weights)
    low, high = loss.ci95 or (0.0, 0.0)
    return f"general {loss.delta:+.3f} nats ({low:+.3f} to {high:+.3f})"


def train_cell(recipe: Recipe, base: Base) -> tuple[Prepared, Trained]:
    """Prepare and train a cell, nothing asked meanwhile; one that was cut off resumes."""
    inputs, run = read_inputs(recipe), open_run(recipe)
    prepared = prepare_data(recipe, inputs, base, run, Silent())
    return prepared, train_stage(
        recipe, inputs, base, prepared, run, Silent(), panel=lambda: Panel()
    )


def check_settings(folder: Path, given: argparse.Namespace, aside: Set[str]) -> None:
    """Cells of one folder must be measured alike in all but what is ``aside``."""
    settings = {name: str(value) for name, value in vars(given).items() if name not in aside}
    path = folder / "settings.json"
    if path.is_file() and read_json(path) != settings:
        raise SystemExit(f"{path}: cells there were measured otherwise; give another --out")
    write_json(path, settings)


def kept(path: Path, measured: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
    """What a cell was found to give; measured if it isn't there yet."""
    if not path.is_file():
        write_json(path, dict(measured()))
    found: dict[str, Any] = read_json(path)
    return found
