"""Strength: the most of the change that general English bears, found on texts of their own.

The texts are neither trained on nor part of the panel that judges the result, so the verdict's
interval stays honest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from steep.artifact import key_of, read_sealed, write_sealed
from steep.model.precision import Precision, dtype_of, working_in
from steep.model.strength import StrengthDial
from steep.progress import Progress
from steep.proof.scorer import Scorer, TextScore
from steep.proof.statistics import ratio_difference
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder

_VERSION = 3
_GRID = 50  # strengths are multiples of 1/50: two hundredths are worth facts near the budget
_GUESSES = 3  # before the rest is bisected
_LOOKS = 6  # as many as it usually takes

# The verdict's interval is about as wide as this one's; without room it would often cross the
# budget by chance.
_SHARE_OF_BUDGET = 0.5


@dataclass(frozen=True)
class StrengthPoint:
    """One point tried: general text's nats per token over the base's, and its 95% interval."""

    strength: float
    rise: float
    ci95: tuple[float, float]


def strength_key(recipe: Recipe, kinds: Sequence[Sequence[str]], trained: Mapping[str, Any]) -> str:
    """What the choice depends on."""
    if recipe.strength.fixed is not None:
        return key_of({"scale": recipe.strength.fixed})
    return key_of(
        {
            "version": _VERSION,
            "allowed": _SHARE_OF_BUDGET * recipe.evaluate.forgetting_budget,
            "texts": [list(texts) for texts in kinds],
            "trained": trained,
        }
    )


def choose_strength(
    recipe: Recipe,
    kinds: Sequence[Sequence[str]],
    dial: StrengthDial,
    model: Any,
    base: Base,
    key: str,
    run: RunFolder,
    progress: Progress,
) -> float:
    """The largest strength whose rise of general loss stays well inside the budget.

    Where the recipe fixes it, it is that. What was tried is kept in strength.json. With tokens
    added, strength 0 is the grown model before training and not the base: the rise is counted
    from the base all the same, in nats per token of its own tokenizer.

    Args:
        kinds: texts of one kind and of another; that which may have lost more decides.
    """
    if recipe.strength.fixed is not None:
        return recipe.strength.fixed
    if (kept := read_sealed(run.strength)).get("key") == key:
        return float(kept["strength"])
    progress.stage("Choosing how much of the change to keep")

    texts = [text for kind in kinds for text in kind]
    precision: Precision = read_sealed(run.machine).get("precision", "fp32")
    is_grown = base.extension is not None

    looks = 0

    def measured(strength: float) -> list[TextScore]:
        nonlocal looks
        progress.at(looks, max(_LOOKS, looks + 1), f"measured; now {strength:.0%} of the change")
        looks += 1
        dial.turn(strength)
        with as_trained(model, precision):
            return Scorer(model, base.tuned_tokenizer).score_texts(texts, whole=is_grown)

    before = None
    if is_grown:
        with as_trained(base.model, precision):
            before = Scorer(base.model, base.tokenizer).score_texts(texts, whole=True)
    budget = _SHARE_OF_BUDGET * recipe.evaluate.forgetting_budget
    strength, points = largest_within(budget, measured, before, [len(kind) for kind in kinds])
    for point in points:
        progress.note(
            f"{100 * point.strength:.0f}% of the change: general text {point.rise:+.3f} nats per "
            f"token ({point.ci95[0]:+.3f} to {point.ci95[1]:+.3f})"
        )
    write_sealed(
        run.strength,
        {
            "key": key,
            "strength": strength,
            "allowed": budget,
            "points": [asdict(point) for point in points],
        },
    )
    return strength


def largest_within(
    budget: float,
    measured: Callable[[float], list[TextScore]],
    before: list[TextScore] | None = None,
    counts: Sequence[int] = (),
) -> tuple[float, list[StrengthPoint]]:
    """Search the grid for the largest strength whose interval ends within ``budget`` (nats).

    The rise is taken to be convex along the line, as losses near a minimum are, so that what
    fits the budget is one stretch beginning at the base. A parabola through what was measured says
    where to look next, a few times; then the rest is bisected.

    Args:
        counts: how many texts of each kind there are, one behind the other; none: all are of one.
        before: the base model's scores; None where strength 0 is the base. Where it isn't and
            nothing fits, it is the strength of those tried that loses least.
    """
    base = measured(0.0) if before is None else before
    points: dict[int, StrengthPoint] = {}

    def fits(step: int) -> bool:
        strength = step / _GRID
        points[step] = _point(strength, base, measured(strength), counts or [len(base)])
        return points[step].ci95[1] <= budget

    good, bad = 0, _GRID
    if fits(_GRID):
        good = _GRID
    while bad - good > 1:
        step = (good + bad) // 2
        if len(points) <= _GUESSES:
            step = _guess(good, bad, {at: point.ci95[1] for at, point in points.items()}, budget)
        good, bad = (step, bad) if fits(step) else (good, step)
    if good == 0 and before is not None:
        good = min(points, key=lambda step: points[step].ci95[1])
    return good / _GRID, [points[step] for step in sorted(points)]


def _guess(good: int, bad: int, ends: Mapping[int, float], budget: float) -> int:
    """A step between two, the last within ``budget`` of a parabola through 0 and both.

    Args:
        ends: of the intervals, by step; where nothing fits yet the parabola is flat at 0.
    """
    slope, bend = 0.0, ends[bad] / bad**2
    if good:
        bend = (ends[bad] / bad - ends[good] / good) / (bad - good)
        slope = ends[good] / good - bend * good
    under_root = slope**2 + 4 * bend * budget
    if bend <= 0.0 or under_root < 0.0:
        return (good + bad) // 2
    meets = (math.sqrt(under_root) - slope) / (2 * bend)
    return min(max(math.floor(meets), good + 1), bad - 1)


def _point(
    strength: float, base: list[TextScore], tuned: list[TextScore], counts: Sequence[int]
) -> StrengthPoint:
    """Of the kind of text whose interval ends higher."""
    found: list[StrengthPoint] = []
    begin = 0
    for count in counts:
        here = slice(begin, begin + count)
        begin += count
        difference = ratio_difference(
            [score.nats for score in base[here]],
            [score.nats for score in tuned[here]],
            [float(score.tokens) for score in base[here]],
            student=False,
        )
        rise = difference.delta or 0.0
        found.append(StrengthPoint(strength, rise, difference.ci95 or (rise, rise)))
    return max(found, key=lambda point: point.ci95[1])


@contextmanager
def as_trained(model: Any, precision: Precision) -> Iterator[None]:
    """The precision it was trained in: both sides are measured alike, and it is the fast one."""
    from steep.training.linear import merged

    with working_in(precision, model.device.type), merged(model, dtype_of(precision)):
        yield
