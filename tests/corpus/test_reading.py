"""The packaged reading is there, and isn't the text that judges forgetting."""

from __future__ import annotations

import re

from steep.corpus.reading import reading_texts
from steep.proof.grammar import grammar_pairs
from steep.proof.questions import (
    general_questions,
    general_texts,
    guard_texts,
    reference_texts,
    validation_reference_texts,
    validation_texts,
)


def grams(text: str, size: int) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i : i + size]) for i in range(len(words) - size + 1)}


def test_reading_is_prose_without_markup() -> None:
    texts = reading_texts(reference=True)
    assert len(texts) >= 160 and set(reading_texts()) < set(texts)
    assert all(len(text) > 800 and not text.startswith("#") for text in texts)
    assert len(set(texts)) == len(texts)


def test_reading_shares_no_wording_with_the_panel() -> None:
    # Fails if a passage (or a sentence) of the panel is put into the reading.
    seen = set().union(*(grams(text, 7) for text in reading_texts(reference=True)))
    for name, passage in (*general_texts(), *reference_texts()):
        assert not grams(passage, 7) & seen, name
    for passage in (*validation_texts(), *validation_reference_texts(), *guard_texts()):
        assert not grams(passage, 7) & seen, passage[:60]
    for question in general_questions():
        assert not grams(question.question, 7) & seen, question.id
    for pair in grammar_pairs():
        assert not grams(pair.good, 7) & seen, pair.id
