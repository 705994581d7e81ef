"""Who a sentence is about, and what it says of them: the (subject, value) pairs called facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from steep.artifact import text_hash
from steep.corpus.spans import Span, SpanFinder
from steep.documents.record import Document

# English openings that point back to the subject; other languages keep the subject in the
# chunk's title and the frame of an item alone.
_POINTS_BACK = re.compile(
    r"^(?:(?P<own>Its|Their|His|Her)|(?P<it>It|They|He|She)"
    r"|(?P<noun>(?:The|This) (?:company|firm|business|organisation|organization|group|agency"
    r"|institute|hospital|product|town|city|village|drug|patient|court|author|law|act|book)))"
    r"(?P<possessive>['’]s)?\b"
)


@dataclass(frozen=True)
class Sentence:
    """A sentence with its subject found: who it is about, and what it says of them."""

    text: str
    subject: str
    spans: tuple[Span, ...]

    def fact(self, span: Span) -> int:
        """The hash of the pair of its subject and one of its spans, whichever way it is asked."""
        return fact_hash(self.subject, span.text)

    @property
    def facts(self) -> tuple[int, ...]:
        """One hash per (subject, value) pair."""
        return tuple(self.fact(span) for span in self.spans)


def fact_hash(subject: str, value: str) -> int:
    """63-bit hash of a (subject, value) pair, the same in every process."""
    return _hash(subject.casefold(), value.casefold())


def wording_hash(form: str, sentence: str) -> int:
    """63-bit hash of a wording: one form of one sentence. The document and its shuffles are one."""
    return _hash(form, sentence)


def _hash(*parts: str) -> int:
    return int(text_hash("\x1f".join(parts))[:16], 16) >> 1


# The sentences of a document as they stand, each with its spans.
Read = Sequence[tuple[str, list[Span]]]


def name_counts(documents: Sequence[Read]) -> Counter[str]:
    """In how many documents each name stands."""
    counts: Counter[str] = Counter()
    for read in documents:
        counts.update({s.text for _, spans in read for s in spans if s.kind == "name"})
    return counts


def find_subjects(
    document: Document, read: Read, finder: SpanFinder, known: Counter[str], *, names: bool
) -> list[Sentence]:
    """Sentences with their subject; with ``names``, openings that point back are spelled out.

    The subject is the sentence's first name that the document (or its title) repeats, else its
    name that most documents speak of, else the subject of the sentence before, else the title.

    Args:
        read: the document's sentences with their spans.
        known: in how many documents each name stands (``name_counts``).
    """
    counts = Counter(span.text for _, spans in read for span in spans if span.kind != "number")
    title = own_title(document)
    title_names = [s.text for s in finder.find(title) if s.kind != "number"]
    counts.update(dict.fromkeys(title_names, 1))
    subject = title_names[0] if title_names else title
    sentences: list[Sentence] = []
    for text, spans in read:
        leading = _leading([s.text for s in spans if s.kind == "name"], counts, known)
        points_back = _POINTS_BACK.match(text)
        if points_back is None:
            subject = leading or subject
        elif names and subject:
            text = _name_instead(text, points_back, subject)
            spans = finder.find(text)
        told = tuple(s for s in spans if s.text.casefold() != subject.casefold())
        sentences.append(Sentence(text, subject, told))
    return sentences


def _leading(found: list[str], here: Counter[str], known: Counter[str]) -> str | None:
    repeated = next((name for name in found if here[name] > 1), None)
    if repeated is not None:
        return repeated
    widely = max(found, key=lambda name: known[name], default=None)
    return widely if widely is not None and known[widely] > 2 else None


def _name_instead(text: str, match: re.Match[str], subject: str) -> str:
    possessive = match.group("own") is not None or match.group("possessive") is not None
    return subject + ("'s" if possessive else "") + text[match.end() :]


def own_title(document: Document) -> str:
    """The title, unless it is only the file's name: that says nothing about the text."""
    return "" if document.title == PurePath(document.source).stem else document.title


class Ties:
    """Which subject a value points to: the one that more than half of its sentences are about."""

    def __init__(self, documents: Sequence[Sequence[Sentence]]) -> None:
        self._subjects: dict[str, Counter[str]] = {}
        self._documents: dict[str, set[int]] = {}
        for number, sentences in enumerate(documents):
            for sentence in sentences:
                for span in sentence.spans:
                    value = span.text.casefold()
                    self._subjects.setdefault(value, Counter())[sentence.subject.casefold()] += 1
                    self._documents.setdefault(value, set()).add(number)

    def holds(self, sentence: Sentence, span: Span) -> bool:
        """Does this span point to the subject of its sentence, and to no other as well?"""
        counts = self._subjects[span.text.casefold()]
        return 2 * counts[sentence.subject.casefold()] > counts.total()

    def is_only_here(self, span: Span) -> bool:
        """Does only one document state this value?"""
        return len(self._documents[span.text.casefold()]) == 1
