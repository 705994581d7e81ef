"""The strength after training: the largest that fits the budget, by as few looks as possible."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import steep
from steep.artifact import read_json
from steep.proof.scorer import TextScore
from steep.stages import strength
from steep.stages.strength import largest_within
from tests.stages.project import write_project


def _texts(rise: Callable[[float], float], looks: list[float]) -> Callable[..., list[TextScore]]:
    """Twelve texts of 100 tokens whose loss is 3 nats and then ``rise(strength)`` more."""

    def measured(strength: float) -> list[TextScore]:
        looks.append(strength)
        each = [3.0 + rise(strength) * (1 + 0.02 * (n - 5.5)) for n in range(12)]
        return [TextScore(100 * nats, 100, 400) for nats in each]

    return measured


# Fails if the interval's lower end is compared, or good and bad are mixed up.
@pytest.mark.parametrize(
    ("rise", "expected"),
    [
        (lambda s: 0.1 * s * s, 0.46),  # 0.0212 at 0.46, 0.0230 at 0.48
        (lambda s: -0.1 * s + 0.15 * s * s, 0.82),  # helps at first
        (lambda s: 0.01 * s, 1.0),
        (lambda s: 5.0 * s, 0.0),
        (lambda s: 0.02 * s if s < 0.72 else 0.02 * s + 3.0 * (s - 0.72), 0.72),  # no parabola
    ],
)
def test_the_largest_strength_within_the_budget(
    rise: Callable[[float], float], expected: float
) -> None:
    looks: list[float] = []
    found, points = largest_within(0.022, _texts(rise, looks))
    assert found == pytest.approx(expected)
    assert len(looks) == len(points) + 1 <= 11
    by_strength = {point.strength: point for point in points}
    if found:
        assert by_strength[found].ci95[1] <= 0.022
    if found < 1.0:
        assert by_strength[round(found + 0.02, 2)].ci95[1] > 0.022


# Broken by: bisecting from the start, or guessing on the wrong side of the budget: each look takes
# as long as scoring all validation texts.
@pytest.mark.parametrize(
    "rise", [lambda s: 0.2 * s * s, lambda s: 0.1 * s * s, lambda s: -0.04 * s + 0.2 * s * s]
)
def test_a_loss_like_a_parabola_takes_few_looks(rise: Callable[[float], float]) -> None:
    looks: list[float] = []
    found, _ = largest_within(0.022, _texts(rise, looks))
    assert 0.2 < found < 1.0
    assert len(looks) <= 5


# Broken by: taking both kinds together, or only the first.
@pytest.mark.parametrize("first_loses", [True, False])
def test_the_kind_of_text_that_loses_more_decides(first_loses: bool) -> None:
    def measured(strength: float) -> list[TextScore]:
        gained, lost = 3.0 - 0.1 * strength, 3.0 + 0.1 * strength
        halves = (lost, gained) if first_loses else (gained, lost)
        return [TextScore(100 * nats, 100, 400) for nats in halves for _ in range(12)]

    found, points = largest_within(0.022, measured, None, [12, 12])
    assert found == pytest.approx(0.22)
    assert points[-1].rise == pytest.approx(0.1)


# Fails if the model isn't turned, or is turned from where the search left it.
@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize(("allowed", "expected"), [(1000.0, 1.0), (-1000.0, 0.0)])
def test_a_run_keeps_what_its_budget_allows(
    method: str, allowed: float, expected: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strength, "_SHARE_OF_BUDGET", allowed / 0.05)
    steep.run(write_project(tmp_path, train={"method": method, "learning_rate": 1e-2}))
    kept = read_json(tmp_path / "run" / "strength.json")
    assert kept["strength"] == expected
    assert kept["allowed"] == pytest.approx(allowed)
    assert len(kept["points"]) == (1 if expected else 6)
    (merged,) = (tmp_path / "run").glob("*_merged/model.safetensors")
    base = load_file(tmp_path / "base" / "model.safetensors")
    made = load_file(merged)
    same = all(torch.allclose(made[name], tensor, atol=1e-7) for name, tensor in base.items())
    assert same == (expected == 0.0)


def test_a_named_scale_is_kept_without_looking(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, strength={"scale": 0.5})
    steep.run(recipe)
    assert not (tmp_path / "run" / "strength.json").exists()
