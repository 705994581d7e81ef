"""What is recited, and what is copied when writing freely."""

from __future__ import annotations

import random
from typing import Any

import pytest

from steep.proof.layout import Encoder
from steep.proof.recall import (
    copied,
    longest_runs,
    recited,
    sample_starts,
    verbatim_windows,
)
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


ROW = "item: steel clamp {n}. price: {n} euros. stock: {n} pieces. supplier: Hartmann."


# Broken by: windows of 64 tokens alone, of which rows have none.
def test_short_texts_are_continued_from_their_middle() -> None:
    rows = [(f"r{n}", ROW.format(n=n)) for n in range(100, 130)]
    encoder = Encoder(tiny_tokenizer([text for _, text in rows]))
    windows = verbatim_windows(encoder, rows)
    assert {window.id for window in windows} == {name for name, _ in rows}
    before = len(encoder.prefix)
    for window in windows:
        whole = encoder.text(dict(rows)[window.id])
        assert window.start == 0 and 8 <= window.tokens < 32
        assert list(window.ids) == whole[: before + 2 * window.tokens]
        assert 0 <= len(whole) - len(window.ids) <= 1
    assert windows == verbatim_windows(encoder, rows[::-1])


# Broken by: one list for all, where rows crowd out the passages that decide.
def test_rows_dont_take_the_place_of_passages() -> None:
    rows = [(f"r{n}", ROW.format(n=n)) for n in range(100, 300)]
    long = [(f"t{n}", " ".join(ROW.format(n=n + k) for k in range(30))) for n in range(9)]
    encoder = Encoder(tiny_tokenizer([text for _, text in rows]))
    windows = verbatim_windows(encoder, [*rows, *long])
    assert [window.tokens for window in windows].count(32) == 64
    assert sum(window.tokens < 32 for window in windows) == 64
    assert all(window.id.startswith("t") for window in windows[:64])
    ends = verbatim_windows(encoder, long)
    assert windows[:64] == ends  # and the last tokens of a long text are no text of their own


def test_windows_of_all_sizes_are_told_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [(f"r{n}", ROW.format(n=n)) for n in (1, 22, 333, 4444)] + [("t", ROW * 9)]
    tokenizer = tiny_tokenizer([text for _, text in texts])
    scorer = Scorer(tiny_model("llama", tokenizer), tokenizer)
    windows = verbatim_windows(scorer.encoder, texts)
    before = len(scorer.encoder.prefix)

    def recites(self: Scorer, sequences: Any, prefix_tokens: int) -> list[bool]:
        assert all(len(ids) == before + 2 * (prefix_tokens - before) for ids in sequences)
        return [len(ids) % 4 == before % 4 for ids in sequences]

    monkeypatch.setattr(Scorer, "recites", recites)
    rows = recited(scorer, windows)
    assert [(row["id"], row["start"]) for row in rows] == [(w.id, w.start) for w in windows]
    assert [row["same"] for row in rows] == [window.tokens % 2 == 0 for window in windows]
    assert [row["tokens"] for row in rows] == [window.tokens for window in windows]


# Broken by: a sentence of a script without spaces taken for one word: half a page copied was none,
# and a sample began with a whole document.
def test_scripts_without_spaces_are_copied_by_the_character() -> None:
    text = "西湖位於浙江省杭州市，是著名的風景名勝區，每年遊客眾多。"
    assert longest_runs(["我說：位於浙江省杭州市是"], [text]) == [9]
    assert longest_runs(["wrote: ที่กรุงเทพ"], ["งานจัดที่กรุงเทพในเดือน"]) == [7]
    assert longest_runs(["ทู"], ["ที"]) == [0]  # another vowel
    (start, *_) = sample_starts([("a", text * 20)])
    assert start == ("a", "西湖位於浙江省杭州市，是著名的")
    assert sample_starts([("b", "One  two three\nfour 5 six, seven. eight nine")])[0][1] == (
        "One two three four 5 six, seven. eight"
    )
