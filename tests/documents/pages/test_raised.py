"""What is raised on the page, in plain text."""

import pytest

from steep.documents.cleaning.clean import clean_text
from steep.documents.pages.raised import BEGIN, END, set_raised, without_marks


def said(text: str) -> str:
    return set_raised(text.replace("{", BEGIN).replace("}", END))


# Broken by: any branch of _raised; what was broken into pieces not joined ("2ⁿd").
@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("10{9}/L, 5 m{2}, 2{n}, Ca{2+}, {13}C", "10⁹/L, 5 m², 2ⁿ, Ca²⁺, ¹³C"),
        ("10{-8} 10{\u22128} 10{\u20138} 10{-}{8} 10{ 9 }", "10⁻⁸ 10⁻⁸ 10⁻⁸ 10⁻⁸ 10 ⁹ "),
        (
            "the 1{st}, 2{n}{d} and 20{th}, 1{er}, n{o} 5, 2{a}",
            "the 1st, 2nd and 20th, 1er, no 5, 2a",
        ),
        (
            "Acme{TM}, word{*}, Smith{1*}, 0.05{a}, in 2012{[3]}",
            "AcmeTM, word*, Smith1*, 0.05a, in 2012[3]",
        ),
        ("found{1,2}, in 2012{1-3,5}", "found¹,², in 2012¹⁻³,⁵"),
        (
            "10{6.5}, m{2/3}, e{-kt}, 2{x}, (a+b){2k}, 20121{1a}",
            "10^6.5, m^(2/3), e^(-kt), 2^x, (a+b)^2k, 20121^1a",
        ),
        ("word{x}, word{i}, {}, {()}, a{(}b", "wordx, wordi, , (), a(b"),
        ("e{x{2}}", "e^x²"),
        ("a}b{c", "abc"),
        ("nothing raised", "nothing raised"),
    ],
)
def test_powers_and_ordinals(text: str, plain: str) -> None:
    assert said(text) == plain
    assert clean_text(plain) == plain.rstrip()


def test_a_files_own_control_characters_mean_nothing() -> None:
    assert set_raised(without_marks(f"1{BEGIN}0{END}9")) == "109"


# Broken by: a pattern that tries again from each place (a quantifier within another).
def test_long_nonsense_takes_no_time() -> None:
    size = 200_000
    for text in (
        BEGIN * size,
        f"1{BEGIN}2{END}" * size,
        f"{BEGIN}{'1' * size}x{END}",
        f"{BEGIN}{'1-' * size}x{END}",
        f"1{BEGIN}{'1, ' * size}{END}",
        f"{BEGIN}{'(' * size}{END}",
        f"x{BEGIN}" * size + END * size,
    ):
        assert BEGIN not in set_raised(text)
