"""Attention of each packed segment with itself, as blocks instead of one masked square.

A row of ten documents needs a tenth of the scores that a mask over the whole row computes and
throws away. On a CPU at these lengths, plain batched products with a hand-written backward pass
are also faster than PyTorch's fused kernel, whose backward runs far below the matmul rate.
"""

from __future__ import annotations

from typing import Any

import torch

NAME = "steep_segments"

# Queries per block: keys after a block's last query are never multiplied.
_BLOCK = 128

# The blocks keep their weights for the backward pass, which grows with the square of the length;
# longer segments are left to PyTorch's kernel, which doesn't.
_LONGEST = 1024


class UnsupportedAttention(ValueError):
    """The model's attention does something these blocks don't."""


def register() -> None:
    """Make ``segment_attention`` known to transformers under ``NAME``."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, segment_attention)


def segment_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    segment_lengths: list[int] | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within segments, with transformers' attention signature.

    Args:
        query: [1, heads, tokens, width]; ``key`` and ``value`` may have fewer heads.
        segment_lengths: tokens of each segment, in order; they add up to ``tokens``.

    Returns:
        [1, tokens, heads, value width], and None for the weights.

    Raises:
        UnsupportedAttention: a mask, soft cap, sinks, position bias or dropout is asked for.
    """
    asked = [
        name for name in ("softcap", "s_aux", "position_bias") if options.get(name) is not None
    ]
    if segment_lengths is None or attention_mask is not None or dropout or asked:
        raise UnsupportedAttention(f"attention with {asked or 'a mask or dropout'}")
    if not getattr(module, "is_causal", True):
        raise UnsupportedAttention("attention that isn't causal")
    device = query.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    window = options.get("sliding_window")
    pieces = [
        _attend(q, k, v, scale, window)
        for q, k, v in zip(
            torch.split(query[0], segment_lengths, 1),
            torch.split(key[0], segment_lengths, 1),
            torch.split(value[0], segment_lengths, 1),
            strict=True,
        )
    ]
    return torch.cat(pieces, 1).transpose(0, 1)[None], None


def _attend(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, scale: float, window: int | None
) -> torch.Tensor:
    if q.shape[1] <= _LONGEST or (window and window < q.shape[1]):
        blocks: Any = _CausalBlocks.apply
        return blocks(q, k, v, scale, window)  # type: ignore[no-any-return]
    return torch.nn.functional.scaled_dot_product_attention(
        q[None], k[None], v[None], is_causal=True, scale=scale, enable_gqa=len(q) != len(k)
    )[0]


class _CausalBlocks(torch.autograd.Function):
    """softmax(scale · q kᵀ) v of one segment, causal, in blocks of queries.

    q [heads, n, width], k [key heads, n, width], v [key heads, n, value width]. Query heads that
    share a key head are stacked as rows of one product, so keys are never repeated.
    """

    @staticmethod
    def forward(
        ctx: Any,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        scale: float,
        window: int | None,
    ) -> torch.Tensor:
        heads, tokens, width = q.shape
        shared = len(k)
        q = (q * scale).contiguous()
        k, v = k.contiguous(), v.contiguous()
        weights = []
        out = q.new_empty(heads, tokens, v.shape[-1])
        for begin, end, first in _blocks(tokens, window):
            here = q[:, begin:end].reshape(shared, -1, width)
            scores = torch.bmm(here, k[:, first:end].transpose(1, 2))
            by_head = scores.view(heads, end - begin, end - first)
            by_head.masked_fill_(_blocked(begin, end, first, window, q.device), -torch.inf)
            weight = torch.softmax(by_head, -1)
            weights.append(weight)
            mixed = torch.bmm(weight.view(shared, -1, end - first), v[:, first:end])
            out[:, begin:end] = mixed.view(heads, end - begin, -1)
        ctx.save_for_backward(q, k, v, *weights)
        ctx.scale, ctx.window = scale, window
        return out

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (gradient,) = gradients
        q, k, v, *weights = ctx.saved_tensors
        heads, tokens, width = q.shape
        shared = len(k)
        dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for weight, (begin, end, first) in zip(weights, _blocks(tokens, ctx.window), strict=True):
            rows = gradient[:, begin:end].reshape(shared, -1, v.shape[-1])
            flat = weight.view(shared, -1, end - first)
            dv[:, first:end] += torch.bmm(flat.transpose(1, 2), rows)
            dweight = torch.bmm(rows, v[:, first:end].transpose(1, 2)).view_as(weight)
            dscores = torch.ops.aten._softmax_backward_data(dweight, weight, -1, weight.dtype)
            dscores = dscores.view_as(flat)
            dq[:, begin:end] = torch.bmm(dscores, k[:, first:end]).view(heads, -1, width)
            here = q[:, begin:end].reshape(shared, -1, width)
            dk[:, first:end] += torch.bmm(dscores.transpose(1, 2), here)
        return dq * ctx.scale, dk, dv, None, None


def _blocks(tokens: int, window: int | None) -> list[tuple[int, int, int]]:
    """(first query, end, first key any of them sees) of each block."""
    return [
        (begin, min(begin + _BLOCK, tokens), max(0, begin - window + 1) if window else 0)
        for begin in range(0, tokens, _BLOCK)
    ]


def _blocked(
    begin: int, end: int, first: int, window: int | None, device: torch.device
) -> torch.Tensor:
    """True where a query may not look: bool [queries, keys]."""
    ahead = (
        torch.arange(first, end, device=device)[None]
        - torch.arange(begin, end, device=device)[:, None]
    )
    return (ahead > 0) | (ahead <= -window) if window else ahead > 0
