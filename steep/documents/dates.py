"""When a document is from: told from names and headings, and whether a text says it.

A date is as in ISO 8601, to the day, the month or the year.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

_DAY = re.compile(
    r"(?<![0-9])(?<![0-9]-)((?:19|20)[0-9]{2})([-_.]?)([0-9]{2})\2([0-9]{2})(?!-?[0-9])"
)
_WHOLE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?(?![0-9])")
_DIGITS_ALONE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{4}(?:[0-9]{2})?)?(?![0-9])")
_HEADING_WORDS = 12
_MONTH = r"[^\s\d.,]{3,}\.?"  # its name in any language


def day_in(text: str) -> str | None:
    """The first day of the calendar that a short text holds ("2026-09-29", "20260929").

    Eight digits behind a letter, before two of them, or of a day to come, are some other number.
    """
    for found in _DAY.finditer(text):
        year, mark, month, day = found.groups()
        try:
            there = date(int(year), int(month), int(day))
        except ValueError:
            continue
        around = text[: found.start()][-1:].isalpha() or text[found.end() :][:2].isalpha()
        if mark or not (around or there > date.today() + timedelta(days=1)):
            return there.isoformat()
    return None


def known_date(written: str | None) -> str | None:
    """A date as a file gives it, without its time; None where it can't be one.

    Programs that know no date write the year 1 or 101.
    """
    found = _WHOLE.match(written or "") or _DIGITS_ALONE.match(written or "")
    if found is None or found[1] < "1000":
        return None
    try:
        date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None
    return "-".join(filter(None, found.groups()))


def dated_heading(line: str) -> str | None:
    """The day of a line that heads an entry ("Release 2.1 - 2026-09-29 23:16"); None of others."""
    words = line.split()
    if not words or line[:1].isspace() or len(words) > _HEADING_WORDS or words[-1][-1:] in ".,;:":
        return None
    return day_in(line)


def says_date(text: str, written: str) -> bool:
    """Does a text say a date: by numbers in any order, or with a month's name?"""
    found = _WHOLE.fullmatch(written)
    if found is None:
        return written in text
    year = found[1]
    if found[2] is None:
        return _has(text, year)
    month = f"0?{int(found[2])}"
    if found[3] is None:
        return _has(text, rf"{year}\D{month}", rf"{month}\D{year}", rf"{_MONTH},? {year}")
    day = f"0?{int(found[3])}"
    return _has(
        text,
        rf"{year}\D{{1,2}}{month}\D{{1,2}}{day}",
        rf"{year}{found[2]}{found[3]}",
        rf"{day}\D{{1,2}}{month}\D{{1,2}}{year}",
        rf"{month}\D{{1,2}}{day}\D{{1,2}}{year}",
        rf"{day}\w*\.?(?: de)? {_MONTH},?(?: de)? {year}",
        rf"{_MONTH} {day}\w*,? {year}",
    )


def _has(text: str, *forms: str) -> bool:
    return re.search(rf"(?<!\d)(?:{'|'.join(forms)})(?!\d)", text) is not None
