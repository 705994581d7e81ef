"""The split: whole groups of near-copies, and of documents that stand within one another, are held
out, so nothing held out was trained."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from steep.documents.containment import join_contained
from steep.documents.deduplicate import near_duplicate_groups
from steep.documents.record import Document
from steep.documents.shelf import lengths, pick


@dataclass(frozen=True)
class Split:
    """Documents to train on and documents never trained, both in their original order."""

    trained: Sequence[Document]
    held_out: Sequence[Document]


def split_held_out(documents: Sequence[Document], share: float, seed: int) -> Split:
    """Hold out whole groups until their share of characters is nearest to ``share``.

    Near-copies are one group, and so are a book and its chapters. Groups come in an order set by
    a hash of the seed and the id of their first document, so adding a document changes little. A
    group is taken if that brings the held-out characters nearer to the target, which no group of
    twice the target does. If all are that large, the smallest is held out. At least one group is
    always trained: a corpus of one group has nothing held out, and neither has a share of 0.

    Raises:
        ValueError: ``share`` is not in [0, 1).
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"held-out share is {share}; it must be at least 0 and below 1")
    if share == 0.0 or len(documents) < 2:
        return Split(pick(documents, range(len(documents))), ())
    groups = join_contained(documents, near_duplicate_groups(documents))
    held = choose_groups(documents, groups, share, seed)
    return Split(
        pick(documents, (index for index, group in enumerate(groups) if group not in held)),
        pick(documents, (index for index, group in enumerate(groups) if group in held)),
    )


def choose_groups(
    documents: Sequence[Document], groups: Sequence[int], share: float, seed: int
) -> set[int]:
    """Return the numbers of the groups to hold out (see ``split_held_out``)."""
    numbers, first = np.unique(np.array(groups, dtype=np.int64), return_index=True)
    if len(numbers) < 2:
        return set()
    characters = np.zeros(len(numbers), dtype=np.int64)
    np.add.at(characters, np.searchsorted(numbers, groups), lengths(documents))
    ranks = [_rank(seed, document.id) for document in pick(documents, first)]
    order = sorted(range(len(numbers)), key=ranks.__getitem__)
    target = share * int(characters.sum())
    held: set[int] = set()
    held_characters = 0
    for place in order:
        if len(held) == len(order) - 1:
            break
        after = held_characters + int(characters[place])
        if abs(after - target) < abs(held_characters - target):
            held.add(int(numbers[place]))
            held_characters = after
    return held or {int(numbers[min(order, key=characters.__getitem__)])}


def _rank(seed: int, document_id: str) -> bytes:
    return hashlib.blake2b(f"{seed} {document_id}".encode(), digest_size=16).digest()
