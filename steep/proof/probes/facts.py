"""Facts: a value, and the notes of its sentence that point to it and to nothing else.

The notes keep a sentence's telling words in their order and leave out the rest, so that never
four words in a row are the documents' own: "Each branch keeps at least 200 litres of water" is
"Each branch … least ____ litres … water".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from steep.corpus.spans import WORD, Span
from steep.proof.probes.fragments import BREAK, GAP, spaceless_notes
from steep.proof.probes.index import Index, Sentence
from steep.proof.probes.units import amount_of, length_of, words_of
from steep.proof.probes.values import Kind, Value

_TOKEN = re.compile(rf"{WORD.pattern}|\d+(?:[.,:/\-]\d+)*")
_MARKS = re.compile(r"[()\[\]“”\"«»*`]")
_OPEN_MARKS = tuple("([{\"“'‘/-")
_RUN = 3  # words in a row, the gap counted as one
_MOST_WORDS = 12
_FEWEST_TELLING = 3
_LONGEST_TITLE = 16
WIDESPREAD = 0.2  # of the documents name it: then everything is about it
_MOST_NAMES = 4
_DENYING = (
    "not no never nor neither none without cannot except unless nicht kein keine keinen keinem "
    "keiner nie ohne pas jamais sans nunca jamás sin não nem sem non senza niet geen nooit "
    "zonder inte ikke aldrig utan uden не ни без никогда"
)
_DENIALS = frozenset(_DENYING.split())
# Portuguese "no" is "in the", Scandinavian "sin" "their own".
_ELSEWHERE = {"no": frozenset(("não",)), "sin": frozenset(("inte", "ikke"))}
_NUMBERED = re.compile(r"\b[Nn]o\. ?(?=\d)")
_POINTS_BACK = re.compile(r"\W*(?:It|They|He|She|Its|Their|His|Her|This|These|That|Those|Such)\b")
_NAMELIKE = ("name", "code", "word", "title", "katakana", "term")


@dataclass(frozen=True)
class Fact:
    """What one sentence says.

    Attributes:
        document: number of its document in the index.
        title: what the document is called, if a question should name it; else empty.
        notes: telling words of the sentence with a gap for the value. No other sentence (of
            the documents of that title) has them together without having the value.
        value, kind, unit: what is asked for.
        place: number of the sentence in the index.
        lead: the sentence up to the value, in the documents' own words; empty if that leaves
            open what is to come.
        only_here: no other document has a sentence with these words.
        names: the other names of its sentence.
    """

    document: int
    title: str
    notes: str
    value: str
    kind: Kind
    unit: str
    place: int
    lead: str
    only_here: bool
    names: tuple[str, ...]


def find_facts(index: Index) -> Iterator[Fact]:
    """Facts of every document that can be asked for without ambiguity, in order."""
    widespread = _widespread_values(index)
    for place, sentence in enumerate(index.sentences):
        title = _title(index, sentence.document)
        if not title and index.speaks_as_general and _POINTS_BACK.match(sentence.text):
            continue  # nothing would say who "it" is
        for value in sentence.values:
            if value.text.casefold() in widespread or not _is_alone(value, sentence, title):
                continue
            notes = _notes(index, sentence, value)
            if sentence.is_spaceless and _gives_away(value, f"{title} {notes}"):
                continue
            if _is_turned_round(index, sentence.text, notes):
                continue
            telling = telling_words(index, notes)
            others = index.holding(telling) if amount_of(telling) >= _FEWEST_TELLING else []
            here = [s for s in others if not title or index.is_called(s.document, title)]
            if here and all(_agrees(other, value) for other in here):
                yield Fact(
                    sentence.document,
                    title,
                    notes,
                    value.text,
                    value.kind,
                    value.unit,
                    place,
                    _lead(index, sentence.text, value),
                    all(other.document == sentence.document for other in others),
                    _other_names(index, sentence, value),
                )


def telling_words(index: Index, notes: str) -> list[str]:
    """Distinct words of the notes that aren't function words, in small letters."""
    return [w for w in dict.fromkeys(words_of(notes)) if w not in index.function_words]


def _other_names(index: Index, sentence: Sentence, value: Value) -> tuple[str, ...]:
    names: list[Value | Span] = [v for v in sentence.values if v.kind in _NAMELIKE]
    if not sentence.is_spaceless:
        names = [span for span in index.finder.find(sentence.text) if span.kind == "name"]
    return tuple(n.text for n in names if n.end <= value.start or n.start >= value.end)


