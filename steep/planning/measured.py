"""What passes between the calibrating child and its parent, and the lines drawn through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steep.errors import PlanningError
from steep.model.precision import Precision

Rows = tuple[tuple[tuple[int, ...], ...], ...]
"""Steps of rows of numbers, one for each segment."""


@dataclass(frozen=True)
class Order:
    """What to measure.

    Attributes:
        shape: configuration of the truncated model (``steep.planning.shape``).
        layers: how many decoder layers it has.
        train: ``[train]`` of the resolved recipe.
        rows, firsts: for each step and row the length and the first target of each segment.
        most_seconds: no further step begins after this much training, unless steps scatter.
        more_seconds: how much longer steps that scatter are repeated, at the most.
        ask: also measure how fast the model answers.
        copies: stacked copies of linear weights are made where the product makes them for speed;
            not if the whole model has too many for that.
    """

    shape: dict[str, Any]
    layers: int
    train: dict[str, Any]
    precision: Precision
    threads: int
    device: str
    rows: Rows
    firsts: Rows
    most_seconds: float
    more_seconds: float
    ask: bool
    copies: bool = True

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Order:
        """From JSON."""
        return cls(**{**values, "rows": _rows(values["rows"]), "firsts": _rows(values["firsts"])})


@dataclass(frozen=True)
class StepTime:
    """One optimizer step: its tokens and its wall time."""

    tokens: int
    seconds: float


@dataclass(frozen=True)
class Rates:
    """How fast a model answers.

    Attributes:
        text_tokens_per_second: scoring whole texts in fp32.
        choice_tokens_per_second: scoring continuations that share a prompt.
        answer_seconds: time for one token of one greedy answer, within a batch.
        trained_text_tokens_per_second: scoring texts as the strength is chosen.
    """

    text_tokens_per_second: float
    choice_tokens_per_second: float
    answer_seconds: float
    trained_text_tokens_per_second: float


@dataclass(frozen=True)
class Measured:
    """What was measured at one depth; peaks are of the child process (or of the GPU), in bytes.

    Attributes:
        weight_bytes, trained_bytes: fp32 bytes of the base's parameters and of trainable ones.
        idle_bytes: with everything imported and no model.
        asked_bytes: while the plain model was made and asked.
        probed_bytes: while the loop tried its ways of computing, before the first step.
        stepped_bytes: while steps were taken.
        saved_bytes: while the checkpoint was written; None if time ended the training.
        steps: the steps taken, in order; the first one is slower than the rest. Of a step that
            was repeated it is the least time.
        scatter: how far those times still scatter (``steep.planning.rounds``).
        asked: how fast it answered; None if it wasn't asked.
    """

    layers: int
    weight_bytes: int
    trained_bytes: int
    idle_bytes: int
    asked_bytes: int
    probed_bytes: int
    stepped_bytes: int
    saved_bytes: int | None
    steps: tuple[StepTime, ...]
    scatter: float
    asked: Rates | None

    @property
    def rates(self) -> Rates:
        """How fast it answered.

        Raises:
            PlanningError: it wasn't asked.
        """
        if self.asked is None:
            raise PlanningError("this calibration didn't measure how fast the model answers")
        return self.asked

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Measured:
        """From JSON."""
        steps = tuple(StepTime(**step) for step in values["steps"])
        asked = values["asked"]
        return cls(**{**values, "steps": steps, "asked": None if asked is None else Rates(**asked)})


@dataclass(frozen=True)
class Line:
    """value = fixed + slope * depth."""

    fixed: float
    slope: float

    def at(self, depth: float) -> float:
        """The value at a depth."""
        return self.fixed + self.slope * depth


def line_through(points: Sequence[tuple[float, float]]) -> Line:
    """The least-squares line; level through one point, and where it would fall with depth.

    A cost that falls with depth is noise: carried on, it would end below nothing.
    """
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    if not spread:
        return Line(mean_y, 0.0)
    slope = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread
    return Line(mean_y - slope * mean_x, slope) if slope > 0 else Line(mean_y, 0.0)


def _rows(values: Any) -> Rows:
    return tuple(tuple(tuple(int(n) for n in row) for row in step) for step in values)
