"""Facts of records: what a table, a JSON object or an XML element says field by field.

Where a document keeps its fields they are used; else a line like "Provider: Acme; Expiry: one
year" is read as one, if several lines of the corpus have the same fields. Where no field is named
like a title, the one with the most different values says what a record is about.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from steep.corpus.records import LONGEST_TITLE, is_record, key_fields
from steep.corpus.rows import pairs_of
from steep.documents.record import Document
from steep.proof.answers import normalise_answer
from steep.proof.probes.facts import WIDESPREAD
from steep.proof.probes.index import Index
from steep.proof.probes.units import length_of
from steep.proof.questions import DISTRACTORS

_LIST = re.compile(r"[;>|]")
_FEWEST_RECORDS = 5
_LONGEST_VALUE = 12


@dataclass(frozen=True)
class Entry:
    """One field of one record.

    Attributes:
        document: number of its document in the index.
        title: what the record is about.
        field, value: the field's name and what it says.
        only_here: no other record has this value in this field.
    """

    document: int
    title: str
    field: str
    value: str
    only_here: bool


@dataclass(frozen=True)
class _Record:
    document: int
    title: str
    fields: tuple[tuple[str, str], ...]


def find_entries(index: Index) -> list[Entry]:
    """Fields that can be asked for: those of records with one title each, with enough values."""
    records = [*_from_fields(index), *_from_lines(index)]
    titles = Counter(record.title.casefold() for record in records)
    values: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        for name, value in record.fields:
            values[name][normalise_answer(value)] += 1
    return [
        Entry(
            record.document, record.title, name, value, values[name][normalise_answer(value)] == 1
        )
        for record in records
        if titles[record.title.casefold()] == 1
        for name, value in record.fields
        if len(values[name]) > DISTRACTORS
        and not _is_usual(values[name], value)
        and _can_be_asked(record.title, value)
    ]


def _is_usual(values: Counter[str], value: str) -> bool:
    """True if a fifth of the records say it: then it is one fact, that most are so."""
    return values[normalise_answer(value)] > max(1.0, WIDESPREAD * values.total())


def _can_be_asked(title: str, value: str) -> bool:
    said, about = normalise_answer(value), normalise_answer(title)
    if not said or not about or said in about or about in said or _LIST.search(value):
        return False
    return length_of(value) <= _LONGEST_VALUE and length_of(title) <= LONGEST_TITLE


def _from_fields(index: Index) -> list[_Record]:
    keys = key_fields(index.documents, _FEWEST_RECORDS)
    records: list[_Record] = []
    for number, document in enumerate(index.documents):
        key = keys.get(_untitled(document) or ("", ""))
        if key is None and document.fields:
            records.append(_record(number, document))
        elif key is not None and key in (fields := dict(document.fields)):
            asked = [(n, v) for n, v in document.fields if n != key]
            records.append(_Record(number, fields[key], tuple(asked)))
    return records


def _record(number: int, document: Document) -> _Record:
    """A record by the first field of its title ("A00.1" of "A00.1 Cholera"); the rest is asked."""
    fields = dict(document.fields)
    first, *others = document.title_fields or ("",)
    title = fields[first] if others and first in fields else document.title
    asked = [(n, v) for n, v in document.fields if n != first]
    return _Record(number, title, tuple(asked))


def _untitled(document: Document) -> tuple[str, str] | None:
    """File and title of a record that no field of its own is the title of."""
    if document.title_fields or not is_record(document):
        return None
    return document.source, document.title


def _from_lines(index: Index) -> list[_Record]:
    """Lines of name-value pairs; the field with the most different values names the record."""
    lines: dict[tuple[str, ...], list[tuple[int, tuple[str, ...]]]] = defaultdict(list)
    for sentence in index.sentences:
        if is_record(index.documents[sentence.document]):
            continue
        if pairs := pairs_of(sentence.text):
            names, said = zip(*pairs, strict=True)
            lines[names].append((sentence.document, said))
    records = []
    for names, rows in lines.items():
        if len(rows) < _FEWEST_RECORDS:
            continue
        spread = [len({row[column] for _, row in rows}) for column in range(len(names))]
        key = spread.index(max(spread))
        for document, row in rows:
            fields = [(n, v) for c, (n, v) in enumerate(zip(names, row, strict=True)) if c != key]
            records.append(_Record(document, row[key], tuple(fields)))
    return records
