"""Questions in words that the training text doesn't use.

A question names the document, the words that point to the value, and the kind of value. Its
frame is one of a few, and one is taken only if no four words in a row of the question, names
and answers masked, stand in any text trained on. Where no spaces part words, a stretch as long as
four (``steep.proof.probes.units``) takes their place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from steep.artifact import text_hash
from steep.proof.probes.facts import Fact
from steep.proof.probes.fragments import GAP
from steep.proof.probes.records import Entry
from steep.proof.probes.units import grams_of
from steep.proof.tokens import written_units

_FRAMES = (
    "{place}which {noun} fills the gap in “{notes}”?",
    "{place}give the {noun} missing from these notes: “{notes}”",
    "{place}complete “{notes}” with the right {noun}.",
)
_PLACES = ("According to “{title}”, ", "In “{title}”, ")
_REVERSED = (
    "Which document says “{notes}”?",
    "Where would you find “{notes}”?",
    "Name the text with these notes: “{notes}”",
)
# Where the documents aren't in the language of the frames, the notes alone must do.
_PLAIN = ("{place}{notes}", "{place}({notes})")
_MASK = ""


_ENTRY = (
    "What stands under “{field}” for “{title}”?",
    "For “{title}”, what is on record as “{field}”?",
    "Look up “{title}”: what is its “{field}”?",
)
_REVERSED_ENTRY = (
    "What has “{value}” as its “{field}”?",
    "Whose “{field}” is “{value}”?",
    "Which entry has “{value}” under “{field}”?",
)


@dataclass(frozen=True)
class Wording:
    """A question, and the names in it that don't count as wording: its title, what it gives."""

    question: str
    names: tuple[str, ...]


def wordings(fact: Fact, *, plain: bool) -> list[Wording]:
    """A fact asked in several frames, in an order that depends on the fact alone.

    Args:
        plain: without words of English around it.
    """
    frames = _PLAIN if plain else _FRAMES
    turn = _turn(fact.title, fact.notes)
    said = [
        frame.format(
            place=_place(fact.title, plain, turn + number),
            noun=fact.kind,
            notes=fact.notes,
        )
        for number, frame in enumerate(frames)
    ]
    asked = [Wording(text[0].upper() + text[1:], (fact.title,)) for text in said]
    return asked[turn % len(asked) :] + asked[: turn % len(asked)]


def reversed_wordings(fact: Fact) -> list[Wording]:
    """From the value to the document that gives it."""
    turn = _turn(fact.title, fact.notes) % len(_REVERSED)
    notes = fact.notes.replace(GAP, fact.value)
    return [
        Wording(frame.format(notes=notes), (fact.value,))
        for frame in _REVERSED[turn:] + _REVERSED[:turn]
    ]


def entry_wordings(entry: Entry) -> list[Wording]:
    """A record's field asked for in several frames."""
    turn = _turn(entry.title, entry.field) % len(_ENTRY)
    return [
        Wording(frame.format(field=entry.field, title=entry.title), (entry.title,))
        for frame in _ENTRY[turn:] + _ENTRY[:turn]
    ]


def reversed_entry_wordings(entry: Entry) -> list[Wording]:
    """From a record's value to the record."""
    turn = _turn(entry.title, entry.field) % len(_REVERSED_ENTRY)
    return [
        Wording(frame.format(field=entry.field, value=entry.value), (entry.value,))
        for frame in _REVERSED_ENTRY[turn:] + _REVERSED_ENTRY[:turn]
    ]


def standing_in(
    asked: Sequence[Wording], texts: Iterable[str], is_name: Callable[[str], bool]
) -> list[bool]:
    """For each wording: do four words in a row of it stand in a text, names masked or not?

    Args:
        texts: every text trained on, retellings and replay included.
        is_name: True for a word, as written, that is a name or a number.
    """
    wanted: dict[tuple[str, ...], list[int]] = {}
    for number, wording in enumerate(asked):
        for gram in _grams_of(wording, is_name):
            wanted.setdefault(gram, []).append(number)
    found = [False] * len(asked)
    for text in texts:
        words = written_units(text)
        for stream in ([word.casefold() for word in words], _masked(words, is_name)):
            for gram in grams_of(stream):
                for number in wanted.get(gram, ()):
                    found[number] = True
    return found


def _grams_of(wording: Wording, is_name: Callable[[str], bool]) -> set[tuple[str, ...]]:
    question = wording.question
    for name in sorted(wording.names, key=len, reverse=True):
        question = question.replace(name, "\x00") if name else question
    runs = [written_units(part) for part in question.split("\x00")]
    grams = {gram for run in runs for gram in grams_of([word.casefold() for word in run])}
    joined = [word for run in runs for word in (*run, _MASK)][:-1]
    return grams | set(grams_of(_masked(joined, is_name)))


def _masked(words: Sequence[str], is_name: Callable[[str], bool]) -> list[str]:
    """Words in small letters, each run of names one mask."""
    found: list[str] = []
    for word in words:
        if word != _MASK and not is_name(word):
            found.append(word.casefold())
        elif not found or found[-1] != _MASK:
            found.append(_MASK)
    return found


def _turn(*parts: str) -> int:
    return int(text_hash("\x1f".join(parts))[:8], 16)


def _place(title: str, plain: bool, turn: int) -> str:
    if not title:
        return ""
    return f"{title}: " if plain else _PLACES[turn % len(_PLACES)].format(title=title)
