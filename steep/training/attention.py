"""Attention of each packed segment with itself, as blocks instead of one masked square.

A row of ten documents needs a tenth of the scores that a mask over the whole row computes and
throws away. Segments of similar length are padded to the longest of them and go through one
batched product: nothing attends to padding, because it comes after every token of its segment.
On a CPU at these lengths, plain batched products with a hand-written backward pass are also
faster than PyTorch's fused kernel, whose backward runs far below the matmul rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch

NAME = "steep_segments"

# Queries per block: keys after a block's last query are never multiplied.
_BLOCK = 128

# The blocks keep their weights for the backward pass, which grows with the square of the length;
# longer segments are left to PyTorch's kernel, which doesn't.
_LONGEST = 1024

# Scores that may be padding before a batched product of its own is cheaper: handling one costs
# about as much as a segment of 128 tokens.
_MOST_PADDING = 128 * 128


class UnsupportedAttention(ValueError):
    """The model's attention does something these blocks don't."""


@dataclass(frozen=True)
class Bucket:
    """Segments of similar length, one behind the other, and where they are padded to one length.

    Attributes:
        tokens: tokens in all.
        length: tokens of the longest.
        sources: int64 [segments * length], which token stands at each padded place.
        places: int64 [tokens], the padded place of each token.
        padding: bool [segments, length], True where padding is; None if nothing is padded.
    """

    tokens: int
    length: int
    sources: torch.Tensor
    places: torch.Tensor
    padding: torch.Tensor | None
    _kept: dict[tuple[str, int, int, int], torch.Tensor] = field(default_factory=dict)

    def pad(self, x: torch.Tensor, heads: slice = slice(None)) -> torch.Tensor:
        """Some heads of [tokens, heads, width] as [segments * heads, length, width].

        Padding holds anything finite.
        """
        count, width = x.shape[1:]
        chosen = range(count)[heads]
        rows = self._rows("pad", count, chosen.start, chosen.stop)
        return x.reshape(-1, width).index_select(0, rows).view(-1, self.length, width)

    def unpad(self, x: torch.Tensor, heads: int) -> torch.Tensor:
        """[segments * heads, length, width] to [tokens, heads, width]."""
        width = x.shape[-1]
        found = x.reshape(-1, width).index_select(0, self._rows("unpad", heads, 0, heads))
        return found.view(self.tokens, heads, width)

    def clear_padding(self, x: torch.Tensor) -> torch.Tensor:
        """Zero the padding of [segments * heads, length, width] in place."""
        if self.padding is not None:
            by_segment = x.view(len(self.padding), -1, *x.shape[1:])
            by_segment.masked_fill_(self.padding[:, None, :, None], 0.0)
        return x

    def _rows(self, way: str, count: int, begin: int, end: int) -> torch.Tensor:
        """Where each vector to come stands now; every layer asks for the same ones."""
        key = (way, count, begin, end)
        if key not in self._kept:
            heads = torch.arange(begin, end, device=self.sources.device)
            if way == "pad":
                rows = self.sources.view(-1, 1, self.length) * count + heads[:, None]
            else:
                segment, place = self.places // self.length, self.places % self.length
                rows = (segment * (count * self.length) + place)[:, None] + heads * self.length
            self._kept[key] = rows.flatten()
        return self._kept[key]


Layout = tuple[Bucket, ...]


def layout_of(lengths: list[int], device: torch.device) -> Layout:
    """The buckets of segments of these lengths (ascending), which stand one behind the other."""
    starts: list[int] = []
    waste, last = 0, 0
    for number in range(len(lengths) - 1, -1, -1):  # from the longest: it sets the padded length
        waste += last**2 - lengths[number] ** 2
        if not starts or waste > _MOST_PADDING:
            starts.append(number)
            waste, last = 0, lengths[number]
    ends = [start + 1 for start in reversed(starts)]
    return tuple(
        _bucket(lengths[begin:end], device)
        for begin, end in zip([0, *ends[:-1]], ends, strict=True)
    )


def _bucket(lengths: list[int], device: torch.device) -> Bucket:
    length = lengths[-1]
    sizes = torch.tensor(lengths)
    ends = sizes.cumsum(0)
    place = torch.arange(length)
    sources = (ends - sizes)[:, None] + torch.minimum(place, sizes[:, None] - 1)
    padding = place >= sizes[:, None]
    return Bucket(
        tokens=int(ends[-1]),
        length=length,
        sources=sources.flatten().to(device),
        places=(~padding).flatten().nonzero().flatten().to(device),
        padding=padding.to(device) if padding.any() else None,
    )


@contextmanager
def by_segments(model: Any, call: Callable[..., Any] | None = None) -> Iterator[None]:
    """Have every attention in ``model`` go through ``segment_attention`` (or ``call``) inside."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, call or segment_attention)
    configs = {id(c): c for m in model.modules() if (c := getattr(m, "config", None)) is not None}
    before = {i: getattr(c, "_attn_implementation", None) for i, c in configs.items()}
    try:
        for config in configs.values():
            config._attn_implementation = NAME
        yield
    finally:
        for i, config in configs.items():
            config._attn_implementation = before[i]


