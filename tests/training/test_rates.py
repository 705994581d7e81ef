"""Learning-rate shapes as pure functions of the step."""

from __future__ import annotations

import pytest

from steep.training.rates import rate_factor
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
@pytest.mark.parametrize(("steps", "warmup"), [(10, 3), (1, 5), (2, 5), (5, 5), (100, 0)])
def test_every_step_moves_and_warm_up_rises(shape: str, steps: int, warmup: int) -> None:
    factors = _factors(shape, steps, warmup)
    assert all(0.0 < factor <= 1.0 for factor in factors)
    rising = factors[: min(warmup, steps - 1) + 1]
    assert rising == sorted(rising)
    assert rising[-1] == 1.0
    falling = factors[len(rising) - 1 :]
    assert falling == sorted(falling, reverse=True)


def test_warm_up_by_hand() -> None:
    assert _factors("constant", 5, 3) == [0.25, 0.5, 0.75, 1.0, 1.0]


# Broken by: (steps - step) / decay, whose first step of decay is at the peak; counting the decay
# from the warm-up's end; rounding a fifth up.
@pytest.mark.parametrize(
    ("steps", "warmup", "decay", "expected"),
    [
        (8, 2, 3, [1 / 3, 2 / 3, 1, 1, 1, 3 / 4, 2 / 4, 1 / 4]),
        (8, 0, 1, [1, 1, 1, 1, 1, 1, 1, 1 / 2]),
        (14, 0, None, [1] * 12 + [2 / 3, 1 / 3]),  # a fifth of the run, whole steps of it
        (4, 0, None, [1, 1, 1, 1 / 2]),  # but at least one
        (1, 0, None, [1]),
        (1, 5, 5, [1]),
        (2, 0, None, [1, 1 / 2]),
        (2, 5, None, [1 / 2, 1]),  # warm-up comes first
        (4, 9, 9, [1 / 4, 2 / 4, 3 / 4, 1]),
        (5, 2, 9, [1 / 3, 2 / 3, 1, 2 / 3, 1 / 3]),  # no room for all of the decay
    ],
)
def test_warmup_stable_decay(
    steps: int, warmup: int, decay: int | None, expected: list[float]
) -> None:
    assert _factors("warmup_stable_decay", steps, warmup, decay) == pytest.approx(expected)
