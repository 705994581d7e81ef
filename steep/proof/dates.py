"""One day written in two ways: neither is a wrong answer to a question about the other.

Years of the Buddhist calendar and of Japanese reigns are those of the common one: 5 มีนาคม 2567 and
令和6年3月5日 are 2024-03-05.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from steep.documents.months import ENGLISH, MONTHS, SHORT, month_of

ENGLISH_MONTHS = f"{ENGLISH}|{SHORT}"
"""Their names and short forms, for a regular expression that ignores case."""

_NAMED = re.compile(rf"\b({MONTHS}|{SHORT})\b", re.IGNORECASE)
_NUMERIC = re.compile(
    r"\d{1,4}([-/.]|\. )\d{1,2}\1\d{1,4}|\d{4} ?[年년] ?\d{1,2} ?[月월] ?\d{1,2} ?[日号號일]"
)
_ISO = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_WRITTEN = re.compile(
    rf"(?:the )?(?:(?P<first>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? )?"
    rf"(?P<month>{ENGLISH_MONTHS})\.?(?(first)| (?P<second>\d{{1,2}})(?:st|nd|rd|th)?),?"
    r" (?P<year>\d{4})",
    re.IGNORECASE,
)
_PREFIX = 3  # "Sep", "Sept" and "September"

BUDDHIST_YEARS = 543
"""So many years more than the common calendar does the Buddhist one count."""

_REIGNS = {
    "明治": 1867,
    "大正": 1911,
    "昭和": 1925,
    "平成": 1988,
    "令和": 2018,
    "民国": 1911,
    "民國": 1911,
}
_REIGN = re.compile(rf"({'|'.join(_REIGNS)}) ?(\d{{1,3}}|元)(?= ?年)")
_THAI_MONTHS = (
    ("มกราคม", "ม.ค."), ("กุมภาพันธ์", "ก.พ."), ("มีนาคม", "มี.ค."), ("เมษายน", "เม.ย."),
    ("พฤษภาคม", "พ.ค."), ("มิถุนายน", "มิ.ย."), ("กรกฎาคม", "ก.ค."), ("สิงหาคม", "ส.ค."),
    ("กันยายน", "ก.ย."), ("ตุลาคม", "ต.ค."), ("พฤศจิกายน", "พ.ย."), ("ธันวาคม", "ธ.ค."),
)  # fmt: skip
_THAI = {name: month for month, names in enumerate(_THAI_MONTHS, start=1) for name in names}
_THAI_DAY = re.compile(
    rf"(\d{{1,2}}) ?({'|'.join(map(re.escape, _THAI))}) ?(พ\.ศ\.|ค\.ศ\.|ปี)? ?(\d{{4}})"
)
_FIRST_BUDDHIST = 2300  # a year as late as this is none of the common calendar's


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


def is_one_day(one: str, other: str) -> bool:
    """True if two answers are surely one day, each with its month by name or year-month-day."""
    first, second = _sure_day(one), _sure_day(other)
    return first is not None and first == second


@lru_cache(maxsize=32_768)
def _sure_day(text: str) -> tuple[int, int, int] | None:
    """(year, month, day) of a text that says them so that they can't be taken otherwise."""
    text = text.strip().casefold().removeprefix("on ").rstrip(". ")
    if (iso := _ISO.fullmatch(text)) is not None:
        year, month, day = map(int, iso.groups())
        return year, month, day
    if (named := _WRITTEN.fullmatch(text)) is None:
        return None
    month = month_of(named["month"])
    return int(named["year"]), month, int(named["first"] or named["second"])


@lru_cache(maxsize=32_768)
def _day(text: str) -> _Day | None:
    """A date as far as it says the day; None for anything else."""
    text = _REIGN.sub(_of_reign, text)
    if (thai := _THAI_DAY.fullmatch(text.strip())) is not None:
        day, year = int(thai[1]), int(thai[4])
        if thai[3] == "พ.ศ." or (thai[3] != "ค.ศ." and year >= _FIRST_BUDDHIST):
            year -= BUDDHIST_YEARS
        return _Day("", tuple(sorted((day, _THAI[thai[2]], year))))
    numbers = tuple(sorted(int(number) for number in re.findall(r"\d+", text)))
    if _NUMERIC.fullmatch(text.strip()):
        return _Day("", numbers)
    names = _NAMED.findall(text)
    if len(names) != 1 or not 1 <= len(numbers) <= 2:
        return None
    return _Day(names[0].casefold()[:_PREFIX], numbers)


def _of_reign(found: re.Match[str]) -> str:
    """A year counted from a reign's first as one of the common calendar."""
    return str(_REIGNS[found[1]] + (1 if found[2] == "元" else int(found[2])))
