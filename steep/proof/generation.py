"""Decoding: one small loop with left padding and a key-value cache.

Not ``model.generate``, because that fills every setting left open from the model's own
generation_config, where instruct models keep sampling and repetition penalties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from steep.proof.forward import Forward


def end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Token ids that end a text, by the tokenizer and by the model's configuration."""
    settings = getattr(model, "generation_config", None)
    named = getattr(settings, "eos_token_id", None)
    found = set(named) if isinstance(named, (list, tuple)) else {named}
    return {int(token) for token in found | {tokenizer.eos_token_id} if token is not None}


def generate_ids(
    forward: Forward,
    tokenizer: Any,
    prompts: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    min_new_tokens: int,
    stop: str | None,
    skip_blank: bool,
    temperature: float,
    seeds: Sequence[int],
) -> list[str]:
    """Continue a batch of prompts (token ids, none empty); see ``Scorer.generate``.

    Call inside ``judging``. ``seeds`` has one number for each prompt. Rows that are finished
    leave the batch.
    """
    ends = end_tokens(forward.model, tokenizer)
    draws = [torch.Generator().manual_seed(seed) for seed in seeds] if temperature > 0 else None
    ids, mask = _pad_left(prompts)
    positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
    cache: Any = None
    made: list[list[int]] = [[] for _ in prompts]
    texts: list[str | None] = [None] * len(prompts)
    alive = list(range(len(prompts)))
    for step in range(max_new_tokens):
        states, cache = forward.step(
            ids, mask=mask, positions=positions, cache=cache, use_cache=True
        )
        logits = forward.logits(states[:, -1])
        if step < min_new_tokens:
            logits[:, sorted(ends)] = float("-inf")
        tokens = _pick(logits, temperature, draws and [draws[row] for row in alive])
        for row, token in zip(alive, tokens, strict=True):
            texts[row] = _finish(tokenizer, made[row], token, ends, stop, skip_blank)
        going = [place for place, row in enumerate(alive) if texts[row] is None]
        if not going:
            break
        if len(going) < len(alive):
            cache.reorder_cache(torch.tensor(going, device=forward.device))
            alive = [alive[place] for place in going]
        ids = torch.tensor([tokens[place] for place in going])[:, None]
        mask = torch.cat([mask[going], torch.ones_like(ids)], dim=1)
        positions = positions[going, -1:] + 1
    return [
        _decode(tokenizer, new) if text is None else text
        for text, new in zip(texts, made, strict=True)
    ]


def _pad_left(prompts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Token ids and attention mask, each (B, T); any token will do as padding."""
    length = max(len(prompt) for prompt in prompts)
    ids = torch.zeros((len(prompts), length), dtype=torch.long)
    mask = torch.zeros((len(prompts), length), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, length - len(prompt) :] = torch.tensor(prompt)
        mask[row, length - len(prompt) :] = 1
    return ids, mask


def _pick(logits: Tensor, temperature: float, draws: Sequence[torch.Generator] | None) -> list[int]:
    """The next token of each row: the likeliest, or one drawn with the row's own generator."""
    if draws is None:
        return [int(token) for token in logits.argmax(dim=-1)]
    chances = torch.softmax(logits / temperature, dim=-1).cpu()
    return [
        int(torch.multinomial(row, 1, generator=draw))
        for row, draw in zip(chances, draws, strict=True)
    ]


def _finish(
    tokenizer: Any, made: list[int], token: int, ends: set[int], stop: str | None, skip_blank: bool
) -> str | None:
    """Take one more token in; the finished text if it ends here, else None."""
    if token in ends:
        return _decode(tokenizer, made)
    made.append(token)
    if not stop:
        return None
    text = _decode(tokenizer, made)
    blank = len(text) - len(text.lstrip()) if skip_blank else 0
    place = text.find(stop, blank)
    return text[:place] if place >= 0 else None


def _decode(tokenizer: Any, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text
