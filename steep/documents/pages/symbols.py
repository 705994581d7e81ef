"""Fonts of signs: what a letter or a code of Symbol and Wingdings stands for.

Files hold these characters as letters ("m" for μ), as bytes or in Unicode's private area (U+F06D);
only the font makes signs of them.
"""

from __future__ import annotations

import re

# Adobe's encoding of Symbol, from 0x20 to 0x7E and from 0xA0 to 0xFE.
_SYMBOL_LOW = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?"
    "≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_"
    "‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼"
)
_SYMBOL_HIGH = (
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵"
    "ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓"
    "◊⟨®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪ ⟩∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭"
)
# Of Wingdings what stands in texts: faces, bullets, boxes, arrows and ticks.
_WINGDINGS = {
    0x4A: "☺", 0x4B: "😐", 0x4C: "☹", 0x6C: "●", 0x6D: "❍", 0x6E: "■", 0x6F: "□", 0x71: "❑",
    0x72: "❒", 0x73: "⬧", 0x74: "⧫", 0x75: "◆", 0x76: "❖", 0x77: "⬥", 0x9E: "·", 0x9F: "•",
    0xA1: "○", 0xA7: "▪", 0xA8: "☐", 0xD8: "➢", 0xDF: "←", 0xE0: "→", 0xE1: "↑", 0xE2: "↓",
    0xE3: "↖", 0xE4: "↗", 0xE5: "↙", 0xE6: "↘", 0xE8: "➔", 0xEF: "⇦", 0xF0: "⇨", 0xF1: "⇧",
    0xF2: "⇩", 0xF3: "⬄", 0xFB: "✗", 0xFC: "✓", 0xFD: "☒", 0xFE: "☑", 0x20: " ",
}  # fmt: skip
_WINGDINGS_2 = {
    0x4F: "✗", 0x50: "✓", 0x51: "☒", 0x52: "☑", 0x53: "☒", 0x54: "☒", 0xA3: "☐", 0x20: " ",
}  # fmt: skip
_FONTS = {
    "symbol": {
        **dict(enumerate(_SYMBOL_LOW, start=0x20)),
        **dict(enumerate(_SYMBOL_HIGH, start=0xA0)),
    },
    "wingdings": _WINGDINGS,
    "wingdings 2": _WINGDINGS_2,
}
_PRIVATE = range(0xF020, 0xF0FF)
"""Where Unicode has room for a font's own codes, above 0xF000."""
_FAMILY = re.compile(
    r"\bfont(?:-family\s*:|\s*:(?:[^;,]*?\s)?)\s*[\"']?(symbol|wingdings(?: 2)?)[\"']?"
    r"\s*(?:[,;]|$)",
    re.IGNORECASE,
)


def holds_signs(font: str) -> bool:
    """True for a font whose letters stand for signs."""
    return font.strip().casefold() in _FONTS


def sign_of(font: str, code: int) -> str:
    """What a font's code stands for: nothing if it isn't known, itself in fonts of letters."""
    signs = _FONTS.get(font.strip().casefold())
    low = code - 0xF000 if code in _PRIVATE else code
    if signs is not None and low <= 0xFF:
        return signs.get(low, "")
    return chr(code) if 0x20 <= code < 0xD800 else ""


def in_font(text: str, font: str) -> str:
    """A text as a font shows it; what has no place in a font of signs stays as it is."""
    if not holds_signs(font):
        return text
    shown = (c if c < " " or 0xFF < ord(c) < 0xF020 else sign_of(font, ord(c)) for c in text)
    return "".join(shown)


def font_of(style: str) -> str:
    """The font of signs that a style in HTML names first, or ""."""
    found = _FAMILY.search(style)
    return found[1] if found else ""
