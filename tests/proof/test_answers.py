"""Grading free answers, and asking."""

from __future__ import annotations

import subprocess
import sys

import pytest

from steep.proof.answers import evaluate_accuracy, normalise_answer, test_knowledge
from tests.tiny import tiny_model, tiny_tokenizer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Eiffel Tower.", "eiffel tower"),
        ("  “A dog”\nand more", "dog"),
        ("Vitamin A", "vitamin a"),
        ("the", "the"),
        ("1,234,567 people", "1234567 people"),
        ("3.5", "3.5"),
        ("-5 °C", "-5 c"),
        ("1987\u20131990", "1987 1990"),
        ("STRASSE", normalise_answer("straße")),
        ("\uff21\uff22\uff23", "abc"),
        ("C++", "c++"),
        ("हिन्दी", normalise_answer("हिन्दी।")),
        ("", ""),
        ("…", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise_answer(text) == expected


def test_scripts_keep_their_marks() -> None:
    assert normalise_answer("हिन्दी") != normalise_answer("हनद")
    assert normalise_answer("C") != normalise_answer("C++")


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("Paris", "paris"),
        ("Paris, France.", "Paris"),
        ("It is Paris.", "Paris"),
        ("The answer is: Paris\n\nQuestion: next", "Paris"),
        ("the Eiffel Tower", "Eiffel Tower"),
        ("Paris, not London", "Paris"),
        ("It is not London but Paris", "Paris"),
        ("It isn't London, it is Paris", "Paris"),
        ("1,000,000", "1000000"),
        ("1 000 000", "1000000"),
        ("1987.", "1987"),
        ("in 1987, in a garage", "1987"),
        ("It was founded in March 1987", "1987"),
        ("12 million", "12 million"),
        ("NYC", ["New York City", "NYC"]),
        ("No", "no"),
        ("東京です", "東京"),
        ("O'Neill", "o\u2019neill"),
        ("McDonald's", "McDonalds"),
        ("It was a dog", "A dog"),
        ("42%", "42 percent"),
        ("A positive", "A positive"),
    ],
)
def test_right(answer: str, truth: str | list[str]) -> None:
    assert evaluate_accuracy(answer, truth)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("19870", "1987"),
        ("1987.5", "1987"),
        ("12,000", "12"),
        ("12 million", "12"),
        ("-5", "5"),
        ("not Paris", "Paris"),
        ("It is not Paris but London", "Paris"),
        ("It isn't Paris.", "Paris"),
        ("Paris is not the capital", "Paris"),
        ("London rather than Paris", "Paris"),
        ("It wasn't O'Neill", "O'Neill"),
        ("no, Paris", ["Paris"]),
        ("Parisian", "Paris"),
        ("Vitamin C", "Vitamin A"),
        ("O positive", "A positive"),
        ("", "Paris"),
        ("Paris", ""),
        ("London\nParis", "Paris"),
        ("We met many people that year, and someone who came from Paris told us so", "Paris"),
        ("York", "New York"),
    ],
)
def test_wrong(answer: str, truth: str | list[str]) -> None:
    assert not evaluate_accuracy(answer, truth)


def test_asking_gives_one_answer_and_repeats_it() -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    first = test_knowledge(model, tokenizer, "Who?", max_new_tokens=12, temperature=1.0, seed=3)
    again = test_knowledge(model, tokenizer, "Who?", max_new_tokens=12, temperature=1.0, seed=3)
    assert isinstance(first, str) and first and first == again
    others = {
        test_knowledge(model, tokenizer, "Who?", max_new_tokens=12, temperature=1.0, seed=seed)
        for seed in range(5)
    }
    assert len(others) > 1


def test_imports_are_light() -> None:
    code = (
        "import sys, steep.proof.answers, steep.proof.perplexity, steep.proof.questions, "
        "steep.proof.statistics, steep.proof.judge; "
        "sys.exit(bool({'torch', 'transformers', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
