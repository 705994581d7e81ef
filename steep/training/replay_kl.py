"""How far the model has moved from its base on replay: KL(base || model), token by token.

The base model's likeliest next tokens are asked for once, before training, at every place of the
replay that will be trained on; so nothing of it is run again in a step, with adapters or without.
All other tokens count as one outcome. That can only lower a divergence (the log-sum inequality),
and its gradient leaves the proportions within them to the model. Cutting the base's predictions
off instead, without the rest of their mass, would pull the model towards too sure ones (Anshumann
et al. 2025, arXiv 2503.16870).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from steep.corpus.schedule import IGNORED
from steep.recipe import TrainRecipe
from steep.training.cross_entropy import entropy_to_gradient, rows_in_cache, summed_over_logits

KEPT_TOKENS = 64
PLACE_BYTES = KEPT_TOKENS * (4 + 4)
"""What is kept of the base at a place: as many tokens and log-probabilities."""

_LEAST = 1e-30

NO_PLACE = -1
_FEWEST_OWN = 8  # an eighth of a step's targets


@dataclass(frozen=True)
class BaseReference:
    """The base model's predictions on replay.

    Attributes:
        starts: int64 [segments], where each segment's predictions begin, that of its second token
            first; -1 for segments that have none.
        ids: int32 [places, kept], the likeliest next tokens.
        logprobs: float32 [places, kept], their log-probabilities in nats.
    """

    starts: npt.NDArray[np.int64]
    ids: torch.Tensor
    logprobs: torch.Tensor

    def places(
        self, rows: Sequence[Sequence[int]], lengths: npt.NDArray[np.int64], width: int
    ) -> npt.NDArray[np.int64]:
        """int64 [rows, width]: for each token the place of its prediction, or -1.

        Args:
            rows: the segments of each row, as a schedule gives them.
            lengths: tokens of each segment.
        """
        found = np.full((len(rows), width), NO_PLACE, dtype=np.int64)
        for number, row in enumerate(rows):
            at = 0
            for segment in row:
                length = int(lengths[segment])
                start = int(self.starts[segment])
                if start != NO_PLACE:
                    found[number, at + 1 : at + length] = np.arange(start, start + length - 1)
                at += length
        return found

    def at(self, places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Kept tokens (int64) and log-probabilities (float32) [*places, kept], on their device.

        Where there is no place they are of no meaning.
        """
        wanted = places.clamp(min=0).cpu()
        ids = self.ids[wanted].to(places.device, torch.int64, non_blocking=True)
        return ids, self.logprobs[wanted].to(places.device, non_blocking=True)

    @property
    def tail(self) -> float:
        """Mean probability of all tokens that aren't kept."""
        if not len(self.logprobs):
            return 0.0
        return float((1.0 - self.logprobs.double().exp().sum(1)).clamp_min(0.0).mean())


def summed_divergence(
    hidden: torch.Tensor, weight: torch.Tensor, ids: torch.Tensor, logprobs: torch.Tensor
) -> torch.Tensor:
    """KL(base || model) summed over tokens, in nats (fp32 scalar), chunk by chunk.

    Args:
        hidden: [tokens, width]; its dtype is the dtype of the products.
        weight: [vocabulary, width], the head's, in any dtype.
        ids: int64 [tokens, kept], without repeats in a row.
        logprobs: float32 [tokens, kept], the base's.
    """

    def to_gradient(logits: torch.Tensor, first: int) -> torch.Tensor:
        nats = torch.zeros((), dtype=torch.float32, device=logits.device)
        for begin, rows in rows_in_cache(logits):
            part = slice(first + begin, first + begin + len(rows))
            z = rows.float()
            nats += divergence_to_gradient(z, ids[part], logprobs[part])
            if z.dtype != logits.dtype:  # else z is the logits themselves
                rows.copy_(z)
        return nats

    return summed_over_logits(hidden, weight, to_gradient)


@dataclass(frozen=True)
class Divergence:
    """What the base predicts at some tokens, and which of them count.

    Attributes:
        ids: int64 [tokens, kept].
        logprobs: float32 [tokens, kept].
        counts: float32 [tokens], 1 for replay and 0 elsewhere.
    """

    ids: torch.Tensor
    logprobs: torch.Tensor
    counts: torch.Tensor


