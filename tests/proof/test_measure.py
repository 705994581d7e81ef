"""Measuring a tiny model on a whole panel."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from steep.proof.asking import beyond_priors
from steep.proof.judge import judge
from steep.proof.measure import Panel, fingerprint, measure
from steep.proof.questions import PROMPT, Question
from steep.proof.recall import verbatim_windows
from steep.proof.scorer import Choices, Scorer
from tests.tiny import tiny_model, tiny_tokenizer

TEXT = "The quick brown fox founded the company in 1987. Who jumps over the lazy dog? Paris. "
QUESTIONS = tuple(
    Question(f"q{n}", f"Who founded company {n}?", f"Person {n}", (), tuple(
        f"Person {(n + k) % 12}" for k in range(10)
    ), cluster=f"f{n // 2}")
    for n in range(6)
)  # fmt: skip
PANEL = Panel(
    domain=(("d1", TEXT), ("d2", TEXT * 2)),
    general=(("g1", "London is the capital of England."),),
    questions=(*QUESTIONS, Question("open", "Why?", "because")),
    controls=QUESTIONS[:2],
    general_questions=QUESTIONS[2:4],
    trained_texts=tuple((f"t{n}", f"{n} {TEXT}" * 6) for n in range(5)),
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer([TEXT])


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return tiny_model("llama", tokenizer)


@pytest.fixture(scope="module")
def result(model: Any, tokenizer: Any) -> dict[str, Any]:
    return measure(model, tokenizer, PANEL)


def test_results_are_json_and_repeat(model: Any, tokenizer: Any, result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert measure(model, tokenizer, PANEL) == result


def test_texts(model: Any, tokenizer: Any, result: dict[str, Any]) -> None:
    (score,) = Scorer(model, tokenizer).score_texts([TEXT])
    assert result["domain"][0] == {
        "id": "d1", "nats": pytest.approx(score.nats, abs=1e-3), "tokens": score.tokens,
        "bytes": len(TEXT),
    }  # fmt: skip


# Seen to fail with what is scored behind the first token alone: a word that is one token came free.
def test_models_of_other_tokens_are_compared_on_whole_texts(tokenizer: Any) -> None:
    panel = Panel(domain=PANEL.domain, whole_texts=True)
    longer = tiny_tokenizer([TEXT] * 9 + ["The quick brown fox founded"] * 99)
    sides = [(tiny_model("llama", t), t) for t in (tokenizer, longer)]
    before, after = (measure(model, t, panel) for model, t in sides)
    rows = {row["name"]: row for row in judge(before, {**after, "tokenizer": "other"})["measures"]}
    for (model, t), side in zip(sides, ("base", "tuned"), strict=True):
        scores = Scorer(model, t).score_texts([text for _, text in panel.domain], whole=True)
        bits = sum(s.nats for s in scores) / sum(s.bytes for s in scores) / math.log(2)
        assert rows["domain_bits_per_byte"][side] == pytest.approx(bits, abs=1e-4)
        assert scores[0].tokens == len(t.encode(panel.domain[0][1]))
    assert fingerprint(panel, "m") != fingerprint(replace(panel, whole_texts=False), "m")


def test_a_choice_is_scored_by_its_log_probability_per_token(
    model: Any, tokenizer: Any, result: dict[str, Any]
) -> None:
    # Fails if the sum over tokens is taken, or a prior is taken off the score that decides.
    question, row = QUESTIONS[3], result["questions"][3]
    options = tuple(" " + choice for choice in question.choices)
    (asked,) = Scorer(model, tokenizer).score_continuations(
        [Choices(PROMPT.format(question=question.question), options)]
    )
    expected = [score.logprob / score.tokens for score in asked]
    assert row["scores"] == pytest.approx(expected, abs=1e-4)
    place = question.choices.index(question.answer)
    others = expected[:place] + expected[place + 1 :]
    assert row["margin"] == pytest.approx(expected[place] - max(others), abs=1e-4)
    assert row["rank"] == 1 + sum(other >= expected[place] for other in others)
    assert row["first"] is (row["rank"] == 1)


def test_choices_few_others_offer_have_a_bare_prior() -> None:
    question = Question("1", "q?", "a", choices=("a", "b"), cluster="s")
    assert beyond_priors([question], [[-1.0, -2.0]], {"a": -3.0, "b": -4.0}) == [[2.0, 2.0]]


def test_a_question_without_choices_counts_only_freely(result: dict[str, Any]) -> None:
    row = result["questions"][-1]
    assert row["first"] is row["scores"] is row["rank"] is None
    assert row["exact"] is False and isinstance(row["answer"], str)


def test_a_tie_is_wrong(model: Any, tokenizer: Any) -> None:
    twice = replace(QUESTIONS[0], choices=("Person 0", "Person 0", "Person 1"))
    row = measure(model, tokenizer, Panel(questions=(twice,)))["questions"][0]
    assert row["first"] is False and row["rank"] >= 2


def test_verbatim_windows_are_fixed(model: Any, tokenizer: Any, result: dict[str, Any]) -> None:
    scorer = Scorer(model, tokenizer)
    windows = verbatim_windows(scorer.encoder, PANEL.trained_texts)
    assert windows and windows == verbatim_windows(scorer.encoder, PANEL.trained_texts[::-1])
    assert all(len(window.ids) == 64 for window in windows)
    assert len({(window.id, window.start) for window in windows}) == len(windows)
    assert [(row["id"], row["start"]) for row in result["verbatim"]] == [
        (window.id, window.start) for window in windows
    ]
    many = tuple((f"t{n}", TEXT * 6) for n in range(100))
    assert len(verbatim_windows(scorer.encoder, many)) == 64
    assert verbatim_windows(scorer.encoder, [("short", "The fox.")]) == []


def test_little_text_is_tried_closely(model: Any, tokenizer: Any) -> None:
    scorer = Scorer(model, tokenizer)
    few = [(f"t{n}", f"{n} {TEXT}" * 8) for n in range(4)]
    starts = sorted(
        window.start for window in verbatim_windows(scorer.encoder, few) if window.id == "t0"
    )
    assert len(starts) >= 10 and min(b - a for a, b in pairwise(starts)) == 32
    many = [(f"t{n}", f"{n} {TEXT}" * 8) for n in range(100)]
    assert all(window.start % 256 == 0 for window in verbatim_windows(scorer.encoder, many))


def test_progress_ends_at_the_total(model: Any, tokenizer: Any) -> None:
    seen: list[tuple[int, int, str]] = []
    measure(model, tokenizer, PANEL, progress=lambda *step: seen.append(step))
    done = [step[0] for step in seen]
    assert done == sorted(done) and done[-1] == seen[-1][1] == 100
    assert {step[2] for step in seen} >= {
        "domain texts",
        "questions, answered freely",
        "verbatim recall",
    }


# Broken by: items counted alike, a long text as one of many.
def test_progress_goes_by_how_long_items_are(model: Any, tokenizer: Any) -> None:
    seen: list[tuple[int, int, str]] = []
    panel = Panel(domain=(("d0", TEXT * 20),), general=tuple((f"g{n}", "One.") for n in range(9)))
    measure(model, tokenizer, panel, progress=lambda *step: seen.append(step))
    first, *_, last = seen
    assert first[2] == "domain texts" and first[0] > 60 and last[:2] == (100, 100)


def test_the_fingerprint_follows_panel_and_model() -> None:
    assert fingerprint(PANEL, "a") == fingerprint(PANEL, "a")
    assert fingerprint(PANEL, "a") != fingerprint(PANEL, "b")
    assert fingerprint(PANEL, "a") != fingerprint(replace(PANEL, controls=()), "a")


def test_a_model_against_itself_learned_nothing(result: dict[str, Any]) -> None:
    found = judge(result, result)
    assert found["learned"] == "no_evidence" and found["kept"] == "forgot"  # one general text
    assert found["ship"] is False
    empty = {**result, "questions": [], "controls": [], "verbatim": [], "domain": []}
    json.dumps(judge(empty, empty), allow_nan=False)


def log_mean(values: list[float]) -> float:
    return math.log(sum(math.exp(value) for value in values) / len(values))


def test_a_choice_is_scored_against_the_other_subjects_that_offer_it_wrongly() -> None:
    # Fails if a choice's own question (where its probability is knowledge) counts as a context,
    # or if the question's own subject does.
    questions = [
        Question(str(n), f"q{n}?", truth, choices=("a", "b", "c", "d"), cluster=f"s{n}")
        for n, truth in enumerate("abcd")
    ]
    likely = [[-1.0 - n - place for place in range(4)] for n in range(4)]
    scores = beyond_priors(questions, likely, dict.fromkeys("abcd", 0.0))
    a_behind = [likely[n][0] for n in (2, 3)]  # not q0 (the truth) and not q1 (asked now)
    assert scores[1][0] == pytest.approx(likely[1][0] - log_mean(a_behind))
    truth_behind = [likely[n][1] for n in (0, 2, 3)]
    assert scores[1][1] == pytest.approx(likely[1][1] - log_mean(truth_behind))


def test_two_questions_of_one_id_are_refused(model: Any, tokenizer: Any) -> None:
    # Broken by: no check, which paired one's answer with the other's row.
    question = Question("q", "Who?", "Ann", choices=("Ann", "Bob"))
    with pytest.raises(ValueError, match="one id"):
        measure(model, tokenizer, Panel(questions=(question, question)))


def test_two_questions_in_the_same_words_keep_their_own_answers(model: Any, tokenizer: Any) -> None:
    one = Question("one", "Who?", "Ann", choices=("Ann", "Bob"))
    other = replace(one, id="other", answer="Bob")
    rows = measure(model, tokenizer, Panel(questions=(one, other)))["questions"]
    assert [row["truth"] for row in rows] == ["Ann", "Bob"]
    assert sum(row["first"] for row in rows) <= 1
