"""Signs of poor text in one document: flags, by published rules and without a model.

The rules are those of Gopher (Rae et al. 2021, arXiv 2112.11446, tables A1 and A2) and FineWeb
(Penedo et al. 2024, arXiv 2406.17557, section 3.6), at their thresholds, with what a user's own
documents need: a glossary's short entries and a table's rows are fine as they are. A flag
is a hint to look, and leaves nothing out by itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from steep.documents.cleaning.quality import garbled_amid, garbled_share

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]
    Hashes = NDArray[np.uint64]

FLAGS = (
    "few words",
    "odd word lengths",
    "many symbols",
    "bullet points",
    "cut-off lines",
    "few letters",
    "repeated lines",
    "repeated paragraphs",
    "repeated phrases",
    "lines without ends",
    "badly recognised",
    "machine-made",
)

_FEWEST_WORDS = 50
_WORD_LENGTHS = (3, 10)
_UNSPACED_WORD = 25  # longer on the average: a script that doesn't part words, or no words at all
_SYMBOLS = 0.1  # per word
_BULLETS, _CUT_OFF, _LETTERS = 0.9, 0.3, 0.8
_DUPLICATE_LINES, _DUPLICATE_LINE_CHARACTERS = 0.3, 0.2
_DUPLICATE_PARAGRAPHS, _DUPLICATE_PARAGRAPH_CHARACTERS = 0.3, 0.2
_TOP_PHRASE = {2: 0.20, 3: 0.18, 4: 0.16}
_DUPLICATE_PHRASES = {5: 0.15, 6: 0.14, 7: 0.13, 8: 0.12, 9: 0.11, 10: 0.10}
_ENDED_LINES = 0.12
_SHORT_LINES, _SHORT_LINE = 0.67, 30
_GARBLED = 0.05
_PHRASE_WORDS = 2_000
"""Looked at for repeated phrases: every long book repeats its turns of speech."""
_BULLET = re.compile(r"[•‣▶◀◦■□▪▫–*-]\s")
_ENDS = tuple(".!?…\"”’'»)]:;。！？।॥۔؟」』")
_PLACEHOLDERS = re.compile(r"\{\{[^{}\n]{1,60}\}\}|\bx{4,}\b", re.IGNORECASE)
_PLACEHOLDERS_HOLD = ("{{", "xxxx")
_MACHINE = re.compile(
    r"\bas an? (?:AI|artificial intelligence|large|language)(?: language| assistant| model)*,? I\b"
    r"|\bI[’']?m (?:just )?an? (?:AI|language model)\b"
    r"|\bas of my (?:last|knowledge) (?:update|cut-?off)\b"
    r"|\bmy (?:knowledge cut-?off|training data)\b"
    r"|\b(?:sorry|apologi[sz]e),? (?:but )?I (?:can[’']?t|cannot) (?:assist|help|fulfil)"
    r"|\bregenerate response\b|\blorem ipsum dolor\b",
    re.IGNORECASE,
)
# Without one of these in lower case neither of the patterns above matches: quick to tell.
_MACHINE_HOLDS = (
    *("n ai", "a ai", "artificial", "a large", "an large", "language", "as of my", "my knowledge"),
    *("my training", "sorry", "apologi", "regenerate", "lorem ipsum"),
)


def signs_of(text: str, *, is_record: bool = False, is_code: bool = False) -> tuple[str, ...]:
    """The flags of a cleaned text, in the order of ``FLAGS``.

    Args:
        is_record: a row or an object, which may be short and isn't written in sentences.
        is_code: source code, of which nothing but repetition and its maker is asked.
    """
    words = text.split()
    found: set[str] = set()
    if not is_code:
        found |= _of_words(text, words, is_record)
        found |= _of_lines(text, is_record)
        if garbled_amid(text) and (garbled_share([text]) or 0.0) > _GARBLED:
            found.add("badly recognised")
    if _repeats_phrases(words[:_PHRASE_WORDS]):
        found.add("repeated phrases")
    if _is_machine_made(text, len(words)):
        found.add("machine-made")
    return tuple(flag for flag in FLAGS if flag in found) if found else ()


def _is_machine_made(text: str, words: int) -> bool:
    """True for what an assistant says of itself, or where a third of the words are placeholders."""
    lowered = text.casefold()
    if any_in(_MACHINE_HOLDS, lowered) and _MACHINE.search(text):
        return True
    if not any_in(_PLACEHOLDERS_HOLD, lowered):
        return False
    return 3 * len(_PLACEHOLDERS.findall(text)) > words


def any_in(pieces: Iterable[str], text: str) -> bool:
    """True if one of the pieces stands in a text."""
    for piece in pieces:  # noqa: SIM110 (a generator's frame costs more than the search)
        if piece in text:
            return True
    return False


def _of_words(text: str, words: Sequence[str], is_record: bool) -> set[str]:
    if not words:
        return set()
    mean = sum(map(len, words)) / len(words)
    others = [word for word in words if not word[0].isalpha()]
    letters = len(words) - sum(not any(map(str.isalpha, word)) for word in others)
    found = {"many symbols"} if text.count("#") > _SYMBOLS * len(words) else set()
    if text.count("…") + text.count("...") > _SYMBOLS * len(words):
        found.add("many symbols")
    if is_record or (mean > _UNSPACED_WORD and not text.isascii()):
        return found
    if len(words) < _FEWEST_WORDS:
        found.add("few words")
    if not _WORD_LENGTHS[0] <= mean <= _WORD_LENGTHS[1] and not _is_wide(text):
        found.add("odd word lengths")
    if letters < _LETTERS * len(words):
        found.add("few letters")
    return found


def _is_wide(text: str) -> bool:
    """True for scripts whose letters are words or syllables (Chinese, Japanese, Korean)."""
    sample = [c for c in text[:500] if c.isalpha()]
    return 2 * sum(unicodedata.east_asian_width(c) == "W" for c in sample) > len(sample)


def _of_lines(text: str, is_record: bool) -> set[str]:
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if len(lines) < 2:
        return set()
    found = set()
    if sum(_BULLET.match(line) is not None for line in lines) > _BULLETS * len(lines):
        found.add("bullet points")
    if sum(line.endswith(("…", "...")) for line in lines) > _CUT_OFF * len(lines):
        found.add("cut-off lines")
    if _share_repeated(lines, _DUPLICATE_LINES, _DUPLICATE_LINE_CHARACTERS):
        found.add("repeated lines")
    paragraphs = [p.strip() for p in re.split(r"\n\s*\n", text) if p.strip()]
    if _share_repeated(paragraphs, _DUPLICATE_PARAGRAPHS, _DUPLICATE_PARAGRAPH_CHARACTERS):
        found.add("repeated paragraphs")
    if not is_record and len(lines) >= 10:
        ended = sum(line.endswith(_ENDS) for line in lines)
        short = sum(len(line) <= _SHORT_LINE for line in lines)
        if ended <= _ENDED_LINES * len(lines) or short >= _SHORT_LINES * len(lines):
            found.add("lines without ends")
    return found


def _share_repeated(parts: Sequence[str], share: float, of_characters: float) -> bool:
    """True if more than these shares of parts, or of their characters, stood before."""
    counts = Counter(parts)
    again = len(parts) - len(counts)
    characters = sum(len(part) * (count - 1) for part, count in counts.items() if count > 1)
    return again > share * len(parts) or characters > of_characters * sum(map(len, parts))


def _repeats_phrases(words: Sequence[str]) -> bool:
    """True if a run of 2 to 4 words makes up too much of a text, or repeated longer runs do."""
    import numpy as np

    if len(words) < _FEWEST_WORDS:
        return False
    # Hashes differ from run to run, whether two words are equal doesn't.
    ids = np.fromiter(map(hash, words), dtype=np.int64, count=len(words)).view(np.uint64)
    sizes = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    total = int(sizes.sum())
    runs = ids
    for size in range(2, max(_DUPLICATE_PHRASES) + 1):
        runs = runs[:-1] * 0x9E3779B97F4A7C15 + ids[size - 1 :]
        runs ^= runs >> 31
        order = np.sort(runs)
        again = int(np.count_nonzero(order[1:] == order[:-1]))
        if not again:  # then no longer run stands twice either
            return False
        if size in _TOP_PHRASE:
            if _top(runs, again, sizes, size, _TOP_PHRASE[size] * total):
                return True
        elif _covered(runs, sizes, size) > _DUPLICATE_PHRASES[size] * total:
            return True
    return False


def _top(runs: Hashes, again: int, sizes: Numbers, size: int, most: float) -> bool:
    """True if a run that stands twice or more takes more characters than ``most``.

    ``again``: how many runs stood before.
    """
    import numpy as np

    if (again + 1) * size * int(sizes.max()) <= most:
        return False
    lengths = np.convolve(sizes, np.ones(size, dtype=np.int64), "valid")
    if (again + 1) * int(lengths.max()) <= most:
        return False
    _, first, counts = np.unique(runs, return_index=True, return_counts=True)
    return bool(((lengths[first] * counts)[counts > 1] > most).any())


def _covered(runs: Hashes, sizes: Numbers, size: int) -> int:
    """Characters of the words in runs that stood before."""
    import numpy as np

    _, first = np.unique(runs, return_index=True)
    again = np.ones(len(runs), dtype=bool)
    again[first] = False
    marks = np.zeros(len(runs) + size, dtype=np.int64)
    starts = np.flatnonzero(again)
    np.add.at(marks, starts, 1)
    np.add.at(marks, starts + size, -1)
    return int(sizes[np.cumsum(marks)[: len(sizes)] > 0].sum())
