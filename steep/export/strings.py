"""A thousand strings of every script and habit of writing, to compare two tokenizers with."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence

COUNT = 1000

# Unicode blocks (code points) of the scripts in use, by their first and last.
_SCRIPTS: dict[str, tuple[int, int]] = {
    "Latin": (0x41, 0x7A),
    "Latin with marks": (0xC0, 0x24F),
    "Greek": (0x391, 0x3CE),
    "Cyrillic": (0x400, 0x4FF),
    "Armenian": (0x531, 0x586),
    "Hebrew": (0x5B0, 0x5EA),
    "Arabic": (0x610, 0x6FF),
    "Syriac": (0x710, 0x74A),
    "Thaana": (0x780, 0x7B1),
    "NKo": (0x7C0, 0x7FA),
    "Devanagari": (0x900, 0x97F),
    "Bengali": (0x980, 0x9FE),
    "Gurmukhi": (0xA01, 0xA76),
    "Gujarati": (0xA81, 0xAF9),
    "Oriya": (0xB01, 0xB77),
    "Tamil": (0xB82, 0xBFA),
    "Telugu": (0xC00, 0xC7F),
    "Kannada": (0xC80, 0xCF2),
    "Malayalam": (0xD00, 0xD7F),
    "Sinhala": (0xD82, 0xDF4),
    "Thai": (0xE01, 0xE5B),
    "Lao": (0xE81, 0xEDD),
    "Tibetan": (0xF00, 0xFD4),
    "Myanmar": (0x1000, 0x109F),
    "Georgian": (0x10A0, 0x10FF),
    "Hangul letters": (0x1100, 0x11FF),
    "Ethiopic": (0x1200, 0x1399),
    "Cherokee": (0x13A0, 0x13FD),
    "Canadian syllables": (0x1400, 0x167F),
    "Ogham": (0x1680, 0x169C),
    "Runic": (0x16A0, 0x16F0),
    "Khmer": (0x1780, 0x17F9),
    "Mongolian": (0x1800, 0x18AA),
    "Vietnamese": (0x1EA0, 0x1EF9),
    "Greek with marks": (0x1F00, 0x1FFE),
    "punctuation": (0x2010, 0x205E),
    "currency": (0x20A0, 0x20BF),
    "letterlike": (0x2100, 0x218B),
    "arrows and mathematics": (0x2190, 0x23FF),
    "shapes": (0x2500, 0x27BF),
    "Braille": (0x2800, 0x28FF),
    "Coptic": (0x2C80, 0x2CF3),
    "Tifinagh": (0x2D30, 0x2D67),
    "Kana": (0x3041, 0x30FF),
    "Bopomofo": (0x3105, 0x312F),
    "Han": (0x4E00, 0x9FA5),
    "Yi": (0xA000, 0xA48C),
    "Hangul": (0xAC00, 0xD7A3),
    "Arabic forms": (0xFE70, 0xFEFC),
    "wide forms": (0xFF01, 0xFFDC),
    "Gothic": (0x10330, 0x1034A),
    "musical": (0x1D100, 0x1D126),
    "mathematical letters": (0x1D400, 0x1D7FF),
    "emoji": (0x1F300, 0x1F64F),
}
_HABITS = (
    "", " ", "  three   spaces ", "\n", "\n\n\n", "\ttabs\t\tand\r\nlines \r\n", " \n \n",
    "a\u00a0b", "1234567890", "3.14159", "1,000,000", "12/31/1999 23:59:59.999", "  42",
    "x=1;y=22;z=333", "½²³", "don't we'll I'VE he'd they're 'S", "it’s", "e-mail@example.org",
    "https://example.org/a?b=c#d", "def f(x):\n    return x ** 2  # comment\n",
    "{\"key\": [1, 2, {\"a\": null}]}", "<b>bold</b>", "if (a && b || !c) { ++i; }",
    "#include <stdio.h>\n\n\nint main()\n{\n\treturn 0;\n}\n", "\\begin{a}", "!!!???...",
    "-----=====_____", "«quoted» “so” ‘or’ „so“", "(a)[b]{c}<d>", "~`@#$%^&*|\\/",
    "\U0001f469\u200d\U0001f467 family", "👍🏽", "🇫🇷🇯🇵", "e\u0301 and é", "n\u0303o",
    "ﬁ ﬂ ﬃ", "ＡＢＣ", "İstanbul ıi",
    "ß ẞ ſ", "\u200bzero\u200dwidth\ufeff", "\u202eright to left", "\x00\x01\x7f",
    "\u0085next\u2028line", "CamelCaseAndABBRs", "ALL CAPS TEXT", "MiXeD 4nd l33t", "word" * 40,
    "a" * 200, " " * 50, "0" * 50,
)  # fmt: skip


def strings(tokens: Sequence[str] = (), seed: int = 0) -> list[str]:
    """The strings, the same each time.

    Args:
        tokens: added tokens of the tokenizer, which are put in everywhere.
    """
    rng = random.Random(seed)
    found = list(_HABITS)
    found += [
        around.format(token) for token in tokens[:40] for around in ("{}", "a {} b", "x{0}{0}.")
    ]
    scripts = list(_SCRIPTS)
    while len(found) < COUNT:
        script = scripts[len(found) % len(scripts)]
        words = [_word(script, rng) for _ in range(rng.randint(1, 8))]
        if rng.random() < 0.5:
            words.insert(rng.randrange(len(words) + 1), rng.choice(_HABITS[:-4]))
        if rng.random() < 0.3:
            words.insert(rng.randrange(len(words) + 1), _word(rng.choice(scripts), rng))
        if tokens and rng.random() < 0.2:
            words.insert(rng.randrange(len(words) + 1), rng.choice(tokens))
        found.append(rng.choice([" ", " ", " ", "", "\n", "  ", ", ", "-"]).join(words))
    return found[:COUNT]


def _word(script: str, rng: random.Random) -> str:
    first, last = _SCRIPTS[script]
    return "".join(_letter(first, last, rng) for _ in range(rng.randint(1, 9)))


def _letter(first: int, last: int, rng: random.Random) -> str:
    """A character of the block that Unicode has given a meaning."""
    while True:
        letter = chr(rng.randint(first, last))
        if unicodedata.category(letter) not in ("Cn", "Cs", "Co"):
            return letter
