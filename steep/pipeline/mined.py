"""What can be asked of documents in a conversation: their facts, wrong values, made-up subjects."""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from steep.artifact import text_hash
from steep.corpus.contamination import units_of
from steep.corpus.forms import Told, asked_for, can_be_asked, without_bullet
from steep.corpus.retell import askable
from steep.corpus.spans import Span, value_kind
from steep.corpus.subjects import Sentence
from steep.documents.record import Document
from steep.pipeline.phrases import Phrases, phrases_of
from steep.proof.probes.build import some_documents
from steep.proof.probes.index import is_statement

_MOST_DOCUMENTS = 2000
_VALUES_OF_A_SENTENCE = 2
_FEWEST_LETTERS = 3
_HEADS = "Vel Tarn Os Corv Mand Lis Bren Hal Quor Ser Dun Pel Zan Mir Fal Ked"
_TAILS = "mora wick rane vane trel ovar dale strom ix enor by ava ora ind esk um"
_TRIED = 24  # values, or subjects, looked at to find one that fits
_MARKS = "\"'\u201c\u2018\u201d\u2019(),.:;"
_APOSTROPHE = re.compile("['\u2019]")


@dataclass(frozen=True)
class Mined:
    """A sentence, one of its values, and all that asking for it takes.

    Attributes:
        subject: whom the sentence is about.
        question: asks for the value, in the sentence's words.
        wrong: another value of the same kind, nowhere in the sentence's document and never said of
            its subject; empty if none was found.
        about: sentences of the document about the same subject; all facts of one share them.
        told: the document's own sentence.
        stranger: a subject of the same shape that stands nowhere; empty if none was found, or the
            question doesn't name the subject or names others too.
    """

    subject: str
    sentence: str
    value: str
    start: int
    question: str
    wrong: str
    about: tuple[str, ...]
    told: str
    stranger: str
    phrases: Phrases

    @property
    def others(self) -> Iterator[str]:
        """More sentences of the document about the same subject."""
        return (sentence for sentence in self.about if sentence != self.told)

    def sentence_with(self, value: str) -> str:
        """The sentence with another value in place of its own."""
        return self.sentence[: self.start] + value + self.sentence[self.start + len(self.value) :]

    def about_subject(self, sentence: str) -> str:
        """The sentence, or one that differs in its value, so that it tells whom it is about."""
        return sentence if self.subject in self.sentence else f"{self.subject}: {sentence}"


def mine(documents: Sequence[Document], known: Iterable[str], seed: int) -> list[Mined]:
    """Facts of documents in order; of many documents, those of some chosen by hash.

    Args:
        documents: those that are trained.
        known: other texts that may know a subject; none of theirs is taken for a stranger.
    """
    told = list(askable(some_documents(documents, _MOST_DOCUMENTS, seed)))
    rng = random.Random(f"mined:{seed}")
    found = list(_mined(told, _Values(told), _Strangers(told), rng))
    made_up = _Wordings(fact.stranger for fact in found)
    texts = chain((f"{document.title}\n{document.text}" for document in documents), known)
    real = set().union(*map(made_up.within, texts))
    return [replace(f, stranger="") if f.stranger in real else f for f in found]


def hold_out(facts: Sequence[Mined], share: float, seed: int) -> tuple[list[Mined], list[Mined]]:
    """(facts to train on, facts held out), by their sentences, so many of which are held out.

    No fact to train on has a sentence that says a held-out value of its subject, nor asks for one.
    """
    sentences = {fact.sentence for fact in facts}
    ranked = sorted(sentences, key=lambda sentence: text_hash(f"{seed}:{sentence}"))
    aside = set(ranked[: round(share * len(ranked))])
    held_out = [fact for fact in facts if fact.sentence in aside]
    is_free = free_of(held_out)
    free: dict[int, tuple[str, ...]] = {}  # of what many facts share, asked once
    trained: list[Mined] = []
    for fact in facts:
        if id(fact.about) not in free:
            free[id(fact.about)] = tuple(t for t in fact.about if is_free(fact.subject, t))
        if is_free(fact.subject, fact.sentence):
            trained.append(replace(fact, about=free[id(fact.about)]))
    return trained, held_out


def free_of(held_out: Iterable[Mined]) -> Callable[[str, str], bool]:
    """Tells of a sentence about a subject whether it says nothing of what is held out."""
    aside: set[str] = set()
    by_subject: dict[str, list[str]] = defaultdict(list)
    for fact in held_out:
        aside.add(fact.sentence)
        by_subject[fact.subject.casefold()].append(fact.value)
    values = {subject: _Wordings(known) for subject, known in by_subject.items()}

    def is_free(subject: str, sentence: str) -> bool:
        known = values.get(subject.casefold())
        return sentence not in aside and not (known and known.within(sentence))

    return is_free


def _mined(
    told: Sequence[Told], values: _Values, strangers: _Strangers, rng: random.Random
) -> Iterator[Mined]:
    for part in told:
        phrases = phrases_of(part.frames)
        if phrases is None:
            continue
        text = _Text(part.document)
        sentences: dict[str, list[str]] = defaultdict(list)
        bare = map(without_bullet, part.sentences)
        stated = [s for s in bare if can_be_asked(s) and is_statement(s.text)]
        for sentence in stated:
            sentences[sentence.subject].append(sentence.text)
        about = {subject: tuple(told) for subject, told in sentences.items()}
        for sentence in stated:
            spans = [span for span in sentence.spans if _is_telling(span)]
            for span in rng.sample(spans, min(_VALUES_OF_A_SENTENCE, len(spans))):
                question = asked_for(part, sentence, span)
                subject = sentence.subject
                yield Mined(
                    subject=subject,
                    sentence=sentence.text,
                    value=span.text,
                    start=span.start,
                    question=question,
                    wrong=values.wrong(text, sentence, span, rng),
                    about=about[subject],
                    told=sentence.text,
                    stranger=strangers.instead(sentence, span, question, rng),
                    phrases=phrases,
                )


