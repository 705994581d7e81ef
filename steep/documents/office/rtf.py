"""Rich text (RTF)."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from typing import Any

from steep.documents.files.entry import Entry, UnreadableError
from steep.documents.formats import Fault, Piece
from steep.documents.pages.raised import BEGIN, END, set_raised

# An escaped sign, a brace, a control word with its number. Figures belong to a word's number.
_PART = re.compile(r"\\(?:([a-zA-Z]{1,32})(-?[0-9]{0,10}) ?|[^a-zA-Z])|[{}]", re.DOTALL)
_MARK = "{{\\uc0\\u{code}}}"
"""A character in a group of its own, which ends what the file says about the next ones."""
_BEGINS, _ENDS = (_MARK.format(code=57344 + ord(sign)) for sign in (BEGIN, END))
_PLACES = str.maketrans({57344 + ord(sign): sign for sign in (BEGIN, END)})
_BASELINE = ("nosupersub", "sub", "plain")


def read_rtf(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the one document of a rich-text file."""
    striprtf: Any = importlib.import_module("striprtf.striprtf")
    data = entry.data()
    if not data.lstrip().startswith(b"{\\rtf"):
        raise UnreadableError("unreadable file", "is not rich text (RTF); rename or leave it out")
    written = _with_marks(data.decode("latin-1"))
    text = striprtf.rtf_to_text(written, errors="ignore").translate(_PLACES)
    # It ends paragraphs with one line break; a blank line is what parts them here.
    lines = (set_raised(line) for line in text.split("\n"))
    yield Piece("\n\n".join(line for line in lines if line.strip()))


def _with_marks(text: str) -> str:
    """The file with marks around what ``\\super`` raises, which the parser passes over."""
    if "\\super" not in text:
        return text
    parts: list[str] = []
    end = 0
    is_raised = False
    outer: list[bool] = []

    def change(to: bool, at: int) -> None:
        nonlocal is_raised, end
        if to != is_raised:
            parts.extend((text[end:at], _BEGINS if to else _ENDS))
            end = at
        is_raised = to

    for found in _PART.finditer(text):
        word = found[1]
        if found[0] == "{":
            outer.append(is_raised)
        elif found[0] == "}":
            change(outer.pop() if outer else False, found.start())
        elif word == "super":
            change(found[2] != "0", found.end())
        elif word in _BASELINE:
            change(False, found.start())
    return "".join([*parts, text[end:]])
