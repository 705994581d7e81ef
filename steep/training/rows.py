"""Packed rows: which tokens are targets, which see each other, and each document by itself."""

from __future__ import annotations

import torch

from steep.corpus.schedule import IGNORED

Rows = dict[str, torch.Tensor]
"""int64 [rows, length]: input_ids, labels (unshifted), segments, position_ids."""


def at_targets(outputs: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """What predicts each target [targets, width], and the targets [targets]."""
    wanted = labels[:, 1:]
    targets = wanted != IGNORED
    return outputs[:, :-1][targets], wanted[targets]


def before_each(outputs: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """As ``at_targets``, for every place that something follows; targets may be IGNORED."""
    return outputs[:, :-1].flatten(0, 1), labels[:, 1:].flatten()


def segment_mask(segments: torch.Tensor, dtype: torch.dtype | None) -> torch.Tensor:
    """Causal mask within segments: [rows, 1, length, length].

    Boolean (True = may attend) when ``dtype`` is None, as SDPA takes it; else additive in
    ``dtype``, as eager attention takes it. Every token attends at least to itself.
    """
    length = segments.shape[1]
    same = segments[:, :, None] == segments[:, None, :]
    allowed = (same & torch.ones(length, length, dtype=torch.bool, device=same.device).tril())[
        :, None
    ]
    if dtype is None:
        return allowed
    blocked = torch.zeros(allowed.shape, dtype=dtype, device=same.device)
    return blocked.masked_fill(~allowed, torch.finfo(dtype).min)


def flatten(rows: Rows) -> tuple[Rows, list[int]]:
    """All segments, the shortest first, in one row [1, tokens] without padding; their lengths."""
    labels, segments = rows["labels"], rows["segments"]
    numbers = segments + torch.arange(len(segments), device=segments.device)[:, None] * (
        segments.shape[1] + 1
    )
    flat = numbers.flatten()
    begins = torch.cat([flat.new_ones(1, dtype=torch.bool), flat[1:] != flat[:-1]])
    segment = begins.cumsum(0) - 1
    with_targets = torch.zeros(int(segment[-1]) + 1, dtype=torch.bool, device=flat.device)
    with_targets[segment[labels.flatten() != IGNORED]] = True
    kept = with_targets[segment].nonzero().flatten()
    lengths = torch.bincount(segment[kept])
    own = lengths[segment[kept]]  # of each token's segment
    kept = kept[torch.argsort(own, stable=True)]
    return (
        {name: tensor.flatten()[kept][None] for name, tensor in rows.items()},
        sorted(int(n) for n in lengths if n),
    )


def alone(rows: Rows) -> list[Rows]:
    """Each segment as a row of its own [1, its length]."""
    flat, lengths = flatten(rows)
    parts = {name: torch.split(tensor, lengths, 1) for name, tensor in flat.items()}
    return [{name: part[i] for name, part in parts.items()} for i in range(len(lengths))]
