"""Free answers have room for what is true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steep.proof import asking
from steep.proof.asking import ANSWER_TOKENS, LONGEST_ANSWER_TOKENS, answer_limits, answered
from steep.proof.generation import Decoding
from steep.proof.joint import Asked
from steep.proof.layout import Encoder
from steep.proof.measure import Panel, measure
from steep.proof.questions import Question
from steep.proof.scorer import Choices, Scorer
from tests.tiny import tiny_model, tiny_tokenizer

HINDI = "स्वास्थ्य मंत्रालय"
QUESTIONS = (
    Question("long", "Who decides?", HINDI),
    Question("short", "Where is it?", "Paris", choices=("Paris", "Rome")),
    Question("alias", "Who else?", "MoH", aliases=(HINDI,)),
    Question("huge", "What does it say?", "no " * 400),
)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    tokenizer = tiny_tokenizer()
    return Scorer(tiny_model("llama", tokenizer), tokenizer, max_length=1024)


# Broken by: one limit of 16 tokens, or limits without aliases.
def test_the_longest_truth_has_room(scorer: Scorer) -> None:
    long, short, alias, huge = answer_limits(scorer.encoder, QUESTIONS)
    assert len(scorer.encoder.text(" " + HINDI)) + 8 <= long == alias < 80
    assert (short, huge) == (ANSWER_TOKENS, LONGEST_ANSWER_TOKENS)


def _says_the_truth(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """A model that gives each question's truth, cut like any answer; (limit, asked) of calls."""
    calls: list[tuple[int, int]] = []
    truths = {question.prompt: question.truths[-1] for question in QUESTIONS}

    def ask(scorer: Scorer, requests: list[Choices], decoding: Decoding) -> list[Asked]:
        limit = decoding.max_new_tokens
        calls.append((limit, len(requests)))
        said = [scorer.encoder.text(" " + truths[r.prompt])[:limit] for r in requests]
        scores = scorer.score_continuations(requests)
        texts = [scorer.tokenizer.decode(ids) for ids in said]
        return [Asked(*pair) for pair in zip(scores, texts, strict=True)]

    monkeypatch.setattr(asking, "ask", ask)
    return calls


# Broken by: asking all with one limit, or handing results back in the order of limits.
def test_each_is_asked_with_its_limit_and_results_keep_their_order(
    scorer: Scorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = _says_the_truth(monkeypatch)
    (long, *_) = answer_limits(scorer.encoder, QUESTIONS)
    found = answered(scorer, QUESTIONS)
    assert sorted(calls) == [(ANSWER_TOKENS, 1), (long, 2), (LONGEST_ANSWER_TOKENS, 1)]
    assert [len(scores) for scores, _ in found] == [0, 2, 0, 0]
    assert [row["exact"] for _, row in found] == [True, True, True, False]
    assert found[0][1]["answer"] == HINDI


# Broken by: a _asked that lets each model's own tokenizer set the limits.
def test_a_tuned_model_with_more_tokens_has_the_bases_limits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own, base = tiny_tokenizer([HINDI] * 50), tiny_tokenizer()
    panel = Panel(questions=QUESTIONS[:2])
    (limit, _) = answer_limits(Encoder(base), panel.questions)
    (less, _) = answer_limits(Encoder(own), panel.questions)
    assert less < limit <= 64
    calls = _says_the_truth(monkeypatch)
    model: Any = tiny_model("llama", own)
    rows = measure(model, own, panel, base_tokenizer=base)["questions"]
    assert {size for size, _ in calls} == {ANSWER_TOKENS, limit}
    assert [row["id"] for row in rows] == ["long", "short"] and all(row["exact"] for row in rows)


def test_a_small_window_keeps_half_for_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tiny_tokenizer()
    small = Scorer(tiny_model("llama", tokenizer), tokenizer, max_length=64)
    calls = _says_the_truth(monkeypatch)
    answered(small, [replace(QUESTIONS[3], choices=())])
    assert calls == [(32, 1)]


# Broken by: a space before every choice, or before none of a sentence's.
@pytest.mark.parametrize(
    ("form", "question", "choice", "behind"),
    [
        ("text", "公司的注册资本为", "3000万", "3000万"),
        ("text", "本社は「", "東京", "東京"),
        ("text", "สำนักงานใหญ่ตั้งอยู่ที่", "เชียงใหม่", "เชียงใหม่"),
        ("text", "ราคาเริ่มต้นที่", "120", " 120"),
        ("text", "The mill was rebuilt in", "1808", " 1808"),
        ("text", "서울의 인구는", "천만", " 천만"),
        ("new", "公司的注册资本为", "3000万", " 3000万"),
    ],
)
def test_a_sentence_goes_on_as_its_script_does(
    form: Any, question: str, choice: str, behind: str
) -> None:
    asked = Question("q", question, choice, choices=(choice, "x"), form=form)

    class Scores:
        def score_continuations(self, requests: list[Choices]) -> list[Any]:
            assert requests[0].continuations[0] == behind
            return []

    scorer: Any = Scores()
    assert asking.log_probabilities(scorer, [asked]) == []
