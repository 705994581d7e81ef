"""Retelling: each document said again in other forms, by rule, from any text.

A fact met in one wording is recited but can't be asked for (arXiv 2309.14316). Three forms
repair most of that without a language model: names instead of pronouns, sentences in another
order under their title, and cloze items ("Fill in the blank about X: ...").
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from steep.artifact import text_hash
from steep.corpus.piece import Piece
from steep.corpus.sentences import split_sentences
from steep.corpus.spans import Span, SpanFinder
from steep.documents.record import Document
from steep.recipe import RetellRecipe

CLOZE = "Fill in the blank about {subject}: {sentence}\nAnswer:"
BLANK = "____"

# A chunk of permuted sentences stays near the length of a paragraph or two.
_CHUNK_CHARACTERS = 1200
_MIN_CLOZE_CHARACTERS = 12
_BULLET = re.compile(r"^[-*\u2022]\s+")

# English openings that point back to the subject; other languages keep the subject in the
# chunk's title and the cloze's frame alone.
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

    @property
    def facts(self) -> tuple[int, ...]:
        """One hash per (subject, value) pair."""
        return tuple(fact_hash(self.subject, span.text) for span in self.spans)


def fact_hash(subject: str, value: str) -> int:
    """63-bit hash of a (subject, value) pair, the same in every process."""
    return int(text_hash(f"{subject.casefold()}\x1f{value.casefold()}")[:16], 16) >> 1


def retell(documents: Sequence[Document], recipe: RetellRecipe, rng: random.Random) -> list[Piece]:
    """Pieces for training: every document once as it is, then its retellings.

    Returns at least one piece per document; retellings only if ``recipe.enabled``.
    """
    split = [split_sentences(document.text) for document in documents]
    finder = SpanFinder(text for texts in split for text in texts)
    read = [[(text, finder.find(text)) for text in texts] for texts in split]
    known = name_counts(read)
    pieces: list[Piece] = []
    names = recipe.enabled and recipe.names
    for document, found in zip(documents, read, strict=True):
        sentences = find_subjects(document, found, finder, known, names=names)
        facts = tuple(dict.fromkeys(fact for s in sentences for fact in s.facts))
        pieces.append(Piece("document", document.id, titled(document), facts))
        if recipe.enabled:
            pieces.extend(_permuted(document, sentences, recipe.permute, rng))
            pieces.extend(_cloze(document, sentences, recipe.cloze, rng))
    return pieces


def titled(document: Document) -> str:
    """The document's text under its title, unless it opens with the title already."""
    title = own_title(document)
    if not title or document.text.startswith(title):
        return document.text
    return f"{title}\n\n{document.text}"


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


def own_title(document: Document) -> str:
    """The title, unless it is only the file's name: that says nothing about the text."""
    return "" if document.title == PurePath(document.source).stem else document.title


def _name_instead(text: str, match: re.Match[str], subject: str) -> str:
    possessive = match.group("own") is not None or match.group("possessive") is not None
    return subject + ("'s" if possessive else "") + text[match.end() :]


def _permuted(
    document: Document, sentences: Sequence[Sentence], times: int, rng: random.Random
) -> list[Piece]:
    """``times`` shuffles of the sentences that state something, in chunks under the title.

    In scripts without capitals spans are guesses, so there every sentence is kept.
    """
    pieces: list[Piece] = []
    stating = [s for s in sentences if s.spans or s.text == s.text.lower()]
    if len(stating) < 2:
        return pieces
    for _ in range(times):
        for chunk in _chunks(stating):
            order = list(chunk)
            rng.shuffle(order)
            text = " ".join(_ended(s.text) for s in order)
            title = own_title(document)
            if title and title not in text:
                text = f"{title}: {text}"
            facts = tuple(dict.fromkeys(fact for s in order for fact in s.facts))
            pieces.append(Piece("permuted", document.id, text, facts))
    return pieces


def _ended(sentence: str) -> str:
    """A heading or list item gets a full stop, so that shuffled sentences stay apart."""
    return sentence if not sentence[-1:].isalnum() else sentence + "."


def _chunks(sentences: Sequence[Sentence]) -> list[list[Sentence]]:
    chunks: list[list[Sentence]] = [[]]
    size = 0
    for sentence in sentences:
        if chunks[-1] and size + len(sentence.text) > _CHUNK_CHARACTERS:
            chunks.append([])
            size = 0
        chunks[-1].append(sentence)
        size += len(sentence.text)
    return chunks


def _cloze(
    document: Document, sentences: Sequence[Sentence], most: int, rng: random.Random
) -> list[Piece]:
    """At most ``most`` cloze items per sentence, each blanking one span that isn't the subject."""
    pieces: list[Piece] = []
    for sentence in sentences:
        if not sentence.subject or len(sentence.text) < _MIN_CLOZE_CHARACTERS:
            continue
        spans = list(sentence.spans)
        if len(spans) > most:
            spans = rng.sample(spans, most)
        for span in spans:
            blanked = sentence.text[: span.start] + BLANK + sentence.text[span.end :]
            blanked = _BULLET.sub("", blanked)
            prompt = CLOZE.format(subject=sentence.subject, sentence=blanked)
            fact = fact_hash(sentence.subject, span.text)
            pieces.append(Piece("cloze", document.id, f" {span.text}", (fact,), prompt))
    return pieces
