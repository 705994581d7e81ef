"""Lines through what was measured, and their values at the model's own depth."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from steep.planning.calibrate import Calibration
from steep.planning.measured import Measured, Order, StepTime, line_through
from tests.planning.calibrations import MB, calibration, measured


# Broken by: dividing by the number of points in line_through's spread, or slope * (x - mean_x).
@pytest.mark.parametrize(("fixed", "slope"), [(3.0, 2.0), (0.0, 1.0), (-1.0, 0.5), (7.0, 0.0)])
def test_two_points_give_their_line(fixed: float, slope: float) -> None:
    line = line_through([(x, fixed + slope * x) for x in (2, 6)])
    assert line.at(30) == pytest.approx(fixed + 30 * slope)
    three = line_through([(x, fixed + slope * x) for x in (1, 2, 6)])
    assert three.at(30) == pytest.approx(fixed + 30 * slope)


# Broken by: leaving out "if slope > 0".
def test_a_cost_that_falls_with_depth_is_noise() -> None:
    assert line_through([(2, 5.0), (6, 4.0)]).at(100) == 4.5
    assert line_through([(4, 3.0)]).at(100) == 3.0


# Broken by: reading at the deepest measured depth instead of the model's.
def test_extrapolation_is_exact_on_lines() -> None:
    found = calibration(depth=30)
    assert found.at_depth(lambda m: m.weight_bytes) == pytest.approx(400 * MB)
    assert found.at_depth(lambda m: m.stepped_bytes) == pytest.approx(1800 * MB)
    assert found.per_layer(lambda m: m.weight_bytes) == pytest.approx(10 * MB)
    assert found.at_depth(lambda m: 1 / m.rates.text_tokens_per_second) == pytest.approx(0.016)
    assert found.tokens_per_second == pytest.approx(1000 / 3.5)


# Broken by: range(count) in Calibration.sample (the first step is warm-up).
def test_the_first_step_is_not_timed_and_unequal_counts_are_matched() -> None:
    shorter = measured(6, steps=measured(6).steps[:3])
    found = Calibration("k", 30, (measured(2), shorter), 1.0)
    assert [round(step.seconds, 6) for step in found.sample] == [3.5, 3.5]
    alone = Calibration("k", 6, (measured(6, steps=(StepTime(10, 2.0),)),), 1.0)
    assert alone.tokens_per_second == pytest.approx(5.0)


def test_what_passes_between_the_processes_survives_json() -> None:
    for row in (measured(2), measured(2, asked=None)):
        assert Measured.read(json.loads(json.dumps(asdict(row)))) == row
    order = Order(
        {"a": 1}, 2, {}, "fp32", 1, "cpu", (((3, 4), (5,)),), (((1, 1), (1,)),), 5.0, 9.0, True
    )
    assert Order.read(json.loads(json.dumps(asdict(order)))) == order


# Broken by: _STALL = 1000.
def test_a_stall_of_the_machine_is_no_cost() -> None:
    steps = list(measured(6).steps)
    steps[2] = StepTime(1000, 100.0)
    found = Calibration("k", 30, (measured(2), measured(6, steps=tuple(steps))), 1.0)
    assert found.tokens_per_second == pytest.approx(1000 / 3.5)
    assert len(found.sample) == 3


# Broken by: leaving the scatter out of the spread.
def test_times_that_still_scatter_are_given_with_a_wider_range() -> None:
    assert calibration(scatter=0.19).spread == calibration().spread
    assert calibration(scatter=0.35).spread == pytest.approx(calibration().spread + 0.15)
    assert calibration(scatter=9.0).spread == 0.5


# Broken by: either half of the rule alone.
def test_a_large_step_and_a_small_one_are_no_stalls() -> None:
    first, *rest = measured(6).steps
    uneven = (first, *rest[:-2], StepTime(3000, 3.4), StepTime(100, 0.4))
    found = Calibration("k", 30, (measured(2, steps=uneven), measured(6, steps=uneven)), 1.0)
    assert len(found.sample) == len(uneven) - 1
