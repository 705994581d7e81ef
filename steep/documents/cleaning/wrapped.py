"""Lines that a page or a margin broke: words put together again, lines joined to paragraphs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_BROKEN_WORD = re.compile(r"(\w*[^\W\d_])-\n[ \t]*([^\W\d_]\w*)")
_WORD = re.compile(r"\w+(?:-\w+)*")
_ITEM = re.compile(r"\s*(?:[-*•‣◦▪–—·o]\s|\(?\d{1,3}[.)]\s|\(?[a-zA-Z][.)]\s)")
# Up to four words before a colon: "CHAIR:", "Mr. O’Hara (SPD):", "प्रश्न:", "主席：".
_SPEAKER = re.compile(r"\s*([^\W\d_][^\s:：]{0,29}(?: [^\s:：]{1,29}){0,3})(?:\s?:\s|：)")
_STAMP = re.compile(
    r"\s*(?:[\[(<]?\d{1,4}[-./]\d{1,2}[-./]\d{2,4}(?:T|,?\s(?:-\s)?)\d{1,2}:\d\d"
    r"|[\[(<]\d{1,2}:\d\d|\d{1,2}:\d\d:\d\d)"
)
_WIDE = re.compile("[\u3000-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]")
_ENDS = tuple(".!?:;…。！？।॥۔؟\"'”’»)]")


def mend_words(text: str, known: Counter[str] | None = None, *, join_new: bool = True) -> str:
    r"""Join words that were broken at a line's end ("exam-\nple").

    A word keeps its hyphen where the rest of the text writes it with one, or where the second
    half begins with a capital ("Anglo-\nSaxon"). ``known`` are the words of the whole text;
    ``join_new`` is about those that it writes in neither way.
    """
    if "-\n" not in text:
        return text
    words = known if known is not None else count_words(text)

    def mend(match: re.Match[str]) -> str:
        first, second = match[1], match[2]
        whole, hyphened = f"{first}{second}".casefold(), f"{first}-{second}".casefold()
        keep = words[hyphened] > words[whole] or not second[0].islower()
        keep = keep or not (join_new or words[whole])
        return f"{first}-{second}" if keep else f"{first}{second}"

    return _BROKEN_WORD.sub(mend, text)


def hyphenates(text: str, known: Counter[str]) -> bool:
    """True if a text's line ends break words, rather than part compounds at hyphens they have."""
    pairs = [(first.casefold(), second.casefold()) for first, second in _BROKEN_WORD.findall(text)]
    broken = sum(known[first + second] > known[f"{first}-{second}"] for first, second in pairs)
    parted = sum(known[f"{first}-{second}"] > 0 for first, second in pairs)
    return broken > parted


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


def ends_sentence(line: str) -> bool:
    """True if a line ends as a sentence does."""
    return line.rstrip().endswith(_ENDS)


def begins_item(line: str) -> bool:
    """True if a line begins as an item of a list does."""
    return _ITEM.match(line) is not None


def begins_stamped(line: str) -> bool:
    """True if a line begins with a day and a time, as entries of logs and chats do."""
    return _STAMP.match(line) is not None


def speaker_of(line: str) -> str | None:
    """The few words before a colon that a line begins with, as it names who speaks."""
    found = _SPEAKER.match(line)
    return None if found is None or found[1][0].islower() else found[1]
