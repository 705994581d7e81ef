"""Continued byte-pair encoding: more merges, learned behind the ones a tokenizer has.

A tokenizer applies its merges in rank order. New ones stand behind all old ones, so a text is first
cut as before and then joined further: every new token is reached by merges, and text in which no
new pair occurs keeps its tokens. The pairs are counted on exactly the pieces that the old merges
leave (Sennrich et al., arXiv 1508.07909, continued).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import pairwise
from typing import Any

Pair = tuple[str, str]


def word_counts(tokenizer: Any, texts: Iterable[str]) -> Counter[str]:
    """How often each word occurs, cut as the tokenizer cuts text before it merges."""
    backend = tokenizer.backend_tokenizer
    counts: Counter[str] = Counter()
    for text in texts:
        normal = backend.normalizer.normalize_str(text) if backend.normalizer else text
        counts.update(word for word, _ in backend.pre_tokenizer.pre_tokenize_str(normal))
    return counts


def learn_merges(
    words: dict[tuple[str, ...], int], known: set[str], merges: int, minimum: int = 2
) -> list[Pair]:
    """The pairs to join next, the most frequent first.

    Args:
        words: the old pieces of each distinct word, and how often it occurs.
        known: tokens that exist already; a pair that would spell one is never joined.
        merges: how many to learn; fewer come back when no pair occurs ``minimum`` times.
    """
    pieces = [list(word) for word in words]
    weights = list(words.values())
    counts: Counter[Pair] = Counter()
    where: dict[Pair, set[int]] = {}
    for index, word in enumerate(pieces):
        for pair in pairwise(word):
            counts[pair] += weights[index]
            where.setdefault(pair, set()).add(index)
    heap = [(-count, pair) for pair, count in counts.items()]
    heapify(heap)
    taken, learned = set(known), list[Pair]()
    while heap and len(learned) < merges:
        negative, pair = heappop(heap)
        if -negative != counts[pair] or "".join(pair) in taken:
            continue  # an older count of this pair, or a token that exists
        if -negative < minimum:
            break
        learned.append(pair)
        taken.add("".join(pair))
        changed: set[Pair] = set()
        for index in where.pop(pair):
            old = pieces[index]
            new = join(old, pair)
            for gone in pairwise(old):
                counts[gone] -= weights[index]
                changed.add(gone)
            for come in pairwise(new):
                counts[come] += weights[index]
                where.setdefault(come, set()).add(index)
                changed.add(come)
            pieces[index] = new
        for other in sorted(changed):
            if counts[other] > 0:
                heappush(heap, (-counts[other], other))
    return learned


def join(pieces: list[str], pair: Pair) -> list[str]:
    """The pieces with every occurrence of the pair joined, from left to right."""
    out: list[str] = []
    index = 0
    while index < len(pieces):
        if tuple(pieces[index : index + 2]) == pair:
            out.append(pair[0] + pair[1])
            index += 2
        else:
            out.append(pieces[index])
            index += 1
    return out
