"""Words of running text in any script."""

from __future__ import annotations

import pytest

from steep.proof.tokens import WORD, first_line, tokens_of


# Broken by: r"\w+", which cuts at every vowel sign.
@pytest.mark.parametrize(
    "words",
    [
        ("राम", "दिल्ली", "में", "रहता", "है"),
        ("বাংলা", "ভাষা"),
        ("தமிழ்", "மொழி"),
        ("తెలుగు", "ಕನ್ನಡ", "മലയാളം", "ਪੰਜਾਬੀ", "ગુજરાતી", "සිංහල"),
        ("مُحَمَّد", "می\u200cشود"),
        ("סֵפֶר", "שָׁלוֹם"),
        ("ꯃꯤꯇꯩ", "𑄌𑄋𑄴𑄟"),
        ("Ha\u0301", "don", "t", "12a"),
    ],
)
def test_a_word_keeps_its_marks(words: tuple[str, ...]) -> None:
    assert tuple(WORD.findall(", ".join(words))) == words


def test_a_number_knows_its_sign_and_currency_and_its_place() -> None:
    line = first_line("Up to $ 1,000 or ৫০০ €")
    number, word, other = tokens_of(line)
    assert (number.key, word.key, other.key) == ("≤$1000", "or", "€500")
    assert line[number.start : number.end].startswith("≤")
