"""What a run will do: a fair sample of its steps, and everything that is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steep.planning.workload import asking_of, row_tokens, sample_steps, tokens_of
from steep.proof import asking
from steep.proof import measure as measuring
from steep.proof.layout import Encoder
from steep.proof.measure import Panel
from steep.proof.questions import Question
from steep.proof.recall import SAMPLE_TOKENS
from steep.proof.scorer import Scorer
from tests.tiny import tiny_model, tiny_tokenizer
from tests.training.corpus import TEXTS, make_schedule


# Broken by: sampling the first steps, or leaving the largest out.
def test_the_sample_is_fair_and_begins_with_the_largest() -> None:
    schedule = make_schedule(tiny_tokenizer(TEXTS), rows=1)
    steps = 200
    sizes = [sum(int(schedule.shards.lengths[i]) for i in schedule.segments_of(k))
             for k in range(steps)]  # fmt: skip
    rows, firsts = sample_steps(schedule, steps)
    tokens = row_tokens(rows)
    assert len(rows) == len(firsts) == 9
    assert tokens[0] == max(sizes)
    mean = sum(sizes) / steps
    for count in (4, 8):
        assert sum(tokens[1 : 1 + count]) / count == pytest.approx(mean, rel=0.1)
    for step_rows, step_firsts in zip(rows, firsts, strict=True):
        assert [len(row) for row in step_rows] == [len(row) for row in step_firsts]


def test_a_short_run_is_sampled_whole() -> None:
    schedule = make_schedule(tiny_tokenizer(TEXTS), rows=2)
    rows, _ = sample_steps(schedule, 2)
    assert len(rows) == 3


def _panel() -> Panel:
    names = ["Ada", "Bo", "Cy", "Di", "Eva"]
    asked = [
        Question(f"q{n}", f"Who started {name}?", name, choices=tuple(names))
        for n, name in enumerate(names)
    ]
    return Panel(
        domain=(("d", "A long text about pumps. " * 20),),
        general=(("g", "The sun rises in the east."),),
        questions=tuple(asked[:3]),
        controls=tuple(asked[3:4]),
        general_questions=tuple(asked[4:]),
        trained_texts=(("t", "A long text about pumps. " * 40),),
    )


# Broken by: leaving out the controls, the choices or the windows.
def test_asking_counts_what_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = tiny_tokenizer(TEXTS)
    panel = _panel()
    seen = {"texts": 0, "choices": 0, "answers": 0, "samples": 0}
    texts, generate = Scorer.score_texts, Scorer.generate
    ask, recites, continuations = asking.ask, Scorer.recites, Scorer.score_continuations

    def score_texts(self: Scorer, given: Any) -> Any:
        seen["texts"] += sum(len(self.encoder.text(text)) for text in given)
        return texts(self, given)

    def recited(self: Scorer, sequences: Any, prefix: int) -> Any:
        seen["texts"] += sum(map(len, sequences))
        return recites(self, sequences, prefix)

    def count(scorer: Scorer, requests: Any) -> None:
        encoded = [
            scorer.encoder.choices(r.prompt, r.continuations, n, scorer.max_length)
            for n, r in enumerate(requests)
        ]
        seen["choices"] += sum(len(e.prompt) + sum(map(len, e.options)) for e in encoded)

    def score_continuations(self: Scorer, requests: Any) -> Any:
        count(self, requests)
        return continuations(self, requests)

    def asked(scorer: Scorer, requests: Any, decoding: Any) -> Any:
        count(scorer, requests)
        seen["answers"] += len(requests)
        return ask(scorer, requests, decoding)

    def generated(self: Scorer, prompts: Any, **options: Any) -> Any:
        seen["samples"] += len(prompts)
        return generate(self, prompts, **options)

    monkeypatch.setattr(Scorer, "score_texts", score_texts)
    monkeypatch.setattr(Scorer, "recites", recited)
    monkeypatch.setattr(Scorer, "score_continuations", score_continuations)
    monkeypatch.setattr(Scorer, "generate", generated)
    monkeypatch.setattr(asking, "ask", asked)
    measuring.measure(tiny_model("llama", tokenizer), tokenizer, panel)
    found = asking_of(panel, tokenizer)
    assert found.text_tokens == pytest.approx(seen["texts"], rel=0.1)
    assert found.choice_tokens == pytest.approx(seen["choices"], rel=0.1)
    assert found.answers == seen["answers"] == 4
    assert found.sample_tokens == seen["samples"] * SAMPLE_TOKENS == 5 * SAMPLE_TOKENS


# Broken by: leaving out the passages, the examples, or the choices behind either.
def test_only_the_base_is_given_passages_and_examples() -> None:
    tokenizer = tiny_tokenizer(TEXTS)
    asked = _panel().questions
    book = tuple(replace(q, passage="Ada and Bo started a company of pumps.") for q in asked)
    panel = Panel(open_book=book, general_questions=asked * 2)
    found = asking_of(panel, tokenizer)
    encoder = Scorer(tiny_model("llama", tokenizer), tokenizer).encoder
    shown = "\n\n".join(f"{q.prompt} {q.answer}" for q in asked)
    each = [sum(len(encoder.text(f" {c}")) for c in q.choices) for q in asked]
    passages = [len(encoder.text(f"{q.passage}\n\n{q.prompt}")) for q in book]
    examples = [len(encoder.text(f"{shown}\n\n{q.prompt}")) for q in asked]
    expected = 2 * sum(passages) + sum(examples) + 2 * sum(each)
    assert found.base_tokens == pytest.approx(expected, rel=0.15)
    assert found.of_base.choice_tokens == found.choice_tokens + found.base_tokens
    assert found.of_base.answers == found.answers + 3
    assert found.of_base.sample_tokens > found.sample_tokens


# Broken by: an answer_tokens that takes every answer for one of the usual length.
def test_long_truths_let_answers_be_longer() -> None:
    tokenizer = tiny_tokenizer(TEXTS)
    short = _panel().questions
    long = tuple(replace(q, answer="मंत्रालय", choices=()) for q in short)
    usual = asking_of(Panel(questions=short, open_book=short), tokenizer)
    found = asking_of(Panel(questions=long, open_book=long), tokenizer)
    assert usual.answer_tokens == usual.answers * asking.ANSWER_TOKENS
    each = asking.answer_limits(Encoder(tokenizer), long)
    assert found.answer_tokens == sum(each) > usual.answer_tokens
    assert found.of_base.answer_tokens - usual.of_base.answer_tokens == 2 * (
        sum(each) - 3 * asking.ANSWER_TOKENS
    )


def test_many_texts_are_counted_by_the_first() -> None:
    tokenizer = tiny_tokenizer(TEXTS)
    one = tokens_of([TEXTS[0]], tokenizer)
    assert tokens_of([TEXTS[0]] * 1000, tokenizer) == pytest.approx(1000 * one, rel=0.01)
    assert tokens_of([], tokenizer) == 0
