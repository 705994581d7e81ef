"""Intervals and power for paired shares, where a bootstrap alone would promise too much.

Resampling items of which none changed gives an interval of no width, and four changes among sixty
may look like proof. So a share's interval also covers

- Tango's score interval for paired shares (Tango 1998, Statistics in Medicine 17: 891-908), with
  as many items as the sample is worth: the items divided by the design effect of their clusters
  (Kish 1965), which is estimated, or where nothing varies taken as the mean size of a cluster;
- zero, if the exact sign test over clusters (McNemar's, where each item stands alone) doesn't
  tell the two models apart at 5%.

The power of a paired comparison is McNemar's (Miettinen 1968; Connor 1987, Biometrics 43:
207-211): with n pairs of which a share ``s`` differ, a change ``d`` is seen with 80% power where
``n d^2 = (1.96 sqrt(s) + 0.84 sqrt(s - d^2))^2``. Here ``s`` is ``d`` itself plus the share of
items that flipped against each other, twice the smaller of gains and losses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

Z = 1.959964
Z_POWER = 0.841621
ALPHA = 0.05
FEWEST_FLIPS = 6
"""With fewer flips, all of them one way, the exact test can't fall below 5%."""


def share_interval(
    base: Sequence[float], tuned: Sequence[float], clusters: Sequence[str]
) -> tuple[float, float]:
    """What the 95% interval of the difference of two paired shares must at least cover.

    Values lie between 0 and 1; one in between (a reciprocal rank) counts as the part of a gain or
    of a loss that it changed by.
    """
    gained, lost, size = _worth(base, tuned, clusters)
    low, high = tango(gained, lost, size)
    if _sign_test(base, tuned, clusters) >= ALPHA:
        low, high = min(low, 0.0), max(high, 0.0)
    return low, high


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
    gained, lost, size = _worth(base, tuned, clusters)
    return mcnemar_detectable(size, 2 * min(gained, lost) / size)


def mcnemar_detectable(n: float, churn: float) -> float | None:
    """As ``detectable_share``, for n pairs of which a share ``churn`` flips to and fro."""
    if n < FEWEST_FLIPS:
        return None

    def surplus(change: float) -> float:
        flips = min(1.0, churn + change)
        needed = Z * math.sqrt(flips) + Z_POWER * math.sqrt(max(flips - change * change, 0.0))
        return math.sqrt(n) * change - needed

    return _crossing(surplus, 1e-9, 1.0) if surplus(1.0) >= 0 else None


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


def _sign_test(base: Sequence[float], tuned: Sequence[float], clusters: Sequence[str]) -> float:
    """Exact two-sided p-value of as many clusters rising and as many falling."""
    from scipy.stats import binomtest

    sums: dict[str, float] = {}
    for b, t, name in zip(base, tuned, clusters, strict=True):
        sums[name] = sums.get(name, 0.0) + t - b
    up = sum(value > 0 for value in sums.values())
    down = sum(value < 0 for value in sums.values())
    return float(binomtest(up, up + down, 0.5).pvalue) if up + down else 1.0


def _crossing(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that doesn't fall crosses zero, by bisection."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) >= 0 else (middle, high)
    return (low + high) / 2
