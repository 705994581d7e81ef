"""Decontamination: no training piece may hold the wording of what judges the result.

Text is compared by its words: case folded, compatibility forms (NFKC), no punctuation. Scripts
written without spaces are compared character by character: two Han characters count as one word,
four of the others (kana, Thai, Lao, Khmer, Burmese). Two rules, after the filter of GPT-3 (Brown
et al. 2020, arXiv 2005.14165, appendix C: 13 words in a row, 8 for short items):

- a *question* is contaminated if any 8 words in a row of it stand in a piece, or its whole
  wording if it is shorter; fewer than three words (or characters) say nothing and aren't compared;
- a *text* is contaminated if any 13 words in a row of it stand in a piece.

Replay and retellings that hold such wording are left out of training, whole; replay also where it
holds the wording of a held-out document. The user's own
documents are never altered: what stands in them is flagged as an item that training has seen.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Literal

from steep.corpus.piece import Piece

QUESTION_WORDS = 8
TEXT_WORDS = 13

_ANCHOR = 3  # units at which a search begins, and the fewest that are compared
WORD_WEIGHT = 4
"""A word's weight; a Han character weighs half of it, another spaceless one a quarter."""

_HAN = ((0x2E80, 0x2FDF), (0x3005, 0x3007), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF),
        (0x20000, 0x3FFFF))  # fmt: skip
_OTHERS = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x312F),
           (0x31A0, 0x31BF), (0x31F0, 0x31FF))  # fmt: skip
_LOOKED_AT = 2000  # characters
_JOINED = frozenset("'\u2019")  # within words: "don't" is one


@dataclass(frozen=True)
class Items:
    """Evaluation items of one sort, as (id, text); ``form`` says which rule they fall under."""

    form: Literal["question", "text"]
    items: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Contamination:
    """What the comparison of pieces with items found.

    Attributes:
        kept: the pieces to train on, in their order.
        removed: (its place among all pieces, the piece, the item found in it) of each left out;
            the item is (name of its set, id).
        flagged: for each set the ids of items whose wording stands in a piece that is kept.
        checked: number of pieces compared.
        against: number of items in each set.
    """

    kept: tuple[Piece, ...]
    removed: tuple[tuple[int, Piece, tuple[str, str]], ...]
    flagged: Mapping[str, tuple[str, ...]]
    checked: int
    against: Mapping[str, int]

    def as_ledger(self) -> dict[str, Any]:
        """As it stands in the ledger."""
        return {
            "checked": self.checked,
            "against": dict(self.against),
            "removed_pieces": dict(Counter(piece.kind for _, piece, _ in self.removed)),
            "removed": [
                {
                    "piece": place,
                    "kind": piece.kind,
                    "document": piece.document,
                    "holds": list(item),
                }
                for place, piece, item in self.removed
            ],
            "items": {name: list(ids) for name, ids in self.flagged.items()},
        }


def decontaminate(
    pieces: Sequence[Piece],
    items: Mapping[str, Items],
    *,
    of_replay: Mapping[str, Items] | None = None,
) -> Contamination:
    """Leave out replay and retellings that hold an item's wording; flag what documents hold.

    Args:
        items: sets of evaluation items by name ("questions", …).
        of_replay: sets of texts that only replay is compared with, by other names; what is shorter
            than 13 words ("I don't know.") is no one's and isn't looked for.
    """
    kept: list[Piece] = []
    removed: list[tuple[int, Piece, tuple[str, str]]] = []
    flagged: set[tuple[str, str]] = set()
    shared = _shared(pieces, of_replay or {})
    for place, (piece, found) in enumerate(zip(pieces, found_in(pieces, items), strict=True)):
        if place in shared:
            found = [*found, shared[place]]
        if found and piece.kind != "document":
            removed.append((place, piece, found[0]))
        else:
            kept.append(piece)
            flagged.update(found)
    compared = {**items, **(of_replay or {})}
    against = {name: len(given.items) for name, given in compared.items()}
    return Contamination(tuple(kept), tuple(removed), by_set(flagged, items), len(pieces), against)


def _shared(pieces: Sequence[Piece], texts: Mapping[str, Items]) -> dict[int, tuple[str, str]]:
    """Where replay shares 13 words in a row with one of the texts, and with which.

    Either side can be far larger than the other; the smaller one is held in memory.
    """
    replay = {place: piece.text for place, piece in enumerate(pieces) if piece.kind == "general"}
    asked = [(name, id, text) for name, given in texts.items() for id, text in given.items]
    if sum(map(len, replay.values())) > sum(len(text) for _, _, text in asked):
        wordings = _Wordings(texts, whole=False)
        found = {place: wordings.within(text) for place, text in replay.items()}
        return {place: holds[0] for place, holds in found.items() if holds}
    rows = tuple((str(place), text) for place, text in replay.items())
    wordings = _Wordings({"replay": Items("text", rows)}, whole=False)
    shared: dict[int, tuple[str, str]] = {}
    for name, id, text in asked:
        for _, place in wordings.within(text):
            shared.setdefault(int(place), (name, id))
    return shared


