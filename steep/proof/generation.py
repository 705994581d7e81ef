"""Decoding: one small loop with left padding and a key-value cache.

Not ``model.generate``, because that fills every setting left open from the model's own
generation_config, where instruct models keep sampling and repetition penalties.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from steep.proof.forward import Forward
from steep.proof.turns import turn_end


def end_tokens(model: Any, tokenizer: Any) -> set[int]:
    """Token ids that end a text, by tokenizer, chat template and the model's configuration."""
    settings = getattr(model, "generation_config", None)
    named = getattr(settings, "eos_token_id", None)
    found = set(named) if isinstance(named, (list, tuple)) else {named}
    found |= {tokenizer.eos_token_id, turn_end(tokenizer)}
    return {int(token) for token in found if token is not None}


@dataclass(frozen=True)
class Decoding:
    """How to decode; see ``Scorer.generate``. Greedy at temperature 0."""

    max_new_tokens: int
    min_new_tokens: int = 0
    stops: tuple[str, ...] = ()
    skip_blank: bool = False
    temperature: float = 0.0


@dataclass(frozen=True)
class Prompted:
    """A batch of B prompts that the model has read.

    Attributes:
        states: (B, width), the state behind each prompt's last token.
        cache: the keys and values of S places.
        mask: (B, S), 1 where a place belongs to the row's prompt.
        positions: (B, 1), the position of the token that comes next.
    """

    states: Tensor
    cache: Any
    mask: Tensor
    positions: Tensor


def read_prompts(forward: Forward, prompts: Sequence[Sequence[int]]) -> Prompted:
    """Run a batch of prompts (token ids, none empty), padded on the left."""
    ids, mask = _pad_left(prompts)
    positions = (mask.cumsum(dim=1) - 1).clamp_min(0)
    states, cache = forward.step(ids, mask=mask, positions=positions, use_cache=True)
    return Prompted(states[:, -1], cache, mask, positions[:, -1:] + 1)


def decode(
    forward: Forward,
    tokenizer: Any,
    start: Prompted,
    decoding: Decoding,
    seeds: Sequence[int] | None = None,
    heard: Callable[[str], None] | None = None,
) -> list[str]:
    """Continue a batch of prompts that were read; uses up ``start.cache``.

    Call inside ``judging``. ``seeds`` has one number for each prompt, for sampling. Rows that are
    finished leave the batch. ``heard`` gets the first prompt's new text so far, after each token.
    """
    ends = end_tokens(forward.model, tokenizer)
    draws = [torch.Generator().manual_seed(s) for s in seeds or ()] if decoding.temperature else []
    states, cache, mask, positions = start.states, start.cache, start.mask, start.positions
    made: list[list[int]] = [[] for _ in range(len(mask))]
    texts: list[str | None] = [None] * len(made)
    alive = list(range(len(made)))
    for step in range(decoding.max_new_tokens):
        logits = forward.logits(states)
        if step < decoding.min_new_tokens:
            logits[:, sorted(ends)] = float("-inf")
        chosen = [draws[row] for row in alive] if draws else None
        tokens = _pick(logits, decoding.temperature, chosen)
        for row, token in zip(alive, tokens, strict=True):
            texts[row] = _finish(tokenizer, made[row], token, ends, decoding)
        if heard is not None:
            heard(_decode(tokenizer, made[0]) if texts[0] is None else texts[0])
        going = [place for place, row in enumerate(alive) if texts[row] is None]
        if not going or step == decoding.max_new_tokens - 1:
            break
        if len(going) < len(alive):
            cache.reorder_cache(torch.tensor(going, device=forward.device))
            alive = [alive[place] for place in going]
        ids = torch.tensor([tokens[place] for place in going])[:, None]
        mask = torch.cat([mask[going], torch.ones_like(ids)], dim=1)
        positions = positions[going]
        all_states, cache = forward.step(
            ids, mask=mask, positions=positions, cache=cache, use_cache=True
        )
        states, positions = all_states[:, -1], positions + 1
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
    tokenizer: Any, made: list[int], token: int, ends: set[int], decoding: Decoding
) -> str | None:
    """Take one more token in; the finished text if it ends here, else None."""
    if token in ends:
        return _decode(tokenizer, made)
    made.append(token)
    if not decoding.stops:
        return None
    text = _decode(tokenizer, made)
    blank = len(text) - len(text.lstrip()) if decoding.skip_blank else 0
    places = [text.find(stop, blank) for stop in decoding.stops]
    found = [place for place in places if place >= 0]
    return text[: min(found)] if found else None


def _decode(tokenizer: Any, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return text
