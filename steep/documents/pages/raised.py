"""Raised text (superscripts) in plain text: ``10⁹``, not 109.

Readers put ``BEGIN`` and ``END`` around what is raised, and ``set_raised`` writes a whole
paragraph, so that it sees what stands before and what a file breaks into pieces. Lowered text
stays as it is: ``H2O`` is how it is written in plain text, and an index stands behind a letter,
where it can't become part of another number.
"""

from __future__ import annotations

import re

BEGIN, END = "\x01", "\x02"

_SIGNS = str.maketrans("0123456789+-\u2212\u2013()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁻⁽⁾ⁿ")
_ALL_SIGNS = re.compile(r"(?=[()]*[\dn+\-\u2212\u2013])[0-9+\-\u2212\u2013()n]+")
_NUMBERS = re.compile(r"[0-9]+(?:[\u2013-][0-9]+)*(?:, ?[0-9]+(?:[\u2013-][0-9]+)*)*,?")
"""Several notes or sources in one: ``1,2`` or ``1-3,5``."""
_MARKED = re.compile(f"{BEGIN}([^{BEGIN}{END}]*){END}")
_STRAY = re.compile(f"[{BEGIN}{END}]")
_MOST_NESTED = 3
_HOLDS_MATH = re.compile(r"[0-9+\-\u2212\u2013=/·⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ^]")
_VARIABLE = re.compile(r"[ijkxyz]")
_ONE_TERM = re.compile(r"\w+(?:[.,]\w+)?")
_POWER_OF = re.compile(r"[0-9]|[)\]]|(?<![^\W\d_])[^\W\d_]")
"""What a power may stand on: a figure, a bracket, or a letter alone."""


def without_marks(text: str) -> str:
    """A file's own text, in which the two characters mean nothing."""
    return text.replace(BEGIN, "").replace(END, "")


def set_raised(text: str) -> str:
    """A paragraph with its raised parts written out.

    Figures, signs, brackets and n become raised signs. Other text stays as it is ("1st"), but
    for what would be read as another number or word: it gets a ``^`` ("10^6.5", "e^(-kt)").
    """
    if BEGIN not in text:
        return text
    text = text.replace(END + BEGIN, "")  # what a file broke into pieces
    for _ in range(_MOST_NESTED):
        text, found = _MARKED.subn(_raised, text)
        if not found:
            break
    return _STRAY.sub("", text)


def _raised(match: re.Match[str]) -> str:
    said = match[1].strip()
    if not said:
        return match[1]
    if _ALL_SIGNS.fullmatch(said) or _NUMBERS.fullmatch(said):
        written = said.translate(_SIGNS)
    elif _needs_sign(said, match.string[max(0, match.start() - 2) : match.start()]):
        written = f"^{said}" if _ONE_TERM.fullmatch(said) else f"^({said})"
    else:
        return match[1]
    before, _, after = match[1].partition(said)
    return before + written + after


def _needs_sign(said: str, before: str) -> bool:
    """True if a power would be lost without a sign: not for "st" in "1st", nor a note's mark."""
    if said.startswith("[") or _POWER_OF.fullmatch(before, max(0, len(before) - 1)) is None:
        return False
    return bool(_HOLDS_MATH.search(said) or _VARIABLE.fullmatch(said))
