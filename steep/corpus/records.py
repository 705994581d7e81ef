"""Records as sentences: each field of a table's row, a JSON object or an XML element in words."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from steep.corpus.frames import Frames
from steep.corpus.spans import Span, SpanFinder, SpanKind
from steep.corpus.subjects import Sentence, own_title
from steep.documents.record import Document
from steep.documents.tables.fields import WITHIN

LONGEST_TITLE = 16
"""Words of a value that a record can be called by."""
_SAID = 0.5
_LONGEST_ANSWER = 120
"""Characters of a value that is asked for as a whole; a longer one is a text in small."""
_AS_WRITTEN = "{field}: {value}."


def is_record(document: Document) -> bool:
    """True if a document's text says its fields and little else."""
    said = sum(len(name) + len(value) for name, value in document.fields)
    return said > _SAID * len(document.text)


def key_fields(documents: Sequence[Document], fewest: int = 1) -> dict[tuple[str, str], str]:
    """For records of one file and title, the field with the most different values in words.

    Args:
        documents: only records that no field of their own is the title of are looked at.
        fewest: records that there have to be of one file.
    """
    rows: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for document in documents:
        if is_record(document) and not document.title_fields:
            rows[document.source, document.title].append(document)
    found: dict[tuple[str, str], str] = {}
    for of, together in rows.items():
        values: dict[str, set[str]] = defaultdict(set)
        for name, value in (field for document in together for field in document.fields):
            if len(value.split()) <= LONGEST_TITLE and any(c.isalpha() for c in value):
                values[name].add(value.casefold())
        if len(together) >= fewest and values:
            found[of] = max(values, key=lambda name: len(values[name]))
    return found


def record_subjects(documents: Sequence[Document]) -> list[str]:
    """What each document's fields are about; empty where nothing in it says so.

    It is the first field of a title ("A00.1" of "A00.1 Cholera"). Rows of one file that no field
    is the title of are called by the field that tells most of them apart, and one whose value
    there is another row's too by none: what their file is called, all of them are.
    """
    keys = key_fields(documents)
    together = Counter((d.source, d.title) for d in documents if _is_of_many(d))
    found: list[str] = []
    for document in documents:
        fields, of = dict(document.fields), (document.source, document.title)
        about = document.title
        if len(document.title_fields) >= 2:
            about = fields.get(document.title_fields[0], about)
        elif _is_of_many(document) and (together[of] > 1 or not own_title(document)):
            about = fields.get(keys.get(of, ""), "") if is_record(document) else ""
        found.append(about)
    named = Counter((d.source, a.casefold()) for d, a in zip(documents, found, strict=True))
    return [
        "" if _is_of_many(d) and named[d.source, about.casefold()] > 1 else about
        for d, about in zip(documents, found, strict=True)
    ]


def _is_of_many(document: Document) -> bool:
    """Is a document one of its file's, with fields, none of which is its title?"""
    return bool(document.locator and document.fields and not document.title_fields)


def field_sentences(
    document: Document, subject: str, finder: SpanFinder
) -> tuple[tuple[Sentence, ...], tuple[Sentence, ...]]:
    """A sentence for each field, as the document itself says it; and which of them are texts.

    A text is a value too long to be an answer. Its spans are the names and numbers in it (none
    where it says what a record is part of, as all its neighbours do); elsewhere the value is one.
    """
    said: list[Sentence] = []
    texts: list[Sentence] = []
    for name, value in _told(document, subject):
        sentence = _sentence(_AS_WRITTEN, subject, name, value)
        if not _is_answer(value):
            found = [] if name == WITHIN else finder.find(sentence.text)
            sentence = replace(sentence, spans=tuple(found))
            texts.append(sentence)
        said.append(sentence)
    return tuple(said), tuple(texts)


def says_field(sentence: str, document: Document) -> bool:
    """Does a sentence of a record say one of its fields, in the record's own form?"""
    return any(f"{name}: {value}" in sentence for name, value in document.fields)


def record_sentences(
    document: Document, subject: str, frames: Frames, wordings: int, rng: random.Random
) -> list[tuple[Sentence, ...]]:
    """``wordings`` times a sentence for each field, each time in other words, in random order.

    Values too long to be an answer aren't said again: see ``field_sentences``.
    """
    fields = [(name, value) for name, value in _told(document, subject) if _is_answer(value)]
    frame = frames.record
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


def _told(document: Document, subject: str) -> list[tuple[str, str]]:
    """The fields that say something beside the subject."""
    about = subject.casefold()
    return [(name, value) for name, value in document.fields if value.casefold() not in about]


def _is_answer(value: str) -> bool:
    return len(value) <= _LONGEST_ANSWER


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
