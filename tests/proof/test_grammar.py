"""Minimal pairs: sound, and scored whole."""

from __future__ import annotations

from collections import Counter

import pytest

from steep.proof.grammar import Pair, grammar_pairs, judge_pairs
from steep.proof.scorer import Scorer
from tests.tiny import tiny_model, tiny_tokenizer


def test_the_pairs_are_many_and_differ_in_little() -> None:
    pairs = grammar_pairs()
    phenomena = Counter(pair.phenomenon for pair in pairs)
    assert len(pairs) == 120 and len(phenomena) == 12 and set(phenomena.values()) == {10}
    assert len({pair.id for pair in pairs}) == len({pair.good for pair in pairs}) == 120
    for pair in pairs:
        good, bad = Counter(pair.good.split()), Counter(pair.bad.split())
        assert pair.good != pair.bad
        assert (good - bad).total() <= 3 and (bad - good).total() <= 3, pair.id


# Broken by: dividing by the tokens, or leaving the first word unscored.
def test_whole_sentences_are_compared() -> None:
    tokenizer = tiny_tokenizer()
    scorer = Scorer(tiny_model("llama", tokenizer), tokenizer)
    pairs = [
        Pair("1", "x", "The fox jumps.", "Fox the jumps."),
        Pair("2", "x", "Paris", "The quick brown fox jumps over the lazy dog."),
        Pair("3", "x", "Same.", "Same."),
    ]
    rows = judge_pairs(scorer, pairs)
    start = tokenizer.eos_token
    for pair, row in zip(pairs, rows, strict=True):
        good, bad = scorer.score_texts([start + pair.good, start + pair.bad])
        assert row["margin"] == pytest.approx(bad.nats - good.nats, abs=1e-3)
        assert row["first"] is (row["margin"] > 1e-5)
    assert rows[2]["first"] is False
