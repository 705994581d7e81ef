"""What can be asked of documents in a conversation: their facts, wrong values, made-up subjects."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from steep.artifact import text_hash
from steep.corpus.forms import Told, asked_for, can_be_asked, without_bullet
from steep.corpus.retell import askable
from steep.corpus.spans import Span, ValueKind, value_kind
from steep.corpus.subjects import Sentence
from steep.documents.record import Document
from steep.pipeline.phrases import Phrases, phrases_of
from steep.proof.probes.index import is_statement

_MOST_DOCUMENTS = 2000
_VALUES_OF_A_SENTENCE = 2
_FEWEST_LETTERS = 3
_TRIED = 24  # values, or subjects, looked at to find one that fits


@dataclass(frozen=True)
class Mined:
    """A sentence, one of its values, and all that asking for it takes.

    Attributes:
        subject: whom the sentence is about.
        question: asks for the value, in the sentence's words.
        wrong: another value of the same kind that the sentence's document doesn't have.
        others: more sentences of the document about the same subject.
        stranger: a subject of the same shape that the documents don't know; empty if none was
            found, or the question doesn't name the subject or names others too.
    """

    subject: str
    sentence: str
    value: str
    start: int
    kind: ValueKind
    question: str
    wrong: str
    others: tuple[str, ...]
    stranger: str
    phrases: Phrases

    def sentence_with(self, value: str) -> str:
        """The sentence with another value in place of its own."""
        return self.sentence[: self.start] + value + self.sentence[self.start + len(self.value) :]


def mine(documents: Sequence[Document], seed: int) -> list[Mined]:
    """Facts of documents in order; of many documents, those of some chosen by hash."""
    ranked = sorted(documents, key=lambda document: text_hash(f"{seed}:{document.id}"))
    chosen = {document.id for document in ranked[:_MOST_DOCUMENTS]}
    told = list(askable([document for document in documents if document.id in chosen]))
    rng = random.Random(f"mined:{seed}")
    values = _Values(told)
    strangers = _Strangers(told)
    return list(_mined(told, values, strangers, rng))


def _mined(
    told: Sequence[Told], values: _Values, strangers: _Strangers, rng: random.Random
) -> Iterator[Mined]:
    for part in told:
        phrases = phrases_of(part.frames)
        if phrases is None:
            continue
        about: dict[str, list[str]] = defaultdict(list)
        bare = map(without_bullet, part.sentences)
        stated = [s for s in bare if can_be_asked(s) and is_statement(s.text)]
        for sentence in stated:
            about[sentence.subject].append(sentence.text)
        for sentence in stated:
            spans = [span for span in sentence.spans if _is_telling(span)]
            for span in rng.sample(spans, min(_VALUES_OF_A_SENTENCE, len(spans))):
                kind = value_kind(sentence.text, span)
                question = asked_for(part, sentence, span)
                subject = sentence.subject
                yield Mined(
                    subject=subject,
                    sentence=sentence.text,
                    value=span.text,
                    start=span.start,
                    kind=kind,
                    question=question,
                    wrong=values.wrong(part, sentence, span, rng),
                    others=tuple(t for t in about[subject] if t != sentence.text),
                    stranger=strangers.like(subject, rng) if _is_alone(sentence, span) else "",
                    phrases=phrases,
                )


def _is_alone(sentence: Sentence, asked: Span) -> bool:
    """True if a question for the span names the subject, and nobody else who may be known."""
    names = [s for s in sentence.spans if s.kind == "name" and s != asked]
    return sentence.subject in sentence.text and not names


def _is_telling(span: Span) -> bool:
    return span.kind != "name" or sum(c.isalpha() for c in span.text) >= _FEWEST_LETTERS


class _Values:
    """Values of all documents by kind and by the word before them, to find wrong ones among."""

    def __init__(self, told: Sequence[Told]) -> None:
        found: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
        for part in told:
            for sentence in part.sentences:
                for span in filter(_is_telling, sentence.spans):
                    for place in _places(sentence.text, span):
                        found[place][span.text] = None
        self._found = {place: list(values) for place, values in found.items()}

    def wrong(self, told: Told, sentence: Sentence, span: Span, rng: random.Random) -> str:
        """A value that could stand in the span's place and stands nowhere in the document.

        One behind the same word if there is one ("in Oslo", "by Ada Weber"), else any of its kind;
        the most alike in words. Empty if there is none.
        """
        text = f"{told.document.title}\n{told.document.text}".casefold()
        size = len(span.text.split())
        for place in _places(sentence.text, span):
            known = self._found[place]
            some = rng.sample(known, min(_TRIED, len(known)))
            fit = [value for value in some if value.casefold() not in text]
            if fit:
                return min(fit, key=lambda value: abs(len(value.split()) - size))
        return ""


def _places(text: str, span: Span) -> list[tuple[str, ...]]:
    """Where a value stands: (its kind, the word before it), and its kind alone."""
    kind = value_kind(text, span)
    before = text[: span.start].split()[-1:]
    return [(kind, word.casefold()) for word in before] + [(kind,)]


class _Strangers:
    """Makes up subjects of the shape of known ones: the head of one and the tail of another."""

    def __init__(self, told: Sequence[Told]) -> None:
        subjects: dict[str, None] = {}
        names: set[str] = set()
        for part in told:
            for sentence in part.sentences:
                if _is_name(sentence):
                    subjects[sentence.subject] = None
                names.add(sentence.subject.casefold())
                names |= {span.text.casefold() for span in sentence.spans}
        self._subjects = subjects
        self._all = "\n".join(sorted(names))

    def like(self, subject: str, rng: random.Random) -> str:
        """A made-up subject; empty if none is found, or this one is no name."""
        if subject not in self._subjects:
            return ""
        alike = [s for s in self._subjects if len(s.split()) == len(subject.split())]
        for other in rng.sample(alike, min(_TRIED, len(alike))):
            made = _crossed(subject, other)
            if made.casefold() not in self._all:
                return made
        return ""


def _is_name(sentence: Sentence) -> bool:
    """Is the subject written as names are, and does the sentence name it?"""
    words = sentence.subject.split()
    named = all(not word[:1].islower() for word in words)
    return bool(words) and named and sentence.subject in sentence.text


def _crossed(one: str, other: str) -> str:
    head, tail = one.split(), other.split()
    if len(head) > 1:
        return " ".join([*head[:-1], tail[-1]])
    return one[: (len(one) + 1) // 2] + other[len(other) // 2 :].lower()
