"""Notes of a sentence without spaces: stretches of it around a gap, never four words in a row.

Lengths are those of ``steep.proof.probes.units``. Beside the gap stands about a word, further away
stand stretches of three words at most, and at least one word is left out between two of them: of
the places where that could be, the one whose characters the corpus uses most often together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import zip_longest

from steep.corpus.contamination import WORD_WEIGHT
from steep.proof.probes.units import CHARACTER, weigh, words_of
from steep.proof.probes.values import Value
from steep.proof.tokens import SEAMLESS

GAP = "____"
BREAK = " … "
_STRETCH = 3 * WORD_WEIGHT
_LEFT_OUT = range(WORD_WEIGHT, 2 * WORD_WEIGHT + 1)
_MOST = 12 * WORD_WEIGHT
_UNIT = re.compile(rf"{CHARACTER.pattern}|(?:(?![{SEAMLESS}])\w)+")
_CLOSES = "」』》〉）)"
_AT_ENDS = " ，、。；：,;:）)」』》〉\u3000"

_Span = tuple[int, int]


def spaceless_notes(text: str, value: Value, frequency: Callable[[str], int]) -> str:
    """What stands around a value, as notes with a gap.

    Args:
        frequency: in how many sentences a stretch of ``words_of`` stands.
    """
    before = [match.span() for match in _UNIT.finditer(text, 0, value.start)][::-1]
    behind = [match.span() for match in _UNIT.finditer(text, value.end)]
    near_before = _taken(text, before, (1 if value.unit else 2) * WORD_WEIGHT)
    near_behind = _of_unit(text, behind, value)
    start = before[near_before - 1][0] if near_before else value.start
    end = behind[near_behind - 1][1] if near_behind else value.end
    end += not near_behind and text[end : end + 1] in tuple(_CLOSES)
    left = _stretches(text, before[near_before:], frequency)
    right = _stretches(text, behind[near_behind:], frequency)
    room = _MOST - sum(
        _weight(text, span) for span in (*before[:near_before], *behind[:near_behind])
    )
    kept: list[_Span] = []
    for stretch in (s for pair in zip_longest(left, right) for s in pair if s is not None):
        room -= sum(_weight(text, span) for span in stretch)
        if room >= 0:
            kept.append((min(s for s, _ in stretch), max(e for _, e in stretch)))
    parts = [text[s:e].strip(_AT_ENDS) for s, e in sorted(kept) if e <= start]
    parts.append(f"{text[start : value.start].lstrip(_AT_ENDS)}{GAP}{text[value.end : end]}")
    parts += [text[s:e].strip(_AT_ENDS) for s, e in sorted(kept) if s >= end]
    return BREAK.join(parts)


def _stretches(
    text: str, units: Sequence[_Span], frequency: Callable[[str], int]
) -> list[Sequence[_Span]]:
    """Stretches of the units, which go away from the gap, each behind some that are left out."""
    found: list[Sequence[_Span]] = []
    while units:
        skips = range(1, len(units) + 1)
        able = [n for n in skips if sum(_weight(text, s) for s in units[:n]) in _LEFT_OUT]
        if not able:
            able = [n for n in skips if sum(_weight(text, s) for s in units[:n]) >= WORD_WEIGHT][:1]
        if not able:
            break
        skip = max(able, key=lambda n: (_usual(text, units[:n], frequency), -n))
        units = units[skip:]
        size = _taken(text, units, _STRETCH)
        if sum(_weight(text, span) for span in units[:size]) >= WORD_WEIGHT:
            found.append(units[:size])
        units = units[max(size, 1) :]
    return found


def _usual(text: str, units: Sequence[_Span], frequency: Callable[[str], int]) -> float:
    """How often the corpus has what some units say, each stretch of them on average."""
    words = words_of(text[min(s for s, _ in units) : max(e for _, e in units)])
    return sum(map(frequency, words)) / len(words) if words else 0.0


def _taken(text: str, units: Sequence[_Span], most: int) -> int:
    """How many units weigh that much together at most."""
    weight = 0
    for number, span in enumerate(units):
        weight += _weight(text, span)
        if weight > most:
            return number
    return len(units)


def _of_unit(text: str, behind: Sequence[_Span], value: Value) -> int:
    """How many units behind a value say what it counts."""
    if not value.unit:
        return 0
    end = text.index(value.unit, value.end) + len(value.unit)
    return sum(start < end for start, _ in behind)


def _weight(text: str, span: _Span) -> int:
    return weigh(text[span[0] : span[1]])
