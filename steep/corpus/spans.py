"""Spans worth asking for: names, numbers and dates, and rare words where nothing has capitals.

Nothing here knows a language's grammar. Capitals mark names in the scripts that have them (a
capital at a sentence's start counts only if the corpus never writes the word small); elsewhere
the rarest words of the corpus stand in.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from steep.corpus.rows import names_in
from steep.documents.months import ENGLISH, MONTHS

SpanKind = Literal["name", "number", "term"]
ValueKind = Literal[
    "name", "date", "year", "time", "percentage", "amount", "quantity", "number", "term"
]

# Vowel signs and accents that stand behind their letter (Hindi, Thai, Arabic) aren't \w.
MARKS = "".join(c for c in map(chr, range(0x300, 0x3100)) if unicodedata.category(c)[0] == "M")
WORD = re.compile(rf"[^\W\d_](?:[\w{MARKS}'’\-&]*[\w{MARKS}])?", re.UNICODE)
_DAY = r"(?<![\w.])\d{1,2}"
_FIGURE = r"[$€£₹]?\d+(?:[.,:]\d+)*%?"
_SCALES = (
    "hundred|thousand|million|billion|trillion|Tausend|Million|Millionen|Milliarden?|Mio\\.|Mrd\\."
    "|milliers|millions|milliards?|mil|millones|milhões|миллион(?:а|ов)?|миллиард(?:а|ов)?"
)
_NUMBER = re.compile(
    rf"(?:{_DAY}(?:st|nd|rd|th|er|[.º°])?\s+(?:de\s+)?(?:{MONTHS})\b(?:\s+(?:de\s+)?\d{{4}}\b)?"
    rf"|{_DAY}\.\s?(?:(?![A-ZÀ-Þ])[^\W\d_]{{3,}}|\d{{1,2}}\.)\s\d{{4}}\b"
    rf"|(?:{ENGLISH})\s+\d{{1,2}}(?:,\s*\d{{4}})?(?!\d)"
    rf"|\b(?=[^\W\d_]{{3,12}}\s+(?:de\s+)?\d{{4}}\b)(?:{MONTHS})\s+(?:de\s+)?\d{{4}}"
    r"|(?<![\w.])(?:\+\d{1,3}|0\d{1,4})(?:[ -]\d{2,8}){1,4}(?!\w|[ ]\d)"
    rf"|(?<![\w.]){_FIGURE}\s?[–—]\s?{_FIGURE}(?![\w–—])"
    rf"|(?<![\w.])(?<!from )(?<!From )(?<!von )(?<!de )[$€£₹]?\d+(?:[.,:]\d+)*\s(?:to|bis|à)"
    rf"\s{_FIGURE}"
    rf"(?!\w|\s(?:{MONTHS})\b)"
    rf"|(?<![\w.]){_FIGURE}\s(?:{_SCALES})(?!\w)"
    r"|(?<![\w.])[$€£₹]?\d{1,3}(?:[ \u00a0\u2009\u202f]\d{3})+(?:,\d+)?%?(?!\w|[ ]\d)"
    r"|(?<![\w.])[$€£₹]?\d+(?:[.,:/\-]\d+)*%?(?!\w))"
)
_MONTH = re.compile(r"[^\W\d]{3,}")
_NO_MONTH = re.compile(rf"\b(?:{_SCALES}|bis)(?!\w)")
# A list's own number before its item, and the number of a place to look up, say nothing.
_LISTED = re.compile(
    rf"(?!\d{{1,2}}\.\s?(?:{MONTHS})\b)"
    r"[\s*#\u2022(\[\u2013-]*(?:\d{1,3}(?:\.\d{1,2})*[.):]\s+(?=[\"“„«(]*[^\W\d_])"
    r"|\d{1,2}(?:\.\d{1,2})+\s+(?=[\"“„«(]*[A-ZÀ-Þ]))"
)
_REFERENCE = re.compile(
    r"(?:\b(?:sections?|clauses?|paragraphs?|schedules?|articles?|annex(?:es)?|appendix|appendices"
    r"|tables?|figures?|steps?|chapters?|pages?|abschnitte?|artikel|abs(?:atz|ätze)|anlagen?"
    r"|tabellen?|abbildung(?:en)?|seiten?|annexes?|tableaux?|chapitres?|artículos?|secci[oó]n"
    r"|anexos?|tablas?|figuras?|cap[ií]tulos?|p[aá]ginas?)\s|[§#]\s?)\d+(?:\.\d+)*\w?"
    r"(?:(?:,|(?:,? )(?:and|or|to|through|und|oder|bis|et|ou|y|o)) \d+(?:\.\d+)*\w?)*",
    re.IGNORECASE,
)
_NUMERIC_DATE = re.compile(r"\d{1,4}([-/.]|\. )\d{1,2}\1\d{1,4}")
_A_YEAR = r"(?:1[5-9]|20)\d\d"
_YEAR = re.compile(rf"{_A_YEAR}(?:\s?(?:[–—]|to|bis|à)\s?(?:{_A_YEAR}|\d\d))?")
_UNIT = re.compile(r"[ \u00a0-]([^\W\d_]{2,}|%)(?![\w-])")
_NO_UNIT_WORDS = (
    "to and or in at on for by with from is are was were as than but that which when bis und oder "
    "bei mit von auf im am ist war et ou en au aux est y el los las es un una"
)
_NO_UNITS = frozenset(_NO_UNIT_WORDS.split())
_SMALL_WORDS = "of de da del van von der den la le du al bin ibn & y"
_JOINERS = frozenset(_SMALL_WORDS.split())
_MAX_NAME_WORDS = 5


@dataclass(frozen=True)
class Span:
    """A stretch ``text == sentence[start:end]`` that could be asked for."""

    start: int
    end: int
    text: str
    kind: SpanKind


def value_kind(sentence: str, span: Span) -> ValueKind:
    """What a span is a value of: a number's kind is told by its form and the word behind it."""
    text = span.text
    if span.kind != "number":
        return span.kind
    if _MONTH.search(_NO_MONTH.sub("", text)) or _NUMERIC_DATE.fullmatch(text):
        return "date"
    unit = unit_behind(sentence, span)
    if text.endswith("%") or unit in ("percent", "per"):
        return "percentage"
    if text[0] in "$€£₹":
        return "amount"
    if ":" in text:
        return "time"
    if _YEAR.fullmatch(text):
        return "year"
    return "quantity" if unit else "number"


