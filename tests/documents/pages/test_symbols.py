"""Fonts of signs."""

import pytest

from steep.documents.formats import Piece
from steep.documents.pages.markup import read_html
from steep.documents.pages.symbols import font_of, in_font, sign_of


# Broken by: a sign left out of one of Symbol's two tables.
def test_symbol_has_its_signs_where_adobe_puts_them() -> None:
    assert in_font("abgdmpsW", "Symbol") == "αβγδμπσΩ"
    assert [sign_of("Symbol", code) for code in (0x7E, 0xA3, 0xB3, 0xB1, 0xD6, 0xE5, 0xFE)] == [
        *"∼≤≥±√∑⎭"
    ]


# Broken by: private codes taken as they are, or letters of other fonts changed.
def test_a_code_is_a_sign_of_its_font_or_itself() -> None:
    assert in_font("\uf0b3 65 \uf06dg", "symbol") == "≥ 65 μγ"
    assert (sign_of("Wingdings", 0xF0FE), sign_of("Wingdings", 0x41)) == ("☑", "")
    assert (sign_of("Arial", 0x2265), sign_of("Arial", 0xF041)) == ("≥", "")
    assert in_font("m\uf041≥", "Arial") == "m\uf041≥" and in_font("≥\t", "Symbol") == "≥\t"


@pytest.mark.parametrize(
    ("style", "font"),
    [
        ("font-family: Symbol", "Symbol"),
        ("color:red;FONT-FAMILY:'Wingdings 2', serif", "Wingdings 2"),
        ("font: 10.0pt Symbol;", "Symbol"),
        ("font-family:'Segoe UI Symbol'", ""),
        ("font-family: Arial, Symbol", ""),
    ],
)
def test_a_style_names_its_font(style: str, font: str) -> None:
    assert font_of(style) == font


# Broken by: text within in a font of its own changed too; <font face> not asked.
@pytest.mark.parametrize(
    "open_tag", ["<span style='font-family:Symbol'>", "<font face=symbol>", "<font FACE=Symbol>"]
)
def test_a_page_s_letters_in_such_a_font_are_signs(open_tag: str) -> None:
    close = f"</{open_tag[1:5]}>"
    page = f"<p>50 {open_tag}m<b style='font:7pt \"Times\"'>m</b>{close}g are enough for all.</p>"
    (piece,) = read_html(page)
    assert isinstance(piece, Piece) and piece.text == "50 μmg are enough for all."
