"""Fields that only label a record: ids, addresses and times, which say nothing of its matter."""

from __future__ import annotations

import re

_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\W_]+")
_IDS = frozenset(
    {"id", "ids", "key", "uuid", "guid", "hash", "digest", "checksum", "md5", "sha1", "sha256"}
)
_STEPS = frozenset(
    {"created", "updated", "modified", "crawled", "scraped", "fetched", "retrieved", "imported"}
)
_MOMENTS = frozenset({"at", "on", "date", "time", "day", "timestamp", "when", "utc"})
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]{0,20}://|www\.)\S+", re.IGNORECASE)
_MADE = re.compile(r"(?:urn:uuid:|<urn:uuid:)?[0-9a-f-]{16,}>?", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d\S{0,20}")
_WHEN = re.compile(r"\d[-/.:]\d|\b(?:19|20)\d\d\b|\d{9}|\d.*\bago\b")
_CODE = re.compile(r"\S{1,80}")


def is_label(name: str, value: str, *, loosely: bool = False) -> bool:
    """True for a field that an equal record copied elsewhere or later would have otherwise.

    A number is one if its field is called an id (that of a patient or an order says whose the text
    is); so is an address, a long hash, a time of the day, and when the record was made.
    ``loosely`` also takes codes of fields named like ids, and days.
    """
    if _ADDRESS.fullmatch(value) or _TIME.fullmatch(value):
        return True
    if _MADE.fullmatch(value) and any(c.isdigit() for c in value):
        return True
    words = [word.casefold() for word in _WORD_BREAK.split(name) if word]
    if not words:
        return False
    is_number = len(words) == 1 and value.isdigit()
    if words[-1] in _IDS and (is_number or (loosely and bool(_CODE.fullmatch(value)))):
        return True
    if words[-1] in _STEPS or (words[-1] in _MOMENTS and not _STEPS.isdisjoint(words)):
        return bool(_WHEN.search(value))
    return loosely and bool(_DAY.fullmatch(value))
