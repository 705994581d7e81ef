"""Rich text (RTF)."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.pages.raised import BEGIN, END, set_raised
from steep.documents.pages.symbols import holds_signs, sign_of

# A byte, an escaped sign, a brace, a control word with its number. Figures belong to a word's
# number.
_PART = re.compile(
    r"\\'([0-9a-fA-F]{2})|\\(?:([a-zA-Z]{1,32})(-?[0-9]{0,10}) ?|[^a-zA-Z])|[{}]", re.DOTALL
)
_MARK = "{{\\uc0\\u{code}}}"
"""A character in a group of its own, which ends what the file says about the next ones."""
_BEGINS, _ENDS = (_MARK.format(code=57344 + ord(sign)) for sign in (BEGIN, END))
_PLACES = str.maketrans({57344 + ord(sign): sign for sign in (BEGIN, END)})
_BASELINE = ("nosupersub", "sub")
_NO_TEXT = ("fonttbl", "stylesheet", "colortbl", "info", "pict")
_FONT = re.compile(r"\\f(\d{1,5})(?![\d;])(?:\\[a-z]+-?\d* ?|\{[^{}]*\})*\s*([^;\\{}]{1,60});")
_CHANGING = ("\\super", "\\v", "\\footnote")


def read_rtf(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the one document of a rich-text file, its footnotes behind it."""
    striprtf: Any = importlib.import_module("striprtf.striprtf")
    data = entry.data()
    if not data.lstrip().startswith(b"{\\rtf"):
        raise UnreadableError("unreadable file", "is not rich text (RTF); rename or leave it out")
    written = _prepared(data.decode("latin-1"))
    text = striprtf.rtf_to_text(written, errors="ignore").translate(_PLACES)
    # It ends paragraphs with one line break; a blank line is what parts them here.
    lines = (set_raised(line) for line in text.split("\n"))
    yield Piece("\n\n".join(line for line in lines if line.strip()))


class _Look(NamedTuple):
    """How a group's text is set. ``fallbacks``: characters behind each one of Unicode."""

    is_raised: bool = False
    is_hidden: bool = False
    has_text: bool = True
    font: str = ""
    fallbacks: int = 1


class _Preparing:
    """The file as it is written anew: see ``_prepared``."""

    def __init__(self, fonts: dict[str, str]) -> None:
        self.out: list[str] = []
        self.notes: list[str] = []
        self._fonts = fonts
        self._look = _Look()
        self._outer: list[tuple[_Look, int | None]] = []
        self._note: int | None = None  # where the text of the note that is open begins
        self._is_begun = False  # a note of which nothing was said; its mark leaves a space
        self._waiting = 0  # characters that only old programs show

    def plain(self, text: str) -> None:
        """Take text between control words."""
        look = self._look
        if self._is_begun:
            text = text.lstrip(" ")
            self._is_begun = not text
        if not (look.has_text and (look.is_hidden or look.font)):
            self.out.append(text)
        elif not look.is_hidden:
            for character in text:
                self._one(character, ord(character))

    def part(self, found: re.Match[str]) -> None:
        """Take a brace, a byte or a control word."""
        look = self._look
        if found[0] == "{":
            self.out.append("{")
            self._outer.append((look, self._note))
        elif found[0] == "}":
            self._close()
        elif found[1]:
            if not (look.has_text and (look.is_hidden or look.font)):
                self.out.append(found[0])
            elif not look.is_hidden:
                self._one(found[0], int(found[1], 16))
        else:
            self._word(found[0], found[2], found[3])

    def _one(self, written: str, code: int) -> None:
        """A character in a font of signs, unless a better one stands before it."""
        if self._waiting or written in "\r\n":
            self._waiting -= written not in "\r\n"
            self.out.append(written)
        else:
            self.out += (_MARK.format(code=ord(sign)) for sign in sign_of(self._look.font, code))

    def _close(self) -> None:
        before, note = self._outer.pop() if self._outer else (_Look(), None)
        self._change(self._look._replace(is_raised=before.is_raised))
        if self._note is not None and note is None:
            self.notes.append("".join(self.out[self._note :]))
            del self.out[self._note :]
        self.out.append("}")
        self._look, self._note = before, note

    def _word(self, written: str, word: str | None, number: str | None) -> None:
        look = self._look
        self._waiting = 0
        if word == "footnote" and self._outer and self._note is None:
            self._note = len(self.out)
            self._is_begun = True
            self._look = look._replace(is_hidden=False)
            return
        if word == "u" and number and look.has_text:
            if look.is_hidden:
                return
            if look.font:
                sign = sign_of(look.font, int(number) % 0x10000)
                written = f"\\u{ord(sign) if sign else 32}"
                self._waiting = look.fallbacks
        self.out.append(written)
        if word == "super":
            self._change(look._replace(is_raised=number != "0"))
        elif word in _BASELINE:
            self._change(look._replace(is_raised=False))
        elif word == "plain":
            self._change(look._replace(is_raised=False, is_hidden=False, font=""))
        elif word == "v":
            self._look = look._replace(is_hidden=number != "0")
        elif word == "f":
            self._look = look._replace(font=self._fonts.get(number or "", ""))
        elif word == "uc":
            self._look = look._replace(fallbacks=int(number or "1"))
        elif word in _NO_TEXT or written == "\\*":
            self._look = look._replace(has_text=False)

    def _change(self, look: _Look) -> None:
        if look.is_raised != self._look.is_raised:
            self.out.append(_BEGINS if look.is_raised else _ENDS)
        self._look = look


def _prepared(text: str) -> str:
    """The file in words that the parser knows.

    Marks stand around what ``\\super`` raises, characters in a font of signs are the signs, what
    is hidden is gone, and footnotes are paragraphs at the end.
    """
    fonts = {number: name for number, name in _FONT.findall(text) if holds_signs(name)}
    if not fonts and not any(word in text for word in _CHANGING):
        return text
    preparing = _Preparing(fonts)
    end = 0
    for found in _PART.finditer(text):
        preparing.plain(text[end : found.start()])
        preparing.part(found)
        end = found.end()
    preparing.plain(text[end:])
    body = "".join(preparing.out)
    notes = "".join(f"\\par {{{note}}}" for note in preparing.notes)
    at = body.rfind("}") if notes else len(body)
    return f"{body[:at]}{notes}{body[at:]}"
