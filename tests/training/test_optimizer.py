"""A recipe's rate and decay mean the same to either optimizer."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from steep.model.adapters import ParameterGroup
from steep.training.optimizer import make_optimizer, set_rates
from tests.training.corpus import make_recipe

OPTIMS = ["adamw", "adafactor"]
either = pytest.mark.parametrize("optim", OPTIMS)


class _Weights:
    """A matrix and a vector in groups of their own, under one of the optimizers."""

    def __init__(self, optim: str, start: float, *, decay: float = 0.0, rate: float = 0.01) -> None:
        self.recipe = make_recipe(optim=optim)
        self.matrix = torch.nn.Parameter(torch.full((6, 4), start))
        self.vector = torch.nn.Parameter(torch.full((5,), start))
        self.groups = [
            ParameterGroup("matrices", (("m", self.matrix),), rate, decay),
            ParameterGroup("vectors", (("v", self.vector),), 2 * rate, 0.0),
        ]
        self.optimizer = make_optimizer(self.groups, self.recipe)

    def step(self, size: float, factor: float = 1.0) -> tuple[Any, Any]:
        """One step on random gradients of a size; how far matrix and vector moved."""
        generator = torch.Generator().manual_seed(0)
        before = [p.detach().clone() for p in (self.matrix, self.vector)]
        for parameter in (self.matrix, self.vector):
            parameter.grad = size * torch.randn(parameter.shape, generator=generator)
        set_rates(self.optimizer, self.groups, factor, self.recipe)
        self.optimizer.step()
        moved = zip((self.matrix, self.vector), before, strict=True)
        one, other = (after.detach() - was for after, was in moved)
        return one, other


def _rms(tensor: Any) -> float:
    return float(tensor.square().mean().sqrt())


# Broken by: torch's own floor for Adafactor, which holds back what begins at zero and scales up
# what is large; one rate for all groups; a factor that isn't applied.
@either
@pytest.mark.parametrize("start", [0.0, 0.02, 30.0])
@pytest.mark.parametrize("size", [1.0, 1e-5])
def test_the_rate_is_how_far_a_weight_moves(optim: str, start: float, size: float) -> None:
    weights = _Weights(optim, start)
    matrix, vector = weights.step(size, factor=0.5)
    assert _rms(matrix) == pytest.approx(0.005, rel=0.05)
    assert _rms(vector) == pytest.approx(0.01, rel=0.05)


# Broken by: torch's own ceiling, 1 / sqrt(step).
@either
def test_the_schedule_alone_lowers_the_rate(optim: str) -> None:
    weights = _Weights(optim, 0.0, rate=0.5)
    for _ in range(30):
        matrix, vector = weights.step(1.0)
    assert _rms(matrix) == pytest.approx(0.5, rel=0.05)
    assert _rms(vector) == pytest.approx(1.0, rel=0.05)


# Broken by: torch's own epsilon for Adafactor, below which all steps are of one size.
@either
@pytest.mark.parametrize("size", [1.0, 1e-4])
def test_a_gradient_smaller_than_usual_moves_less(optim: str, size: float) -> None:
    weights = _Weights(optim, 0.0)
    for _ in range(20):
        usual, _ = weights.step(size)
    for _ in range(8):
        small, _ = weights.step(0.3 * size)
    assert _rms(small) < 0.85 * _rms(usual)


# Broken by: weight decay that isn't multiplied up while the rate is divided.
def test_weight_decay_is_the_same_for_both() -> None:
    found = []
    for optim in OPTIMS:
        weights = _Weights(optim, 3.0, decay=0.1)
        matrix, vector = weights.step(0.0)
        found.append((float(matrix.mean()), float(vector.mean())))
    assert found[0] == pytest.approx((-0.01 * 0.1 * 3.0, 0.0), rel=1e-3)
    assert found[1] == pytest.approx(found[0], rel=1e-3)


# Broken by: an epsilon whose square is no fp32 number (0 times infinity).
@either
def test_rows_without_a_gradient_stay(optim: str) -> None:
    weights = _Weights(optim, 1.0)
    gradient = torch.zeros(6, 4)
    gradient[2] = 1.0
    weights.matrix.grad = gradient
    set_rates(weights.optimizer, weights.groups, 1.0, weights.recipe)
    weights.optimizer.step()
    still = weights.matrix.detach() == 1.0
    assert still.all(1).tolist() == [True, True, False, True, True, True]
    assert bool(weights.matrix.isfinite().all())


# Broken by: AdamW for both.
def test_adafactor_keeps_two_vectors_for_a_matrix() -> None:
    weights = _Weights("adafactor", 0.0)
    weights.step(1.0)
    state = weights.optimizer.state[weights.matrix]
    assert sum(tensor.numel() for tensor in state.values()) == 6 + 4 + 1
