"""Intervals and power of paired shares: no certainty from few changes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from steep.proof.shares import cluster_changes, mcnemar_detectable, sign_flip, tango
from steep.proof.statistics import Difference, paired, paired_share


def share(gained: int, lost: int, n: int) -> Difference:
    base = [0.0] * gained + [1.0] * lost + [0.0] * (n - gained - lost)
    tuned = [1.0] * gained + [0.0] * (n - gained)
    return paired_share(base, tuned, [str(k) for k in range(n)])


def mcnemar_exact(lost: int, gained: int) -> float:
    """Two-sided p-value of the exact test (McNemar 1947), the binomial one at one half."""
    return float(binomtest(lost, lost + gained).pvalue) if lost + gained else 1.0


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


# Broken by: leaving the sign-flip test out of share_interval.
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


# Broken by: the formula alone (0.41 at six, 0.67 at ten).
@pytest.mark.parametrize("n", [6, 8, 10, 20, 40, 100, 400])
def test_what_is_called_detectable_is_detected(n: int) -> None:
    # One-way changes: power of the exact test at the change named, by the binomial itself.
    change = mcnemar_detectable(n, 0.0)
    assert change is not None
    power = sum(binom.pmf(k, n, change) for k in range(n + 1) if mcnemar_exact(0, k) < 0.05)
    assert power == pytest.approx(0.8, abs=0.06)
    assert mcnemar_detectable(n, 0.1) >= change  # type: ignore[operator]
    assert mcnemar_detectable(5, 0.0) is None


def by_documents(*documents: tuple[int, int, int]) -> Difference:
    """Of documents of (gained, lost, others that stay wrong), each one cluster."""
    base: list[float] = []
    tuned: list[float] = []
    names: list[str] = []
    for number, (gained, lost, still) in enumerate(documents):
        base += [0.0] * gained + [1.0] * lost + [0.0] * still
        tuned += [1.0] * gained + [0.0] * (lost + still)
        names += [str(number)] * (gained + lost + still)
    return paired_share(base, tuned, names)


# Broken by: counting every cluster once, whatever its size, as a sign test does.
def test_a_lost_probe_doesnt_weigh_as_much_as_a_learned_document() -> None:
    assert ends(by_documents(*[(10, 0, 2)] * 7, (0, 1, 0)))[0] > 0.5
    assert ends(by_documents(*[(5, 0, 1)] * 10, *[(0, 1, 0)] * 3))[0] > 0.5
    assert ends(by_documents(*[(10, 0, 2)] * 7, (0, 10, 0)))[0] <= 0  # and a document does
    assert ends(by_documents((12, 0, 0), (0, 0, 3), (9, 0, 0)))[0] >= -1.0
    assert ends(by_documents(*[(12, 0, 0)] * 5))[0] <= 0 < ends(by_documents(*[(12, 0, 0)] * 6))[0]


def test_the_sign_flip_test_is_that_of_every_choice_of_signs() -> None:
    rng = np.random.default_rng(1)
    for _ in range(60):
        changes = rng.integers(-5, 6, rng.integers(1, 9)).astype(float)
        signs = np.array(list(itertools.product((1, -1), repeat=len(changes))))
        as_far = np.abs(signs @ changes) >= abs(changes.sum())
        assert sign_flip(list(changes)) == pytest.approx(as_far.mean())
    for gained, lost in ((48, 0), (9, 2), (5, 5), (300, 250)):
        assert sign_flip([1.0] * gained + [-1.0] * lost) == pytest.approx(
            mcnemar_exact(lost, gained), rel=1e-9
        )
    assert sign_flip([]) == sign_flip([0.0, 0.0]) == 1.0
    assert sign_flip([1 / 3, 1 / 2, 1 / 7]) == pytest.approx(0.25)
    assert sign_flip([0.1, 0.2, -0.3] * 4000) == pytest.approx(1.0)  # none whole, and many


# Broken by: McNemar's test over items, or FEWEST_FLIPS clusters taken for as many items.
@pytest.mark.parametrize("documents", [6, 8, 12])
def test_chance_is_seldom_taken_for_a_gain(documents: int) -> None:
    rng, draws = np.random.default_rng(documents), 1000
    sizes = [30, 21, 13, 8, 8, 5, 5, 3, 2, 2, 1, 1][:documents]
    names = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    better = worse = 0
    for _ in range(draws):
        drawn = [
            (rng.random(size) < one, rng.random(size) < other)
            for size, (one, other) in zip(sizes, rng.random((documents, 2)), strict=True)
        ]  # a document's questions rise and fall together, either way as often
        base, tuned = (np.concatenate(side).astype(float) for side in zip(*drawn, strict=True))
        changes = cluster_changes(list(base), list(tuned), names)
        shown = sign_flip(changes) < 0.05
        better += shown and sum(changes) > 0
        worse += shown and sum(changes) < 0
    most = 0.025 + 3 * math.sqrt(0.025 * 0.975 / draws)
    assert better / draws < most and worse / draws < most
    assert better + worse > 0


def test_few_clusters_detect_nothing() -> None:
    # Seen to fail with items divided by a design effect alone: "under 9 points" of five documents.
    uneven = by_documents(*[(7, 0, 5), (2, 1, 9), (5, 0, 7), (9, 2, 1), (1, 1, 10)])
    assert uneven.detectable is None
