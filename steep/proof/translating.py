"""Does a model know which of ten sentences says the same as one in another language?

What is ranked is how much likelier the first sentence makes each of them (pointwise mutual
information), so that a common sentence has nothing to gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from steep.proof.asking import TIE_NATS
from steep.proof.scorer import Choices, Scorer
from steep.proof.translations import Translation

SIGN = "="
"""Stands between the two; it is no word of any language."""


def prompt_of(pair: Translation) -> str:
    """What stands before a translation."""
    return f"{pair.source}\n{SIGN}"


def ask_translations(scorer: Scorer, pairs: Sequence[Translation]) -> list[dict[str, Any]]:
    """For each pair that fits the model: ``{"id", "first", "margin", "nats", "tokens", "bytes"}``.

    ``margin`` is by how many nats the source raises its translation more than the best of the
    others; a tie is wrong. The rest is how surprising the translation is behind ``SIGN`` alone, all
    of its tokens, so that models of different tokens compare.
    """
    fitting = [pair for pair in pairs if _fits(scorer, pair)]
    requests = [
        Choices(prompt_of(pair), tuple(f" {text}" for text in (pair.target, *pair.others)))
        for pair in fitting
    ]
    distinct = sorted({text for request in requests for text in request.continuations})
    if not distinct:
        return []
    (bare,) = scorer.score_continuations([Choices(SIGN, tuple(distinct))])
    alone = dict(zip(distinct, bare, strict=True))
    rows: list[dict[str, Any]] = []
    for pair, request, scores in zip(
        fitting, requests, scorer.score_continuations(requests), strict=True
    ):
        raised = [
            score.logprob - alone[text].logprob
            for text, score in zip(request.continuations, scores, strict=True)
        ]
        own = request.continuations[0]
        margin = raised[0] - max(raised[1:])
        rows.append(
            {
                "id": pair.id,
                "first": margin > TIE_NATS,
                "margin": margin,
                "nats": -alone[own].logprob,
                "tokens": alone[own].tokens,
                "bytes": len(own.encode("utf-8", "surrogatepass")),
            }
        )
    return rows


def _fits(scorer: Scorer, pair: Translation) -> bool:
    """Does the source fit the model with each of the translations? A cut source asks nothing."""
    whole = (f"{prompt_of(pair)} {text}" for text in (pair.target, *pair.others))
    return all(len(scorer.encoder.text(text)) <= scorer.max_length for text in whole)
