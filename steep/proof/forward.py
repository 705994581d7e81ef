"""Running a causal language model for judging: its body, then its head only where needed.

The logits of a whole batch are the largest thing a small model makes. So the body (embeddings
and layers) runs once, and the head turns only the wanted states into log-probabilities, in
chunks of bounded memory. A model whose head isn't a plain module on top of its body (a soft cap
or a scale on the logits) is noticed by comparison, and then run whole.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from steep.errors import ModelError

LOGITS_BYTES = 100_000_000
"""Memory one chunk of fp32 logits may take (log-sum-exp needs about as much again)."""
ON_GPU = 4
"""How many times as much of everything a GPU gets: it waits for the host between pieces."""


@contextmanager
def judging(model: Any) -> Iterator[None]:
    """Evaluation mode and no autograd inside; every module's own mode is put back after."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, training in modes:
            module.training = training


@dataclass(frozen=True)
class Judged:
    """Log-probabilities (nats, fp64) of N targets, and whether each was the model's first choice.

    Both tensors have shape (N,) and lie on the CPU.
    """

    logprob: Tensor
    greedy: Tensor


class Forward:
    """A model split into body and head where that is exact, else run whole.

    Args:
        model: any causal language model of transformers, PEFT-wrapped or not.
    """

    def __init__(self, model: Any) -> None:
        base = model.get_base_model() if hasattr(model, "get_base_model") else model
        self.model = model
        self.config = base.config.get_text_config()
        self.device = next(model.parameters()).device
        self.dtype = next(p.dtype for p in model.parameters() if p.is_floating_point())
        self.vocabulary = int(base.get_input_embeddings().weight.shape[0])
        self._body: Any = model
        self._head: Any = None
        body, head = base.get_decoder(), base.get_output_embeddings()
        if head is not None and body is not base and self._splits(body, head):
            self._body, self._head = body, head
        names = inspect.signature((body if self._head is not None else base).forward).parameters
        self.takes_positions = "position_ids" in names

    def _splits(self, body: Any, head: Any) -> bool:
        """True if head(body(ids)) gives the model's own logits."""
        ids = torch.arange(min(16, self.vocabulary), device=self.device)[None]
        with judging(self.model):
            try:
                whole = self.model(input_ids=ids, use_cache=False).logits.float()
                parts = head(body(input_ids=ids, use_cache=False).last_hidden_state).float()
            except (AttributeError, TypeError, ValueError, RuntimeError):
                return False
        scale = max(float(whole.abs().max()), 1e-6)
        same = whole.shape == parts.shape
        return same and float((whole - parts).abs().max()) <= 1e-3 * scale

    @property
    def max_batch_tokens(self) -> int | None:
        """Tokens whose logits fit the memory bound, for a model run whole; else None."""
        if self._head is not None:
            return None
        return self.logits_at_once

    @property
    def room(self) -> int:
        """What bounds of memory are multiplied by on this device."""
        return 1 if self.device.type == "cpu" else ON_GPU

    @property
    def logits_at_once(self) -> int:
        """Tokens whose logits are held at once."""
        return max(1, self.room * LOGITS_BYTES // (4 * self.vocabulary))

    @property
    def cache_bytes_per_token(self) -> int:
        """Memory one token's keys and values take in all layers (an upper bound)."""
        config = self.config
        heads = int(config.num_attention_heads)
        groups = int(getattr(config, "num_key_value_heads", None) or heads)
        width = int(getattr(config, "head_dim", None) or config.hidden_size // heads)
        size = torch.finfo(self.dtype).bits // 8
        return 2 * int(config.num_hidden_layers) * groups * width * size

    def run(
        self, ids: Tensor, *, mask: Tensor | None = None, positions: Tensor | None = None
    ) -> Tensor:
        """States of shape (B, T, width) for token ids of shape (B, T), without a cache.

        ``mask`` is (B, 1, T, T), bool or additive; None means plainly causal. ``positions`` is
        (B, T). The states are logits for a model that is run whole.
        """
        return self.step(ids, mask=mask, positions=positions)[0]

    def step(
        self,
        ids: Tensor,
        *,
        mask: Tensor | None = None,
        positions: Tensor | None = None,
        cache: Any = None,
        use_cache: bool = False,
    ) -> tuple[Tensor, Any]:
        """As ``run``, with the key-value cache going in and coming out."""
        extra: dict[str, Any] = {}
        if mask is not None:
            extra["attention_mask"] = mask.to(self.device)
        if positions is not None and self.takes_positions:
            extra["position_ids"] = positions.to(self.device)
        if cache is not None:
            extra["past_key_values"] = cache
        output = self._body(input_ids=ids.to(self.device), use_cache=use_cache, **extra)
        states = output.logits if self._head is None else output.last_hidden_state
        return states, output.past_key_values if use_cache else None

    def mask(self, sees: Tensor) -> Tensor:
        """What may be seen, (B, 1, T, S) bool, as this model's attention wants it.

        Additive where that is understood: turned into numbers once, not in each layer.
        """
        kind = getattr(self.config, "_attn_implementation", None)
        if kind not in ("eager", "sdpa"):
            return sees
        added = torch.zeros(sees.shape, dtype=self.dtype)
        return added.masked_fill_(~sees, torch.finfo(self.dtype).min)

    def logits(self, states: Tensor) -> Tensor:
        """fp32 logits (..., vocabulary) of states (..., width)."""
        made: Tensor = states if self._head is None else self._head(states)
        return made.float()

    def judge(self, states: Tensor, index: Tensor, targets: Tensor) -> Judged:
        """Log-probability of each target at its place.

        Args:
            states: (M, width), the places where something is predicted.
            index: (N,), for each target its row of ``states``, in ascending order.
            targets: (N,), token ids.

        Raises:
            ModelError: a log-probability isn't finite.
        """
        chunk = self.logits_at_once
        logprobs: list[Tensor] = []
        firsts: list[Tensor] = []
        bounds = torch.searchsorted(index, torch.arange(0, len(states) + chunk, chunk)).tolist()
        for number, (low, high) in enumerate(pairwise(bounds)):
            start = number * chunk
            logits = self.logits(states[start : start + chunk])
            rows = (index[low:high] - start).to(self.device)
            wanted = targets[low:high].to(self.device)
            found = logits[rows, wanted]
            best, first = logits.max(dim=-1)
            # Log-sum-exp in place: the logits are the largest thing here, and done with.
            total = logits.sub_(best[:, None]).exp_().sum(dim=-1).log_() + best
            logprobs.append((found - total[rows]).cpu().double())
            firsts.append((first[rows] == wanted).cpu())
        result = Judged(torch.cat(logprobs), torch.cat(firsts))
        if not bool(torch.isfinite(result.logprob).all()):
            raise ModelError(
                "the model gives log-probabilities that aren't finite: its weights or its "
                "precision are broken; load it in fp32, or use an earlier checkpoint"
            )
        return result
