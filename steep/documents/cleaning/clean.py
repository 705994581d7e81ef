"""Cleaning: repair what was broken on the way, remove what can't be seen, keep every script.

Nothing here knows a language. Letters, marks, joiners (ZWJ, ZWNJ), curly quotes, full-width
forms and the indentation of code all survive; encoding damage, control characters, invisible
junk and superfluous white space go. ``clean_text(clean_text(x)) == clean_text(x)``.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

_TURNS = 4
"""Repairs can uncover one another; in practice the second turn already changes nothing."""

_FEWEST_LOST = 3
"""Characters by which a line gets shorter when three Cyrillic or two Chinese letters come back."""

_LINE_BREAKS = re.compile(r"\r\n|[\r\n\v\f\x1c-\x1e\u2028\u2029]")
_TERMINAL_CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
# C0 and C1 controls (tab and newline stay), soft hyphen, word joiner and invisible operators,
# byte order mark, bidirectional embeddings and isolates (layout, and a way to hide text),
# interlinear annotations and noncharacters. Left-to-right and right-to-left marks stay.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1e\x7f-\x9f\u00ad\u2060-\u2064\u202a-\u202e\u2066-\u206f\ufeff"
    "\ufff9-\ufffb\ufffe\uffff]"
)
# A zero-width space divides words in Thai, Lao, Burmese and Khmer; elsewhere it is junk.
_ZERO_WIDTH_SPACE = re.compile("(?<![\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff])\u200b")
_RUN = re.compile(r"(?<=[^ \t\n])[ \t]{2,}")
_STOP = "[.!?:;…।]"
_GAP = re.compile(r"\S {3,}\S|\S[ \t]*\t[ \t]+\S")
_SMALL_GAP = re.compile(rf"\S(?<!{_STOP})(?<!{_STOP}[\"'”’»)\]])  \S")
"""White space that puts what follows at a place; a column's longest cell leaves a small one."""
_INNER_SPACES = re.compile(r"(?<=[^ \t\n]) {2,}(?=[^ \t\n])")
HELD = "\x1f"
"""A space of code, which stays one of several; a separator, where a file has it."""
# Looked for where a run begins only: from every space of a long one it would take squared time.
_TRAILING = re.compile(r"(?<![ \t])[ \t]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{3,}")


def clean_text(text: str) -> str:
    """Return a text repaired and tidied, in Unicode normal form C.

    Encoding damage is repaired with ftfy (Speer 2019); line endings become ``\\n``; spaces at
    line ends go; runs of spaces inside a line become one (indentation stays, and so does what
    puts columns side by side in lines that stand together); two or more blank lines become one.
    Idempotent; never raises on any ``str``.
    """
    for _ in range(_TURNS):
        cleaned = _clean_once(text)
        if cleaned == text:
            break
        text = cleaned
    return release(text)


def hold(code: str) -> str:
    """Code whose lines keep their spaces when they are cleaned, until ``release``."""
    return _INNER_SPACES.sub(lambda run: HELD * len(run[0]), code) if "  " in code else code


def release(text: str) -> str:
    """A text with the spaces that were held."""
    return text.replace(HELD, " ")


def with_plain_breaks(text: str) -> str:
    """The text with every kind of line break as ``\\n``."""
    return _LINE_BREAKS.sub("\n", text)


def clean_title(text: str) -> str:
    """Return a cleaned title: one line, at most 200 characters."""
    if not (text.isascii() and text.isprintable()):  # else nothing can be wrong but the spaces
        text = clean_text(text)
    return " ".join(text.split())[:200].rstrip()


def _clean_once(text: str) -> str:
    # Printable text has no controls, no tabs, and of spaces and line breaks only " " and "\n":
    # asked once, that spares most texts most of what follows.
    is_plain = text.replace("\n", "").isprintable()
    if not is_plain:
        text = with_plain_breaks(text)
        if "\x1b" in text:
            text = _TERMINAL_CODES.sub("", text)
    if not text.isascii():
        text = _repair(text)
        is_plain = False  # a repair may bring any character back
    if not is_plain:
        text = _INVISIBLE.sub("", text)
        text = _ZERO_WIDTH_SPACE.sub("", text)
        text = text.replace("\u00a0", " ")
    if " \n" in text or "\t\n" in text:
        text = _TRAILING.sub("", text)
    if "  " in text or "\t" in text:
        text = _without_runs(text)
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return unicodedata.normalize("NFC", text.strip("\n").rstrip())


def _without_runs(text: str) -> str:
    """One space or tab for many inside lines, but where lines side by side are laid out so."""
    lines = text.split("\n")
    wide = [_GAP.search(line) is not None for line in lines]
    any_gap = [
        is_wide or bool(_SMALL_GAP.search(line)) for is_wide, line in zip(wide, lines, strict=True)
    ]
    stay = [False] * len(lines)
    for above, (one, other) in enumerate(pairwise(any_gap)):
        if one and other and (wide[above] or wide[above + 1]):
            stay[above] = stay[above + 1] = True
    return "\n".join(
        line if stays else _RUN.sub(_one_for_many, line)
        for line, stays in zip(lines, stay, strict=True)
    )


def _one_for_many(run: re.Match[str]) -> str:
    return "\t" if "\t" in run[0] else " "


def _repair(text: str) -> str:
    """Undo mojibake and lone surrogates, and nothing that is a matter of taste.

    Two letters that happen to stand together ("ßŁ") may be read as bytes of another script's
    letter. A line that would gain such letters from so little stays as it is.
    """
    repaired = _fixed(text)
    if not _gains_letters(text, repaired):
        return repaired
    return "\n".join(map(_repair_line, text.split("\n")))


def _repair_line(line: str) -> str:
    repaired = _fixed(line)
    if len(line) - len(repaired) < _FEWEST_LOST and _gains_letters(line, repaired):
        return _fixed(line, fix_encoding=False)
    return repaired


def _gains_letters(before: str, after: str) -> bool:
    """True if letters are new in a text, but for Latin ones."""
    return any(
        letter.isalpha() and not unicodedata.name(letter, "").startswith("LATIN")
        for letter in set(after) - set(before)
    )


def _fixed(text: str, *, fix_encoding: bool = True) -> str:
    import ftfy

    return ftfy.fix_text(
        text,
        unescape_html=False,
        uncurl_quotes=False,
        fix_character_width=False,
        fix_latin_ligatures=False,
        remove_control_chars=False,
        fix_encoding=fix_encoding,
        normalization="NFC",
        explain=False,
    )
