"""Losses of logits from hidden states, their gradient taken in the forward pass.

The logits of a chunk of tokens become their own gradient in place, so neither fp32 logits nor
log-probabilities of the whole batch are ever held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from steep.corpus.schedule import IGNORED

# Logits held at once, and rows of them whose fp32 copy a CPU works on while it is in cache.
_MOST_LOGITS = 2**26
_ROWS = 16


def summed_cross_entropy(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor, *, some_ignored: bool = False
) -> torch.Tensor:
    """Sum over tokens of -log softmax(hidden · weightᵀ)[target], in nats (fp32 scalar).

    Args:
        hidden: [tokens, width]; its dtype is the dtype of the products.
        weight: [vocabulary, width], the head's, in any dtype.
        targets: int64 [tokens].
        some_ignored: some targets may be -100, which adds nothing: for shapes that must not depend
            on how many there are.
    """
    kept = (targets != IGNORED).float() if some_ignored else None
    wanted = targets.clamp(min=0) if some_ignored else targets

    def to_gradient(logits: torch.Tensor, begin: int) -> torch.Tensor:
        here = slice(begin, begin + len(logits))
        return entropy_to_gradient(logits, wanted[here], None if kept is None else kept[here])

    return summed_over_logits(hidden, weight, to_gradient)


ToGradient = Callable[[torch.Tensor, int], torch.Tensor]
"""Gets logits [some tokens, vocabulary] and the number of their first token; overwrites them by the
gradient of a loss in them and gives that loss, summed (fp32 scalar)."""


def summed_over_logits(
    hidden: torch.Tensor, weight: torch.Tensor, to_gradient: ToGradient
) -> torch.Tensor:
    """A loss of hidden · weightᵀ summed over tokens, chunk by chunk (fp32 scalar).

    Args:
        hidden: [tokens, width]; its dtype is the dtype of the products.
        weight: [vocabulary, width], the head's, in any dtype.
    """
    apply: Any = _SummedOverLogits.apply
    result: torch.Tensor = apply(hidden, weight, to_gradient)
    return result


def rows_in_cache(logits: torch.Tensor) -> Iterator[tuple[int, torch.Tensor]]:
    """(number of its first row, rows) of pieces of logits whose fp32 copy a CPU keeps in cache."""
    size = _ROWS if logits.device.type == "cpu" else max(1, len(logits))
    for begin in range(0, len(logits), size):
        yield begin, logits[begin : begin + size]


class _SummedOverLogits(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, to_gradient: ToGradient
    ) -> torch.Tensor:
        product_weight = weight.to(hidden.dtype)
        nats = torch.zeros((), dtype=torch.float32, device=hidden.device)
        dhidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        dweight = torch.zeros_like(product_weight) if ctx.needs_input_grad[1] else None
        chunk = max(_ROWS, _MOST_LOGITS // len(weight))
        for begin in range(0, len(hidden), chunk):
            here = hidden[begin : begin + chunk]
            logits = here @ product_weight.t()
            nats += to_gradient(logits, begin)
            if dhidden is not None:
                torch.mm(logits, product_weight, out=dhidden[begin : begin + chunk])
            if dweight is not None:
                dweight.addmm_(logits.t(), here)
        ctx.save_for_backward(dhidden, dweight)
        ctx.weight_dtype = weight.dtype
        return nats

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (scale,) = gradients
        dhidden, dweight = ctx.saved_tensors
        if dhidden is not None:
            dhidden = dhidden * scale
        if dweight is not None:
            dweight = dweight.to(ctx.weight_dtype).mul_(scale)
        return dhidden, dweight, None


def entropy_to_gradient(
    logits: torch.Tensor, targets: torch.Tensor, kept: torch.Tensor | None
) -> torch.Tensor:
    """Overwrite logits [tokens, vocabulary] by softmax - onehot; the summed loss comes back.

    ``kept`` [tokens] is 0 where a target doesn't count and 1 elsewhere; None if all do.
    """
    nats = torch.zeros((), dtype=torch.float32, device=logits.device)
    for begin, rows in rows_in_cache(logits):
        here = slice(begin, begin + len(rows))
        target = targets[here, None]
        z = rows.float()
        highest = z.amax(1, keepdim=True)
        wanted = z.gather(1, target)
        total = z.sub_(highest).exp_().sum(1, keepdim=True)
        loss = total.log() + highest - wanted
        if kept is None:
            nats += loss.sum()
            z.div_(total)
            z.scatter_add_(1, target, z.new_full(target.shape, -1.0))
        else:
            counts = kept[here, None]
            nats += (loss * counts).sum()
            z.mul_(counts / total)
            z.scatter_add_(1, target, -counts)
        if z.dtype != logits.dtype:  # else z is the logits themselves
            rows.copy_(z)
    return nats
