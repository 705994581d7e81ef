"""Lines that a page or a margin broke: words put together again, lines joined to paragraphs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

_BROKEN_WORD = re.compile(r"(\w*[^\W\d_])-\n[ \t]*([^\W\d_]\w*)")
_WORD = re.compile(r"\w+(?:-\w+)*")
_ITEM = re.compile(r"\s*(?:[-*•‣◦▪–—·o]\s|\(?\d{1,3}[.)]\s|\(?[a-zA-Z][.)]\s)")
_WIDE = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]")
_ENDS = tuple(".!?:;…。！？।॥۔؟\"'”’»)]")
_FEWEST_LINES = 5
_SAME_WIDTH_SHARE = 0.75


def mend_words(text: str, known: Counter[str] | None = None) -> str:
    r"""Join words that were broken at a line's end ("exam-\nple").

    A word keeps its hyphen where the rest of the text writes it with one, or where the second
    half begins with a capital ("Anglo-\nSaxon"). ``known`` are the words of the whole text.
    """
    if "-\n" not in text:
        return text
    words = known if known is not None else count_words(text)

    def mend(match: re.Match[str]) -> str:
        first, second = match[1], match[2]
        whole, hyphened = f"{first}{second}".casefold(), f"{first}-{second}".casefold()
        keep = words[hyphened] > words[whole] or not second[0].islower()
        return f"{first}-{second}" if keep else f"{first}{second}"

    return _BROKEN_WORD.sub(mend, text)


def count_words(text: str) -> Counter[str]:
    """The words of a text, in lower case, those with hyphens as one."""
    return Counter(word.casefold() for word in _WORD.findall(text))


def join_lines(lines: Sequence[str]) -> str:
    """The lines of one paragraph as one line; Chinese and Japanese get no space between."""
    joined = ""
    for line in (line.strip() for line in lines):
        if not joined or not line or (_WIDE.match(joined[-1]) and _WIDE.match(line[0])):
            joined += line
        else:
            joined += f" {line}"
    return joined


def unwrap(text: str) -> str:
    """Join the lines of paragraphs that were wrapped at a margin; leave all others as they are.

    Wrapped is a text most of whose inner lines end near the same width: before the next line's
    first word would have gone beyond it. Verse, lists, tables, code and anything indented stay.
    """
    paragraphs = text.split("\n\n")
    inner = [pair for paragraph in paragraphs for pair in pairwise(paragraph.split("\n"))]
    if len(inner) < _FEWEST_LINES:
        return text
    widths = sorted(len(line) for line, _ in inner)
    width = widths[int(0.95 * (len(widths) - 1))]
    full = sum(_is_full(line, following, width) for line, following in inner)
    if not 30 <= width <= 200 or full < _SAME_WIDTH_SHARE * len(inner):
        return text
    words = count_words(text)
    return "\n\n".join(_unwrap_paragraph(p, width, words) for p in paragraphs)


def _is_full(line: str, following: str, width: int) -> bool:
    """True if the next line's first word wouldn't have fitted behind this one."""
    word = following.strip().split(" ", 1)[0]
    return width * 0.5 < len(line) and len(line) + 1 + len(word) > width - 2


def _unwrap_paragraph(paragraph: str, width: int, words: Counter[str]) -> str:
    lines = paragraph.split("\n")
    if len(lines) < 2 or any(line[:1] in " \t" for line in lines[1:]):
        return paragraph
    if not all(_is_full(a, b, width) or _ITEM.match(b) for a, b in pairwise(lines)):
        return paragraph
    out: list[list[str]] = []
    for line in mend_words(paragraph, words).split("\n"):
        if not out or _ITEM.match(line):
            out.append([])
        out[-1].append(line)
    return "\n".join(join_lines(part) for part in out)


def ends_sentence(line: str) -> bool:
    """True if a line ends as a sentence does."""
    return line.rstrip().endswith(_ENDS)


def begins_item(line: str) -> bool:
    """True if a line begins as an item of a list does."""
    return _ITEM.match(line) is not None