def _lead(index: Index, text: str, value: Value) -> str:
    lead = text[: value.start].rstrip()
    telling = telling_words(index, lead)
    if amount_of(telling) < _FEWEST_TELLING or lead.endswith(_OPEN_MARKS):
        return ""
    return lead if all(_agrees(other, value) for other in index.holding(telling)) else ""


def _title(index: Index, document: int) -> str:
    title = index.titles[document]
    return title if length_of(title) <= _LONGEST_TITLE and len(index.documents) > 1 else ""


def _widespread_values(index: Index) -> set[str]:
    """Names that a fifth of the documents use: what everything is about answers nothing."""
    holders: dict[str, set[int]] = {}
    for sentence in index.sentences:
        for value in sentence.values:
            if value.kind in _NAMELIKE:
                holders.setdefault(value.text.casefold(), set()).add(sentence.document)
    most = max(3.0, WIDESPREAD * len(index.documents))
    return {text for text, documents in holders.items() if len(documents) > most}


def _is_alone(value: Value, sentence: Sentence, title: str) -> bool:
    """True if the sentence says the value once, and of its sort nothing else (of names, few)."""
    text = value.text.casefold()
    if sentence.text.casefold().count(text) != 1 or text in title.casefold():
        return False
    same = [v for v in sentence.values if v.kind == value.kind and v.unit == value.unit]
    return len(same) <= (_MOST_NAMES if value.kind in _NAMELIKE else 1)


def _gives_away(value: Value, said: str) -> bool:
    """True if what is asked shares characters in a row with the answer, as no wrong answer does."""
    return bool(set(words_of(value.text)) & set(words_of(said)))


def _notes(index: Index, sentence: Sentence, value: Value) -> str:
    """Telling words before and behind a gap, in their order, never four places in a row."""
    text = sentence.text
    if sentence.is_spaceless:
        return spaceless_notes(text, value, index.frequency)
    places = [*_TOKEN.finditer(text, 0, value.start), None, *_TOKEN.finditer(text, value.end)]
    gap = places.index(None)
    beside = (gap - 1, gap + 1) if value.unit else (gap - 2, gap - 1)
    kept = {gap, *(place for place in beside if 0 <= place < len(places))}
    for step in (-1, 1):
        place, run = gap + step, sum(place in kept for place in range(gap - 2, gap + 3))
        while 0 <= place < len(places) and len(kept) <= _MOST_WORDS:
            match = places[place]
            if place in kept:
                run = run if abs(place - gap) <= 2 else run + 1
            elif match is not None and run < _RUN and _is_telling(index, match.group()):
                kept.add(place)
                run += 1
            else:
                run = 0
            place += step
    said = _joined(text, value, [(p, places[p]) for p in sorted(kept)])
    return _MARKS.sub("", said).strip()


def _is_telling(index: Index, word: str) -> bool:
    if _denies(index, word):
        return True
    return len(word) > 1 and word.casefold() not in index.function_words


def _denies(index: Index, word: str) -> bool:
    word = word.casefold()
    if word in _ELSEWHERE:
        return not index.function_words & _ELSEWHERE[word]
    return word in _DENIALS or word.endswith(("n't", "n\u2019t"))


def _is_turned_round(index: Index, sentence: str, notes: str) -> bool:
    """True if the sentence denies something and the notes don't: they would say the opposite."""
    said, kept = (WORD.findall(_NUMBERED.sub("", text)) for text in (sentence, notes))
    return any(_denies(index, w) for w in said) and not any(_denies(index, w) for w in kept)


def _joined(text: str, value: Value, kept: list[tuple[int, re.Match[str] | None]]) -> str:
    said = ""
    before: tuple[int, int] | None = None  # place and end of what was said last
    for place, match in kept:
        start, end = (value.start, value.end) if match is None else match.span()
        if before is not None:
            said += text[before[1] : start] if place == before[0] + 1 else BREAK
        said += GAP if match is None else match.group()
        before = place, end
    return said


def _agrees(other: Sentence, value: Value) -> bool:
    """True if a sentence with the same words has the value, and none of its kind beside it."""
    if value.text.casefold() not in other.text.casefold():
        return False
    return value.kind in _NAMELIKE or not any(
        v.kind == value.kind and v.unit == value.unit and v.text != value.text for v in other.values
    )
