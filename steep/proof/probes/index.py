"""The corpus as sentences that can be looked up by their words."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steep.corpus.spans import WORD, SpanFinder
from steep.corpus.subjects import own_title
from steep.documents.record import Document
from steep.proof.probes.spaceless import Spaceless, is_spaceless_statement, sentences_of
from steep.proof.probes.units import SPACELESS, lacks_spaces, words_of
from steep.proof.probes.values import IsCommon, Value, find_values

_FUNCTION_WORDS = 150
_FEWEST_WORDS, _MOST_WORDS = 6, 45
_FEWEST_CHARACTERS, _MOST_CHARACTERS = 30, 320
_NEIGHBOURS = 3
_UNFINISHED = re.compile(r"[:?,…]\W*$")
_MARKUP = re.compile(r"://|[{}|<>\\]|^\W*[-=*#]{3}")


@dataclass(frozen=True)
class Sentence:
    """One sentence of a document.

    Attributes:
        document: number of its document in the index.
        text, words: as written, and its distinct words in small letters (``words_of``).
        values: what can be asked for in it.
        is_spaceless: it is in a script without spaces.
    """

    document: int
    text: str
    words: frozenset[str]
    values: tuple[Value, ...]
    is_spaceless: bool


class Index:
    """Sentences of documents, found by their words.

    Args:
        documents: trained and held-out alike: what else the corpus says decides whether a
            question has one answer.
        is_common: see ``IsCommon``.
        general: general text, to learn which words only hold sentences together.
    """

    def __init__(
        self, documents: Sequence[Document], is_common: IsCommon, general: Iterable[str]
    ) -> None:
        self.documents = tuple(documents)
        split = [sentences_of(document.text) for document in documents]
        self.finder = SpanFinder(text for texts in split for text in texts)
        self._is_common = is_common
        self._spaceless = Spaceless(split, is_common)
        self.sentences = [
            self._sentence(number, text) for number, texts in enumerate(split) for text in texts
        ]
        self.titles = [own_title(document) for document in documents]
        self._called = [_plain(title) for title in self.titles]
        self._places: dict[str, list[int]] = defaultdict(list)
        for place, sentence in enumerate(self.sentences):
            for word in sentence.words:
                self._places[word].append(place)
        general_counts = Counter(word for text in general for word in words_of(text))
        self.function_words = {word for word, _ in general_counts.most_common(_FUNCTION_WORDS)}
        known = sum(len(self._places[word]) for word in self.function_words if word in self._places)
        spaced = [word for word in self._places if not SPACELESS.search(word)]
        self.speaks_as_general = known > 0.15 * sum(len(self._places[word]) for word in spaced)
        if not self.speaks_as_general:
            self.function_words |= self._most_used(spaced)
        self.function_words |= self._most_used(
            [word for word in self._places if SPACELESS.search(word)]
        )

    def _sentence(self, number: int, text: str) -> Sentence:
        values: Sequence[Value] = ()
        is_spaceless = lacks_spaces(text)
        if is_spaceless and is_spaceless_statement(text):
            values = self._spaceless.values(number, text)
        elif not is_spaceless and is_statement(text):
            values = find_values(text, self.finder, self._is_common)
        return Sentence(number, text, frozenset(words_of(text)), tuple(values), is_spaceless)

    def _most_used(self, words: Iterable[str]) -> set[str]:
        """The words that most sentences of the corpus have: they tell nothing apart."""
        most = sorted(words, key=lambda word: (-len(self._places[word]), word))
        return set(most[: min(_FUNCTION_WORDS, len(most) // 20)])

    def is_called(self, document: int, title: str) -> bool:
        """True if the document of this number has this title: several may have one."""
        return self._called[document] == _plain(title)

    def frequency(self, word: str) -> int:
        """In how many sentences a word (in small letters) stands."""
        return len(self._places.get(word, ()))

    def holding(self, words: Sequence[str]) -> list[Sentence]:
        """Sentences that hold all of the words (in small letters, at least one)."""
        rarest, *others = sorted(words, key=self.frequency)
        found = (self.sentences[place] for place in self._places.get(rarest, ()))
        return [s for s in found if all(word in s.words for word in others)]

    def sharing(self, words: Sequence[str], at_least: int) -> list[Sentence]:
        """Sentences that hold at least so many of the distinct words (in small letters)."""
        shared = Counter(place for word in set(words) for place in self._places.get(word, ()))
        return [self.sentences[place] for place, n in sorted(shared.items()) if n >= at_least]

    def around(self, place: int) -> str:
        """A sentence between its neighbours in the same document."""
        here = self.sentences[place].document
        near = self.sentences[max(0, place - _NEIGHBOURS) : place + _NEIGHBOURS + 1]
        return " ".join(s.text for s in near if s.document == here)

    def is_name(self, word: str) -> bool:
        """True for a number, or a word with a capital that the corpus never writes small."""
        if any(c.isdigit() for c in word):
            return True
        return word[:1].isupper() and not self.finder.writes_small(word)


def _plain(title: str) -> str:
    return " ".join(title.casefold().split())


def is_statement(text: str) -> bool:
    """True for a whole sentence of usual length, not a heading, a question, code or a list."""
    size = len(text)
    if not _FEWEST_CHARACTERS <= size <= _MOST_CHARACTERS:
        return False
    if _UNFINISHED.search(text) or _MARKUP.search(text) or text.count("(") != text.count(")"):
        return False
    if next((c for c in text if c.isalpha()), "A").islower():
        return False  # the rest of a sentence, or an item of a list within one
    words = WORD.findall(text)
    if not words:
        return False
    seamless = size > 12 * len(words)
    if not seamless and not _FEWEST_WORDS <= len(words) <= _MOST_WORDS:
        return False
    if sum(c.isupper() for c in text) > 0.3 * size:
        return False
    spaces = sum(c.isspace() for c in text)
    return sum(len(match.group()) for match in WORD.finditer(text)) + spaces > 0.7 * size
