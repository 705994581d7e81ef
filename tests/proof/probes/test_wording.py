"""Wordings of probes against the texts that are trained on."""

from __future__ import annotations

from steep.proof.probes.wording import Wording, standing_in


def _never(word: str) -> bool:
    return False


# Broken by: words cut at vowel signs, four of which are two words or less.
def test_four_words_are_four_words_of_any_script() -> None:
    asked = [Wording("“राम … दिल्ली में”", ()), Wording("मंत्रालय ने नई नीति जारी", ())]
    texts = ["मेरा भाई दिल्ली में रहता है।", "मंत्रालय ने नई नीति रोकी।"]
    assert standing_in(asked, texts, _never) == [False, True]
    latin = [Wording("Who ran the old mill?", ()), Wording("the old mill", ())]
    assert standing_in(latin, ["He ran the old mill."], _never) == [True, False]


# Broken by: written_units that is WORD.findall, for which all between two marks is one word.
def test_without_spaces_a_stretch_as_long_as_four_words_takes_their_place() -> None:
    texts = [
        "藏书楼在后山的竹林深处，毁于1702年。",
        "用GPT 4模型写成的诗",
        "ร้านน้ำชาริมแม่น้ำแห่งนี้เปิดเช้า",
    ]
    asked = [
        "他说藏书楼在后山的竹",  # eight characters in a row
        "他说藏书楼在后山的湖",
        "请用GPT 4模型写成的",  # two characters and two words, and four more
        "请用GPT 5模型写诗",
        "พบร้านน้ำชาริมแม่น้ำแห่งนี้",
        "พบร้านน้ำชาริมทะเล",
    ]
    found = standing_in([Wording(text, ()) for text in asked], texts, _never)
    assert found == [True, False, True, False, True, False]
    named = [Wording("听雨园: 后山的竹林", ("听雨园",)), Wording("听雨园: 后山的竹林", ())]
    assert standing_in(named, ["听雨园后山的竹林"], _never) == [False, True]
    numbered = [Wording("竹林深处，毁于1808年", ())]
    assert standing_in(numbered, texts, _never) == [False]
    assert standing_in(numbered, texts, str.isdigit) == [True]
