"""The coverage plan: facts that stand in few wordings get more of them, within a budget of text.

A document says most of its facts once. Whatever the forms made of that sentence, some facts get
fewer than others: of many spans a few are drawn, and not every form can ask for every fact.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterator, Sequence

from steep.corpus.forms import (
    Form,
    Told,
    can_be_asked,
    cloze,
    question,
    reversed_cloze,
    reversed_question,
)
from steep.corpus.piece import Piece
from steep.corpus.spans import Span
from steep.corpus.subjects import Sentence

_FORMS: tuple[Form, ...] = (cloze, question, reversed_cloze, reversed_question)

Place = tuple[Told, Sentence, Span]


def wordings_of(pieces: Sequence[Piece]) -> dict[int, set[int]]:
    """For each fact the distinct wordings it is stated in; a piece without wordings is one."""
    found: dict[int, set[int]] = defaultdict(set)
    for number, piece in enumerate(pieces):
        told = piece.wordings or (-1 - number,) * len(piece.facts)
        for fact, wording in zip(piece.facts, told, strict=True):
            found[fact].add(wording)
    return found


def cover(
    sources: Sequence[Told], pieces: Sequence[Piece], wordings: int, share: float
) -> Iterator[Piece]:
    """Items for the facts of fewer than ``wordings`` wordings, the thinnest first.

    Args:
        sources: the sentences that items can be made of.
        pieces: what there is already.
        share: characters to add at most, as a share of those of all pieces.
    """
    known = wordings_of(pieces)
    items = _items(sources, {fact for fact, told in known.items() if len(told) < wordings})
    left = share * sum(len(piece.prompt) + len(piece.text) for piece in pieces)
    thin = [(len(known[fact]), order, fact) for order, fact in enumerate(items)]
    heapq.heapify(thin)
    while thin and left > 0:
        _, order, fact = heapq.heappop(thin)
        piece = next((p for p in items[fact] if p.wordings[0] not in known[fact]), None)
        if piece is None:
            continue
        known[fact].add(piece.wordings[0])
        left -= len(piece.prompt) + len(piece.text)
        yield piece
        if len(known[fact]) < wordings:
            heapq.heappush(thin, (len(known[fact]), order, fact))


def _items(sources: Sequence[Told], facts: set[int]) -> dict[int, Iterator[Piece]]:
    """For each of the facts every item that can be made of it, form by form."""
    places: dict[int, list[Place]] = defaultdict(list)
    for told in sources:
        for sentence in filter(can_be_asked, told.sentences):
            for span in sentence.spans:
                if sentence.fact(span) in facts:
                    places[sentence.fact(span)].append((told, sentence, span))
    return {fact: _every_form(places[fact]) for fact in places}


def _every_form(places: Sequence[Place]) -> Iterator[Piece]:
    for form in _FORMS:
        for told, sentence, span in places:
            piece = form(told, sentence, span)
            if piece is not None:
                yield piece
