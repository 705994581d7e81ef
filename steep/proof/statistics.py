"""Paired differences with honest intervals.

Base and tuned models are judged on the same items, so only differences per item matter; items
about the same document or fact aren't independent, so whole clusters are resampled. Percentile
bootstrap (Efron & Tibshirani 1993, ch. 13 and 16) through scipy.stats.bootstrap, with a fixed
generator: the same results always give the same interval.

Of few clusters a bootstrap promises too much (of two it gives just the two), so the interval also
covers Student's, k - 1 degrees of freedom and the jackknife's standard error over the k clusters
(Efron & Tibshirani 1993, ch. 11); from about twenty on the two are nearly the same. Where few items
changed it promises too much as well, so the interval of a share is widened further
(``steep.proof.shares``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from steep.proof.shares import detectable_share, share_interval

RESAMPLES = 10_000
MAX_NATS = 700.0
_SEED = 20240229
_CELLS = 2_000_000
POWER_ERRORS = 2.80
"""A true change of so many standard errors is seen (two-sided, at 5%) in 80% of repetitions: the
normal quantiles 1.96 + 0.84."""

Scale = Literal["plain", "bits", "exp"]


@dataclass(frozen=True)
class Difference:
    """One measure of the base and the tuned model on the same items.

    Attributes:
        n: items.
        base, tuned: the measure; None if there are no items.
        delta: tuned minus base.
        ci95: the 95% interval of delta; None with fewer than two clusters.
        detectable: the smallest true change that as many such items show in 80% of repetitions;
            None without an interval.
    """

    n: int
    base: float | None
    tuned: float | None
    delta: float | None
    ci95: tuple[float, float] | None
    detectable: float | None = None


NOTHING = Difference(0, None, None, None, None)


def paired(
    base: Sequence[float],
    tuned: Sequence[float],
    clusters: Sequence[str],
    weights: Sequence[float] | None = None,
) -> Difference:
    """Difference of (weighted) means over the same items, clusters resampled whole.

    Raises:
        ValueError: the sequences differ in length.
    """
    sizes = [1.0] * len(base) if weights is None else list(weights)
    return ratio_difference(
        [value * size for value, size in zip(base, sizes, strict=True)],
        [value * size for value, size in zip(tuned, sizes, strict=True)],
        sizes,
        clusters=clusters,
    )


def paired_share(
    base: Sequence[float], tuned: Sequence[float], clusters: Sequence[str]
) -> Difference:
    """As ``paired``, for values of which none is below 0 or above 1: right (1) or wrong (0), or a
    reciprocal rank. Few changes, or none, don't make the interval narrow.

    Raises:
        ValueError: the sequences differ in length.
    """
    found = paired(base, tuned, clusters)
    if found.ci95 is None or found.delta is None:
        return found
    low, high = share_interval(base, tuned, clusters)
    return replace(
        found,
        ci95=(max(-1.0, min(low, found.ci95[0])), min(1.0, max(high, found.ci95[1]))),
        detectable=detectable_share(base, tuned, clusters),
    )


def ratio_difference(
    base: Sequence[float],
    tuned: Sequence[float],
    base_units: Sequence[float],
    tuned_units: Sequence[float] | None = None,
    *,
    clusters: Sequence[str] | None = None,
    scale: Scale = "plain",
    student: bool = True,
) -> Difference:
    """Difference of sum(tuned) / sum(tuned_units) and sum(base) / sum(base_units).

    Args:
        base, tuned: what is added up for each item, such as nats of a document.
        base_units, tuned_units: what it is divided by, such as its tokens or bytes; the tuned
            model's are the base's unless its tokenizer differs.
        clusters: which items go together; None means each stands alone.
        scale: "plain" leaves the ratios, "bits" divides them by ln 2 (nats per byte to bits per
            byte), "exp" takes their exponential (nats per token to perplexity); its interval is
            that of the nats, in which pairs are compared, from the base's perplexity on.
        student: False leaves the bootstrap alone, where an interval over few only steers a choice
            that is judged on others.

    Raises:
        ValueError: the sequences differ in length.
    """
    import numpy as np

    own = base_units if tuned_units is None else tuned_units
    names = [str(number) for number in range(len(base))] if clusters is None else list(clusters)
    columns = (base, tuned, base_units, own, names)
    if len({len(column) for column in columns}) != 1:
        raise ValueError(f"lengths differ: {[len(column) for column in columns]}")
    if sum(base_units) <= 0 or sum(own) <= 0:
        return NOTHING
    _, group = np.unique(np.asarray(names), return_inverse=True)
    sums: list[Any] = [np.bincount(group, weights=np.asarray(c, dtype=float)) for c in columns[:4]]
    counted = (sums[2] > 0) & (sums[3] > 0)
    sums = [column[counted] for column in sums]

    def measure(numerator: Any, units: Any, axis: int) -> Any:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = numerator.sum(axis=axis) / units.sum(axis=axis)
        if scale == "exp":
            return np.exp(np.minimum(ratio, MAX_NATS))
        return ratio / math.log(2) if scale == "bits" else ratio

    def statistic(b: Any, t: Any, b_units: Any, t_units: Any, axis: int = -1) -> Any:
        return measure(t, t_units, axis) - measure(b, b_units, axis)

    delta = float(statistic(*sums))
    before = float(measure(sums[0], sums[2], -1))
    if scale == "exp":
        nats = ratio_difference(base, tuned, base_units, own, clusters=clusters, student=student)
        interval = nats.ci95 and (
            _perplexed(before, nats.ci95[0]),
            _perplexed(before, nats.ci95[1]),
        )
    else:
        interval = _interval(sums, statistic, delta, student)
    return Difference(
        n=len(base),
        base=before,
        tuned=float(measure(sums[1], sums[3], -1)),
        delta=delta,
        ci95=interval,
        detectable=None
        if interval is None
        else POWER_ERRORS * (interval[1] - interval[0]) / (2 * 1.96),
    )


def _perplexed(perplexity: float, nats: float) -> float:
    """By how much a perplexity changes with so many nats more per token."""
    return math.exp(min(math.log(perplexity) + nats, MAX_NATS)) - perplexity


def _interval(
    sums: list[Any], statistic: Any, delta: float, student: bool
) -> tuple[float, float] | None:
    """Percentile interval of the statistic over resampled clusters, and Student's around it."""
    import numpy as np
    from scipy.stats import bootstrap

    count = len(sums[0])
    if count < 2:
        return None
    stacked = np.stack(sums, axis=1)
    if np.allclose(stacked, stacked[0], rtol=0, atol=0):
        return delta, delta
    result = bootstrap(
        tuple(sums),
        statistic,
        n_resamples=RESAMPLES,
        batch=max(1, _CELLS // count),
        vectorized=True,
        paired=True,
        method="percentile",
        rng=np.random.default_rng(_SEED),
    )
    low, high = float(result.confidence_interval.low), float(result.confidence_interval.high)
    reach = _reach(sums, statistic) if student else 0.0
    low, high = min(low, delta - reach), max(high, delta + reach)
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return low, high


def _reach(sums: list[Any], statistic: Any) -> float:
    """Half the width of Student's interval: the jackknife's error, each cluster left out once."""
    import numpy as np
    from scipy.stats import t

    count = len(sums[0])
    without = statistic(*((column.sum() - column)[:, None] for column in sums))
    with np.errstate(over="ignore", invalid="ignore"):
        error = math.sqrt((count - 1) * np.var(without))
    return float(t.ppf(0.975, count - 1)) * error
