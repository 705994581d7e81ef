"""Minimal pairs of grammar: of two sentences that differ in one thing, one is good English.

A model that has lost its English prefers the wrong one more often than before. The comparison of
summed log-probabilities is that of BLiMP (Warstadt et al. 2020, arXiv 1912.00582); the pairs were
written for this project.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from steep.proof.asking import TIE_NATS
from steep.proof.scorer import Choices, Scorer


@dataclass(frozen=True)
class Pair:
    """A good sentence and one that differs from it by one mistake."""

    id: str
    phenomenon: str
    good: str
    bad: str


def grammar_pairs() -> tuple[Pair, ...]:
    """The packaged pairs: twelve phenomena, ten of each."""
    source = resources.files("steep.proof").joinpath("panel", "grammar.jsonl")
    lines = source.read_text(encoding="utf-8").splitlines()
    return tuple(Pair(**json.loads(line)) for line in lines if line.strip())


def judge_pairs(scorer: Scorer, pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """For each pair: ``{"id", "phenomenon", "margin", "first"}``.

    ``margin`` is by how many nats the good sentence is the more probable one; a tie is wrong.
    Both stand behind the tokenizer's start token, so that their first words count too.
    """
    if scorer.encoder.start is None and not scorer.encoder.prefix:
        return []
    found = scorer.score_continuations([Choices("", (pair.good, pair.bad)) for pair in pairs])
    rows: list[dict[str, Any]] = []
    for pair, (good, bad) in zip(pairs, found, strict=True):
        margin = good.logprob - bad.logprob
        rows.append(
            {
                "id": pair.id,
                "phenomenon": pair.phenomenon,
                "margin": margin,
                "first": margin > TIE_NATS,
            }
        )
    return rows