def summed_loss_with_divergence(
    hidden: torch.Tensor,
    weight: torch.Tensor,
    targets: torch.Tensor,
    base: Divergence,
    kl_coef: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Cross-entropy plus ``kl_coef`` times KL(base || model), and the latter alone (nats, fp32).

    Shapes don't depend on which tokens count, and one product with the head serves both, at the
    price of a second copy of a chunk's logits.

    Args:
        hidden: [tokens, width]; its dtype is the dtype of the products.
        weight: [vocabulary, width], the head's, in any dtype.
        targets: int64 [tokens]; -100 adds no cross-entropy.
    """
    divergence = torch.zeros((), dtype=torch.float32, device=hidden.device)
    kept = (targets != IGNORED).float()
    wanted = targets.clamp(min=0)

    def to_gradient(logits: torch.Tensor, first: int) -> torch.Tensor:
        part = slice(first, first + len(logits))
        held = logits.to(torch.float32, copy=True)
        nats = divergence_to_gradient(held, base.ids[part], base.logprobs[part], base.counts[part])
        divergence.add_(nats)
        loss = entropy_to_gradient(logits, wanted[part], kept[part])
        logits.add_(held, alpha=kl_coef)
        return loss + kl_coef * nats

    return summed_over_logits(hidden, weight, to_gradient), divergence


def divergence_of_logits(
    logits: torch.Tensor, ids: torch.Tensor, logprobs: torch.Tensor
) -> torch.Tensor:
    """As ``summed_divergence``, from logits [tokens, vocabulary], by autograd."""
    own = torch.log_softmax(logits.float(), dim=-1)
    probs = logprobs.exp()
    nats = (probs * (logprobs - own.gather(1, ids))).sum()
    if ids.shape[1] == logits.shape[1]:
        return nats
    tail = _tail_of(probs)
    own_tail = own.scatter(1, ids, -torch.inf).logsumexp(1)
    rest: torch.Tensor = (torch.special.xlogy(tail, tail) - tail * own_tail).sum()
    return nats + rest


def _tail_of(probs: torch.Tensor) -> torch.Tensor:
    """Probability of the tokens that aren't kept [tokens]."""
    return (1.0 - probs.sum(1)).clamp_min(0.0)


def divergence_to_gradient(
    logits: torch.Tensor,
    ids: torch.Tensor,
    logprobs: torch.Tensor,
    counts: torch.Tensor | None = None,
) -> torch.Tensor:
    """Overwrite fp32 logits [tokens, vocabulary] by the gradient; the summed divergence comes back.

    ``counts`` [tokens] weighs each token, so that 0 leaves it out; None counts all. The gradient is
    the model's probabilities minus the target's: the base's for the tokens kept, and for the others
    the model's own, scaled to the mass that the base gives them together.
    """
    weights = 1.0 if counts is None else counts[:, None]
    kept = logits.sub_(logits.amax(1, keepdim=True)).gather(1, ids)
    shares = logits.exp_()  # of the total, still to be divided by it
    total = shares.sum(1, keepdim=True)
    probs = logprobs.exp()
    nats = (weights * probs * (logprobs - (kept - total.log()))).sum()
    shares.scatter_(1, ids, 0.0)
    if ids.shape[1] < logits.shape[1]:
        tail = _tail_of(probs)[:, None]
        others = shares.sum(1, keepdim=True).clamp_min(_LEAST)
        rest = torch.special.xlogy(tail, tail) - tail * (others.log() - total.log())
        nats += (weights * rest).sum()
        shares.mul_(weights * (1.0 / total - tail / others))
    shares.scatter_(1, ids, weights * (kept.exp() / total - probs))
    return nats


@dataclass(frozen=True)
class HeldLoss:
    """The loss of a step's replay: nats from what the base predicts, over so many tokens."""

    nats: float
    tokens: int

    @property
    def mean(self) -> float | None:
        """Nats per replay token; None if the step had no replay."""
        return self.nats / self.tokens if self.tokens else None

    def without(self, loss: float, targets: int, recipe: TrainRecipe) -> float | None:
        """The part of a step's loss that is next-token loss, in nats per token it is of.

        None if it is of none, or of so few tokens that they say little. The whole loss depends on
        how much replay the step happens to have.
        """
        own = targets - (self.tokens if recipe.replay_kl_only else 0)
        nats = loss * targets - (recipe.replay_kl_coef or 0.0) * self.nats
        return nats / own if own * _FEWEST_OWN >= targets and own > 0 else None


NO_HELD_LOSS = HeldLoss(0.0, 0)


def held_loss(found_here: tuple[float, int], accelerator: Any) -> HeldLoss:
    """A step's over all processes, from (nats, tokens) of this one."""
    found = torch.tensor(found_here, dtype=torch.float64)
    if accelerator.num_processes > 1:
        found = accelerator.reduce(found.float().to(accelerator.device), reduction="sum")
    nats, tokens = found.tolist()
    return HeldLoss(nats, int(tokens))
