"""Words and numbers of any script, as answers are compared by.

A word is its letters with the marks that stand behind them: Indic and Thai vowel signs aren't
``\\w``, and without them words that differ in a vowel would be one. Signs that most writers leave
out (Arabic vowels and hamzas, Hebrew points) tell words apart only where both are written with
them. What a grammar writes onto an answer (Korean particles, Turkish endings) is known beside it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from steep.proof.endings import JOINT, stems_of, with_joints


def _ranges(codes: Sequence[int]) -> str:
    """Characters as the inside of a regular expression's brackets."""
    held = set(codes)
    starts = [code for code in codes if code - 1 not in held]
    ends = [code for code in codes if code + 1 not in held]
    return "".join(f"{chr(a)}-{chr(b)}" for a, b in zip(starts, ends, strict=True))


_BLOCKS = ((0x300, 0x1E00), (0x20D0, 0x2100), (0x2CE0, 0x2E00), (0x302A, 0x30A0),
           (0xA660, 0xAC00), (0xFB1E, 0xFB1F), (0xFE20, 0xFE30), (0x10A00, 0x12000))  # fmt: skip
MARKS = _ranges(
    [c for a, b in _BLOCKS for c in range(a, b) if unicodedata.category(chr(c))[0] == "M"]
)
"""Combining marks of all scripts, to stand in a regular expression's brackets."""

WORD = re.compile(rf"\w+(?:[{MARKS}\u200c\u200d]\w*)*")
"""A word of running text; joiners (Persian, Indic) are inside it."""

SEAMLESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
"""Characters of scripts without spaces between words, for a regular expression's brackets."""
STRETCH = re.compile(rf"[{SEAMLESS}]{{1,2}}|[^\s{SEAMLESS}]+")
"""About a word of any text: what stands between blanks, or two characters of such a script."""
_SEAMLESS = re.compile(f"([{SEAMLESS}][{MARKS}]*)")

# Hebrew points and accents; Arabic vowels, hamzas and signs for reciting; Syriac points.
_OPTIONAL = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u0658"
    "\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u0730-\u074a]"
)
_POINTED = re.compile(rf"[^{MARKS}]([{MARKS}]*)")
MONEY = "$\u00a2-\u00a5\u058f\u060b\u09f2\u09f3\u09fb\u0af1\u0bf9\u0e3f\u17db\u20a0-\u20c0"
_TOKEN = re.compile(
    rf"(?:(?P<than>[<>\u2264\u2265]) ?)?(?:(?P<money>[{MONEY}]) ?)?"
    rf"(?P<number>(?:(?<![\w){MARKS}])-)?\d+(?:[.,:/]\d+)*)(?P<power>\^-?\d+)?"
    rf"(?: ?(?P<paid>[{MONEY}])(?! ?-?\d))?"
    rf"|(?P<stem>[^\W\d_](?:[^\W_]|[{MARKS}])*)(?:{JOINT}[^\W_]+|[+#]*)|\w[\w{MARKS}]*"
)

_DIGIT = re.compile(r"(?![0-9])\d")
_WIDE = {"\uff0c": ",", "\uff0e": "."}
_WIDE_MARK = re.compile(r"(?<=\d)[\uff0c\uff0e](?=\d)")
_LISTED = re.compile(r"(?<=\d)\uff0c(?=\d)(?!\d{3}(?!\d))")
_RAISED = "\u2070\u00b9\u00b2\u00b3\u2074-\u2079"
_POWER = re.compile(rf"(?<=\d)([\u207a\u207b]?)([{_RAISED}]+)")
_POWER_WRITTEN = re.compile(r"(?<=\d)(?: ?\^ ?|\*\*)[{(]?\+?(-?\d+)[})]?")
_TIMES = re.compile(r"(?<=\d) ?[x×*·⋅] ?(?=10\^)")
# One letter in two keyboards' codes; a hamza apart from its alef, since many leave it out.
_ARABIC = {0x6CC: "\u064a", 0x6A9: "\u0643", 0x623: "\u0627\u0654", 0x625: "\u0627\u0655",
           0x622: "\u0627\u0653"}  # fmt: skip
_UNSEEN = re.compile(
    "[\u00ad\u0640\u061c\u200c-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
_LAKHS = re.compile(r"(?<![\d.,])\d{1,2}(?:,\d\d)+,\d{3}(?![\d,])")
# Behind a single "0" a comma doesn't part thousands.
_SEPARATORS = re.compile(r"(?<=\d)(?<!(?<!\d)0)[,'\u2019_\u2009\u202f\u00a0\u066c](?=\d{3}(?!\d))")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,]*\d)")
_CONTRACTION = re.compile(r"\b(\w+?)n['\u2019]t\b")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")
_DASH = re.compile(rf"(?<![\w)])\u2013(?=[\d{MONEY}])")
_MINUSMONEY = re.compile(rf"(?<![\w)])-([{MONEY}]) ?(?=\d)")
_MINUS = re.compile(r"(?<![\d)] )\bminus (?=\d)")
_POINTED_THOUSANDS = re.compile(r"-?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})")
_BARE_DECIMAL = re.compile(r"(?<![\w.])\.(?=\d)")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+")

