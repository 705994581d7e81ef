"""Intervals and power of paired shares: no certainty from few changes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from steep.proof.shares import mcnemar_detectable, tango
from steep.proof.statistics import Difference, mcnemar_exact, paired, paired_share


def share(gained: int, lost: int, n: int) -> Difference:
    base = [0.0] * gained + [1.0] * lost + [0.0] * (n - gained - lost)
    tuned = [1.0] * gained + [0.0] * (n - gained)
    return paired_share(base, tuned, [str(k) for k in range(n)])


def ends(found: Difference) -> tuple[float, float]:
    assert found.ci95 is not None
    return found.ci95


def test_tango_solves_its_equation() -> None:
    # Without changes the score equation has the solution z^2 / (n + z^2) in closed form.
    z = 1.959964
    for n in (5, 60, 400):
        end = z * z / (n + z * z)
        assert tango(0, 0, n) == pytest.approx((-end, end), abs=1e-6)
    low, high = tango(12, 5, 80)
    assert tango(5, 12, 80) == pytest.approx((-high, -low))


# Broken by: returning paired(...) from paired_share.
def test_no_change_and_only_changes_still_have_width() -> None:
    low, high = ends(share(0, 0, 60))
    assert low < -0.04 and high > 0.04
    low, high = ends(share(60, 0, 60))
    assert 0.8 < low < 0.95 and high == 1.0


# Broken by: leaving the sign test out of share_interval.
@pytest.mark.parametrize(("gained", "lost"), [(1, 0), (4, 0), (5, 0), (6, 0), (9, 2), (8, 1)])
def test_the_interval_agrees_with_the_exact_test(gained: int, lost: int) -> None:
    shown = mcnemar_exact(lost, gained) < 0.05
    assert (ends(share(gained, lost, 60))[0] > 0) is shown


def test_many_changes_leave_the_bootstrap_alone() -> None:
    found = share(60, 20, 200)
    base = [0.0] * 60 + [1.0] * 20 + [0.0] * 120
    tuned = [1.0] * 60 + [0.0] * 140
    plain = paired(base, tuned, [str(k) for k in range(200)])
    assert ends(found) == pytest.approx(ends(plain), abs=0.012)


# Broken by: a design effect of 1.
def test_clusters_are_worth_less_than_their_items() -> None:
    names = [str(k // 10) for k in range(100)]
    changed = [float(k < 30) for k in range(100)]  # three clusters of ten, whole
    found = paired_share([0.0] * 100, changed, names)
    alone = paired_share([0.0] * 100, changed, [str(k) for k in range(100)])
    assert ends(found)[0] <= 0 < ends(alone)[0]
    few = paired_share([0.0] * 30, [0.0] * 30, [str(k // 6) for k in range(30)])
    assert few.detectable is None  # five clusters can't show anything, whatever their items
    assert found.detectable is not None and alone.detectable is not None
    assert found.detectable > 3 * alone.detectable


def test_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(100):
        flips = rng.choice([-1, 0, 1], size=50, p=[0.02, 0.88, 0.10])
        base = [float(flip < 0) for flip in flips]
        tuned = [float(flip > 0) for flip in flips]
        low, high = ends(paired_share(base, tuned, [str(k) for k in range(50)]))
        inside += low <= 0.08 <= high
    assert inside >= 92


@pytest.mark.parametrize("n", [40, 100, 400])
def test_what_is_called_detectable_is_detected(n: int) -> None:
    # One-way changes: power of the exact test at the change named, by the binomial itself.
    change = mcnemar_detectable(n, 0.0)
    assert change is not None
    power = sum(binom.pmf(k, n, change) for k in range(n + 1) if mcnemar_exact(0, k) < 0.05)
    assert power == pytest.approx(0.8, abs=0.06)
    assert mcnemar_detectable(n, 0.1) > change  # type: ignore[operator]
    assert mcnemar_detectable(5, 0.0) is None