def segment_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    segment_layout: Layout | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention within segments, with transformers' attention signature.

    Args:
        query: [1, heads, tokens, width]; ``key`` and ``value`` may have fewer heads.
        segment_layout: the segments, which together are all tokens.

    Returns:
        [1, tokens, heads, value width], and None for the weights.

    Raises:
        UnsupportedAttention: a mask, soft cap, sinks or a position bias is asked for.
    """
    if segment_layout is None or attention_mask is not None:
        raise UnsupportedAttention("attention with a mask, or without segments")
    refuse_unsupported(module, options)
    device = query.device.type
    if torch.is_autocast_enabled(device):
        dtype = torch.get_autocast_dtype(device)
        query, key, value = query.to(dtype), key.to(dtype), value.to(dtype)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    window = options.get("sliding_window")
    sizes = [bucket.tokens for bucket in segment_layout]
    queries, keys, values = (torch.split(x[0].transpose(0, 1), sizes) for x in (query, key, value))
    apply: Any = _BucketAttention.apply
    found = [
        _by_kernel(q, k, v, bucket, scale, dropout)
        if is_left_to_kernel(bucket, window)
        else apply(q, k, v, bucket, scale, window, dropout)
        for q, k, v, bucket in zip(queries, keys, values, segment_layout, strict=True)
    ]
    return torch.cat(found)[None], None


def refuse_unsupported(module: Any, options: Mapping[str, Any]) -> None:
    """Check what a module asks of its attention.

    Raises:
        UnsupportedAttention: it is something these blocks don't do.
    """
    extras = ("softcap", "s_aux", "position_bias")
    asked = [name for name in extras if options.get(name) is not None]
    if asked:
        raise UnsupportedAttention(f"attention with {asked}")
    if not getattr(module, "is_causal", True):
        raise UnsupportedAttention("attention that isn't causal")


def is_left_to_kernel(bucket: Bucket, window: int | None) -> bool:
    """True for segments whose weights are too many to keep."""
    return bucket.length > _LONGEST and not (window and window < bucket.length)


def _by_kernel(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    bucket: Bucket,
    scale: float,
    dropout: float,
) -> torch.Tensor:
    """Attention of q, k, v [tokens, heads, width] by PyTorch's kernel."""
    shared = q.shape[1] != k.shape[1]
    q, k, v = (bucket.pad(x).view(-1, x.shape[1], bucket.length, x.shape[2]) for x in (q, k, v))
    out = torch.nn.functional.scaled_dot_product_attention(
        q, k, v, dropout_p=dropout, is_causal=True, scale=scale, enable_gqa=shared
    )
    return bucket.unpad(out, out.shape[1])