def _is_telling(span: Span) -> bool:
    return span.kind != "name" or sum(c.isalpha() for c in span.text) >= _FEWEST_LETTERS


class _Wordings:
    """Names or values to be found in texts, as whole words, in whatever case."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names: dict[tuple[str, ...], set[str]] = defaultdict(set)
        for name in names:
            if words := tuple(_words(name)):
                self._names[words].add(name)
        self._sizes = {len(words) for words in self._names}

    def within(self, text: str) -> set[str]:
        """Those that stand in a text."""
        words, found = _words(text), set[str]()
        for size in self._sizes:
            runs = zip(*(words[n:] for n in range(size)), strict=False)
            for run in self._names.keys() & set(runs):
                found |= self._names[run]
        return found


def _words(text: str) -> list[str]:
    return units_of(_APOSTROPHE.sub(" ", text))


class _Text:
    """A document, asked again and again whether a value stands in it, in whatever case."""

    def __init__(self, document: Document) -> None:
        self._text = f"{document.title}\n{document.text}".casefold()
        self._known: dict[str, bool] = {}

    def __contains__(self, value: str) -> bool:
        if value not in self._known:
            self._known[value] = value.casefold() in self._text
        return self._known[value]


class _Values:
    """Values of all documents by kind and by the word before them, to find wrong ones among."""

    def __init__(self, told: Sequence[Told]) -> None:
        found: dict[tuple[str, ...], dict[str, None]] = defaultdict(dict)
        self._said: dict[str, set[str]] = defaultdict(set)  # of a subject, by any document
        for part in told:
            for sentence in part.sentences:
                said = self._said[sentence.subject.casefold()]
                said.update(span.text.casefold() for span in sentence.spans)
                for span in filter(_is_telling, sentence.spans):
                    for place in _places(sentence.text, span):
                        found[place][span.text] = None
        self._found = {place: list(values) for place, values in found.items()}

    def wrong(self, document: _Text, sentence: Sentence, span: Span, rng: random.Random) -> str:
        """A value that could stand in the span's place, but not in the document, nor anywhere about
        its subject.

        One behind the same word if there is one ("in Oslo", "by Ada Weber"), else any of its kind;
        the most alike in words. Empty if there is none.
        """
        said = self._said[sentence.subject.casefold()]
        size = len(span.text.split())
        for place in _places(sentence.text, span):
            known = self._found[place]
            some = rng.sample(known, min(_TRIED, len(known)))
            fit = [v for v in some if v not in document and v.casefold() not in said]
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
        self._small: set[str] = set()
        for part in told:
            for sentence in part.sentences:
                self._small.update(w.strip(_MARKS) for w in sentence.text.split() if w.islower())
                if _is_name(sentence):
                    subjects[sentence.subject] = None
                names.add(sentence.subject.casefold())
                names |= {span.text.casefold() for span in sentence.spans}
        self._subjects = subjects
        self._all = "\n".join(sorted(names))

    def instead(self, sentence: Sentence, asked: Span, question: str, rng: random.Random) -> str:
        """A made-up subject for a question; empty if none is found, its subject is no name, or the
        question doesn't have it or has another name.
        """
        subject = sentence.subject
        if subject not in self._subjects or subject not in question:
            return ""
        if self._is_begun_by_name(sentence) or any(
            span.kind == "name" and span != asked for span in sentence.spans
        ):
            return ""
        for made in self._made_up(subject, rng):
            if made.casefold() not in self._all:
                return made
        return ""

    def _made_up(self, subject: str, rng: random.Random) -> Iterator[str]:
        """Names like a subject's. One word, unless it is an abbreviation, is made of syllables:
        halves of two words would read like a mistake in typing, which is to be understood.
        """
        size = len(subject.split())
        if size > 1:
            alike = [s for s in self._subjects if len(s.split()) == size]
            for other in rng.sample(alike, min(_TRIED, len(alike))):
                yield _crossed(subject, other)
        elif subject.isalpha() and not subject.isupper():
            for _ in range(_TRIED):
                yield rng.choice(_HEADS.split()) + rng.choice(_TAILS.split())

    def _is_begun_by_name(self, sentence: Sentence) -> bool:
        """Is its first word a name, and not of its subject? Nothing ever writes it small."""
        first = sentence.text.split()[0].strip(_MARKS)
        begins = first[:1].isupper() and first not in sentence.subject.split()
        return begins and first.casefold() not in self._small


def _is_name(sentence: Sentence) -> bool:
    """Is the subject written as names are, and does the sentence name it?"""
    words = sentence.subject.split()
    named = all(not word[:1].islower() for word in words)
    return bool(words) and named and sentence.subject in sentence.text


def _crossed(one: str, other: str) -> str:
    """The name of nobody, of several words: the first ones of one and the last of another."""
    head, tail = one.split(), other.split()
    return " ".join([*head[:-1], tail[-1]])
