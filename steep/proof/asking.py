"""Putting questions to a model: its choices ranked, its free answers graded.

A choice's score is its log-probability per token behind the question. All choices of a question are
of the same kind, so likely strings have little to gain; whether they do is shown beside it by a
second ranking with each choice's prior taken off (domain-conditional PMI, Holtzman et al. 2021,
arXiv 2104.08315). That prior is the log of the choice's mean probability behind the questions about
other subjects that offer it wrongly, or behind a bare "Answer:" where too few others do. The plain
ranking decides: after training, priors hold knowledge of their own, and the ranking without them
fell below the share of answers given exactly (docs/RESULTS.md).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from steep.proof.answers import evaluate_accuracy
from steep.proof.generation import Decoding
from steep.proof.joint import Asked, ask
from steep.proof.layout import Encoder
from steep.proof.questions import Question
from steep.proof.scorer import Choices, ContinuationScore, Scorer
from steep.proof.tokens import SEAMLESS

TIE_NATS = 1e-5
"""Scores closer than rounding may bring them are equal, and a tie is wrong."""

PRIOR_PROMPT = "Answer:"
ANSWER_TOKENS, LONGEST_ANSWER_TOKENS = 16, 256
"""The fewest and the most tokens that a free answer may have."""

_ROOM_TOKENS = 6  # for words around the truth
_STEP_TOKENS = 8  # limits are multiples, so that many questions share one
_FEWEST_CONTEXTS = 2
# Thai and its like put spaces around numbers and Latin letters; Chinese and Japanese put none.
_CLOSE = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff01-\uff60]$")
_SEAMLESS = re.compile(f"[{SEAMLESS}]")


def priors(scorer: Scorer, questions: Sequence[Question]) -> dict[str, float]:
    """Log-probability per token of each distinct choice behind a bare "Answer:"."""
    distinct = sorted({choice for question in questions for choice in question.choices})
    request = Choices(PRIOR_PROMPT, tuple(" " + choice for choice in distinct))
    (scores,) = scorer.score_continuations([request])
    return {c: s.logprob / s.tokens for c, s in zip(distinct, scores, strict=True)}


def log_probabilities(
    scorer: Scorer, questions: Sequence[Question], before: Sequence[str] | None = None
) -> list[list[float]]:
    """For each question the log-probability per token of each choice; empty without choices.

    Args:
        before: for each question what stands in front of its prompt (a passage, examples).
    """
    return [per_token(row) for row in scorer.score_continuations(_requests(questions, before))]


def per_token(scores: Sequence[ContinuationScore]) -> list[float]:
    """Log-probability per token of each continuation."""
    return [score.logprob / score.tokens for score in scores]


def _requests(questions: Sequence[Question], before: Sequence[str] | None) -> list[Choices]:
    return [
        Choices(prompt, tuple(_behind(question, choice) for choice in question.choices))
        for question, prompt in zip(questions, prompts(questions, before), strict=True)
    ]


def _behind(question: Question, choice: str) -> str:
    """A choice as it stands behind its prompt: behind a space, unless a sentence goes on in a
    script that has none there.
    """
    is_close = question.form == "text" and (
        _CLOSE.search(question.question)
        or (_SEAMLESS.search(question.question[-1:]) and _SEAMLESS.match(choice))
    )
    return choice if is_close else f" {choice}"


def prompts(questions: Sequence[Question], before: Sequence[str] | None = None) -> list[str]:
    """What the model is given for each question."""
    if before is None:
        return [question.prompt for question in questions]
    return [
        f"{text}\n\n{question.prompt}" if text else question.prompt
        for question, text in zip(questions, before, strict=True)
    ]


def beyond_priors(
    questions: Sequence[Question], likely: Sequence[Sequence[float]], bare: Mapping[str, float]
) -> list[list[float]]:
    """For each question its choices' log-probabilities minus their priors."""
    contexts: dict[str, list[tuple[str, float]]] = {}
    for question, row in zip(questions, likely, strict=True):
        for choice, value in zip(question.choices, row, strict=True):
            # Where a choice is the truth, its probability is knowledge, not a prior.
            if choice != question.answer:
                subject = question.cluster or question.id
                contexts.setdefault(choice, []).append((subject, value))
    return [
        [value - prior for value, prior in zip(row, _prior(question, contexts, bare), strict=True)]
        for question, row in zip(questions, likely, strict=True)
    ]


