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
