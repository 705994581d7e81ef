"""What short trainings are told apart by: one sheet for all, paired differences, a fitted line.

Facts are judged by the surprise at the right answer, -log of its share among the choices, and not
by whether it came first: a few dozen questions tell two models apart by that long before they do by
their count of right answers (a proper scoring rule; Gneiting & Raftery 2007).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from steep.proof.asking import log_probabilities, ranked
from steep.proof.questions import Question
from steep.proof.scorer import Scorer
from steep.proof.statistics import Difference, paired, ratio_difference

FEWEST_QUESTIONS = 12
"""Fewer say too little; then the text of the domain decides."""

Pairs = tuple[tuple[float, int], ...]


@dataclass(frozen=True)
class Sheet:
    """What every trial is asked; none of it is trained on, and nothing of it judges a run.

    Attributes:
        general: texts that aren't about the documents.
        domain: documents (or their beginnings) that no trial trains on.
        questions: about the documents that every trial trains on, with choices.
    """

    general: tuple[str, ...]
    domain: tuple[str, ...]
    questions: tuple[Question, ...]

    @property
    def decides(self) -> str:
        """What trials are compared by: "answers" if there are enough questions, else "domain"."""
        return "answers" if len(self.questions) >= FEWEST_QUESTIONS else "domain"


@dataclass(frozen=True)
class Scores:
    """A model's results on a sheet, item by item.

    Attributes:
        general, domain: (nats, tokens) of each text.
        answers: surprise at the right answer of each question, in nats; by guessing ln of its
            number of choices.
        right: was the right answer the likeliest?
    """

    general: Pairs
    domain: Pairs
    answers: tuple[float, ...]
    right: tuple[bool, ...]

    def as_json(self) -> dict[str, Any]:
        """All of it, to be read by ``scores_from``."""
        return asdict(self)

    def loss(self, of: str) -> float | None:
        """Nats per token of "general" or "domain", or per question of "answers"; lower is better.

        None where there is nothing.
        """
        if of == "answers":
            return sum(self.answers) / len(self.answers) if self.answers else None
        rows: Pairs = getattr(self, of)
        tokens = sum(tokens for _, tokens in rows)
        return sum(nats for nats, _ in rows) / tokens if tokens else None

    @property
    def accuracy(self) -> float | None:
        """Share of questions whose right answer was the likeliest."""
        return sum(self.right) / len(self.right) if self.right else None


def scores_from(kept: Mapping[str, Any]) -> Scores:
    """Scores as ``Scores.as_json`` wrote them, read from JSON."""
    general, domain = (
        tuple((float(nats), int(tokens)) for nats, tokens in kept[name])
        for name in ("general", "domain")
    )
    return Scores(general, domain, tuple(kept["answers"]), tuple(kept["right"]))


def score(scorer: Scorer, sheet: Sheet) -> Scores:
    """Put a sheet to a model.

    Raises:
        ModelError: the model gives no finite numbers.
    """
    texts = scorer.score_texts([*sheet.general, *sheet.domain])
    rows = [(text.nats, text.tokens) for text in texts]
    likely = log_probabilities(scorer, sheet.questions) if sheet.questions else []
    asked = list(zip(sheet.questions, likely, strict=True))
    return Scores(
        general=tuple(rows[: len(sheet.general)]),
        domain=tuple(rows[len(sheet.general) :]),
        answers=tuple(_surprise(question, row) for question, row in asked),
        right=tuple(bool(ranked(question, row)["first"]) for question, row in asked),
    )


def _surprise(question: Question, row: Sequence[float]) -> float:
    highest = max(row)
    total = sum(math.exp(value - highest) for value in row)
    return highest + math.log(total) - row[question.choices.index(question.answer)]


def difference(sheet: Sheet, before: Scores, after: Scores, of: str) -> Difference:
    """``after`` minus ``before`` in a loss of ``Scores.loss``, paired item by item."""
    if of == "answers":
        clusters = [question.cluster or question.id for question in sheet.questions]
        return paired(before.answers, after.answers, clusters)
    first, second = getattr(before, of), getattr(after, of)
    return ratio_difference(
        [nats for nats, _ in first],
        [nats for nats, _ in second],
        [float(tokens) for _, tokens in first],
    )


@dataclass(frozen=True)
class LogLine:
    """loss = intercept + slope * ln(share), by least squares.

    Attributes:
        slope_ci95: of the slope; None where no point is left over to tell the noise by.
        residual: standard deviation of the points about the line (0 with two points).
        shares: the points it was fitted to.
    """

    intercept: float
    slope: float
    slope_ci95: tuple[float, float] | None
    residual: float
    shares: tuple[float, ...]

    def at(self, share: float) -> float:
        """The loss on the line at a share above 0."""
        return self.intercept + self.slope * math.log(share)


def fit_log_line(points: Sequence[tuple[float, float]]) -> LogLine | None:
    """Fit (share, loss) points; a share of 0 has no logarithm and is left out.

    None with fewer than two different shares.
    """
    from scipy.stats import linregress, t

    kept = sorted((share, loss) for share, loss in points if share > 0 and math.isfinite(loss))
    shares = [share for share, _ in kept]
    if len(set(shares)) < 2:
        return None
    found = linregress([math.log(share) for share in shares], [loss for _, loss in kept])
    line = LogLine(float(found.intercept), float(found.slope), None, 0.0, tuple(shares))
    free = len(kept) - 2
    if free < 1:
        return line
    squares = sum((loss - line.at(share)) ** 2 for share, loss in kept)
    reach = float(t.ppf(0.975, free)) * float(found.stderr)
    return LogLine(
        line.intercept,
        line.slope,
        (line.slope - reach, line.slope + reach),
        math.sqrt(squares / free),
        line.shares,
    )
