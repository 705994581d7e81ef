"""When a document is from: told from names and headings, and whether a text says it.

A date is as in ISO 8601, to the day, the month or the year.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, timedelta

from steep.documents.months import MONTHS, SHORT, month_of

_YEAR = "(?P<y>(?:19|20)[0-9]{2})"
_NAME = rf"(?P<name>{MONTHS}|{SHORT})"
_DAYS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        rf"(?<![0-9])(?<![0-9]-){_YEAR}(?P<mark>[-_.]?)(?P<m>[0-9]{{2}})(?P=mark)(?P<d>[0-9]{{2}})"
        r"(?!-?[0-9])",
        # A year, a month and a day of one figure may be a version behind dots.
        rf"(?<![0-9])(?<![0-9]-){_YEAR}(?P<mark>[-/])(?P<m>[0-9]{{1,2}})(?P=mark)(?P<d>[0-9]{{1,2}})"
        r"(?![-/]?[0-9])",
        rf"(?<![0-9.])(?P<d>[0-9]{{1,2}})(?P<mark>\. ?)(?P<m>[0-9]{{1,2}})\. ?{_YEAR}(?!\.?[0-9])",
        rf"(?<![0-9/])(?P<one>[0-9]{{1,2}})(?P<mark>/)(?P<two>[0-9]{{1,2}})/{_YEAR}(?![/0-9])",
        rf"(?<![0-9]){_YEAR}(?P<mark> ?[年년] ?)(?P<m>[0-9]{{1,2}}) ?[月월] ?(?P<d>[0-9]{{1,2}})"
        " ?[日号號일]",
        rf"(?<![0-9])(?P<d>[0-9]{{1,2}})(?:st|nd|rd|th|er|[.º°])?(?P<mark>[ _-])(?:de |of )?{_NAME}"
        rf"(?:\.?,?[ _-]|\.? de ){_YEAR}(?![0-9])",
        rf"(?<![^\W_]){_NAME}\.?(?P<mark>[ _-])(?P<d>[0-9]{{1,2}})(?:st|nd|rd|th)?(?:,? |[_-])"
        rf"{_YEAR}(?![0-9])",
    )
)
_EITHER_WAY = re.compile(r"(?<![0-9/])([0-9]{1,2})/([0-9]{1,2})/(?:[0-9]{2}){1,2}(?![/0-9])")
_WHOLE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?(?![0-9]|[-/.][0-9])")
_DIGITS_ALONE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{4}(?:[0-9]{2})?)?(?![0-9])")
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_MONTHS = 12
_HEADING_WORDS = 12
_FIRST_YEAR, _LAST_YEAR = "1000", "2999"
_MONTH = r"[^\s\d.,]{3,}\.?"  # its name in any language


def day_in(text: str) -> str | None:
    """The first day of the calendar that a short text holds.

    "2026-09-29", "20260929", "2026/9/29", "29.9.2026", "29 September 2026", "Sep 29, 2026",
    "2026年9月29日", in the digits of any script. 9/29/2026 is one because there is no 29th month;
    3/4/2026, which may be of March or of April, is none. Eight digits behind a letter, before two
    of them, or of a day to come, are some other number.
    """
    text = _in_ascii_digits(text)
    return min(_days_of(text), default=(0, None))[1]


def _days_of(text: str) -> Iterator[tuple[int, str]]:
    """Where each day of a text begins, and the day."""
    for found in (found for form in _DAYS for found in form.finditer(text)):
        said = found.groupdict()
        month, day = _month_and_day(said)
        try:
            there = date(int(said["y"]), month, day)
        except ValueError:
            continue
        around = text[: found.start()][-1:].isalpha() or text[found.end() :][:2].isalpha()
        if said["mark"] or not (around or there > date.today() + timedelta(days=1)):
            yield found.start(), there.isoformat()


def _month_and_day(said: dict[str, str | None]) -> tuple[int, int]:
    """Of a written day its month and its day; (0, 0) if these can't be told apart."""
    if (name := said.get("name")) is not None:
        return month_of(name), int(said["d"] or 0)
    if (one := said.get("one")) is not None:
        first, second = sorted((int(one), int(said["two"] or 0)))
        return (first, second) if second > _MONTHS or first == second else (0, 0)
    return int(said["m"] or 0), int(said["d"] or 0)


def may_be_two_days(text: str) -> bool:
    """Does a short text hold a day that is another where months are written first (3/4/26)?"""
    return any(
        one != two and max(int(one), int(two)) <= _MONTHS
        for one, two in _EITHER_WAY.findall(_in_ascii_digits(text))
    )


def _in_ascii_digits(text: str) -> str:
    """A text with the decimal digits of every script (२९, ٢٩) as 0 to 9."""
    return _OTHER_DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), text)


def known_date(written: str | None) -> str | None:
    """A date as a file gives it, without its time; None where it can't be one.

    Programs that know no date write the year 1 or 101.
    """
    written = _in_ascii_digits(written or "").strip()
    if (day := day_in(written)) is not None:
        return day
    found = _WHOLE.match(written) or _DIGITS_ALONE.match(written)
    if found is None or not _FIRST_YEAR <= found[1] <= _LAST_YEAR:
        return None
    try:
        date(int(found[1]), int(found[2] or 1), int(found[3] or 1))
    except ValueError:
        return None
    return "-".join(filter(None, found.groups()))


def common_date(*written: str | None) -> str | None:
    """What dates of one document have in common: the day, the month or the year; None if nothing.

    A file that was made in 2019 and saved again in 2026 doesn't say when its words are from.
    """
    known = [found for found in map(known_date, written) if found]
    for length in (10, 7, 4):
        starts = {found[:length] for found in known}
        if len(starts) == 1:
            return starts.pop()
    return None


def could_head(line: str) -> bool:
    """Is a line as short as one that heads an entry, and no sentence?"""
    words = line.split()
    return bool(words) and not (
        line[:1].isspace() or len(words) > _HEADING_WORDS or words[-1][-1:] in ".,;:"
    )


def dated_heading(line: str) -> str | None:
    """The day of a line that heads an entry ("Release 2.1 - 2026-09-29 23:16"); None of others."""
    return day_in(line) if could_head(line) else None


def says_date(text: str, written: str) -> bool:
    """Does a text say a date: by numbers in any order, or with a month's name?"""
    text = _in_ascii_digits(text)
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
