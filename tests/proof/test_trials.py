"""A sheet put to a model, paired differences, and the line through losses by share."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from steep.proof.questions import Question
from steep.proof.scorer import Scorer
from steep.proof.trials import Scores, Sheet, difference, fit_log_line, score, scores_from
from tests.tiny import tiny_model, tiny_tokenizer

QUESTIONS = tuple(
    Question(f"q{n}", f"Who is {n}?", "Ada", choices=("Bo", "Ada", "Cy"), cluster=f"c{n % 5}")
    for n in range(15)
)
SHEET = Sheet(("One text of words.", "Another one."), ("A manual.", "Its end."), QUESTIONS)


@pytest.fixture(scope="module")
def found() -> Scores:
    tokenizer = tiny_tokenizer()
    return score(Scorer(tiny_model("llama", tokenizer), tokenizer), SHEET)


# Broken by: the wrong choice's place, or log-probabilities taken for shares.
def test_surprise_is_the_log_of_the_right_answers_share(found: Scores) -> None:
    from steep.proof.asking import log_probabilities

    tokenizer = tiny_tokenizer()
    rows = log_probabilities(Scorer(tiny_model("llama", tokenizer), tokenizer), QUESTIONS)
    for row, surprise, right in zip(rows, found.answers, found.right, strict=True):
        shares = [math.exp(value) / sum(map(math.exp, row)) for value in row]
        assert surprise == pytest.approx(-math.log(shares[1]))
        assert right == (max(shares) == shares[1])
    assert found.loss("answers") == pytest.approx(sum(found.answers) / 15)


def test_scores_survive_json_and_know_what_decides(found: Scores) -> None:
    import json

    assert scores_from(json.loads(json.dumps(found.as_json()))) == found
    assert SHEET.decides == "answers"
    assert replace(SHEET, questions=QUESTIONS[:3]).decides == "domain"
    empty = Scores((), (), (), ())
    assert (empty.loss("domain"), empty.loss("answers"), empty.accuracy) == (None, None, None)


# Broken by: after and before exchanged; losses divided by texts and not by tokens.
def test_differences_are_after_minus_before_and_by_token() -> None:
    before = Scores((), ((10.0, 10), (60.0, 20)), (2.0,) * 15, (False,) * 15)
    after = Scores((), ((5.0, 10), (40.0, 20)), (1.0,) * 15, (True,) * 15)
    assert difference(SHEET, before, after, "domain").delta == pytest.approx(-25.0 / 30)
    assert difference(SHEET, before, after, "answers").delta == pytest.approx(-1.0)


def test_a_line_is_found_again() -> None:
    points = [(share, 2.0 - 0.25 * math.log(share)) for share in (0.05, 0.1, 0.2, 0.4)]
    line = fit_log_line([(0.0, 9.0), *points])
    assert line is not None
    assert (line.slope, line.intercept) == (pytest.approx(-0.25), pytest.approx(2.0))
    assert line.residual == pytest.approx(0.0, abs=1e-9)
    assert line.shares == (0.05, 0.1, 0.2, 0.4)
    noisy = fit_log_line(
        [(s, y + e) for (s, y), e in zip(points, (0.1, -0.1, 0.1, -0.1), strict=True)]
    )
    assert noisy is not None
    assert noisy.slope_ci95 is not None
    assert noisy.slope_ci95[0] < -0.25 < noisy.slope_ci95[1]
    assert noisy.residual > 0.1


def test_too_few_points_give_no_line_or_no_interval() -> None:
    assert fit_log_line([]) is None
    assert fit_log_line([(0.0, 1.0), (0.2, 2.0)]) is None
    assert fit_log_line([(0.2, 2.0), (0.2, 2.1)]) is None
    two = fit_log_line([(0.1, 2.0), (0.2, 1.0)])
    assert two is not None
    assert two.slope_ci95 is None