def by_set(flagged: set[tuple[str, str]], items: Mapping[str, Items]) -> dict[str, tuple[str, ...]]:
    """For each set the ids of flagged items, in the set's order."""
    return {
        name: tuple(id for id, _ in given.items if (name, id) in flagged)
        for name, given in items.items()
    }


def found_in(
    pieces: Sequence[Piece], items: Mapping[str, Items]
) -> Iterator[list[tuple[str, str]]]:
    """For each piece the items whose wording it holds, as (name of the set, id)."""
    wordings = _Wordings(items)
    for piece in pieces:
        yield wordings.within(f"{piece.prompt} {piece.text}" if piece.prompt else piece.text)


class _Wordings:
    """The word n-grams of all items, to be looked for in one pass over a piece.

    A search begins only where three units begin some n-gram; n-grams are kept as 64-bit hashes.

    Args:
        whole: an item shorter than an n-gram is looked for as a whole; else not at all.
    """

    def __init__(self, items: Mapping[str, Items], *, whole: bool = True) -> None:
        self._lengths: dict[tuple[str, ...], tuple[int, ...]] = {}
        self._owners: dict[int, tuple[tuple[str, str], ...]] = {}
        for name, given in items.items():
            words = QUESTION_WORDS if given.form == "question" else TEXT_WORDS
            for id, text in given.items:
                for gram in _grams(units_of(text), words, whole=whole):
                    self._add(gram, (name, id))

    def _add(self, gram: tuple[str, ...], item: tuple[str, str]) -> None:
        known = self._lengths.get(gram[:_ANCHOR], ())
        if len(gram) not in known:
            self._lengths[gram[:_ANCHOR]] = (*known, len(gram))
        owners = self._owners.get(hash(gram), ())
        if item not in owners:
            self._owners[hash(gram)] = (*owners, item)

    def within(self, text: str) -> list[tuple[str, str]]:
        """The items whose wording stands in a text, as it meets them."""
        if not self._lengths:
            return []
        units = units_of(text)
        lengths, owners = self._lengths, self._owners
        begins = zip(units, islice(units, 1, None), islice(units, 2, None), strict=False)
        found: dict[tuple[str, str], None] = {}
        for start in [place for place, begin in enumerate(begins) if begin in lengths]:
            for length in lengths[tuple(units[start : start + _ANCHOR])]:
                gram = tuple(units[start : start + length])
                found.update(dict.fromkeys(owners.get(hash(gram), ())))
        return list(found)


def units_of(text: str) -> list[str]:
    """A text as the units that are compared: words, or characters of scripts without spaces."""
    return unicodedata.normalize("NFKC", text).casefold().translate(_LETTERS).split()


def is_spaceless(text: str) -> bool:
    """True if most letters of a text's beginning are of scripts written without spaces."""
    letters = [ord(character) for character in text[:_LOOKED_AT] if character.isalpha()]
    return 2 * sum(weight_of(code) < WORD_WEIGHT for code in letters) > len(letters)


def _grams(units: Sequence[str], words: int, *, whole: bool = True) -> Iterator[tuple[str, ...]]:
    """Every run of units that is just as long as ``words`` words; the whole if that is shorter
    (or nothing).
    """
    if len(units) < _ANCHOR:
        return
    weights = [weight_of(ord(unit[0])) if len(unit) == 1 else WORD_WEIGHT for unit in units]
    if sum(weights) < words * WORD_WEIGHT:
        if whole:
            yield tuple(units)
        return
    yield from runs_of(units, weights, words)


def runs_of(units: Sequence[str], weights: Sequence[int], words: int) -> Iterator[tuple[str, ...]]:
    """From each unit on the shortest run as heavy as ``words`` words, if there is one."""
    end = weight = 0
    for start in range(len(units)):
        while weight < words * WORD_WEIGHT and end < len(units):
            weight += weights[end]
            end += 1
        if weight < words * WORD_WEIGHT:
            return
        yield tuple(units[start:end])
        weight -= weights[start]


@lru_cache(maxsize=65_536)
def weight_of(code: int) -> int:
    """What a single character weighs as a unit; a whole word's for scripts with spaces."""
    if any(low <= code <= high for low, high in _HAN):
        return WORD_WEIGHT // 2
    return WORD_WEIGHT // 4 if any(low <= code <= high for low, high in _OTHERS) else WORD_WEIGHT


class _Letters(dict[int, str]):
    """``str.translate``'s table, filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = self._of(code)
        return self[code]

    @staticmethod
    def _of(code: int) -> str:
        character = chr(code)
        category = unicodedata.category(character)
        if character in _JOINED or category == "Cf":  # joiners and soft hyphens too
            return ""
        alone = weight_of(code) < WORD_WEIGHT
        if category[0] == "M":  # vowel signs and accents belong to their letter
            return "" if alone else character
        if category[0] not in "LN":
            return " "
        return f" {character} " if alone else character


_LETTERS = _Letters()
