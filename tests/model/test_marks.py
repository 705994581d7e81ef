"""Splitting patterns in which marks go with letters."""

from __future__ import annotations

import pytest
from tokenizers import Regex, pre_tokenizers

from steep.export.gguf.words import SPLITTINGS
from steep.model.marks import joining_marks, with_marks


@pytest.mark.parametrize("known", SPLITTINGS, ids=lambda known: known.name)
def test_hindi_words_stay_whole_and_everything_else_is_split_as_before(known: object) -> None:
    steps = [dict(step) for step in known.steps]  # type: ignore[attr-defined]
    changed = joining_marks({"type": "Sequence", "pretokenizers": steps})["pretokenizers"]

    def split(steps: list[dict[str, object]], text: str) -> list[str]:
        parts = [text]
        for step in steps:
            if step["type"] != "ByteLevel":
                digits = step["type"] == "Digits"
                one = (
                    pre_tokenizers.Digits(individual_digits=True)
                    if digits
                    else pre_tokenizers.Split(Regex(step["pattern"]["Regex"]), "isolated")  # type: ignore[index]
                )
                parts = [p for part in parts for p, _ in one.pre_tokenize_str(part)]
        return parts

    assert split(changed, "नमस्ते दुनिया") == ["नमस्ते", " दुनिया"]
    if any(step["type"] == "Split" for step in steps):
        text = "It's 1987: x+=1;\n\n  naïve (zebra's)  end"
        assert split(changed, text) == split(steps, text)


def test_a_pattern_that_knows_marks_is_left_alone() -> None:
    assert with_marks(r"[\p{L}\p{M}]+|\s+") == r"[\p{L}\p{M}]+|\s+"
    assert with_marks(r"\p{L}+|[^\s\p{L}]") == r"[\p{L}\p{M}]+|[^\s\p{L}\p{M}]"
