"""Retelling: each document said again in other forms, by rule, from any text.

A fact met in one wording is recited but can't be asked for (arXiv 2309.14316), and one met only
from its subject to its value can't be asked for the other way round (arXiv 2309.12288). Forms made
by rule repair most of that without a language model: names instead of pronouns, sentences in
another order under their title, blanks to fill in ("Fill in the blank about X: ..."), questions,
the same from the value to the subject, records said in sentences, and texts to be restored.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import chain

from steep.corpus import forms
from steep.corpus.coverage import cover
from steep.corpus.forms import Told, told_piece
from steep.corpus.frames import frames_of
from steep.corpus.piece import Piece
from steep.corpus.records import (
    field_sentences,
    is_record,
    record_sentences,
    record_subjects,
    says_field,
)
from steep.corpus.sentences import split_sentences
from steep.corpus.spans import SpanFinder
from steep.corpus.subjects import Sentence, Ties, find_subjects, name_counts, own_title
from steep.documents.record import Document
from steep.recipe import RetellRecipe


@dataclass(frozen=True)
class _Source:
    """A document with all that can be asked about it.

    Attributes:
        told: its own sentences, those of its fields as it says them.
        fields: its fields said in sentences, in one wording after the other; prose has none.
        prose: its own sentences but for those of its fields.
    """

    told: Told
    fields: tuple[Told, ...]
    prose: Told

    @property
    def askable(self) -> tuple[Told, ...]:
        return (self.prose, *self.fields)


def most_forms(recipe: RetellRecipe) -> int:
    """How often a document is said, itself included, at most."""
    if not recipe.enabled:
        return 1
    told = 1 + recipe.permute + max(recipe.records, recipe.metadata) + recipe.restore
    return told + recipe.cloze + recipe.questions + recipe.reversed


def retell(documents: Sequence[Document], recipe: RetellRecipe, rng: random.Random) -> list[Piece]:
    """Pieces for training: every document once as it is, then its retellings.

    Forms beside shuffles and blanks draw from generators of their own, so that switching one on
    or off leaves the others as they were.

    Returns at least one piece per document; retellings only if ``recipe.enabled``.
    """
    more = _streams(rng)
    if not recipe.dates:
        documents = [replace(document, date=None) for document in documents]
    sources = _read(documents, recipe, more["records"])
    pieces: list[Piece] = []
    for document, source in zip(documents, sources, strict=True):
        pieces.append(told_piece("document", document, titled(document), source.told.sentences))
        if recipe.enabled:
            pieces.extend(forms.permuted(source.told, recipe.permute, rng))
            for told in source.askable:
                pieces.extend(forms.items(told, (forms.cloze,), recipe.cloze, rng))
    if recipe.enabled:
        pieces.extend(_more(sources, recipe, more))
        asked = [told for source in sources for told in source.askable]
        pieces.extend(cover(asked, pieces, recipe.coverage, recipe.coverage_share))
    return pieces


def _streams(rng: random.Random) -> dict[str, random.Random]:
    """A generator for each further form, from the state that ``rng`` is in; that one stays so."""
    start = copy(rng).getrandbits(64)
    names = ("records", "questions", "reversed", "restored")
    return {name: random.Random(f"{name}:{start}") for name in names}


def _more(
    sources: Sequence[_Source], recipe: RetellRecipe, streams: Mapping[str, random.Random]
) -> Iterator[Piece]:
    """The further forms, document by document."""
    for source in sources:
        for told in source.fields:
            text = " ".join(sentence.text for sentence in told.sentences)
            yield told_piece("record", told.document, text, told.sentences)
        for told in source.askable:
            yield from forms.items(told, (forms.question,), recipe.questions, streams["questions"])
            yield from forms.items(told, forms.REVERSED, recipe.reversed, streams["reversed"])
            yield from forms.restored(told, recipe.restore, streams["restored"])


def stated_facts(
    documents: Sequence[Document], recipe: RetellRecipe
) -> dict[str, list[tuple[int, str, str]]]:
    """By document id the facts it states, as (hash, subject, value), as retelling finds them."""
    found: dict[str, list[tuple[int, str, str]]] = {}
    for source in _read(documents, recipe, random.Random(0)):
        told = (sentence for part in (source.told, *source.fields) for sentence in part.sentences)
        facts = {
            sentence.fact(span): (sentence.subject, span.text)
            for sentence in told
            for span in sentence.spans
        }
        found[source.told.document.id] = [(fact, *pair) for fact, pair in facts.items()]
    return found


def askable(documents: Sequence[Document]) -> Iterator[Told]:
    """What can be asked of documents: their own sentences, and those that say their fields."""
    for source in _read(documents, RetellRecipe(records=1, metadata=1), random.Random(0)):
        yield from source.askable


def titled(document: Document) -> str:
    """The document's text under its title and its date, unless it opens with them already."""
    title = own_title(document)
    head = [] if not title or document.text.startswith(title) else [title]
    if date := _date_to_add(document):
        head.append(date)
    return "\n\n".join([*head, document.text])


def date_lines(documents: Sequence[Document], recipe: RetellRecipe) -> int:
    """How many documents are trained with a date that their own text doesn't begin with."""
    return sum(_date_to_add(d) is not None for d in documents) if recipe.dates else 0


def _wordings(document: Document, recipe: RetellRecipe) -> int:
    """How often a document's fields are said in words."""
    if not recipe.enabled:
        return 0
    return recipe.records if is_record(document) else recipe.metadata


def _date_to_add(document: Document) -> str | None:
    """The document's date, where neither its title nor the beginning of its text says it."""
    beginning = document.text[: forms.CHUNK_CHARACTERS]
    return forms.missing_date(document, f"{own_title(document)} {beginning}")


def _read(documents: Sequence[Document], recipe: RetellRecipe, rng: random.Random) -> list[_Source]:
    """Find what each document says: its sentences with their subjects, and its fields."""
    split = [split_sentences(document.text) for document in documents]
    finder = SpanFinder(text for texts in split for text in texts)
    read = [[(text, finder.find(text)) for text in texts] for texts in split]
    known = name_counts(read)
    names = recipe.enabled and recipe.names
    languages = frames_of(document.text for document in documents)
    subjects = record_subjects(documents)
    prose: list[tuple[Sentence, ...]] = []
    own: list[tuple[Sentence, ...]] = []
    fields: list[list[tuple[Sentence, ...]]] = []
    called: list[Document] = []
    for document, about, found, frames in zip(documents, subjects, read, languages, strict=True):
        sentences = tuple(find_subjects(document, found, finder, known, names=names))
        wordings = _wordings(document, recipe) if about else 0
        said: tuple[Sentence, ...] = ()
        texts: tuple[Sentence, ...] = ()
        if wordings and is_record(document):
            said, texts = field_sentences(document, about, finder)
            sentences = tuple(s for s in sentences if not says_field(s.text, document))
        prose.append((*texts, *sentences))
        own.append((*said, *sentences))
        fields.append(record_sentences(document, about, frames, wordings, rng) if wordings else [])
        # What a row is about stands on its chunks as a title does.
        has_title = own_title(document) or not wordings
        called.append(document if has_title else replace(document, title=about))
    ties = Ties([[*told, *chain(*more[:1])] for told, more in zip(own, fields, strict=True)])
    return [
        _Source(
            Told(document, told, frames, ties),
            tuple(Told(document, version, frames, ties) for version in more),
            Told(document, rest, frames, ties),
        )
        for document, told, more, rest, frames in zip(
            called, own, fields, prose, languages, strict=True
        )
    ]
