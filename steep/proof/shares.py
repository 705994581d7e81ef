"""Intervals and power for paired shares, where a bootstrap alone would promise too much.

Resampling items of which none changed gives an interval of no width, and four changes among sixty
may look like proof. So a share's interval also covers

- Tango's score interval for paired shares (Tango 1998, Statistics in Medicine 17: 891-908), with
  as many items as the sample is worth: the items divided by the design effect of their clusters
  (Kish 1965), which is estimated, or where nothing varies taken as the mean size of a cluster;
- zero, if the exact sign-flip test over the clusters' sums doesn't tell the two models apart at 5%
  (Fisher 1935, The Design of Experiments, section 21; McNemar's where each item stands
  alone).

The sign-flip test asks how often the clusters' changes would add up to as much, either way, if the
two models had been swapped in each cluster by the throw of a coin. It is exact where no cluster
would favour one of them, whatever the clusters' sizes and however items within one hang together.
What it can't see: documents that weren't asked about. If most gain a little and a few, of which
none was drawn, lose much, it takes that for a gain; no test over few documents can tell.

The power of a paired comparison is McNemar's (Miettinen 1968; Connor 1987, Biometrics 43:
207-211): with n pairs of which a share ``s`` differ, a change ``d`` is seen with 80% power where
``n d^2 = (1.96 sqrt(s) + 0.84 sqrt(s - d^2))^2``. Here ``s`` is ``d`` itself plus the share of
items that flipped against each other, twice the smaller of gains and losses. Of few pairs it must
moreover make six flip in 80% of repetitions, which is what the exact test asks for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Z = 1.959964
Z_POWER = 0.841621
POWER = 0.8
ALPHA = 0.05
FEWEST_FLIPS = 6
"""With fewer flips, or clusters, all of them one way, the exact test can't fall below 5%: of k it
gives 2^(1-k) at least."""
_CELLS = 20_000


def share_interval(
    base: Sequence[float], tuned: Sequence[float], clusters: Sequence[str]
) -> tuple[float, float]:
    """What the 95% interval of the difference of two paired shares must at least cover.

    Values lie between 0 and 1; one in between (a reciprocal rank) counts as the part of a gain or
    of a loss that it changed by.
    """
    gained, lost, size = _worth(base, tuned, clusters)
    low, high = tango(gained, lost, size)
    if sign_flip(cluster_changes(base, tuned, clusters)) >= ALPHA:
        low, high = min(low, 0.0), max(high, 0.0)
    return low, high


def cluster_changes(
    base: Sequence[float], tuned: Sequence[float], clusters: Sequence[str]
) -> list[float]:
    """By how much each cluster changed in all."""
    sums: dict[str, float] = {}
    for b, t, name in zip(base, tuned, clusters, strict=True):
        sums[name] = sums.get(name, 0.0) + t - b
    return list(sums.values())


def sign_flip(changes: Sequence[float]) -> float:
    """Exact two-sided p-value of the sum of changes, each as likely to go the other way.

    Every choice of signs counts, by adding one size after another to the distribution of what the
    rising ones make. Changes that aren't whole are rounded to a grid first, as are huge sums: the
    test is then of the rounded ones, and as exact.
    """
    import numpy as np
    from scipy.stats import binom

    total = sum(abs(change) for change in changes)
    if total <= 0:
        return 1.0
    whole = all(float(change).is_integer() for change in changes)
    unit = 1.0 if whole and total <= _CELLS else total / _CELLS
    steps = np.rint(np.asarray(changes, dtype=float) / unit).astype(int)
    sizes, counts = np.unique(np.abs(steps[steps != 0]), return_counts=True)
    rising = np.ones(1)  # the chance of each sum of the rising changes
    for count, size in sorted(zip(counts.tolist(), sizes.tolist(), strict=True), reverse=True):
        wider = np.zeros(len(rising) + size * count)
        for number, chance in enumerate(binom.pmf(np.arange(count + 1), count, 0.5)):
            wider[number * size : number * size + len(rising)] += chance * rising
        rising = wider
    sums = 2 * np.arange(len(rising)) - (len(rising) - 1)
    return min(1.0, float(rising[np.abs(sums) >= abs(int(steps.sum()))].sum()))


def tango(gained: float, lost: float, n: float) -> tuple[float, float]:
    """Tango's 95% score interval of (gained - lost) / n."""
    delta = (gained - lost) / n

    def score(at: float) -> float:
        b = (2 * n - gained + lost) * at - gained - lost
        root = max(b * b + 8 * n * lost * at * (1 - at), 0.0)
        flips = (math.sqrt(root) - b) / (4 * n)
        variance = n * (2 * flips + at * (1 - at))
        return (gained - lost - n * at) / math.sqrt(variance) if variance > 0 else 0.0

    edge = 1 - 1e-9
    low = -1.0 if delta <= -edge else _crossing(lambda at: Z - score(at), -edge, delta)
    high = 1.0 if delta >= edge else _crossing(lambda at: -Z - score(at), delta, edge)
    return low, high


def detectable_share(
    base: Sequence[float], tuned: Sequence[float], clusters: Sequence[str]
) -> float | None:
    """The smallest change that so many items show with 80% power at 5%, two-sided.

    None if not even a change of every item would be seen.
    """
    if len(set(clusters)) < FEWEST_FLIPS:
        return None
    gained, lost, size = _worth(base, tuned, clusters)
    return mcnemar_detectable(size, 2 * min(gained, lost) / size)


def mcnemar_detectable(n: float, churn: float) -> float | None:
    """As ``detectable_share``, for n pairs of which a share ``churn`` flips to and fro."""
    from scipy.stats import binom

    if n < FEWEST_FLIPS:
        return None

    def surplus(change: float) -> float:
        flips = min(1.0, churn + change)
        needed = Z * math.sqrt(flips) + Z_POWER * math.sqrt(max(flips - change * change, 0.0))
        return math.sqrt(n) * change - needed

    if surplus(1.0) < 0:
        return None
    # So many have to flip for the exact test to see anything, whatever the formula says.
    enough = _crossing(lambda p: float(binom.sf(FEWEST_FLIPS - 1, int(n), p)) - POWER, 1e-9, 1.0)
    return max(_crossing(surplus, 1e-9, 1.0), enough)


def _worth(
    base: Sequence[float], tuned: Sequence[float], clusters: Sequence[str]
) -> tuple[float, float, float]:
    """(gained, lost, items), all divided by the design effect of the clusters."""
    changes = [t - b for b, t in zip(base, tuned, strict=True)]
    effect = _design_effect(changes, clusters)
    gained = sum(change for change in changes if change > 0)
    lost = -sum(change for change in changes if change < 0)
    return gained / effect, lost / effect, len(changes) / effect


def _design_effect(changes: Sequence[float], clusters: Sequence[str]) -> float:
    """How many times the variance of independent items the clusters' is; at least 1."""
    mean = sum(changes) / len(changes)
    most = len(changes) / len(set(clusters))
    alone = sum((change - mean) ** 2 for change in changes)
    if alone <= 0:
        return most
    sums: dict[str, float] = {}
    for change, name in zip(changes, clusters, strict=True):
        sums[name] = sums.get(name, 0.0) + change - mean
    together = sum(value * value for value in sums.values())
    return min(max(together / alone, 1.0), max(most, 1.0))


def _crossing(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that doesn't fall crosses zero, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= 0 else (middle, high)
    return (low + high) / 2
