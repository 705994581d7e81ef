"""Cross-entropy from hidden states, its gradient taken in the forward pass.

The logits of a chunk of tokens become their own gradient in place, so neither fp32 logits nor
log-probabilities of the whole batch are ever held.
"""

from __future__ import annotations

from typing import Any

import torch

# Logits held at once, and rows of them whose fp32 copy a CPU works on while it is in cache.
_MOST_LOGITS = 2**26
_ROWS = 16


def summed_cross_entropy(
    hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor
) -> torch.Tensor:
    """Sum over tokens of -log softmax(hidden · weightᵀ)[target], in nats (fp32 scalar).

    Args:
        hidden: [tokens, width]; its dtype is the dtype of the products.
        weight: [vocabulary, width], the head's, in any dtype.
        targets: int64 [tokens].
    """
    apply: Any = _SummedCrossEntropy.apply
    result: torch.Tensor = apply(hidden, weight, targets)
    return result


class _SummedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        product_weight = weight.to(hidden.dtype)
        nats = torch.zeros((), dtype=torch.float32, device=hidden.device)
        dhidden = torch.empty_like(hidden) if ctx.needs_input_grad[0] else None
        dweight = torch.zeros_like(product_weight) if ctx.needs_input_grad[1] else None
        chunk = max(_ROWS, _MOST_LOGITS // len(weight))
        for begin in range(0, len(targets), chunk):
            here = hidden[begin : begin + chunk]
            logits = here @ product_weight.t()
            nats += _to_gradient(logits, targets[begin : begin + chunk])
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


def _to_gradient(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Overwrite logits [tokens, vocabulary] by softmax - onehot; the summed loss comes back."""
    nats = torch.zeros((), dtype=torch.float32, device=logits.device)
    size = _ROWS if logits.device.type == "cpu" else len(targets)
    for begin in range(0, len(targets), size):
        rows = logits[begin : begin + size]
        target = targets[begin : begin + size, None]
        z = rows.float()
        highest = z.amax(1, keepdim=True)
        wanted = z.gather(1, target)
        total = z.sub_(highest).exp_().sum(1, keepdim=True)
        nats += (total.log() + highest - wanted).sum()
        z.div_(total)
        z.scatter_add_(1, target, z.new_full(target.shape, -1.0))
        if z.dtype != logits.dtype:  # else z is the logits themselves
            rows.copy_(z)
    return nats
