"""Records as sentences: each field of a table's row, a JSON object or an XML element in words."""

from __future__ import annotations

import random

from steep.corpus.frames import Frames
from steep.corpus.spans import Span, SpanKind
from steep.corpus.subjects import Sentence
from steep.documents.record import Document

_SAID = 0.5
_AS_WRITTEN = "{field}: {value}."


def is_record(document: Document) -> bool:
    """True if a document's text says its fields and little else."""
    said = sum(len(name) + len(value) for name, value in document.fields)
    return said > _SAID * len(document.text)


def field_sentences(document: Document) -> tuple[Sentence, ...]:
    """A sentence for each field, as the document itself says it."""
    subject = _subject(document)
    return tuple(_sentence(_AS_WRITTEN, subject, *field) for field in _told(document))


def says_field(sentence: str, document: Document) -> bool:
    """Does a sentence of a record say one of its fields, in the record's own form?"""
    return any(f"{name}: {value}" in sentence for name, value in document.fields)


def record_sentences(
    document: Document, frames: Frames, wordings: int, rng: random.Random
) -> list[tuple[Sentence, ...]]:
    """``wordings`` times a sentence for each field, each time in other words, in random order."""
    subject, fields, frame = _subject(document), _told(document), frames.record
    if not subject or not fields:
        return []
    first = rng.randrange(len(frame))
    return [
        tuple(
            _sentence(frame[(first + turn + number) % len(frame)], subject, *fields[number])
            for number in rng.sample(range(len(fields)), len(fields))
        )
        for turn in range(wordings)
    ]


def _subject(document: Document) -> str:
    """What a record is about: the first field of its title ("A00.1" of "A00.1 Cholera")."""
    if len(document.title_fields) < 2:
        return document.title
    return dict(document.fields).get(document.title_fields[0], document.title)


def _told(document: Document) -> list[tuple[str, str]]:
    """The fields that say something beside the subject."""
    about = _subject(document).casefold()
    return [(name, value) for name, value in document.fields if value.casefold() not in about]


def _sentence(frame: str, subject: str, field: str, value: str) -> Sentence:
    """One field said, its value as the only span."""
    start = frame.index("{value}")
    name, value = field.replace("_", " "), value.rstrip(". ") or value
    before = frame[:start].format(subject=subject, field=name)
    before = before[:1].upper() + before[1:] if frame.startswith("{field}") else before
    behind = frame[start:].format(subject=subject, field=name, value="")
    kind: SpanKind = "number" if value[:1].isdigit() else "term"
    span = Span(len(before), len(before) + len(value), value, kind)
    return Sentence(before + value + behind, subject, (span,))
