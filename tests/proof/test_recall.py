"""What is copied when writing freely."""

from __future__ import annotations

import random
from typing import Any

import pytest

from steep.proof.recall import copied, longest_runs, sample_starts
from steep.proof.scorer import Scorer
from tests.tiny import tiny_model, tiny_tokenizer


def longest_common(sample: list[str], text: list[str]) -> int:
    """The same, by looking everywhere."""
    best = 0
    for i in range(len(sample)):
        for j in range(len(text)):
            size = 0
            while sample[i + size : i + size + 1] == text[j + size : j + size + 1] != []:
                size += 1
            best = max(best, size)
    return best


# Broken by: dropping the separator between texts, or extending the hash at the wrong place.
@pytest.mark.parametrize("seed", range(8))
def test_longest_runs_are_those_found_by_looking(seed: int) -> None:
    rng = random.Random(seed)
    words = ["ant", "bee", "cow", "dog"]
    corpus = [[rng.choice(words) for _ in range(rng.randrange(0, 40))] for _ in range(5)]
    samples = [[rng.choice([*words, "elk"]) for _ in range(rng.randrange(0, 25))] for _ in range(6)]
    expected = [max(longest_common(sample, text) for text in corpus) for sample in samples]
    found = longest_runs([" ".join(s) for s in samples], [" ".join(text) for text in corpus])
    assert found == expected


def test_case_and_punctuation_dont_hide_a_copy_and_documents_dont_join() -> None:
    corpus = ["The old mill, built in 1820, burned.", "down again"]
    assert longest_runs(["the OLD mill built in 1820 burned down again"], corpus) == [7]
    assert longest_runs(["", "something else"], corpus) == [0, 0]
    assert longest_runs(["a copy of this very text"], ["it is a copy of this very text"]) == [6]


# Broken by: words cut at vowel signs.
def test_words_with_vowel_signs_are_counted_whole() -> None:
    corpus = ["स्वास्थ्य मंत्रालय ने नई नीति जारी की है।"]
    assert longest_runs(["कल मंत्रालय ने नई नीति जारी करेगा"], corpus) == [5]
    assert longest_runs(["राम दिन"], ["रोम दान"]) == [0]


def test_samples_repeat_and_are_graded(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [(f"t{n}", f"{n} the quick brown fox jumps over the lazy dog again") for n in range(20)]
    tokenizer = tiny_tokenizer()
    scorer = Scorer(tiny_model("llama", tokenizer), tokenizer)
    rows = copied(scorer, texts)
    assert len(rows) == len(sample_starts(texts)) == 16 and rows == copied(scorer, texts)
    assert [row["id"] for row in rows] == [name for name, _ in sample_starts(texts[::-1])]

    def recite(self: Scorer, prompts: Any, **options: Any) -> list[str]:
        return ["over the lazy dog again" for _ in prompts]

    monkeypatch.setattr(Scorer, "generate", recite)
    assert {row["words"] for row in copied(scorer, texts)} == {5}
    assert copied(scorer, []) == []
