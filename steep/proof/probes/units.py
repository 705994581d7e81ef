"""Words of sentences, and what stands for them in scripts that have no spaces between words.

Chinese, Japanese, Thai, Lao, Khmer and Burmese are read by characters, without a dictionary. Their
length is counted as contamination is (``steep.corpus.contamination``): two Han characters are as
long as a word, and so are four of the other scripts. So "four words in a row" are eight Han
characters, or sixteen letters of Thai or kana, or a mixture that weighs as much; a Latin word or a
number among them is one word. What a sentence is looked up by are its overlapping stretches of two
characters (three in Thai and its like), as search engines do where they have no dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from steep.corpus.contamination import WORD_WEIGHT, is_spaceless, runs_of, weight_of
from steep.corpus.spans import WORD as SPAN_WORD
from steep.proof.tokens import MARKS, SEAMLESS

GRAM_WORDS = 4
"""So many words in a row of a question may stand in no text trained on."""

SPACELESS = re.compile(f"[{SEAMLESS}]")
CHARACTER = re.compile(rf"(?!\d)[{SEAMLESS}\u3005][{MARKS}]*")
"""A letter of such a script with the signs that stand on it."""

_PART = re.compile(rf"(?P<run>(?:{CHARACTER.pattern})+)|[^\W\d_{SEAMLESS}](?:[^\W_{SEAMLESS}])*")
_LETTERS_ONLY = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")


def lacks_spaces(text: str) -> bool:
    """True if most letters of a text are of such a script; soon told of text that has none."""
    return SPACELESS.search(text) is not None and is_spaceless(text)


def words_of(text: str) -> list[str]:
    """Words of a text in small letters, numbers left out; stretches where none are parted."""
    words = [match.group().casefold() for match in SPAN_WORD.finditer(text)]
    if not SPACELESS.search(text):
        return words
    return [part for word in words for part in _parts(word)]


def amount_of(words: Iterable[str]) -> float:
    """How much some words of ``words_of`` say, in words: a stretch is as long as one character."""
    return sum(_share(word) for word in words)


def length_of(text: str) -> float:
    """A text's length in words."""
    spaceless = sum(weight_of(ord(match.group()[0])) for match in CHARACTER.finditer(text))
    return len(SPACELESS.sub(" ", text).split()) + spaceless / WORD_WEIGHT


def grams_of(units: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every run of units that is as long as four words."""
    if not any(SPACELESS.match(unit) for unit in units):
        yield from zip(*(units[start:] for start in range(GRAM_WORDS)), strict=False)
        return
    yield from runs_of(units, [weigh(unit) for unit in units], GRAM_WORDS)


def script_of(text: str) -> str:
    """The script without spaces that a value is written in; empty if it is in none."""
    found = CHARACTER.search(text)
    if found is None:
        return ""
    first = found.group()[0]
    if _LETTERS_ONLY.match(first):
        return f"{ord(first) >> 7}"
    return "kana" if "\u3040" <= first <= "\u30ff" else "han"


def _parts(word: str) -> Iterator[str]:
    for part in _PART.finditer(word):
        if part["run"] is None:
            yield part.group()
            continue
        characters = CHARACTER.findall(part.group())
        size = 3 if _LETTERS_ONLY.match(characters[0]) else 2
        for start in range(len(characters) - size + 1):
            yield "".join(characters[start : start + size])


def _share(word: str) -> float:
    characters = CHARACTER.findall(word)
    if not characters:
        return 1.0
    return sum(map(weigh, characters)) / len(characters) / WORD_WEIGHT


def weigh(unit: str) -> int:
    """What a unit weighs, of which a word weighs ``WORD_WEIGHT``."""
    return weight_of(ord(unit[0])) if SPACELESS.match(unit) else WORD_WEIGHT
