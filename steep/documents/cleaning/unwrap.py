"""Hard wraps: plain text whose lines end at a margin gets its paragraphs back.

Whether a text is wrapped is told from the text itself. Where a program broke the lines, the first
word of a line wouldn't have fitted on the line before it, sentences end anywhere within lines, and
lines seldom begin with a capital. Verse, code, tables, lists and addresses break lines
at will, so the next word would mostly have fitted: they stay as they are. So do the lines of logs,
chats and records, which look full where each is as long as the next, and speakers' turns.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from steep.documents.cleaning.wrapped import (
    begins_item,
    begins_stamped,
    count_words,
    ends_sentence,
    hyphenates,
    join_lines,
    mend_words,
    speaker_of,
)

_FEWEST_PAIRS = 4
"""Fewer line breaks than this tell nothing about a margin."""
_NARROWEST, _WIDEST = 40, 160  # columns of a margin
_MARGIN = 0.95  # of the lines that another follows end before it
_FULL_OF_TEXT = 0.5  # of all line breaks: the rest of the text may be lists and code
_FULL_OF_BLOCK = 0.75
_MOST_STOPS = 0.5  # of broken lines end in a mark; in verse most do
_MOST_CAPITALS = 0.6  # of the lines after a break; German nouns need room
_FEWEST_RECORDS = 4
"""Full lines followed by a figure or a sign; fewer are chance."""
_MOST_RECORDS = 0.7  # of a block's full lines; of prose full of numbers nearly half
_FEWEST_TURNS = 2  # lines that begin with the same name and a colon
_NARROWER = 0.85  # of the text's margin: a paragraph filled anew ends its lines a little earlier
_LONGEST_WORD = 20  # columns; scripts without spaces would have words of a whole line

_STOPS = tuple(".,;:!?…。，、；：！？।॥॰؟،؛۔—–")
_TABLE = re.compile(r"\S[ \x1f]{3,}\S|\t|\|")
_SOFT_HYPHEN = "\u00ad"


class Unwrapped(NamedTuple):
    """A text, how many of its line breaks were joined, and how many broken words mended."""

    text: str
    lines_joined: int = 0
    words_mended: int = 0


class _Break(NamedTuple):
    """A line break inside a block. ``is_full``: the next word wouldn't have fitted before it.

    ``parts``: what follows begins a paragraph by its looks, such as an item of a list.
    """

    line: str
    following: str
    is_full: bool
    parts: bool


def unwrap(text: str) -> Unwrapped:
    """Join the lines that a margin broke; a text that isn't wrapped is returned as it is.

    Blank lines, list items, indented beginnings and short last lines still part paragraphs. A
    word broken at a line's end is mended. No other character than white space and those hyphens
    changes.
    """
    if text.count("\n") < _FEWEST_PAIRS:
        return Unwrapped(text)
    lines = text.split("\n")
    margin = _margin(lines)
    speakers = _speakers(lines)
    if margin is None or not _is_wrapped(lines, margin, speakers):
        return Unwrapped(text)
    words = count_words(text)
    join_new = hyphenates(text, words)
    out: list[str] = []
    joined = mended = 0
    for block in _blocks(lines):
        paragraphs = _paragraphs(block, margin, speakers)
        joined += len(block) - len(paragraphs)
        for paragraph in paragraphs:
            said, hyphens = _said(paragraph, words, join_new)
            mended += hyphens
            out.append(said)
    return Unwrapped("\n".join(out), joined, mended)


def _margin(lines: Sequence[str]) -> int | None:
    """The column at which lines end, or None if these lines can't tell of one."""
    widths = sorted(
        _width(line) for line, following in pairwise(lines) if _is_prose(line) and following.strip()
    )
    if len(widths) < _FEWEST_PAIRS:
        return None
    margin = widths[min(len(widths) - 1, int(_MARGIN * len(widths)))]
    return margin if _NARROWEST <= margin <= _WIDEST else None


def _speakers(lines: Iterable[str]) -> frozenset[str]:
    """The names that begin several lines, as those of speakers do."""
    named = Counter(filter(None, map(speaker_of, lines)))
    return frozenset(name for name, times in named.items() if times >= _FEWEST_TURNS)