class _BucketAttention(torch.autograd.Function):
    """Attention of q [tokens, heads, width], k and v [tokens, key heads, width]."""

    @staticmethod
    def forward(
        ctx: Any,
        q: torch.Tensor,
        k: torch.Tensor,
        v: torch.Tensor,
        bucket: Bucket,
        scale: float,
        window: int | None,
        dropout: float,
    ) -> torch.Tensor:
        out, kept = attend(bucket.pad(q), bucket.pad(k), bucket.pad(v), scale, window, dropout)
        ctx.save_for_backward(*kept)
        ctx.bucket, ctx.scale, ctx.window = bucket, scale, window
        ctx.heads = (q.shape[1], k.shape[1], v.shape[1])
        return bucket.unpad(out, q.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        bucket: Bucket = ctx.bucket
        gradient = bucket.clear_padding(bucket.pad(gradients[0]))
        found = attend_backward(gradient, ctx.saved_tensors, ctx.scale, ctx.window)
        parts = [bucket.unpad(x, n) for x, n in zip(found, ctx.heads, strict=True)]
        return *parts, None, None, None, None


def attend(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    scale: float,
    window: int | None,
    dropout: float = 0.0,
) -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
    """softmax(scale · q kᵀ) v, causal, and what its gradient needs; ``q`` is overwritten.

    A share ``dropout`` of the weights is dropped and the rest made larger by as much.

    q [segments * heads, length, width], k and v [segments * key heads, length, width]. Query
    heads that share a key head are stacked as rows of one product, so keys are never repeated.

    Returns:
        [segments * heads, length, value width], and tensors for ``attend_backward``.
    """
    q.mul_(scale)
    shared, length, width = k.shape
    out = q.new_empty(len(q), length, v.shape[-1])
    weights, shares = [], []
    for begin, end, first in _blocks(length, window):
        here = q[:, begin:end].reshape(shared, -1, width)
        scores = torch.bmm(here, k[:, first:end].transpose(1, 2))
        by_head = scores.view(len(q), end - begin, end - first)
        by_head.masked_fill_(_blocked(begin, end, first, window, q.device), -torch.inf)
        weight = torch.softmax(by_head, -1, dtype=scores.dtype)  # autocast would make it fp32
        weights.append(weight)
        if dropout:
            shares.append(_shares(weight, dropout))
            weight = weight * shares[-1]
        mixed = torch.bmm(weight.view(shared, -1, end - first), v[:, first:end])
        out[:, begin:end] = mixed.view(len(q), end - begin, -1)
    return out, (q, k, v, *weights, *shares)


def _shares(weight: torch.Tensor, dropout: float) -> torch.Tensor:
    """What each weight is multiplied by: 0 where it is dropped."""
    return torch.empty_like(weight).bernoulli_(1.0 - dropout).div_(1.0 - dropout)


def attend_backward(
    gradient: torch.Tensor, kept: tuple[torch.Tensor, ...], scale: float, window: int | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Gradients of ``attend``'s q, k, v from that of its result (zero at padding)."""
    q, k, v, *rest = kept
    shared, length, width = k.shape
    blocks = _blocks(length, window)
    shares: Sequence[torch.Tensor | None] = rest[len(blocks) :] or [None] * len(blocks)
    dq, dk, dv = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
    parts = zip(rest[: len(blocks)], shares, blocks, strict=True)
    for weight, share, (begin, end, first) in parts:
        rows = gradient[:, begin:end].reshape(shared, -1, v.shape[-1])
        used = weight if share is None else weight * share
        flat = used.view(shared, -1, end - first)
        dv[:, first:end] += torch.bmm(flat.transpose(1, 2), rows)
        dweight = torch.bmm(rows, v[:, first:end].transpose(1, 2)).view_as(weight)
        if share is not None:
            dweight *= share
        dscores = torch.ops.aten._softmax_backward_data(dweight, weight, -1, weight.dtype)
        dscores = dscores.view_as(flat)
        dq[:, begin:end] = torch.bmm(dscores, k[:, first:end]).view(len(q), -1, width)
        here = q[:, begin:end].reshape(shared, -1, width)
        dk[:, first:end] += torch.bmm(dscores.transpose(1, 2), here)
    return dq.mul_(scale), dk, dv


def _blocks(tokens: int, window: int | None) -> list[tuple[int, int, int]]:
    """(first query, end, first key any of them sees) of each block."""
    return [
        (begin, min(begin + _BLOCK, tokens), max(0, begin - window + 1) if window else 0)
        for begin in range(0, tokens, _BLOCK)
    ]


@lru_cache(maxsize=256)
def _blocked(
    begin: int, end: int, first: int, window: int | None, device: torch.device
) -> torch.Tensor:
    """True where a query may not look: bool [queries, keys]."""
    ahead = (
        torch.arange(first, end, device=device)[None]
        - torch.arange(begin, end, device=device)[:, None]
    )
    return (ahead > 0) | (ahead <= -window) if window else ahead > 0
