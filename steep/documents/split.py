"""The split: whole groups of near-copies are held out, so nothing held out was trained."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from steep.documents.deduplicate import near_duplicate_groups
from steep.documents.record import Document


@dataclass(frozen=True)
class Split:
    """Documents to train on and documents never trained, both in their original order."""

    trained: tuple[Document, ...]
    held_out: tuple[Document, ...]


def split_held_out(documents: Sequence[Document], share: float, seed: int) -> Split:
    """Hold out whole near-duplicate groups until their share of characters is nearest to ``share``.

    Groups come in an order set by a hash of the seed and the id of their first document, so
    adding a document changes little. A group is taken if that brings the held-out characters
    nearer to the target, which no group of twice the target does. If all are that large, the
    smallest is held out. At least one group is always trained: a corpus of one group has
    nothing held out, and neither has a share of 0.

    Raises:
        ValueError: ``share`` is not in [0, 1).
    """
    if not 0.0 <= share < 1.0:
        raise ValueError(f"held-out share is {share}; it must be at least 0 and below 1")
    if share == 0.0 or len(documents) < 2:
        return Split(tuple(documents), ())
    groups = near_duplicate_groups(documents)
    held = choose_groups(documents, groups, share, seed)
    return Split(
        tuple(d for d, group in zip(documents, groups, strict=True) if group not in held),
        tuple(d for d, group in zip(documents, groups, strict=True) if group in held),
    )


def choose_groups(
    documents: Sequence[Document], groups: Sequence[int], share: float, seed: int
) -> set[int]:
    """Return the numbers of the groups to hold out (see ``split_held_out``)."""
    characters: dict[int, int] = {}
    first_id: dict[int, str] = {}
    for document, group in zip(documents, groups, strict=True):
        characters[group] = characters.get(group, 0) + len(document.text)
        first_id.setdefault(group, document.id)
    if len(characters) < 2:
        return set()
    order = sorted(characters, key=lambda group: _rank(seed, first_id[group]))
    target = share * sum(characters.values())
    held: set[int] = set()
    held_characters = 0
    for group in order:
        if len(held) == len(order) - 1:
            break
        after = held_characters + characters[group]
        if abs(after - target) < abs(held_characters - target):
            held.add(group)
            held_characters = after
    return held or {min(order, key=lambda group: characters[group])}


def _rank(seed: int, document_id: str) -> bytes:
    return hashlib.blake2b(f"{seed} {document_id}".encode(), digest_size=16).digest()
