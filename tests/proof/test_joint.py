"""Asking once for choices and answer equals scoring and decoding apart."""

from __future__ import annotations

from typing import Any

import pytest

from steep.proof import joint
from steep.proof.generation import Decoding
from steep.proof.joint import ask
from steep.proof.scorer import Choices, Scorer
from tests.tiny import Kind, tiny_model, tiny_tokenizer

REQUESTS = [
    Choices("Question: Who is it?\nAnswer:", (" Paris", " Paris is great", " Paris", " 1987")),
    Choices("Answer:", (" fox", " a b c d e f g h")),
    Choices("The quick", ()),
    Choices("Question: " + "lazy " * 20 + "?\nAnswer:", tuple(f" option {n}" for n in range(10))),
    Choices("dog " * 150, (" fox", " dog")),
]


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


# Broken by: a mask of all ones in _read (the answer then sees the choices), or positions that go
# on behind the choices.
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2", "gemma"])
def test_equals_scoring_and_decoding_apart(kind: Kind, attention: str, tokenizer: Any) -> None:
    model = tiny_model(kind, tokenizer)
    model.set_attn_implementation(attention)
    scorer = Scorer(model, tokenizer)
    found = ask(scorer, REQUESTS, Decoding(12, min_new_tokens=1, stops=("q",)))
    scores = scorer.score_continuations(REQUESTS)
    answers = scorer.generate(
        [request.prompt for request in REQUESTS], max_new_tokens=12, min_new_tokens=1, stop="q"
    )
    assert [one.answer for one in found] == answers
    assert len(set(answers)) > 3
    for one, row in zip(found, scores, strict=True):
        assert [s.logprob for s in one.scores] == pytest.approx([s.logprob for s in row], abs=1e-4)
        assert [s.greedy for s in one.scores] == [s.greedy for s in row]


# Broken by: _once always False (nothing is shared any more).
def test_prompts_are_read_once(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer(tiny_model("llama", tokenizer), tokenizer)
    again: list[int] = []
    monkeypatch.setattr(
        scorer, "continue_ids", lambda prompts, _: again.append(len(prompts)) or ["x"] * 2
    )
    ask(scorer, REQUESTS, Decoding(4))
    assert again == [2]  # without choices, and too long to hold both


def test_a_sliding_window_is_asked_apart(tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scorer = Scorer(tiny_model("llama", tokenizer), tokenizer)
    monkeypatch.setattr(scorer.forward.config, "sliding_window", 64, raising=False)
    monkeypatch.setattr(joint, "_read", lambda *_: pytest.fail("read once"))
    assert len(ask(scorer, REQUESTS[:2], Decoding(4))) == 2
