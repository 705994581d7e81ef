"""Strings that one document repeats and others hardly have: names, where nothing marks them.

Chinese and Thai have neither capitals nor spaces. A string counts if a document has it three times
or more, with different characters before it and behind it (so that it is no part of a longer one),
and almost no other document has it. No dictionary tells whether it is a word; being repeated in
other surroundings is what shows it (accessor variety, Feng et al. 2004).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

_RUN = re.compile("[\u3400-\u9fff\u3005]+|(?:(?!\\d)[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])+")
_FEWEST = 3
_MOST = 40  # of a document, the most frequent
_MOST_CHARACTERS = 100_000  # of a document are looked at
_HAN_LENGTHS, _LETTER_LENGTHS = range(2, 9), range(5, 25)
_SPREAD = 0.05  # of the documents may have one that is specific to another
_EVERYWHERE = 0.5  # of the documents have a character that holds words together
_FEWEST_DOCUMENTS = 4
# Thai vowels that stand before their consonant, and those that stand behind it.
_LEADING = frozenset("\u0e40\u0e41\u0e42\u0e43\u0e44\u0ec0\u0ec1\u0ec2\u0ec3\u0ec4")
_FOLLOWING = frozenset("\u0e2f\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ec6")


@dataclass(frozen=True)
class _Repeat:
    """A string, and the places in the document's runs where it stands."""

    text: str
    places: tuple[tuple[int, int], ...]


def recurrent(documents: Sequence[Sequence[str]]) -> list[tuple[str, ...]]:
    """For each document, as sentences, the strings that are its own, the longest first."""
    runs = [list(_runs(texts)) for texts in documents]
    edges = _everywhere(runs)
    found = [
        {r.text: len(r.places) for r in _repeats(own) if _stands_alone(r, own, edges)}
        for own in runs
    ]
    holders = _holders({text for texts in found for text in texts}, runs)
    most = max(1.0, _SPREAD * sum(map(bool, runs)))
    return [
        _ordered({text: n for text, n in texts.items() if holders[text] <= most}) for texts in found
    ]


def _runs(texts: Sequence[str]) -> Iterator[str]:
    """Stretches of letters of one kind, of the beginning of a long document."""
    read = 0
    for text in texts:
        if read > _MOST_CHARACTERS:
            return
        read += len(text)
        yield from _RUN.findall(text)


def _ordered(counts: Mapping[str, int]) -> tuple[str, ...]:
    """The most frequent, of those the longest first."""
    most = sorted(counts, key=lambda text: (-counts[text], text))[:_MOST]
    return tuple(sorted(most, key=lambda text: (-len(text), text)))


def _everywhere(documents: Sequence[Sequence[str]]) -> frozenset[str]:
    """Han characters that so many documents have that they name nothing."""
    counts = Counter(character for runs in documents for character in set("".join(runs)))
    told = sum(map(bool, documents))
    if told < _FEWEST_DOCUMENTS:
        return frozenset()
    return frozenset(c for c, n in counts.items() if n > _EVERYWHERE * told and _is_han(c))


def _repeats(runs: Sequence[str]) -> Iterator[_Repeat]:
    """Strings that stand in the runs often enough, by growing those one character shorter."""
    places: Mapping[str, list[tuple[int, int]]] = {
        "": [(n, start) for n, run in enumerate(runs) for start in range(len(run))]
    }
    for length in range(1, _LETTER_LENGTHS.stop):
        longer: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for at in places.values():
            for number, start in at:
                if start + length <= len(runs[number]):
                    longer[runs[number][start : start + length]].append((number, start))
        places = {text: at for text, at in longer.items() if len(at) >= _FEWEST}
        for text, at in places.items():
            if length in (_HAN_LENGTHS if _is_han(text[0]) else _LETTER_LENGTHS):
                yield _Repeat(text, tuple(at))


def _stands_alone(repeat: _Repeat, runs: Sequence[str], edges: frozenset[str]) -> bool:
    """True if it is no part of a longer one, nor cut inside a syllable or a phrase."""
    text, size = repeat.text, len(repeat.text)
    before = [runs[n][start - 1] if start else "" for n, start in repeat.places]
    behind = [runs[n][start + size : start + size + 1] for n, start in repeat.places]
    if min(_variety(before), _variety(behind)) < 2:
        return False
    if _is_han(text[0]):
        return not {text[0], text[-1]} & edges
    if _clings(text[0]) or text[-1] in _LEADING:
        return False
    if any(map(_clings, behind)) or any(c in _LEADING for c in before):
        return False
    return "" in before or "" in behind


def _variety(neighbours: Sequence[str]) -> int:
    """Different neighbours; each end of a run is one of its own."""
    return len({c for c in neighbours if c}) + neighbours.count("")


def _clings(character: str) -> bool:
    """True for a sign or vowel that belongs to what stands before it."""
    return bool(character) and (
        character in _FOLLOWING or unicodedata.category(character)[0] == "M"
    )


def _holders(texts: set[str], documents: Sequence[Sequence[str]]) -> Counter[str]:
    """How many documents have each of the strings."""
    begins: dict[str, set[int]] = defaultdict(set)
    for text in texts:
        begins[text[:2]].add(len(text))
    counts: Counter[str] = Counter()
    for runs in documents:
        held: set[str] = set()
        for run in runs:
            for start in range(len(run) - 1):
                for length in begins.get(run[start : start + 2], ()):
                    held.add(run[start : start + length])
        counts.update(held & texts)
    return counts


def _is_han(character: str) -> bool:
    return character >= "\u3000"
