"""Who a sentence is about, and what it says of them: the (subject, value) pairs called facts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from steep.artifact import text_hash
from steep.corpus.rows import pairs_of
from steep.corpus.sentences import BULLET
from steep.corpus.spans import Span, SpanFinder
from steep.documents.record import Document

# English openings that point back to the subject; other languages keep the subject in the
# chunk's title and the frame of an item alone.
POINTS_BACK = re.compile(
    r"^(?:(?P<own>Its|Their|His|Her)|(?P<it>It|They|He|She)"
    r"|(?P<noun>(?:The|This) (?:company|firm|business|organisation|organization|group|agency"
    r"|institute|hospital|product|town|city|village|drug|patient|court|author|law|act|book)))"
    r"(?P<possessive>['’]s)?\b"
)


_SORTS = {"He": "he", "His": "he", "She": "she", "Her": "she", "They": "they", "Their": "they"}
_IS = (
    r"(?:['\u2019]s|(?: (?:is|was|has been|(?:would|may|might|can|could|will|should)"
    r" (?:also |not |never )?be))(?:n['\u2019]t)?)"
)
# "It is known that", "It is hard to", "It seems": this "it" is nobody.
_EMPTY = re.compile(
    rf"It{_IS} (?:[\w'\u2019,-]+ ){{1,6}}?(?:that|whether|if|who|which)\b"
    rf"|It{_IS} (?:(?!\w+ed\b)[\w'\u2019-]+ ){{1,4}}to\b"
    r"|It (?:\w+ )?(?:seems|appears|means|follows|turns out|takes|depends)\b"
)
_ASIDE = re.compile(r"\b(?:at|by|for|from|in|near|of|on|with)\s(?:the\s)?$")
_ASIDE_REACH = 12
_LONGEST_SUBJECT = 60  # characters
_ARTICLE = re.compile(r"^(?:The|An?)\s+")
_GOES_ON = re.compile(r"\w|['\u2019]s| & | (?:and )?[A-Z0-9]")
_OPENING = 24  # characters, for a bullet, an article and what goes on
_BETWEEN_WORDS = re.compile(r"[-_\s]+")
_FIRST = 2  # sentences in which a document says what it is about


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

    The subject is what the document is about, where the sentence opens with that: its title, or the
    first name in that; without one the name that its first sentence opens with. Else it is the
    sentence's first name that the document (or its title) repeats, else its name that most
    documents speak of, else what the document is about, else its own first name. A table's row is
    about its first value.

    An opening like "It" is spelled out only behind a sentence that opens with the name itself (or
    had the same opening), the document's own, and names others at most aside; "they" never. What
    else stands before may be anything, and a false sentence is worse than one that needs its
    neighbour.

    Args:
        read: the document's sentences with their spans.
        known: in how many documents each name stands (``name_counts``).
    """
    counts = Counter(span.text for _, spans in read for span in spans if span.kind != "number")
    title = own_title(document)
    title_names = [s.text for s in finder.find(title) if s.kind != "number"]
    counts.update(dict.fromkeys(title_names, 1))
    main = title_names[0] if title_names else title or _first_named(document, read)
    first = [text for text, _ in read[:_FIRST]]
    named, sort = "", ""  # who the sentence before opens with, and the pronoun that stood there
    is_alone = False  # it names nobody else but aside, who could be meant as well
    sentences: list[Sentence] = []
    for text, spans in read:
        leading = _leading([s.text for s in spans if s.kind == "name"], counts, known)
        points_back = POINTS_BACK.match(text)
        # Of one name alone there is nothing more to ask.
        own = next((s.text for s in spans if s.kind == "name" and len(spans) > 1), "")
        row = _of_row(text)
        opening = main if _opens_with(text, main) else ""
        subject = row or opening or leading or main or own
        if points_back is None:
            named, sort = (subject if _opens_with(text, subject) else ""), ""
            is_alone = _is_alone(text, spans, named)
        else:
            subject, kind = main or own, _sort_of(points_back)
            is_main = named in title or (
                (kind == "it" or not title) and any(_opens_with(early, named) for early in first)
            )
            is_meant = is_main and kind != "they" and (is_alone or kind != "it")
            if names and named and is_meant and sort in ("", kind) and not _EMPTY.match(text):
                text, subject, sort = _name_instead(text, points_back, named), named, kind
                spans = finder.find(text)
                is_alone = _is_alone(text, spans, named)
            else:
                named, sort = "", ""
        told = tuple(s for s in spans if s.text.casefold() != subject.casefold())
        if row:  # what it is called isn't asked for in part either
            told = tuple(s for s in told if s.text.casefold() not in row.casefold())
        sentences.append(Sentence(text, subject, told))
    return sentences


def _first_named(document: Document, read: Read) -> str:
    """The name that a document's first sentence opens with; empty if it opens with none.

    A file that is called like its first words is about them: no name is surer.
    """
    stem = _BETWEEN_WORDS.sub(" ", PurePath(document.source).stem)
    for text, spans in read[:1]:
        begin = text[: len(stem)]
        if begin.casefold() == stem.casefold() and _opens_with(text, begin):
            return begin
        name = next((s.text for s in spans if s.kind == "name"), "")
        if _opens_with(text, name):
            return name
    return ""


def _of_row(text: str) -> str:
    """What a table's row is about: its first value in words. Empty for any other sentence."""
    values = (value for _, value in pairs_of(text) if any(map(str.isalpha, value)))
    first = next(values, "")
    return first if len(first) <= _LONGEST_SUBJECT else ""


def _is_alone(text: str, spans: Sequence[Span], name: str) -> bool:
    """True if all other names of a sentence stand behind a preposition."""
    others = (s for s in spans if s.kind == "name" and s.text != name)
    return all(_ASIDE.search(text, max(0, s.start - _ASIDE_REACH), s.start) for s in others)


def _sort_of(points_back: re.Match[str]) -> str:
    """Which pronoun an opening has; "it" for "The company" too."""
    word = re.split(r"[\s'\u2019]", points_back[0])[0]
    return _SORTS.get(word, "it")


def _opens_with(text: str, name: str) -> bool:
    """True if a sentence begins with a name that doesn't go on, nor with what somebody has."""
    begin = BULLET.sub("", text[: len(name) + _OPENING])
    for said in (begin, _ARTICLE.sub("", begin)):
        if name and said.startswith(name) and _GOES_ON.match(said, len(name)) is None:
            return True
    return False


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
