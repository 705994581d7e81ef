"""What many sentences say alike is one fact: boilerplate asked of each document counts once.

"Notices take effect 5 days after posting" in each of fifty contracts is learned once and would be
counted fifty times, in as many documents. Names, numbers and the title are what such sentences
differ in; the rest, with the kind of value, is their pattern.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from steep.corpus.spans import WORD
from steep.proof.answers import normalise_answer
from steep.proof.probes.facts import WIDESPREAD, Fact
from steep.proof.probes.index import Index, Sentence
from steep.proof.probes.units import words_of

_Pattern = tuple[frozenset[str], str, str]


def one_of_each(index: Index, facts: Sequence[Fact]) -> list[Fact]:
    """The facts in order, of those that say a common value in one pattern only the first.

    A value is common if more than a fifth of the facts of that pattern have it: what varies from
    document to document may well be the same in two of them, and is two facts there.
    """
    patterns = [_pattern(index, fact) for fact in facts]
    said: dict[_Pattern, Counter[str]] = defaultdict(Counter)
    for fact, pattern in zip(facts, patterns, strict=True):
        said[pattern][normalise_answer(fact.value)] += 1
    kept: list[Fact] = []
    told: set[tuple[_Pattern, str]] = set()
    for fact, pattern in zip(facts, patterns, strict=True):
        value = normalise_answer(fact.value)
        if said[pattern][value] > WIDESPREAD * said[pattern].total():
            if (pattern, value) in told:
                continue
            told.add((pattern, value))
        kept.append(fact)
    return kept


def _pattern(index: Index, fact: Fact) -> _Pattern:
    """Words of its sentence but for names and those of its value and title; kind and unit."""
    sentence = index.sentences[fact.place]
    if sentence.is_spaceless:
        return frozenset(words_of(_without_values(sentence, fact.title))), fact.kind, fact.unit
    own = {*words_of(fact.title), *words_of(fact.value)}
    words = (match.group() for match in WORD.finditer(sentence.text))
    small = (word.casefold() for word in words if not index.is_name(word))
    return frozenset(word for word in small if word not in own), fact.kind, fact.unit


def _without_values(sentence: Sentence, title: str) -> str:
    """A sentence without spaces with a mark for each of its values, and for the title."""
    text, end = "", 0
    for value in sentence.values:
        text += sentence.text[end : value.start] + "|"
        end = value.end
    text += sentence.text[end:]
    return text.replace(title, "|") if title else text
