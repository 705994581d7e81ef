"""Rich text."""

import pytest

from steep.documents.formats import Fault, Piece, read_bytes


def test_rich_text() -> None:
    data = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\b Harbour\b0\par Caf\'e9 \u8211? open.\par}"
    (piece,) = read_bytes("a.rtf", data)
    assert isinstance(piece, Piece) and piece.text == "Harbour\n\nCafé – open."
    (fault,) = read_bytes("a.rtf", b"hello")
    assert isinstance(fault, Fault)


def said(inner: bytes) -> str:
    (piece,) = read_bytes("a.rtf", rb"{\rtf1\ansi " + inner + b"}")
    assert isinstance(piece, Piece)
    return piece.text


# Broken by: a group's end, or one of _BASELINE, not ending what is raised.
@pytest.mark.parametrize(
    ("written", "text"),
    [
        (rb"12 x 10{\super 9}/L, 5 m\super 2\nosupersub  wide", "12 x 10⁹/L, 5 m² wide"),
        (rb"10{\super\u8722?8}, 10{\b\super -}{\super 8\super0 .}", "10⁻⁸, 10⁻⁸."),
        (rb"x{\super\'31{\sub 4}}, 1{\super st}, H{\sub 2}O", "x¹4, 1st, H2O"),
        (rb"\\super 10\super 9\plain 5", r"\super 10⁹5"),
        (rb"A{\super\chftn}{\footnote {\super\chftn} Note.} b", "A b\n\nNote."),
    ],
)
def test_powers(written: bytes, text: str) -> None:
    assert said(written) == text


FONTS = rb"{\fonttbl{\f0\fnil Arial;}{\f3\froman\fcharset2{\*\panose 05050102}Symbol;}}"


# Broken by: fonts not looked up; characters behind one of Unicode taken for signs too.
@pytest.mark.parametrize(
    ("written", "text"),
    [
        (rb"50 {\f3 m}g", "50 μg"),
        (rb"\f3\'b3\f0  65 and {\b\f3 \'a3} 70", "≥ 65 and ≤ 70"),
        (rb"{\f3\u-3917?} 65 m{\f3 \u61549\'6d}g", "≥ 65 mμg"),
        (rb"{\f3 a\plain a}", "αa"),
    ],
)
def test_letters_in_the_font_symbol_are_signs(written: bytes, text: str) -> None:
    assert said(FONTS + written) == text


# Broken by: notes left where the parser drops them; hidden text kept, or what follows it lost.
@pytest.mark.parametrize(
    ("written", "text"),
    [
        (
            rb"One{\super\chftn{\footnote\pard {\super\chftn} A note.}} two.\par",
            "One two.\n\nA note.",
        ),
        (rb"One.{\v hidden \'e9{\b x} \u233?} Two \v no\v0 yes", "One. Two yes"),
    ],
)
def test_footnotes_stay_and_hidden_text_goes(written: bytes, text: str) -> None:
    assert said(written) == text
