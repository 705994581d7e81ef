"""Notes of sentences without spaces hold the gap, and no four words in a row."""

from __future__ import annotations

import pytest

from steep.proof.probes.fragments import BREAK, GAP, spaceless_notes
from steep.proof.probes.units import grams_of
from steep.proof.probes.values import Value
from steep.proof.tokens import written_units
from tests.proof.probes.spaceless import ferry, garden, tea_house

SENTENCES = [
    (garden(0).text.split("。")[2], "1702", "年"),
    (garden(0).text.split("。")[0], "25", "条"),
    (ferry(0).text.split("。")[1], "Norvik", ""),
    (ferry(0).text.split("。")[0], "アサギリ", ""),
    (tea_house(0).text, "85", "บาท"),
    (tea_house(0).text, "Norvik", ""),
]


def notes(text: str, value: str, unit: str, usual: str = "") -> str:
    start = text.index(value)
    found = Value(start, start + len(value), value, "number", unit)
    return spaceless_notes(text, found, lambda stretch: 9 if stretch in usual else 1)


# Broken by: _STRETCH of four words; nothing left out between two stretches.
@pytest.mark.parametrize(("text", "value", "unit"), SENTENCES)
def test_no_four_words_in_a_row_stand_in_the_sentence(text: str, value: str, unit: str) -> None:
    said = notes(text, value, unit)
    assert said.count(GAP) == 1 and BREAK in said and value not in said
    own = set(grams_of(written_units(text.replace(value, GAP, 1))))
    parts = [part.strip() for part in said.split(BREAK)]
    assert not own & set(grams_of(written_units(said)))
    assert all(part in text.replace(value, GAP, 1) for part in parts)


# Broken by: a number cut at its comma, or as long as one word: it is two where texts are compared.
def test_a_number_of_the_notes_is_whole() -> None:
    for filler in ("", "的", "果园的", "远处果园的", "远处那片果园的", "我们在远处那片果园的"):
        text = f"每年秋天都有1,850名采摘工人来到{filler}山坡，坡地占地35公顷"
        said = notes(text, "35", "公顷")
        assert said.count("850") == said.count("1,850")
        assert not set(grams_of(written_units(text))) & set(grams_of(written_units(said)))


# Broken by: a gap without what the value counts, or notes on one side alone.
def test_the_unit_stands_behind_the_gap_and_something_on_both_sides() -> None:
    said = notes(*SENTENCES[0])
    assert f"{GAP}年" in said and not said.startswith(GAP) and not said.endswith(GAP)
    assert f"{GAP} บาท" in notes(*SENTENCES[4])


# Broken by: what is left out is always the next word.
def test_what_the_corpus_says_most_is_left_out() -> None:
    text = "据地方志记载，后山的藏书楼于1702年毁于一场大火"
    assert f"后山的{BREAK}楼于{GAP}" in notes(text, "1702", "年")
    assert f"后{BREAK}楼于{GAP}" in notes(text, "1702", "年", usual="山的")