def _is_wrapped(lines: Sequence[str], margin: int, speakers: frozenset[str]) -> bool:
    """True if most line breaks are where a margin of this width would make them.

    Records say nothing of that, and neither does a list whose lines are all short.
    """
    breaks: list[_Break] = []
    for block in _blocks(lines):
        own = [found for found in _breaks(block, margin, speakers) if not found.parts]
        is_list = len(own) >= _FEWEST_PAIRS and not any(found.is_full for found in own)
        if not (is_list or _are_records(own)):
            breaks += own
    full = [found for found in breaks if found.is_full]
    if len(full) < max(_FEWEST_PAIRS, _FULL_OF_TEXT * len(breaks)):
        return False
    stops = sum(found.line.rstrip().endswith(_STOPS) for found in full)
    capitals = sum(found.following.lstrip()[:1].isupper() for found in full)
    return stops <= _MOST_STOPS * len(full) and capitals <= _MOST_CAPITALS * len(full)


def _blocks(lines: Sequence[str]) -> Iterator[list[str]]:
    """Lines between blank ones; a blank line is a block of its own."""
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
            continue
        if block:
            yield block
        yield [line]
        block = []
    if block:
        yield block


def _breaks(block: Sequence[str], margin: int, speakers: frozenset[str]) -> list[_Break]:
    widest = max(map(_width, block))
    own = max(int(_NARROWER * margin), min(margin, widest))
    is_log = begins_stamped(block[0])
    return [
        _Break(
            line,
            following,
            _is_full(line, following, own),
            _parts(line, following, speakers, is_log),
        )
        for line, following in pairwise(block)
    ]


def _parts(line: str, following: str, speakers: frozenset[str], is_log: bool) -> bool:
    """True if a line begins as an item, a stamped entry or a speaker's turn does."""
    if begins_item(following) or (is_log and begins_stamped(following)):
        return True
    speaker = speaker_of(following)
    # Who speaks but once is told from a word amid a sentence by the sentence that ended.
    return speaker is not None and (speaker in speakers or ends_sentence(line))


def _are_records(breaks: Iterable[_Break]) -> bool:
    """True for lines that are full because each is a record as long as the next."""
    begins = [found.following.lstrip()[:1].isalpha() for found in breaks if found.is_full]
    others = begins.count(False)
    return others >= _FEWEST_RECORDS and others > _MOST_RECORDS * len(begins)


def _is_full(line: str, following: str, margin: int) -> bool:
    word = following.split(maxsplit=1)[0]
    # A broken word is no longer than what stood before the margin.
    first = min(_width(word), _LONGEST_WORD)
    is_broken = line.rstrip().endswith(("-", _SOFT_HYPHEN))
    return _width(line) + (0 if is_broken else 1) + first > margin


def _paragraphs(block: Sequence[str], margin: int, speakers: frozenset[str]) -> list[list[str]]:
    """A block's lines, those of one paragraph together."""
    breaks = _breaks(block, margin, speakers)
    can_join = [_can_join(found) for found in breaks]
    # Where most lines begin with a name they are values, and where one ends tells of them all.
    are_values = 2 * sum(speaker_of(line) is not None for line in block) > len(block)
    told = [
        found.is_full
        for found, free in zip(breaks, can_join, strict=True)
        if free or (are_values and not begins_item(found.following))
    ]
    # The last may end a paragraph.
    if sum(told) < _FULL_OF_BLOCK * (len(told) - 1) or _are_records(breaks):
        return [[line] for line in block]
    paragraphs = [[block[0]]]
    for found, free in zip(breaks, can_join, strict=True):
        if free and found.is_full:
            paragraphs[-1].append(found.following)
        else:
            paragraphs.append([found.following])
    return paragraphs


def _can_join(found: _Break) -> bool:
    """False where what the lines look like parts them, full or not."""
    line, following = found.line, found.following
    if found.parts or not (_is_prose(line) and _is_prose(following)):
        return False
    deeper = _indent(following) - _indent(line)
    return deeper < 2 or begins_item(line)


def _is_prose(line: str) -> bool:
    return any(c.isalpha() for c in line) and _TABLE.search(line.strip()) is None


def _said(paragraph: Sequence[str], words: Counter[str], join_new: bool) -> tuple[str, int]:
    """The lines of a paragraph as one, behind the first one's indentation."""
    if len(paragraph) == 1:
        return paragraph[0], 0
    broken = "\n".join(line.strip() for line in paragraph).replace(f"{_SOFT_HYPHEN}\n", "")
    whole = mend_words(broken, words, join_new=join_new)
    mended = len(paragraph) - 1 - whole.count("\n")
    indent = paragraph[0][: _indent(paragraph[0])]
    return indent + join_lines(whole.split("\n")), mended


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _width(line: str) -> int:
    """Columns a line takes: wide characters take two."""
    line = line.rstrip()
    if line.isascii():
        return len(line)
    return sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in line)
