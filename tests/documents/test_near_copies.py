"""Planted near-copies: how many are found at each similarity, and none straddles the split."""

from __future__ import annotations

import random

import pytest

from steep.documents.deduplicate import MIN_SIMILARITY, PERMUTATIONS, near_duplicate_groups
from steep.documents.record import Document
from steep.documents.split import split_held_out

PAIRS = 60
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def shingles(text: str) -> set[str]:
    return {text[at : at + 5] for at in range(len(text) - 4)}


def jaccard(one: str, two: str) -> float:
    a, b = shingles(one), shingles(two)
    return len(a & b) / len(a | b)


def planted(similarity: float) -> list[Document]:
    """Pairs of documents of this similarity, within 0.005, one pair after the other."""
    rng = random.Random(similarity)
    words = ["".join(rng.choices(LETTERS, k=rng.randint(3, 9))) for _ in range(3000)]
    documents = []
    for number in range(PAIRS):
        one = rng.choices(words, k=120)
        two = list(one)
        while jaccard(" ".join(one), " ".join(two)) > similarity + 0.005:
            two[rng.randrange(len(two))] = "".join(rng.choices(LETTERS, k=6))
        documents += [
            Document(" ".join(text), "t", f"{number}{s}.txt")
            for s, text in (("a", one), ("b", two))
        ]
    return documents


# Pairs of 0.8 meet in a band with probability 0.9998 and agree on 40 of 64 values with 0.9998; what
# meets is compared itself, so none of 0.6 counts. Broken by: fewer bands, a higher bar, or
# are_alike answering True.
@pytest.mark.parametrize(
    ("similarity", "share"), [(0.95, 1.0), (0.9, 1.0), (0.8, 1.0), (0.75, 1.0), (0.6, 0.0)]
)
def test_recall_is_what_theory_says(similarity: float, share: float) -> None:
    assert (MIN_SIMILARITY, PERMUTATIONS) == (0.7, 64)
    documents = planted(similarity)
    groups = near_duplicate_groups(documents)
    found = sum(groups[at] == groups[at + 1] for at in range(0, len(groups), 2)) / PAIRS
    assert found == pytest.approx(share, abs=0.03)
    assert len(set(groups)) >= PAIRS  # and no two pairs are taken for one


@pytest.mark.parametrize("similarity", [0.95, 0.9])
def test_no_pair_straddles_the_split(similarity: float) -> None:
    documents = planted(similarity)
    for seed in range(3):
        split = split_held_out(documents, 0.3, seed)
        held = {d.source[:-1] for d in split.held_out}
        assert held and not held & {d.source[:-1] for d in split.trained}
