"""Values worth asking for, by kind: dates, amounts, numbers with their units, names, codes.

The spans are those that retelling finds (``steep.corpus.spans``); here they get a kind, so that
wrong answers can be of the same one, and those that state nothing are left out: section numbers,
list marks, results of tests ("p < 0.05"), and names that are everyday words in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from steep.corpus.spans import Span, SpanFinder, unit_behind, value_kind

Kind = Literal[
    "date", "year", "time", "percentage", "amount", "number", "code", "name", "word",
    "title", "katakana", "term",
]  # fmt: skip
"""The last three are of scripts without spaces (``steep.proof.probes.spaceless``)."""
IsCommon = Callable[[str], bool]
"""True for a word, in small letters, that general text uses often."""

_MOST_CHARACTERS = 40
_BEFORE_NO_FACT = tuple("=<>≤≥±~#§[_/\\-–")
_PARTS_OF_CODE = frozenset("=/\\_%#@`-")
_OPENS_LIST = re.compile(r"\s*[(\[]?\d+(?:\.\d+)*[.)\]]")


@dataclass(frozen=True)
class Value:
    """A stretch ``sentence[start:end]`` of one kind; a number may have a unit behind it."""

    start: int
    end: int
    text: str
    kind: Kind
    unit: str = ""


def find_values(sentence: str, finder: SpanFinder, is_common: IsCommon) -> list[Value]:
    """Values of a sentence, from left to right."""
    found: list[Value] = []
    for span in finder.find(sentence):
        if len(span.text) > _MOST_CHARACTERS:
            continue
        if span.kind == "term":  # only where the script has no capitals
            value: Value | None = Value(span.start, span.end, span.text, "word")
        elif span.kind == "number":
            value = _number(sentence, span)
        else:
            value = _name(sentence, span, is_common)
        if value is not None:
            found.append(value)
    return found


def _number(sentence: str, span: Span) -> Value | None:
    before, after = sentence[: span.start], sentence[span.end :]
    text = span.text
    if before.rstrip().endswith(_BEFORE_NO_FACT):
        return None
    kind = value_kind(sentence, span)
    if kind == "date":
        return Value(span.start, span.end, text, "date")
    if _OPENS_LIST.match(sentence) and not before.strip(" (["):
        return None
    if after[:1] in "])_\\" and len(text) < 3:
        return None
    if _follows_a_name(before) or (kind in ("quantity", "number") and "/" in text):
        return None
    if kind in ("percentage", "amount", "time", "year"):
        return Value(span.start, span.end, text, kind)
    return Value(span.start, span.end, text, "number", unit_behind(sentence, span))


def _follows_a_name(before: str) -> bool:
    """True behind a capitalised word inside the sentence: "Section 4" is no quantity."""
    words = before.split()
    if len(words) < 2 or not before.endswith((" ", "\u00a0")):
        return False
    return words[-1][:1].isupper()


def _name(sentence: str, span: Span, is_common: IsCommon) -> Value | None:
    text = span.text
    around = sentence[span.start - 1 : span.start] + sentence[span.end : span.end + 1]
    if len(text) < 3 or any(c in _PARTS_OF_CODE or c.isalnum() for c in around):
        return None
    words = re.findall(r"[^\W_]+", text)
    if _is_cut(sentence, span) or "'s " in text or "’s " in text:
        return None
    if any(letter.isdigit() or letter == "_" for letter in text):
        return Value(span.start, span.end, text, "code")
    if all(is_common(word.casefold()) or len(word) < 3 for word in words):
        return None
    return Value(span.start, span.end, text, "name")


def _is_cut(sentence: str, span: Span) -> bool:
    """True if a capital goes on right before or behind: only part of a name was found."""
    before = sentence[: span.start].split(" ")
    after = sentence[span.end :]
    behind = after[1:2] if after[:1] in " -&/" else after[:1]
    ahead = before[-2] if len(before) > 2 and not before[-1] else ""
    return behind.isupper() or behind.isdigit() or ahead[:1].isupper()
