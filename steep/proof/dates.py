"""One day written in two ways: neither is a wrong answer to a question about the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from steep.corpus.months import MONTHS

_SHORT = "jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec"
_NAMED = re.compile(rf"\b({MONTHS}|{_SHORT})\b", re.IGNORECASE)
_NUMERIC = re.compile(
    r"\d{1,4}([-/.]|\. )\d{1,2}\1\d{1,4}|\d{4} ?[年년] ?\d{1,2} ?[月월] ?\d{1,2} ?[日号號일]"
)
_PREFIX = 3  # "Sep", "Sept" and "September"


@dataclass(frozen=True)
class _Day:
    """``numbers`` are day and year, and the month where that has no ``month`` in letters."""

    month: str
    numbers: tuple[int, ...]


def is_same_day(one: str, other: str) -> bool:
    """True if two answers may be one day: "3 May 2021", "May 3, 2021", "2021-05-03".

    Where one says the month as a number and the other by name, or day and month could be either
    way round, they may be; a month by name is compared by its first letters.
    """
    first, second = _day(one), _day(other)
    if first is None or second is None:
        return False
    if bool(first.month) == bool(second.month):
        return first == second
    named, numeric = (first, second) if first.month else (second, first)
    left = list(numeric.numbers)
    for number in named.numbers:
        if number not in left:
            return False
        left.remove(number)
    return len(left) == 1 and 1 <= left[0] <= 12


@lru_cache(maxsize=32_768)
def _day(text: str) -> _Day | None:
    """A date as far as it says the day; None for anything else."""
    numbers = tuple(sorted(int(number) for number in re.findall(r"\d+", text)))
    if _NUMERIC.fullmatch(text.strip()):
        return _Day("", numbers)
    names = _NAMED.findall(text)
    if len(names) != 1 or not 1 <= len(numbers) <= 2:
        return None
    return _Day(names[0].casefold()[:_PREFIX], numbers)
