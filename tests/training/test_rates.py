"""Learning-rate shapes as pure functions of the step."""

from __future__ import annotations

import pytest

from steep.corpus.schedule import Stage
from steep.training.rates import (
    rate_factor,
    share_of_peak,
    warmup_notes,
    warmup_within,
    warmup_words,
)
from tests.training.corpus import make_recipe


def _factors(shape: str, steps: int, warmup: int, decay: int | None = None) -> list[float]:
    recipe = make_recipe(lr_scheduler_type=shape, warmup_steps=warmup, decay_steps=decay)
    return [rate_factor(step, steps, recipe) for step in range(steps)]


def test_constant() -> None:
    assert _factors("constant", 5, 0) == [1.0] * 5


# Broken by: progress = (step - warmup + 1) / …, which ends at zero.
def test_linear() -> None:
    assert _factors("linear", 4, 0) == [1.0, 0.75, 0.5, 0.25]


def test_cosine() -> None:
    factors = _factors("cosine", 4, 0)
    assert factors == pytest.approx([1.0, 0.8536, 0.5, 0.1464], abs=1e-4)


# Broken by: step / warmup (the first step would do nothing).
@pytest.mark.parametrize("shape", ["constant", "linear", "cosine", "warmup_stable_decay"])
@pytest.mark.parametrize(("steps", "warmup"), [(15, 3), (1, 5), (2, 5), (5, 5), (60, 50), (100, 0)])
def test_every_step_moves_and_warm_up_rises(shape: str, steps: int, warmup: int) -> None:
    factors = _factors(shape, steps, warmup)
    assert all(0.0 < factor <= 1.0 for factor in factors)
    rising = factors[: warmup_within(warmup, steps) + 1]
    assert rising == sorted(rising)
    assert rising[-1] == 1.0
    falling = factors[len(rising) - 1 :]
    assert falling == sorted(falling, reverse=True)


def test_warm_up_by_hand() -> None:
    assert _factors("constant", 15, 3) == [0.25, 0.5, 0.75] + [1.0] * 12


# Broken by: the fifth left out, rounded up, or taken of runs whose warm-up is just a fifth.
@pytest.mark.parametrize(
    ("asked", "steps", "within"),
    [(50, 60, 12), (12, 60, 12), (13, 64, 12), (5, 50, 5), (5, 25, 5), (5, 24, 4), (9, 4, 1),
     (5, 2, 1), (5, 1, 0), (0, 1, 0), (0, 60, 0)],
)  # fmt: skip
def test_a_warm_up_is_a_fifth_at_most(asked: int, steps: int, within: int) -> None:
    assert warmup_within(asked, steps) == within
    factors = _factors("linear", steps, asked)
    assert factors.index(max(factors)) == within
    said = warmup_words("sft.warmup_steps", asked, steps)
    assert (said is None) == (within == asked)
    if said is not None:
        assert said.startswith(f"sft.warmup_steps = {asked} is more than a fifth of the {steps} ")
        assert said.endswith(f": {within} of them warm up")


# Broken by: one note for all stages where each has a warm-up of its own.
def test_warm_ups_of_stages_are_told_apart() -> None:
    stages = (Stage("broad", 0, 50), Stage("narrow", 50, 10))
    one = make_recipe(warmup_steps=5)
    assert warmup_notes(one, 60, stages) == []
    anew = make_recipe(
        warmup_steps=5, rewarm_stages=True, stages=[{"domain": ["broad"], "max_steps": 50}]
    )
    (said,) = warmup_notes(anew, 60, stages)
    assert said == (
        "train.warmup_steps = 5 is more than a fifth of the 10 steps of stage narrow: 2 of them "
        "warm up"
    )
    assert [share_of_peak(step, 60, anew, stages) for step in (50, 51, 52)] == pytest.approx(
        [1 / 3, 2 / 3, 1]
    )


# Broken by: (steps - step) / decay, whose first step of decay is at the peak; counting the decay
# from the warm-up's end; rounding a fifth up.
@pytest.mark.parametrize(
    ("steps", "warmup", "decay", "expected"),
    [
        (10, 2, 3, [1 / 3, 2 / 3, 1, 1, 1, 1, 1, 3 / 4, 2 / 4, 1 / 4]),
        (8, 0, 1, [1, 1, 1, 1, 1, 1, 1, 1 / 2]),
        (14, 0, None, [1] * 12 + [2 / 3, 1 / 3]),  # a fifth of the run, whole steps of it
        (4, 0, None, [1, 1, 1, 1 / 2]),  # but at least one
        (1, 0, None, [1]),
        (1, 5, 5, [1]),
        (2, 0, None, [1, 1 / 2]),
        (2, 5, None, [1 / 2, 1]),  # warm-up comes first
        (4, 9, 9, [1 / 2, 1, 2 / 3, 1 / 3]),  # no room for all of either
        (5, 1, 9, [1 / 2, 1, 3 / 4, 2 / 4, 1 / 4]),
    ],
)
def test_warmup_stable_decay(
    steps: int, warmup: int, decay: int | None, expected: list[float]
) -> None:
    assert _factors("warmup_stable_decay", steps, warmup, decay) == pytest.approx(expected)
