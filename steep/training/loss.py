"""The loss of packed rows: summed over target tokens, each segment alone with itself.

Segments packed into a row never see each other: attention is blocked by a mask, positions start
again, and no segment's first token is predicted from its neighbour. Positions alone would not
do (trl#6843, nanoVLM#204).
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from steep.corpus.schedule import IGNORED


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


def summed_loss(model: Any, rows: dict[str, torch.Tensor]) -> torch.Tensor:
    """Negative log-likelihood summed (not averaged) over the target tokens of some rows.

    Args:
        rows: int64 tensors [rows, length]: input_ids, labels (unshifted, -100 = no target),
            segments, position_ids.

    Returns:
        A scalar in nats, fp32.
    """
    eager = getattr(_config(model), "_attn_implementation", "sdpa") == "eager"
    output = model(
        input_ids=rows["input_ids"],
        attention_mask=segment_mask(rows["segments"], torch.float32 if eager else None),
        position_ids=rows["position_ids"],
        use_cache=False,
    )
    labels = rows["labels"][:, 1:]
    targets = labels != IGNORED
    logits = output.logits[:, :-1][targets].float()
    loss: torch.Tensor = F.cross_entropy(logits, labels[targets], reduction="sum")
    return loss


def _config(model: Any) -> Any:
    inner = getattr(model, "module", model)
    base = inner.get_base_model() if hasattr(inner, "get_base_model") else inner
    return base.config