def unit_behind(sentence: str, span: Span) -> str:
    """The word in small letters right behind a number; empty if there is none."""
    unit = _UNIT.match(sentence[span.end :])
    return unit[1] if unit and unit[1][0].islower() and unit[1] not in _NO_UNITS else ""


def _outside(spans: list[Span], places: list[tuple[int, int]]) -> list[Span]:
    """Those of ``spans``, in order, that touch none of the places, in order too."""
    kept: list[Span] = []
    at = 0
    for span in spans:
        while at < len(places) and places[at][1] <= span.start:
            at += 1
        if at == len(places) or places[at][0] >= span.end:
            kept.append(span)
    return kept


class SpanFinder:
    """Finds spans; knows the corpus's spelling habits, nothing else.

    Args:
        sentences: all sentences of the corpus, to learn which words are ever written small
            and which are rare.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self._small: Counter[str] = Counter()
        self._capital_inside: Counter[str] = Counter()
        words: Counter[str] = Counter()
        for sentence in sentences:
            for position, match in enumerate(WORD.finditer(sentence)):
                word = match.group()
                words[word.lower()] += 1
                if word[0].islower():
                    self._small[word.lower()] += 1
                elif word[0].isupper() and position > 0:
                    self._capital_inside[word.lower()] += 1
        self._has_case = sum(self._small.values()) > 0.2 * max(1, sum(words.values()))
        rare_limit = max(1, len(words) // 20)
        self._common = {word for word, _ in words.most_common(rare_limit)}

    def writes_small(self, word: str) -> bool:
        """True if the corpus has this word in small letters somewhere."""
        return self._small[word.lower()] > 0

    def find(self, sentence: str) -> list[Span]:
        """Spans of a sentence, left to right, none overlapping."""
        listed = _LISTED.match(sentence)
        columns = names_in(sentence)
        told = [*columns, *(m.span() for m in _REFERENCE.finditer(sentence))]
        if listed is not None:
            told.append(listed.span())
        numbers = [
            Span(m.start(), m.end(), m.group(), "number") for m in _NUMBER.finditer(sentence)
        ]
        others = self._names(sentence) if self._has_case else self._terms(sentence)
        numbers = _outside(numbers, sorted(told))
        others = _outside(others, columns)
        taken: list[Span] = []
        for span in sorted([*numbers, *others], key=lambda s: (s.start, s.start - s.end)):
            if not taken or span.start >= taken[-1].end:
                taken.append(span)
        return taken

    def _names(self, sentence: str) -> list[Span]:
        spans: list[Span] = []
        run: list[re.Match[str]] = []
        words = list(WORD.finditer(sentence))
        for position, match in enumerate(words):
            gap = sentence[run[-1].end() : match.start()] if run else ""
            joins = bool(run) and gap in (" ", " & ") and len(run) < _MAX_NAME_WORDS
            if self._is_name(match.group(), position) or (
                position == 0 and self._opens_name(sentence, words)
            ):
                if not joins:
                    spans.extend(self._close(sentence, run))
                    run = []
                run.append(match)
            elif not (joins and match.group() in _JOINERS):
                spans.extend(self._close(sentence, run))
                run = []
            else:
                run.append(match)
        spans.extend(self._close(sentence, run))
        return spans

    def _close(self, sentence: str, run: list[re.Match[str]]) -> list[Span]:
        while run and run[-1].group() in _JOINERS:
            run = run[:-1]
        if not run:
            return []
        start, end = run[0].start(), run[-1].end()
        text = sentence[start:end]
        for possessive in ("'s", "’s"):
            text = text.removesuffix(possessive)
        return [Span(start, start + len(text), text, "name")]

    def _is_name(self, word: str, position: int) -> bool:
        if not word[0].isupper():
            return any(letter.isupper() for letter in word[1:])
        lower = word.lower().removesuffix("'s").removesuffix("’s")
        if len(word) == 1:
            return False
        if position > 0:
            return self._small[lower] <= self._capital_inside[lower]
        return self._small[lower] == 0 and self._capital_inside[lower] > 0

    def _opens_name(self, sentence: str, words: list[re.Match[str]]) -> bool:
        """True if the sentence's first word belongs to the name right behind it.

        So "Maria Cruz" is whole where "Maria" never stands inside a sentence.
        """
        first, *others = words
        word = first.group()
        return (
            len(word) > 1
            and word[0].isupper()
            and self._small[word.lower()] == 0
            and bool(others)
            and sentence[first.end() : others[0].start()] == " "
            and others[0].group()[0].isupper()
            and self._is_name(others[0].group(), 1)
        )

    def _terms(self, sentence: str) -> list[Span]:
        return [
            Span(m.start(), m.end(), m.group(), "term")
            for m in WORD.finditer(sentence)
            if len(m.group()) >= 4 and m.group().lower() not in self._common
        ]
