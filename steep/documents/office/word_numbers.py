"""The numbers that Word counts in front of paragraphs: 1., 1.1, (a), § 3."""

from __future__ import annotations

import functools
import re
from typing import Any, NamedTuple

from steep.documents.xml.safe import local_name

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
DEEPEST = 8
"""The last of a list's nine levels."""
_PLACE = re.compile(r"%([1-9])")
_LONGEST_PATTERN = 60
_MOST_LETTERS = 26 * 4
_MOST_ROMAN = 3999
_ROMAN = [
    *((1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L")),
    *((40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")),
]


class Level(NamedTuple):
    """One level of a list: how it counts, how it is written, and the style that goes with it."""

    start: int = 1
    form: str = "decimal"
    pattern: str = ""
    style: str = ""
    decimal: bool = False
    restarts: bool = True


class _List(NamedTuple):
    """A numbered list of the document: what it counts with, and what is its own."""

    shared: str
    starts: dict[int, int]
    levels: dict[int, Level]


class Numbers:
    """The lists of a document, counted as its paragraphs are read in order."""

    def __init__(self, root: Any | None = None) -> None:
        self._lists: dict[str, _List] = {}
        self._counts: dict[str, dict[int, int]] = {}
        self._begun: set[str] = set()
        if root is None:
            return
        shared: dict[str, dict[int, Level]] = {}
        named: dict[str, str] = {}  # by the style that a definition is for
        links: dict[str, str] = {}  # to such a style
        for one in root.iterfind(f"{_W}abstractNum"):
            key = str(one.get(f"{_W}abstractNumId"))
            shared[key] = _levels(one)
            if style := value(one, "styleLink"):
                named[style] = key
            if style := value(one, "numStyleLink"):
                links[key] = style
        for one in root.iterfind(f"{_W}num"):
            key = value(one, "abstractNumId")
            key = named.get(links.get(key, ""), key)
            own = list(one.iterfind(f"{_W}lvlOverride"))
            starts = {
                whole(override.get(f"{_W}ilvl"), 0): whole(value(override, "startOverride"), 1)
                for override in own
                if override.find(f"{_W}startOverride") is not None
                and whole(override.get(f"{_W}ilvl"), 0) <= DEEPEST
            }
            levels = shared.get(key, {})
            if own:
                levels = {
                    **levels,
                    **{at: one for part in own for at, one in _levels(part).items()},
                }
            self._lists[str(one.get(f"{_W}numId"))] = _List(key, starts, levels)

    def level_of(self, number: str, style: str) -> int:
        """The level of a list that goes with a style, else the first."""
        found = self._lists.get(number)
        levels = {} if found is None else found.levels
        return next((at for at, level in levels.items() if level.style == style), 0)

    def next(self, number: str, at: int) -> str | None:
        """Count a paragraph; what stands in front of it, None for a bullet or an unknown list."""
        found = self._lists.get(number)
        level = None if found is None else found.levels.get(at)
        if found is None or level is None:
            return None
        counts = self._counts.setdefault(found.shared, {})
        if number not in self._begun:
            self._begun.add(number)
            counts.update({deep: start - 1 for deep, start in found.starts.items()})
        counts[at] = counts.get(at, level.start - 1) + 1
        for deeper in [one for one in counts if one > at]:
            if found.levels.get(deeper, level).restarts:
                del counts[deeper]
        if level.form == "bullet":
            return None
        levels = found.levels

        def written(place: re.Match[str]) -> str:
            named = int(place[1]) - 1
            of = levels.get(named, Level())
            return _written(counts.get(named, of.start), "decimal" if level.decimal else of.form)

        return " ".join(_PLACE.sub(written, level.pattern).split())


@functools.lru_cache(maxsize=64)
def path(name: str) -> str:
    """A path of Word's elements in the parser's words: "pPr/numPr"."""
    return "/".join(f"{_W}{part}" for part in name.split("/"))


def value(element: Any, name: str) -> str:
    """The value of a property, named by its path; "" without it."""
    found = element.find(path(name))
    return "" if found is None else str(found.get(f"{_W}val") or "")


def whole(said: str | None, default: int) -> int:
    """A number of up to four figures; else the default."""
    plain = said is not None and said.isascii() and said.isdigit() and len(said) < 5
    return int(said or "0") if plain else default


def _levels(element: Any) -> dict[int, Level]:
    found = {}
    for level in element.iterfind(f"{_W}lvl"):
        at = whole(level.get(f"{_W}ilvl"), 0)
        if at > DEEPEST:
            continue
        restart = level.find(f"{_W}lvlRestart")
        found[at] = Level(
            whole(value(level, "start"), 1),
            value(level, "numFmt") or "decimal",
            value(level, "lvlText")[:_LONGEST_PATTERN],
            value(level, "pStyle"),
            any(local_name(part) == "isLgl" for part in level),
            restart is None or restart.get(f"{_W}val") != "0",
        )
    return found


def _written(number: int, form: str) -> str:
    """A number as its list writes it; in figures where a language's words would be needed."""
    if form == "none":
        return ""
    if form == "decimalZero":
        return f"{number:02d}"
    if form in ("lowerLetter", "upperLetter") and 0 < number <= _MOST_LETTERS:
        letter = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letter if form == "lowerLetter" else letter.upper()
    if form in ("lowerRoman", "upperRoman") and 0 < number <= _MOST_ROMAN:
        parts = []
        for worth, sign in _ROMAN:
            parts.append(sign * (number // worth))
            number %= worth
        said = "".join(parts)
        return said.lower() if form == "lowerRoman" else said
    return str(number)
