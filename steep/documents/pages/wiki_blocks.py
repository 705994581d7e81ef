"""The lines of a wiki's page put together as paragraphs, lists, code and sections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

# Characters that no text may hold stand for what was found in it.
HELD, HELD_END, ITEM, ITEM_END, TYPED, BREAK, HEADING, GONE = map(chr, range(0xFDD0, 0xFDD8))
MARKS = dict.fromkeys(range(0xFDD0, 0xFDD8))

_HELD = re.compile(f"{HELD}(\\d+){HELD_END}")
_ITEM = re.compile(f"{ITEM}([^{ITEM_END}]*){ITEM_END}")
_EMPTY_BRACKETS = re.compile(rf"[ \u00a0]?\([ ,;]*{GONE}[ ,;{GONE}]*\)")
_BEGUN_BRACKETS = re.compile(rf"\([ ,;]*{GONE}[ ,;{GONE}]*")
_BEFORE_STOP = re.compile(rf"(?<![ {GONE}]) *{GONE}[ {GONE}]*(?=[.,;:!?)])")
_LOOSE_QUOTES = re.compile(r"'{2,}")
_TERM = re.compile(r"[ \u00a0]:[ \u00a0]*|:[ \u00a0]")
_TAIL = {"references", "external links", "see also", "further reading", "bibliography", "sources"}


class _Block(NamedTuple):
    """``level``: of a heading; 0 for text."""

    kind: Literal["heading", "text", "list", "code"]
    text: str
    level: int = 0


def page_text(said: str, held: Sequence[tuple[str, bool]]) -> str:
    """The text of a page: its blocks, without headings over nothing and closing lists of links."""
    gathering = _Gathering(held)
    for line in said.split("\n"):
        gathering.add(line)
    gathering.end_all()
    return "\n\n".join(block.text for block in _without_tails(gathering.blocks)).strip("\n")


class _Gathering:
    """Blocks so far, and the lines of the one that isn't done."""

    def __init__(self, held: Sequence[tuple[str, bool]]) -> None:
        self.blocks: list[_Block] = []
        self._held = held
        self._text: list[str] = []
        self._typed: list[str] = []
        self._items: list[str] = []
        self._numbers: dict[str, int] = {}
        self._has_open_term = False
        self._is_after_blank = False

    def add(self, line: str) -> None:
        found = _HELD.fullmatch(line.strip())
        if found and self._held[int(found[1])][1]:
            self._end()
            self._is_after_blank = False  # a list goes on behind code
            self.blocks.append(_Block("code", self._held[int(found[1])][0]))
        elif line.startswith(TYPED) and line.strip(f"{TYPED}{GONE} "):
            self._end_others(self._typed)
            self._typed.append(self._restored(_tidy(line.removeprefix(TYPED)).rstrip()))
        elif item := _ITEM.match(line):
            self._end_others(self._items)
            if self._is_after_blank:
                self._numbers.clear()
            self._is_after_blank = False
            self._add_item(item[1], line[item.end() :])
        elif line.startswith(HEADING):
            self.end_all()
            title = self._line(line[2:])
            self.blocks.append(_Block("heading", title, int(line[1])))
        elif line.strip(f"{GONE} "):
            self._end_others(self._text)
            self._numbers.clear()
            self._text.append(line)
        elif not line:
            self._is_after_blank = bool(self._items) or self._is_after_blank
            self._end()
        else:
            self._end()

    def end_all(self) -> None:
        """What comes next is a new paragraph, and a new list."""
        self._end()
        self._numbers.clear()

    def _end_others(self, lines: list[str]) -> None:
        if not lines:
            self._end()

    def _end(self) -> None:
        if self._text:
            self._put("text", "\n".join(self._lines("\n".join(self._text))))
        if self._typed:
            self._put("code", "\n".join(self._typed))
        if self._items:
            self._put("list", "\n".join(self._items))
        self._text.clear()
        self._typed.clear()
        self._items.clear()
        self._has_open_term = False

    def _put(self, kind: Literal["text", "list", "code"], text: str) -> None:
        if text.strip():
            self.blocks.append(_Block(kind, text))

    def _add_item(self, markers: str, rest: str) -> None:
        """One item, as deep as it has markers; what indents alone goes on, or defines a term."""
        lines = self._lines(rest)
        if not lines:
            return
        kind, depth = markers[-1], len(markers)
        for known in [known for known in self._numbers if len(known) > depth]:
            del self._numbers[known]
        if kind == ":" and self._has_open_term:
            self._items[-1] += f": {' '.join(lines)}"
            self._has_open_term = False
            return
        self._has_open_term = False
        if kind == ":" and not self._items:
            self._put("text", "\n".join(lines))
            return
        label = ""
        if kind == "*":
            label = "- "
        elif kind == "#":
            self._numbers[markers] = self._numbers.get(markers, 0) + 1
            label = f"{self._numbers[markers]}. "
        elif kind == ";":
            term = _TERM.search(lines[0])
            if term is None:
                self._has_open_term = True
            else:
                lines[0] = f"{lines[0][: term.start()]}: {lines[0][term.end() :]}"
        indent = "  " * (depth - 1)
        more = "  " if label or kind == ":" else ""
        first = indent + label + lines[0] if kind != ":" else f"{indent}{more}{lines[0]}"
        self._items += [first, *(f"{indent}{more}{line}" for line in lines[1:])]

    def _lines(self, said: str) -> list[str]:
        """A paragraph's lines: those that a break parts, not those of the source."""
        lines = (self._line(part) for part in said.split(BREAK))
        return [line for line in lines if line]

    def _line(self, said: str) -> str:
        return self._restored(" ".join(_tidy(said).split())).strip()

    def _restored(self, said: str) -> str:
        return _HELD.sub(lambda found: self._held[int(found[1])][0], said)


def _tidy(said: str) -> str:
    """Text without the holes that what isn't said left, nor quotes that style nothing."""
    if GONE in said:
        said = _BEGUN_BRACKETS.sub("(", _EMPTY_BRACKETS.sub("", said))
        said = _BEFORE_STOP.sub("", said).replace(GONE, "")
    said = _ITEM.sub("", said).replace(TYPED, "").replace(BREAK, " ").replace(HEADING, "")
    return _LOOSE_QUOTES.sub("", said)


def _without_tails(blocks: Sequence[_Block]) -> list[_Block]:
    """Without headings over nothing, and sections that only list what to read elsewhere.

    A section ends where the next of its level or a higher one begins. One that is named as such a
    list but has paragraphs stays, wherever it stands.
    """
    ends = _section_ends(blocks)
    said = list(accumulate((b.kind != "heading" for b in blocks), initial=0))
    prose = list(accumulate((b.kind in ("text", "code") for b in blocks), initial=0))
    kept: list[_Block] = []
    cut_until = 0
    for number, block in enumerate(blocks):
        if number < cut_until:
            continue
        if block.kind == "heading":
            end = ends[number]
            if said[end] == said[number]:
                continue
            is_tail = block.text.casefold().strip(" :") in _TAIL
            if is_tail and prose[end] == prose[number]:
                cut_until = end
                continue
        kept.append(block)
    return kept


def _section_ends(blocks: Sequence[_Block]) -> dict[int, int]:
    """By the place of each heading that of the first block behind its section."""
    ends: dict[int, int] = {}
    open_sections: list[int] = []
    for number, block in enumerate(blocks):
        if block.kind == "heading":
            while open_sections and blocks[open_sections[-1]].level >= block.level:
                ends[open_sections.pop()] = number
            open_sections.append(number)
    return ends | dict.fromkeys(open_sections, len(blocks))