_AHEAD = rf"(?= ?[{MONEY}]? ?-?\d)"
_MORE, _LESS = "(?:more|greater|higher|larger)", "(?:less|fewer|lower|smaller)"
_COMPARED = (
    (re.compile(r"<=|[\u2266\u2a7d]"), "\u2264"),
    (re.compile(r">=|[\u2267\u2a7e]"), "\u2265"),
    (re.compile(
        rf"\b(?:{_LESS} than or equal to|at most|up to|(?:no|not) {_MORE} than|not (?:above|over)"
        rf"|not (?:to )?exceed(?:ing)?|without exceeding){_AHEAD}"
    ), "\u2264"),
    (re.compile(
        rf"\b(?:{_MORE} than or equal to|at least|(?:no|not) {_LESS} than|not (?:below|under))"
        rf"{_AHEAD}"
    ), "\u2265"),
    (re.compile(rf"\b(?:{_LESS} than|below|under){_AHEAD}"), "<"),
    (re.compile(rf"\b(?:{_MORE} than|above|over){_AHEAD}"), ">"),
)  # fmt: skip


@dataclass(frozen=True)
class Token:
    """A word or number of a line.

    Attributes:
        word: in small letters; a number in one way of writing.
        start, end: its place in the line; a number's begins with its sign.
        than: of a number, the sign <, >, ≤ or ≥ before it, if any.
        money: of a number, the sign of its currency, if any.
        stem: the word without its Turkish ending, if it has one.
    """

    word: str
    start: int
    end: int
    than: str = ""
    money: str = ""
    stem: str = ""

    @property
    def key(self) -> str:
        """All of it as one text."""
        return f"{self.than}{self.money}{self.word}"

    def says(self, true: Token) -> bool:
        """True if this is what ``true`` is: a sign < counts if that has one, a currency if both."""
        than = not true.than or self.than == true.than
        money = not true.money or not self.money or self.money == true.money
        return than and money and _alike(self.word, true.word)

    @property
    def stems(self) -> tuple[str, ...]:
        """What it may say without an ending that a grammar writes onto it."""
        return (self.stem,) if self.stem else stems_of(self.word)

    def ends_on(self, true: Token) -> bool:
        """True if this is what ``true`` is, or that with such an ending."""
        return self.says(true) or any(_alike(stem, true.word) for stem in self.stems)


def first_line(text: str) -> str:
    """The first line with anything in it, in small letters and one form for each way of writing.

    Digits of all scripts are 0 to 9, thousands aren't parted, ".5" is "0.5", "10⁶" is "10^6", "n't"
    is "not", "minus 5" is "-5", and "less than" before a number is "<" (so are "at least", "no more
    than" and their like).
    """
    text = _LISTED.sub(", ", text)
    text = _POWER.sub(_raised, _WIDE_MARK.sub(lambda found: _WIDE[found[0]], text))
    text = _DIGIT.sub(lambda found: str(unicodedata.decimal(found[0])), text)
    text = text.replace("\u200b", " ").replace("\u066a", "%").replace("\u066b", ".")
    text = _LAKHS.sub(lambda found: found[0].replace(",", ""), _UNSEEN.sub("", text))
    text = unicodedata.normalize("NFKC", _SEPARATORS.sub("", text)).strip()
    line = " ".join(text.splitlines()[0].casefold().split()) if text else ""
    line = re.sub(r"\b(?:ca|wo|sha) not\b", "can not", _CONTRACTION.sub(r"\1 not", line))
    line = line.replace("\u2212", "-").replace("per cent", "percent").replace("%", " percent ")
    line = _TIMES.sub(" × ", _POWER_WRITTEN.sub(r"^\1", line))
    line = _BARE_DECIMAL.sub("0.", line.replace("i\u0307", "i"))  # small İ is i, not i and a dot
    line = with_joints(line)
    line = _MINUSMONEY.sub(r"\1-", _MINUS.sub("-", _DASH.sub("-", _APOSTROPHE.sub("", line))))
    line = _SPACED_THOUSANDS.sub(lambda found: found[0].replace(" ", ""), line)
    for pattern, sign in _COMPARED:
        line = pattern.sub(sign, line)
    return unicodedata.normalize("NFC", line).translate(_ARABIC)


def _raised(found: re.Match[str]) -> str:
    """Raised digits behind a number, as NFKC would write them but for the sign ^ before them."""
    return unicodedata.normalize("NFKC", f"^{found[1]}{found[2]}").replace("+", "")


def units_of(text: str) -> list[str]:
    """Words of running text in small letters; where none are parted, characters with marks."""
    return written_units(text.casefold())


def written_units(text: str) -> list[str]:
    """As ``units_of``, in the letters in which they are written."""
    return WORD.findall(_SEAMLESS.sub(r" \1 ", text))


def tokens_of(line: str) -> list[Token]:
    """Words and numbers of a line (as ``first_line`` gives it)."""
    return [_token(match) for match in _TOKEN.finditer(line)]


def without_optional(word: str) -> str:
    """A word without the signs that most writers leave out."""
    return _OPTIONAL.sub("", word)


def _token(match: re.Match[str]) -> Token:
    number = match["number"]
    if number is None:
        word = match[0].replace(JOINT, "")
        stem = match["stem"] if JOINT in match[0] else ""
        return Token(word, match.start(), match.end(), stem=stem)
    money = match["money"] or match["paid"] or ""
    word = _number(number) + (match["power"] or "")
    return Token(word, match.start(), match.end(), match["than"] or "", money)


def _number(text: str) -> str:
    """1.234,5 as 1234.5, 1.000.000 as 1000000 and 0,5 as 0.5; 1.000 may be either and stays."""
    if _POINTED_THOUSANDS.fullmatch(text):
        text = text.replace(".", "")
    return text.replace(",", ".") if _DECIMAL_COMMA.fullmatch(text) else text


def _alike(one: str, other: str) -> bool:
    """True if two words are the same, as far as both are written with optional signs."""
    if one == other:
        return True
    if without_optional(one) != without_optional(other):
        return False
    pairs = zip(_POINTED.findall(one), _POINTED.findall(other), strict=True)
    return all(set(a) <= set(b) or set(b) <= set(a) for a, b in pairs)
