"""Notes of a sentence without spaces: stretches of it around a gap, never four words in a row.

Lengths are those of ``steep.proof.probes.units``. Beside the gap stands about a word, further away
stand stretches of three words at most, and at least one word is left out between two of them: of
the places where that could be, the one whose characters the corpus uses most often together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest

from steep.corpus.contamination import WORD_WEIGHT
from steep.proof.probes.units import CHARACTER, weigh, words_of
from steep.proof.probes.values import Value
from steep.proof.tokens import SEAMLESS, written_units

GAP = "____"
BREAK = " … "
_STRETCH = 3 * WORD_WEIGHT
_LEFT_OUT = range(WORD_WEIGHT, 2 * WORD_WEIGHT + 1)
_MOST = 12 * WORD_WEIGHT
_UNIT = re.compile(rf"{CHARACTER.pattern}|\d+(?:[.,]\d+)+|(?:(?![{SEAMLESS}])\w)+")
_CLOSES = "」』》〉）)"
_AT_ENDS = " ，、。；：,;:）)」』》〉\u3000"


@dataclass(frozen=True)
class _Piece:
    """A unit at a place of the sentence."""

    start: int
    end: int
    weight: int


def spaceless_notes(text: str, value: Value, frequency: Callable[[str], int]) -> str:
    """What stands around a value, as notes with a gap.

    Args:
        frequency: in how many sentences a stretch of ``words_of`` stands.
    """
    pieces = [
        _Piece(*m.span(), sum(map(weigh, written_units(m.group())))) for m in _UNIT.finditer(text)
    ]
    before = [piece for piece in reversed(pieces) if piece.end <= value.start]
    behind = [piece for piece in pieces if piece.start >= value.end]
    near_before = _taken(before, (1 if value.unit else 2) * WORD_WEIGHT)
    near_behind = _of_unit(text, behind, value)
    start = before[near_before - 1].start if near_before else value.start
    end = behind[near_behind - 1].end if near_behind else value.end
    end += not near_behind and text[end : end + 1] in tuple(_CLOSES)
    room = _MOST - sum(p.weight for p in (*before[:near_before], *behind[:near_behind]))
    left = _stretches(text, before[near_before:], frequency)
    right = _stretches(text, behind[near_behind:], frequency)
    kept: list[tuple[int, int]] = []
    for stretch in (s for pair in zip_longest(left, right) for s in pair if s is not None):
        room -= sum(piece.weight for piece in stretch)
        if room >= 0:
            kept.append(_span(stretch))
    near = text[start : value.start].lstrip(_AT_ENDS) + GAP + text[value.end : end]
    parts = [text[s:e].strip(_AT_ENDS) for s, e in sorted(kept) if e <= start]
    parts += [near, *(text[s:e].strip(_AT_ENDS) for s, e in sorted(kept) if s >= end)]
    return BREAK.join(parts)


def _stretches(
    text: str, pieces: Sequence[_Piece], frequency: Callable[[str], int]
) -> list[Sequence[_Piece]]:
    """Stretches of what goes away from the gap, each behind a word or two that are left out."""
    found: list[Sequence[_Piece]] = []
    while pieces:
        sums = list(accumulate(piece.weight for piece in pieces[: _LEFT_OUT.stop]))
        enough = [n for n, weight in enumerate(sums, start=1) if weight >= _LEFT_OUT.start]
        able = [n for n in enough if sums[n - 1] in _LEFT_OUT] or enough[:1]
        if not able:
            break
        skip = max(able, key=lambda n: (_usual(text, pieces[:n], frequency), -n))
        pieces = pieces[skip:]
        size = _taken(pieces, _STRETCH)
        if sum(piece.weight for piece in pieces[:size]) >= WORD_WEIGHT:
            found.append(pieces[:size])
        pieces = pieces[max(size, 1) :]
    return found


def _usual(text: str, pieces: Sequence[_Piece], frequency: Callable[[str], int]) -> float:
    """How often the corpus has what some pieces say, each stretch of them on average."""
    start, end = _span(pieces)
    words = words_of(text[start:end])
    return sum(map(frequency, words)) / len(words) if words else 0.0


def _span(pieces: Sequence[_Piece]) -> tuple[int, int]:
    """From where to where pieces reach that stand in a row, one way or the other."""
    ends = pieces[0], pieces[-1]
    return min(piece.start for piece in ends), max(piece.end for piece in ends)


def _taken(pieces: Sequence[_Piece], most: int) -> int:
    """How many of the pieces weigh that much together at most."""
    return sum(weight <= most for weight in accumulate(piece.weight for piece in pieces))


def _of_unit(text: str, behind: Sequence[_Piece], value: Value) -> int:
    """How many pieces behind a value say what it counts."""
    if not value.unit:
        return 0
    end = text.index(value.unit, value.end) + len(value.unit)
    return sum(piece.start < end for piece in behind)
