"""Questions with choices that are also answered freely: the prompt is read once for both.

The row that scored the choices leaves the prompt's keys and values at its beginning; decoding goes
on from there and never looks at the choices behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from steep.proof.forward import judging
from steep.proof.generation import Decoding, Prompted, decode
from steep.proof.layout import Encoded, Row, batches, lay_out
from steep.proof.scorer import Choices, ContinuationScore, Scorer, Sums


@dataclass(frozen=True)
class Asked:
    """The scores of a request's continuations, and what the model itself says."""

    scores: list[ContinuationScore]
    answer: str


def ask(scorer: Scorer, requests: Sequence[Choices], decoding: Decoding) -> list[Asked]:
    """``scorer.score_continuations`` and ``scorer.generate`` (greedy) for the same prompts.

    Raises:
        UserInputError: a continuation is empty or longer than the model's window.
    """
    encoded = [
        scorer.encoder.choices(request.prompt, request.continuations, number, scorer.max_length)
        for number, request in enumerate(requests)
    ]
    room = scorer.max_length - decoding.max_new_tokens
    prompts = [tuple(scorer.encoder.prompt(request.prompt)[-room:]) for request in requests]
    trees = [list(scorer.trees(request)) for request in encoded]
    sums, answers = Sums(encoded), [""] * len(requests)
    once = [n for n, prompt in enumerate(prompts) if _once(scorer, encoded[n], trees[n], prompt)]
    apart = sorted({*range(len(requests))} - {*once})
    with judging(scorer.model):
        lengths = [len(trees[n][0].tokens) + decoding.max_new_tokens for n in once]
        for places in batches(lengths, scorer.decoding_tokens):
            numbers = [once[place] for place in places]
            sizes = torch.tensor([len(prompts[n]) for n in numbers])
            start = _read(scorer, [trees[n][0] for n in numbers], sizes, sums)
            made = decode(scorer.forward, scorer.tokenizer, start, decoding)
            for number, text in zip(numbers, made, strict=True):
                answers[number] = text
    scorer.score_rows([row for n in apart for row in trees[n]], sums)
    made = scorer.continue_ids([prompts[n] for n in apart], decoding)
    for number, text in zip(apart, made, strict=True):
        answers[number] = text
    return [Asked(scores, answer) for scores, answer in zip(sums.scores, answers, strict=True)]


def _once(scorer: Scorer, request: Encoded, rows: Sequence[Row], prompt: tuple[int, ...]) -> bool:
    """True if scoring and decoding split the prompt alike, and the choices fit one row behind it.

    A model with a sliding window forgets its beginning, so there is nothing to go back to.
    """
    sliding = getattr(scorer.forward.config, "sliding_window", None)
    same = len(rows) == 1 and request.prompt == prompt
    return same and scorer.shares_prompts and not sliding


def _read(scorer: Scorer, rows: Sequence[Row], sizes: torch.Tensor, sums: Sums) -> Prompted:
    """Judge rows whose prompts have ``sizes`` tokens; the prompts, ready to be continued."""
    batch = lay_out(rows)
    states, cache = scorer.run(batch, use_cache=True)
    sums.add(batch, scorer.judge(batch, states))
    longest = int(sizes.max())
    if longest < batch.ids.shape[1]:
        cache.crop(longest - batch.ids.shape[1])  # a negative number: that many at the end
    mask = (torch.arange(longest) < sizes[:, None]).long()
    last = states[torch.arange(len(sizes)), (sizes - 1).to(states.device)]
    return Prompted(last, cache, mask, sizes[:, None])
