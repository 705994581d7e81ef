"""The styles of a Word document: what they are in English, and what they imply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from steep.documents.office.word_numbers import DEEPEST, Numbers, path, value, whole

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_MOST_LINKS = 20
"""Styles that one may be based on, one upon the other."""
_OUTLINED = 9
"""Levels of headings; what is below them is text."""
_ON = ("", "1", "true", "on")


class Style(NamedTuple):
    """What a style says, with those that it is based on; None where none of them says it."""

    is_title: bool | None = None
    outline: int | None = None
    number: str | None = None
    level: int | None = None
    numbered_as: str | None = None
    bold: bool | None = None
    raised: bool | None = None
    names_columns: bool | None = None


class Styles:
    """The styles by their ids, which an office in another language names in its own words.

    Without a part of styles, the ids are all there is to go by.
    """

    def __init__(self, root: Any | None, numbers: Numbers) -> None:
        self.numbers = numbers
        self._are_known = root is not None
        self._written: dict[str, Any] = {}
        self._own: dict[str, Style] = {}
        self._found: dict[str, Style] = {}
        for one in root.iterfind(f"{_W}style") if root is not None else ():
            self._written.setdefault(str(one.get(f"{_W}styleId") or ""), one)

    def is_title(self, paragraph: Any) -> bool:
        """True for the document's title."""
        key = value(paragraph, "pPr/pStyle")
        return bool(self._find(key).is_title) or self._is_called(key, "title")

    def is_heading(self, paragraph: Any) -> bool:
        """True for a title or a heading."""
        key = value(paragraph, "pPr/pStyle")
        style = self._find(key)
        direct = value(paragraph, "pPr/outlineLvl")
        outline = whole(direct, _OUTLINED) if direct else style.outline
        return (
            bool(style.is_title)
            or (outline is not None and outline < _OUTLINED)
            or self._is_called(key, "heading", "title")
        )

    def list_of(self, paragraph: Any) -> tuple[str, int] | None:
        """The list that a paragraph is numbered by ("" if it doesn't say), and at which level."""
        style = self._find(value(paragraph, "pPr/pStyle"))
        own = paragraph.find(f"{_W}pPr/{_W}numPr")
        number = style.number or ""
        level = style.level
        if own is not None:
            number = value(own, "numId") or number
            level = min(whole(value(own, "ilvl"), 0), DEEPEST)
        elif style.number is None:
            return None
        if number == "0":  # taken out of its style's list
            return None
        if level is None:
            level = self.numbers.level_of(number, style.numbered_as or "")
        return number, level

    def is_bold(self, paragraph: Any, run: Any) -> bool:
        """True for a run in bold type."""
        direct = _switch(run, "rPr/b")
        if direct is None:
            direct = self._find(value(run, "rPr/rStyle")).bold
        if direct is None:
            direct = self._find(value(paragraph, "pPr/pStyle")).bold
        return bool(direct)

    def is_raised(self, run: Any) -> bool:
        """True for a run set as a superscript."""
        if run.find(f"{_W}rPr") is None:  # most have nothing to say
            return False
        if direct := value(run, "rPr/vertAlign"):
            return direct == "superscript"
        return bool(self._find(value(run, "rPr/rStyle")).raised)

    def is_hidden(self, run: Any) -> bool:
        """True for a run that is neither shown nor printed."""
        return bool(_switch(run, "rPr/vanish"))

    def font_of(self, run: Any) -> str:
        """The font that a run itself is set in, or ""."""
        fonts = run.find(f"{_W}rPr/{_W}rFonts")
        return "" if fonts is None else str(fonts.get(f"{_W}ascii") or "")

    def names_columns(self, table: Any) -> bool:
        """True if the style of a table sets its first row off from the others."""
        return not self._are_known or bool(self._find(value(table, "tblPr/tblStyle")).names_columns)

    def _is_called(self, key: str, *names: str) -> bool:
        return key not in self._written and key.casefold().startswith(names)

    def _find(self, key: str) -> Style:
        found = self._found.get(key)
        if found is None:
            found = Style()
            for own in self._chain(key):
                found = Style._make(b if a is None else a for a, b in zip(found, own, strict=True))
            self._found[key] = found
        return found

    def _chain(self, key: str) -> Iterator[Style]:
        """What a style says itself, then those it is based on."""
        for _ in range(_MOST_LINKS):
            one = self._written.get(key)
            if one is None:
                return
            if key not in self._own:
                self._own[key] = _own(key, one)
            yield self._own[key]
            key = value(one, "basedOn")


def _own(key: str, style: Any) -> Style:
    """What a style itself says."""
    name = value(style, "name").casefold()
    outline = value(style, "pPr/outlineLvl")
    if outline or name.startswith("heading "):
        level = whole(outline or name.removeprefix("heading "), _OUTLINED)
    else:
        level = None
    listed = style.find(f"{_W}pPr/{_W}numPr")
    depth = "" if listed is None else value(listed, "ilvl")
    raised = value(style, "rPr/vertAlign")
    return Style(
        name == "title" or None,
        level,
        None if listed is None else value(listed, "numId") or None,
        min(whole(depth, 0), DEEPEST) if depth else None,
        None if listed is None else key,
        _switch(style, "rPr/b"),
        raised == "superscript" if raised else None,
        any(
            one.get(f"{_W}type") == "firstRow" and len(one) > 0
            for one in style.iterfind(f"{_W}tblStylePr")
        )
        or None,
    )


def _switch(element: Any, name: str) -> bool | None:
    """True or False where a property is switched on or off."""
    found = element.find(path(name))
    return None if found is None else (found.get(f"{_W}val") or "") in _ON