def ranked(question: Question, scores: Sequence[float]) -> dict[str, Any]:
    """A question's result: is the truth strictly first, by how much, and at which rank?"""
    row: dict[str, Any] = {
        "id": question.id,
        "cluster": question.cluster or question.id,
        "form": question.form,
        "question": question.question,
        "truth": question.answer,
        "choices": list(question.choices),
        "scores": None,
        "first": None,
        "margin": None,
        "rank": None,
    }
    if len(scores) < 2:
        return row
    place = question.choices.index(question.answer)
    others = [score for number, score in enumerate(scores) if number != place]
    margin = scores[place] - max(others)
    rank = 1 + sum(other >= scores[place] - TIE_NATS for other in others)
    return {**row, "scores": list(scores), "first": rank == 1, "margin": margin, "rank": rank}


def answer_limits(encoder: Encoder, questions: Sequence[Question]) -> list[int]:
    """Most tokens of each question's free answer: its longest truth's and some room, at least 16.

    Scripts that a tokenizer hardly knows take a token for each byte or two, and an answer that is
    cut can't be right.

    Args:
        encoder: the base model's, so that base and tuned model have the same limits.
    """
    limits = []
    for question in questions:
        lengths = [len(encoder.text(" " + truth)) for truth in question.truths]
        wanted = max(lengths) - len(encoder.prefix) + _ROOM_TOKENS
        limit = -(-wanted // _STEP_TOKENS) * _STEP_TOKENS
        limits.append(min(max(limit, ANSWER_TOKENS), LONGEST_ANSWER_TOKENS))
    return limits


def answered(
    scorer: Scorer,
    questions: Sequence[Question],
    before: Sequence[str] | None = None,
    limits: Sequence[int] | None = None,
) -> list[tuple[list[float], dict[str, Any]]]:
    """As ``log_probabilities``, with the greedy answer and whether it is right.

    An answer is the first line that isn't blank. The model has to say something: many instruct
    models end at once, or start a new line, where no chat template is used, and counting that as
    wrong would make any training look like a gain. Questions with one limit are asked together, so
    that a long answer keeps no short ones waiting.

    Args:
        limits: most tokens of each answer; those by the scorer's own tokenizer if None.
    """
    limits = answer_limits(scorer.encoder, questions) if limits is None else limits
    most = max(ANSWER_TOKENS, scorer.max_length // 2)  # the question needs its place too
    by_limit: dict[int, list[int]] = {}
    for number, limit in enumerate(limits):
        by_limit.setdefault(min(limit, most), []).append(number)
    requests = _requests(questions, before)
    made: dict[int, Asked] = {}
    for limit, numbers in by_limit.items():
        decoding = Decoding(limit, min_new_tokens=1, stops=("\n",), skip_blank=True)
        found = ask(scorer, [requests[number] for number in numbers], decoding)
        made.update(zip(numbers, found, strict=True))
    return [
        (per_token(made[number].scores), _graded(question, made[number].answer))
        for number, question in enumerate(questions)
    ]


def _graded(question: Question, answer: str) -> dict[str, Any]:
    """``{"answer", "exact"}``."""
    said = answer.strip()
    return {"answer": said, "exact": evaluate_accuracy(said, question.truths)}


def _prior(
    question: Question, contexts: Mapping[str, list[tuple[str, float]]], bare: Mapping[str, float]
) -> list[float]:
    subject = question.cluster or question.id
    elsewhere = [
        [value for other, value in contexts.get(choice, ()) if other != subject]
        for choice in question.choices
    ]
    if any(len(values) < _FEWEST_CONTEXTS for values in elsewhere):
        return [bare[choice] for choice in question.choices]
    return [math.log(sum(map(math.exp, values)) / len(values)) for values in elsewhere]
