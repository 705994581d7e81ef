"""Numbers that name a person, in the forms of many countries, found by Presidio's patterns
(``steep[privacy]``): identity cards, passports, tax, health and social insurance.

No language model is used, so names and places aren't found. A pattern that many a number fits says
little: what Presidio is half sure of counts, its own words for the thing ("passport", "NHS") just
before it weighed as Presidio weighs them. A number without letters needs such a word whatever its
check digit says: one in ten or so has the right one by chance.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections import Counter
from importlib.util import find_spec
from typing import Any, NamedTuple

from steep.errors import UserInputError

_SURE = 0.5
_SHORTEST = 6
_NEAR_CHARACTERS = 60
_NEAR_ADDS, _NEAR_LEAST = 0.35, 0.4  # as Presidio's own enhancer does
_WORD = re.compile(r"\w+")
# What steep finds itself, and what says nothing of a person.
_OTHERS = {"CREDIT_CARD", "EMAIL_ADDRESS", "IBAN_CODE", "PHONE_NUMBER", "US_SSN"}
_OTHERS |= {"DATE_TIME", "URL", "UUID", "MAC_ADDRESS"}
# Number plates have no check digit and look like prose: "46 and 35", "42 USC 1983".
_PLATES = ("LICENSE_PLATE", "VEHICLE_REGISTRATION", "KFZ")


class _Found(NamedTuple):
    start: int
    end: int
    kind: str


def check_installed() -> None:
    """Find out before any work whether Presidio is there.

    Raises:
        UserInputError: it isn't.
    """
    if find_spec("presidio_analyzer") is None:
        raise UserInputError(
            '[data] redact = "presidio" needs Presidio; install it: pip install "steep[privacy]"'
        )


def redact_identifiers(text: str) -> tuple[str, Counter[str]]:
    """Blank every identifier in a text; the text, and how many there were by kind."""
    counts: Counter[str] = Counter()
    parts: list[str] = []
    at = 0
    for found in _without_overlaps(text):
        counts[found.kind] += 1
        parts += [text[at : found.start], f"[redacted {found.kind}]"]
        at = found.end
    return "".join([*parts, text[at:]]), counts


def _without_overlaps(text: str) -> list[_Found]:
    """What is found, in the text's order; of two in one place the earlier, then the longer."""
    kept: list[_Found] = []
    found = (one for finder in load_finders() for one in _found_by(finder, text))
    for one in sorted(found, key=lambda one: (one.start, -one.end, one.kind)):
        if "[redacted " not in text[one.start : one.end] and (
            not kept or one.start >= kept[-1].end
        ):
            kept.append(one)
    return kept


def _found_by(finder: Any, text: str) -> list[_Found]:
    (entity,) = finder.supported_entities
    found: list[_Found] = []
    for one in finder.analyze(text, [entity]):
        near = _is_named_near(finder, text, one.start)
        score = max(one.score + _NEAR_ADDS, _NEAR_LEAST) if near else one.score
        is_bare = not any(c.isalpha() for c in text[one.start : one.end])
        if score >= _SURE and (near or not is_bare) and _is_whole(text, one.start, one.end):
            found.append(_Found(one.start, one.end, str(entity).replace("_", " ")))
    return found


def _is_whole(text: str, start: int, end: int) -> bool:
    """Is it long enough (not the "v1" of "License, v1"), and no piece of a longer run of signs?"""
    around = text[max(0, start - 1) : start] + text[end : end + 1]
    return end - start >= _SHORTEST and not any(map(str.isalnum, around))


def _is_named_near(finder: Any, text: str, start: int) -> bool:
    """Does one of the finder's words for the thing stand shortly before it?"""
    before = text[max(0, start - _NEAR_CHARACTERS) : start].casefold()
    words = set(_WORD.findall(before))
    return any(
        (word in words if _WORD.fullmatch(word) else word in before)
        for word in map(str.casefold, finder.context or ())
    )


@functools.cache
def load_finders() -> tuple[Any, ...]:
    """Presidio's recognizers that are patterns alone, of every country; takes seconds once."""
    presidio: Any = importlib.import_module("presidio_analyzer")
    known: Any = importlib.import_module("presidio_analyzer.predefined_recognizers")
    classes = (getattr(known, name) for name in sorted(known.__all__))
    base = presidio.PatternRecognizer
    made = [c() for c in classes if isinstance(c, type) and issubclass(c, base)]
    for one in made:
        # The vaguest patterns could never count, and some take a time that grows with the square
        # of the text. What a check digit confirms is sure, however vague its pattern.
        if type(one).validate_result is base.validate_result:
            one.patterns = [p for p in one.patterns if p.score + _NEAR_ADDS >= _SURE]
    return tuple(one for one in made if one.patterns and _is_of_use(one.supported_entities))


def _is_of_use(entities: list[str]) -> bool:
    return len(entities) == 1 and entities[0] not in _OTHERS and not entities[0].endswith(_PLATES)
