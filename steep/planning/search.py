"""Which short trainings a search of the recipe's settings makes, and what fits the time.

Learning rates come first, each at half the passes; the best of them are trained again at all
passes (successive halving, Jamieson & Talwalkar 2016, arXiv 1502.07943), because short trainings
flatter high rates. Then, at the best rate, other shares of replay, twice the passes, and the best
setting once more with another seed. Where the time doesn't allow all of that, the last go first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

RATE_STEP = math.sqrt(10.0)
"""Between neighbouring learning rates: a loss changes little within a factor of two or three."""

MOST_EXTRA_RATES = 3  # beyond the first ones, where the best is at their edge
MOST_SHARE = 0.6
_FEWEST_PASSES = 2.0


@dataclass(frozen=True)
class Trial:
    """One short training: what it does otherwise than the recipe."""

    learning_rate: float
    general_share: float
    passes: float
    seed: int

    @property
    def name(self) -> str:
        """Its folder's name."""
        rate = f"{self.learning_rate:.2e}"
        return (
            f"rate-{rate}-share-{self.general_share:.3g}-passes-{self.passes:.3g}-seed-{self.seed}"
        )


@dataclass(frozen=True)
class Design:
    """What a search makes if all goes well.

    Attributes:
        rates: learning rates of the first round, at half the passes.
        extra_rates: more of them, where the best is at the edge.
        finalists: of them, trained again at all passes.
        shares: other shares of replay.
        doubled: also twice the passes?
        repeated: also another seed?
    """

    rates: int
    extra_rates: int
    finalists: int
    shares: int
    doubled: bool
    repeated: bool

    @property
    def trials(self) -> int:
        """How many trainings, one extra rate among them if there may be any."""
        more = min(1, self.extra_rates) + self.doubled + self.repeated
        return self.rates + self.finalists + self.shares + more

    @property
    def units(self) -> float:
        """Their length together; 1 is one training at all passes and the recipe's share."""
        first = 0.5 * (self.rates + min(1, self.extra_rates))
        return first + self.finalists + self.shares + 2 * self.doubled + self.repeated


DESIGNS = (
    Design(3, MOST_EXTRA_RATES, 2, 3, doubled=True, repeated=True),
    Design(3, 1, 2, 2, doubled=False, repeated=True),
    Design(3, 0, 2, 0, doubled=False, repeated=False),
    Design(2, 0, 1, 0, doubled=False, repeated=False),
    Design(2, 0, 0, 0, doubled=False, repeated=False),
)
"""From the richest to the least that is a search at all."""


@dataclass(frozen=True)
class Fit:
    """A design that fits the time: with how many passes, over a slice of how many tokens."""

    design: Design
    passes: float
    slice_tokens: int


def fitting(
    seconds: float,
    *,
    tokens_per_second: float,
    asking_seconds: float,
    passes: float,
    whole_tokens: int,
    least_tokens: int,
) -> Fit | None:
    """The richest design that fits; None where not even two short trainings would.

    Fewer passes than the run's are taken before a design is given up, but not fewer than two.

    Args:
        asking_seconds: what it takes to judge one training.
        passes: of the run, over all its documents.
        whole_tokens: of one pass over all documents, replay included.
        least_tokens: of one pass over the smallest slice that says something.
    """
    for design in DESIGNS:
        left = seconds - design.trials * asking_seconds
        unit = left * tokens_per_second / design.units
        if unit < least_tokens * min(passes, _FEWEST_PASSES):
            continue
        fewer = math.floor(100 * min(passes, unit / least_tokens)) / 100
        passes_here = max(fewer, 0.01)
        return Fit(design, passes_here, min(whole_tokens, round(unit / passes_here)))
    return None


def time_for_least(
    tokens_per_second: float, *, asking_seconds: float, passes: float, least_tokens: int
) -> float:
    """Seconds of the least search there is (see ``fitting``)."""
    least = DESIGNS[-1]
    tokens = least.units * least_tokens * min(passes, _FEWEST_PASSES)
    return tokens / tokens_per_second + least.trials * asking_seconds


def first_rates(usual: float, count: int, known: float) -> list[float]:
    """The recipe's learning rate and its neighbours; of two, the one on the side of ``known``."""
    if count == 2:
        return [usual, usual * RATE_STEP if known > usual else usual / RATE_STEP]
    return [usual * RATE_STEP**step for step in (-1, 0, 1)]


def next_rate(tried: Sequence[float], best: float) -> float | None:
    """The rate beyond the edge at which the best one stands; None if it stands inside."""
    if best == max(tried):
        return best * RATE_STEP
    return best / RATE_STEP if best == min(tried) else None


def other_shares(usual: float, count: int) -> list[float]:
    """Shares of replay beside the recipe's, evenly apart in their logarithm as far as they go."""
    if usual == 0.0:
        return [0.1, 0.3, 0.05][:count]
    found = [usual / 2, 2 * usual, usual / 4]
    return [round(min(share, MOST_SHARE), 4) for share in found if share < MOST_SHARE][:count]
