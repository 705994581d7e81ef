"""The long texts of a record beside the one that is its text, wherever it nests them.

A record may say things in several fields (a problem and its solution), and in lists of parts (the
sections of a guide, the turns of a talk). Fields hold no long text, so what isn't found here would
be lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from steep.documents.tables.fields import LONGEST_FIELD_CHARACTERS, TEXT_FIELDS, as_text

_HEADINGS = ("title", "heading", "name", "subject")
_SPEAKERS = ("role", "speaker", "from")
_SAYINGS = ("value", "message", "utterance")
"""Fields that are a text where another says whose."""
_LOOKED_AT = 2000
"""Characters that tell whether a value is prose."""
_LEAST_LETTERS = 0.6
_LONGEST_WORD = 15
"""Mean length of words without accents beyond which they are none: addresses, encoded bytes."""
_LEAST_WORDS = 6
"""Mean words of the items of a list of texts; of fewer it is a list of names or tags."""
_DATA = re.compile(r'\s*[\[{].*["\d\]}]\s*[\]}]\s*', re.DOTALL)
_WORD = re.compile(r"\w+")
_WINDOW_WORDS = 4
_COMPARED_WORDS = 20_000
_SAME = 0.5
"""Share of its windows of words that makes a text the same one in another form."""


class LongText(NamedTuple):
    """A text of a record.

    Attributes:
        field: the record's own field that it stands in.
        text: its paragraphs, after its name unless that says only that it is a text.
        is_inner: True for one named like a text in what the record nests, and for parts.
    """

    field: str
    text: str
    is_inner: bool


def long_texts(fields: Mapping[str, Any], known: Mapping[str, str]) -> list[LongText]:
    """The texts of a record in its order.

    ``known`` are the texts found already by their field, which have their place among the others;
    an empty one is left out. What says again what stands before it, or in them, is left out too
    (the same text as HTML, as tokens).
    """
    candidates = [
        one._replace(field=field)
        for field, value in fields.items()
        if field in known or not isinstance(value, str) or len(value) > LONGEST_FIELD_CHARACTERS
        for one in (
            [LongText(field, known[field], False)] if field in known else _texts({field: value}, "")
        )
        if one.text
    ]
    if len(candidates) <= sum(map(bool, known.values())):
        return candidates
    seen = {window for text in known.values() for window in _windows(text)}
    found: list[LongText] = []
    for one in candidates:
        windows = [] if one.field in known else list(_windows(one.text))
        if not windows or sum(window in seen for window in windows) < _SAME * len(windows):
            found.append(one)
            seen.update(windows)
    return found


def _texts(value: Mapping[str, Any], prefix: str) -> Iterator[LongText]:
    for key, inner in value.items():
        name = f"{prefix} {key}".strip()
        if isinstance(inner, Mapping):
            yield from _texts(inner, name)
        elif isinstance(inner, list) and any(isinstance(item, Mapping | list) for item in inner):
            parts = list(map(_part, inner))
            if _make_a_text(parts):
                yield LongText(name, "\n\n".join(_paragraphs(parts)), True)
            else:
                yield from _texts({str(k): v for k, v in enumerate(inner, start=1)}, name)
        elif text := _prose(inner):
            is_text = str(key).strip().casefold() in TEXT_FIELDS
            yield LongText(
                name, text if is_text else f"{name.strip()}: {text}", is_text and bool(prefix)
            )


def is_talk(items: Sequence[Any]) -> bool:
    """True for objects of which most are what someone says."""
    return _are_said(list(map(_part, items)))


def _are_said(parts: Sequence[_Part]) -> bool:
    return 2 * sum(bool(part.speaker and part.text) for part in parts) > len(parts)


def _make_a_text(parts: Sequence[_Part]) -> bool:
    """True for a talk, and for parts of which most have a text, one of them a long one."""
    are_long = any(len(part.text) > LONGEST_FIELD_CHARACTERS for part in parts)
    return (are_long and 2 * sum(bool(part.text) for part in parts) > len(parts)) or _are_said(
        parts
    )


class _Part(NamedTuple):
    """One of several parts: what it is called, who says it, its text, and its other values."""

    heading: str
    speaker: str
    text: str
    rest: dict[str, Any]


def _part(item: Any) -> _Part:
    if not isinstance(item, Mapping):
        return _Part("", "", "" if isinstance(item, list) else as_text(item, "\n\n"), {})
    rest = dict(item)
    heading, speaker = _taken(rest, _HEADINGS, str), _taken(rest, _SPEAKERS, str)
    texts = (*TEXT_FIELDS, *_SAYINGS) if speaker else TEXT_FIELDS
    return _Part(heading, speaker, _taken(rest, texts, str | list), rest)


def _taken(rest: dict[str, Any], names: Iterable[str], kinds: Any) -> str:
    """The first of these fields that is of these kinds and says something, taken from the rest."""
    by_name = {str(key).strip().casefold(): key for key in rest}
    for key in (by_name[name] for name in names if name in by_name):
        if isinstance(rest[key], kinds) and (text := as_text(rest[key], "\n\n").rstrip()):
            del rest[key]
            return text
    return ""


def _paragraphs(parts: Iterable[_Part]) -> Iterator[str]:
    """Of each part its heading, its text after who says it, and the texts that it nests."""
    for heading, speaker, text, rest in parts:
        if heading:
            yield heading
        if text:
            yield f"{speaker}: {text}" if speaker else text
        for inner in _texts(rest, ""):
            yield inner.text


def _prose(value: Any) -> str:
    """A value that is a long text in words; nothing for other values."""
    if isinstance(value, list):
        texts = [item for item in value if isinstance(item, str)]
        spaces = sum(text.count(" ") for text in texts)
        if len(texts) < len(value) or spaces < (_LEAST_WORDS - 1) * len(texts):
            return ""
    elif not isinstance(value, str):
        return ""
    text = as_text(value, "\n\n").rstrip()
    if len(text) <= LONGEST_FIELD_CHARACTERS or _DATA.fullmatch(text):
        return ""
    words = text[:_LOOKED_AT].split()
    written = "".join(words)
    letters = sum(sign.isalpha() or ord(sign) > 0x2FF for sign in written)
    plain = [word for word in words if word.isascii()]
    are_words = sum(map(len, plain)) <= _LONGEST_WORD * len(plain)
    return text if letters >= _LEAST_LETTERS * len(written) and are_words else ""


def _windows(text: str) -> Iterator[tuple[str, ...]]:
    """Each few words of a text that follow one another, of its first thousands."""
    found = islice(_WORD.finditer(text), _COMPARED_WORDS)
    words = [word[0].casefold() for word in found]
    last = max(len(words) - _WINDOW_WORDS, 0)
    return (tuple(words[start : start + _WINDOW_WORDS]) for start in range(last + 1))
