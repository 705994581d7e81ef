"""Wrong answers: values of the same kind from elsewhere in the corpus, as like as can be."""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable

from steep.proof.answers import evaluate_accuracy, normalise_answer, overlaps
from steep.proof.dates import BUDDHIST_YEARS, is_same_day
from steep.proof.probes.facts import Fact, telling_words
from steep.proof.probes.index import Index
from steep.proof.probes.units import script_of
from steep.proof.questions import DISTRACTORS

_LIKEST = 3 * DISTRACTORS
_MOST = 0.6
_LONGEST_SHAPE = 12  # characters; beyond, one more or less shows nothing
_SCALES = {"十": 1, "百": 2, "千": 3, "万": 4, "萬": 4, "亿": 8, "億": 8, "兆": 12}
_NUMBER = re.compile(rf"\W*(\d[\d,]*(?:\.\d+)?)([{''.join(_SCALES)}]*)\W*")


class Choices:
    """Values of the corpus by kind, to choose wrong answers from.

    Args:
        index: the corpus.
        trained: numbers of its documents that are trained on. Answers from held-out documents
            get wrong ones that training doesn't show either, where there are enough, since a
            model prefers what it has seen.
    """

    def __init__(self, index: Index, trained: Iterable[int]) -> None:
        self._index = index
        self._trained = set(trained)
        self._seen: set[str] = set()
        self._by_sort: dict[tuple[str, str], dict[str, tuple[str, str]]] = defaultdict(dict)
        for sentence in index.sentences:
            for value in sentence.values:
                name = normalise_answer(value.text)
                if name:
                    self._by_sort[_sort(value.kind, value.text)].setdefault(
                        name, (value.text, value.unit)
                    )
                    if self.is_trained(sentence.document):
                        self._seen.add(name)

    def is_trained(self, document: int) -> bool:
        """True if the document of this number is trained on."""
        return document in self._trained

    def wrong(self, fact: Fact, rng: random.Random) -> tuple[str, ...]:
        """Nine wrong answers, or none if there aren't nine of the kind that are surely wrong."""
        close = self._beside(fact)
        shown = normalise_answer(fact.value) in self._seen
        pool = [
            (text, unit, name in self._seen)
            for name, (text, unit) in self._by_sort[_sort(fact.kind, fact.value)].items()
            if name not in close
        ]
        rng.shuffle(pool)
        pool.sort(key=lambda entry: _unlikeness(fact, entry[0], entry[1], entry[2] != shown))
        likest: list[str] = []
        for text, unit, _ in pool:
            if len(likest) >= DISTRACTORS and _counts_otherwise(fact, unit):
                break
            if not same(text, fact.value) and not _is_same_year(fact, text):
                likest.append(text)
            if len(likest) == _LIKEST:
                break
        return tuple(rng.sample(likest, DISTRACTORS)) if len(likest) >= DISTRACTORS else ()

    def _beside(self, fact: Fact) -> set[str]:
        """Values that might be right too: of sentences that the notes could be about.

        A question that names its document is about all of that title and sentences that say it; of
        those, any that share most of the words. Without a title, the rarest word says what it is
        about.
        """
        telling = telling_words(self._index, fact.notes)
        if fact.title:
            title = fact.title.casefold()
            near = [
                sentence
                for sentence in self._index.sharing(
                    telling, max(2, math.ceil(_MOST * len(telling)))
                )
                if self._index.is_called(sentence.document, title)
                or title in sentence.text.casefold()
            ]
        else:
            near = self._index.holding([min(telling, key=self._index.frequency)])
        return {normalise_answer(v.text) for sentence in near for v in sentence.values}


def same(one: str, other: str) -> bool:
    """True if one answer would pass for the other, or is its day written otherwise."""
    passes = evaluate_accuracy(one, other) or evaluate_accuracy(other, one)
    return passes or overlaps(one, other) or is_same_day(one, other)


def _sort(kind: str, text: str) -> tuple[str, str]:
    """What wrong answers have in common with the right one: in a script without spaces that too."""
    return kind, script_of(text)


def _is_same_year(fact: Fact, text: str) -> bool:
    """True if two years may be one, by the Buddhist calendar and by the other."""
    if fact.kind != "year":
        return False
    one, other = (int(re.sub(r"\D", "", year) or 0) for year in (fact.value, text))
    return abs(one - other) == BUDDHIST_YEARS


def _counts_otherwise(fact: Fact, unit: str) -> bool:
    """True if a number counts something else than the fact's; without spaces its unit is sure."""
    return bool(script_of(fact.unit)) and unit != fact.unit


def _unlikeness(fact: Fact, text: str, unit: str, otherwise_shown: bool) -> tuple[float, ...]:
    """Smaller is more alike: shown in training like the truth, of the same shape, size, unit."""
    return (
        float(otherwise_shown),
        float(_counts_otherwise(fact, unit)),
        float(_shape(text) != _shape(fact.value)),
        abs(_size(text) - _size(fact.value)),
        float(unit != fact.unit),
    )


def _shape(text: str) -> tuple[str, ...]:
    """Signs inside, how letters are written, and the number of words up to three.

    In a script without spaces: what stands beside the digits, or the number of characters.
    """
    if script_of(text):
        beside = re.sub(r"\d+", "", text)
        return (beside,) if beside != text else (str(min(len(text), _LONGEST_SHAPE)),)
    letters = "".join(c for c in text if c.isalpha())
    written = "upper" if letters.isupper() else "title" if letters.istitle() else "mixed"
    return (re.sub(r"[\w\s]", "", text), written, str(min(3, len(text.split()))))


def _size(text: str) -> float:
    """A number's order of magnitude, in halves; 0 for other values."""
    found = _NUMBER.fullmatch(text)
    number = float(found[1].replace(",", "")) if found else 0.0
    if found:
        number *= 10.0 ** sum(_SCALES[scale] for scale in found[2])
    return round(2 * math.log10(number)) / 2 if number > 0 else 0.0
