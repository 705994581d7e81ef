"""What can be asked, whatever it was found in: a sentence's fact or a record's field."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from steep.corpus.records import is_record
from steep.proof.answers import normalise_answer
from steep.proof.probes.alike import one_of_each
from steep.proof.probes.choices import Choices, same
from steep.proof.probes.facts import Fact, find_facts, telling_words
from steep.proof.probes.index import Index
from steep.proof.probes.records import Entry, find_entries
from steep.proof.probes.units import words_of
from steep.proof.probes.wording import (
    Wording,
    entry_wordings,
    reversed_entry_wordings,
    reversed_wordings,
    wordings,
)
from steep.proof.questions import DISTRACTORS

Wrong = Callable[[random.Random], tuple[str, ...]]
"""Makes nine wrong answers, or none if there aren't nine."""


@dataclass(frozen=True)
class Item:
    """A value and all that is needed to ask for it.

    Attributes:
        document: number of its document in the index.
        subject: what it is a value of: the document's or the record's title.
        names: what else it may be a value of: the other names of its sentence.
        value: the answer.
        relation: kind of value, or the record's field.
        asked: wordings of the question, the first that serves is to be used.
        back: wordings of the reversed question, whose answer is the subject; may be empty.
        lead: the beginning of the documents' own sentence up to the value; may be empty.
        telling: words (in small letters) that point to the value.
        passage: the place in the document that answers it.
        wrong: wrong answers.
        wrong_back: wrong answers to the reversed question.
    """

    document: int
    subject: str
    names: tuple[str, ...]
    value: str
    relation: str
    asked: tuple[Wording, ...]
    back: tuple[Wording, ...]
    lead: str
    telling: tuple[str, ...]
    passage: str
    wrong: Wrong
    wrong_back: Wrong


Shown = dict[str, bool]
"""Values in order, and whether a trained document has each."""


def find_items(index: Index, choices: Choices) -> Iterator[Item]:
    """All that can be asked of the documents of an index."""
    entries = find_entries(index)
    values: dict[str, Shown] = defaultdict(dict)
    titles: dict[str, Shown] = defaultdict(dict)
    for entry in entries:
        known = choices.is_trained(entry.document)
        values[entry.field][entry.value] = known or values[entry.field].get(entry.value, False)
        titles[entry.field][entry.title] = known
    for entry in entries:
        yield _from_entry(entry, values[entry.field], titles[entry.field], index)
    found = find_facts(index)
    prose = [fact for fact in found if not is_record(index.documents[fact.document])]
    facts = one_of_each(index, prose)
    titled = {fact.title: choices.is_trained(fact.document) for fact in facts if fact.title}
    for fact in facts:
        yield _from_fact(fact, titled, index, choices)


def _from_fact(fact: Fact, titles: Shown, index: Index, choices: Choices) -> Item:
    plain = not index.speaks_as_general or index.sentences[fact.place].is_spaceless
    telling = telling_words(index, fact.notes)
    # A title that shares a word with the notes would answer by looks.
    tells = set(telling) & set(words_of(fact.title))
    turns = bool(fact.title) and fact.only_here and not plain and not tells
    return Item(
        document=fact.document,
        subject=fact.title,
        names=fact.names,
        value=fact.value,
        relation=fact.kind,
        asked=tuple(wordings(fact, plain=plain)),
        back=tuple(reversed_wordings(fact)) if turns else (),
        lead=fact.lead,
        telling=tuple(telling),
        passage=index.around(fact.place),
        wrong=lambda rng: choices.wrong(fact, rng),
        wrong_back=lambda rng: _others(titles, fact.title, rng),
    )


def _from_entry(entry: Entry, values: Shown, titles: Shown, index: Index) -> Item:
    return Item(
        document=entry.document,
        subject=entry.title,
        names=(),
        value=entry.value,
        relation=entry.field,
        asked=tuple(entry_wordings(entry)),
        back=tuple(reversed_entry_wordings(entry)) if entry.only_here else (),
        lead="",
        telling=(),
        passage=index.documents[entry.document].text,
        wrong=lambda rng: (
            _others(values, entry.value, rng)
            or _others(dict.fromkeys(values, values[entry.value]), entry.value, rng)
        ),
        wrong_back=lambda rng: _others(titles, entry.title, rng),
    )


def _others(values: Shown, true: str, rng: random.Random) -> tuple[str, ...]:
    """Nine values that wouldn't pass for the true one, shown in training like it; or none.

    A model prefers what it has seen, right or wrong, so the seen may not stand against the unseen.
    """
    found: dict[str, str] = {}
    for value in rng.sample(list(values), len(values)):
        if values[value] == values[true] and not same(value, true):
            found.setdefault(normalise_answer(value), value)
        if len(found) == DISTRACTORS:
            return tuple(found.values())
    return ()
