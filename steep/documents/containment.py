"""Documents that stand within others: a chapter and its book are one group, however unlike in size.

Near-copies are told by how much two documents have in common of all they say; of a book and one of
its chapters that is little. Here it is asked how much of a document another one says too, line by
line: a paragraph is a line of cleaned text.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from steep.documents.groups import Groups
from steep.documents.record import Document
from steep.documents.repeats import hash_of_words
from steep.documents.shelf import lengths

MIN_CONTAINED = 0.5
"""Of a document's characters that stand in another group: they belong together then."""
_FEWEST_CHARACTERS = 30
"""Shorter lines are headings and phrases, which unlike documents share."""
_MOST_GROUPS = 16
"""A line of more groups is everybody's, such as a notice; counting it would take for ever."""

Numbers = npt.NDArray[np.int64]


def join_contained(documents: Sequence[Document], groups: Sequence[int]) -> list[int]:
    """Return the groups with those joined of which a document stands within another, by half.

    ``groups`` are a number per document, from 0 in order of first appearance, and so is the result.
    Time and memory are linear in the text.
    """
    joined = Groups(max(groups, default=-1) + 1)
    long = lengths(documents)
    for (index, group), characters in sorted(_shared(documents, groups).items()):
        if characters >= MIN_CONTAINED * long[index]:
            joined.join(groups[index], group)
    numbers = joined.numbers()
    return [numbers[group] for group in groups]


def _shared(documents: Sequence[Document], groups: Sequence[int]) -> Counter[tuple[int, int]]:
    """How many characters of each document stand in each of the other groups."""
    shared: Counter[tuple[int, int]] = Counter()
    hashes, owners, sizes = _lines(documents)
    if not len(hashes):
        return shared
    order = np.argsort(hashes, kind="stable")
    found = hashes[order]
    starts = np.append(0, np.flatnonzero(found[1:] != found[:-1]) + 1)
    ends = np.append(starts[1:], len(found))
    of = np.array(groups, dtype=np.int64)[owners[order]]
    several = np.minimum.reduceat(of, starts) < np.maximum.reduceat(of, starts)
    for start, end in zip(starts[several].tolist(), ends[several].tolist(), strict=True):
        present = set(of[start:end].tolist())
        if len(present) > _MOST_GROUPS:
            continue
        for place, own in zip(order[start:end].tolist(), of[start:end].tolist(), strict=True):
            for group in present - {own}:
                shared[int(owners[place]), group] += int(sizes[place])
    return shared


def _lines(documents: Sequence[Document]) -> tuple[npt.NDArray[np.uint64], Numbers, Numbers]:
    """Hashes of the longer lines of each document, whose they are and how long."""
    hashes, owners, sizes = array("Q"), array("q"), array("q")
    for index, document in enumerate(documents):
        own: Counter[int] = Counter()
        for line in document.text.split("\n"):
            if len(line) >= _FEWEST_CHARACTERS:
                own[hash_of_words(line)] += len(line)
        for value, characters in own.items():
            hashes.append(value)
            owners.append(index)
            sizes.append(characters)
    return (
        np.array(hashes, dtype=np.uint64),
        np.array(owners, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
    )
