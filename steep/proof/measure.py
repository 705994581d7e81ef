"""Measuring one model on one panel: raw results for each item, to be compared later.

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
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from steep.artifact import key_of, text_hash
from steep.proof.answers import evaluate_accuracy
from steep.proof.asking import ask
from steep.proof.generation import Decoding
from steep.proof.questions import Question
from steep.proof.scorer import Choices, Scorer

SCORER_VERSION = 5
"""Goes up whenever the same model on the same panel may give other results."""

TIE_NATS = 1e-5
"""Scores closer than rounding may bring them are equal, and a tie is wrong."""

PRIOR_PROMPT = "Answer:"
ANSWER_TOKENS = 16
VERBATIM_WINDOWS = 64
VERBATIM_TOKENS = 32
_WINDOW_CHARACTERS = 1024
_STRIDE_CHARACTERS = 256
_GROUP = 64
_FEWEST_CONTEXTS = 2

Progress = Callable[[int, int, str], None]
"""Called with items done, items in all, and what is being measured."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Panel:
    """What a model is measured on; texts are (id, text).

    Attributes:
        domain: held-out documents of the user's.
        general: texts of other kinds, to see what is forgotten.
        questions: about facts that training may teach.
        controls: questions about facts that no training text holds.
        general_questions: about what the base model may know.
        probes: as ``questions``, made from the documents automatically.
        trained_texts: texts trained on, to see what is recited word for word.
    """

    domain: tuple[tuple[str, str], ...] = ()
    general: tuple[tuple[str, str], ...] = ()
    questions: tuple[Question, ...] = ()
    controls: tuple[Question, ...] = ()
    general_questions: tuple[Question, ...] = ()
    probes: tuple[Question, ...] = ()
    trained_texts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Window:
    """64 tokens of a trained text: where it starts (in characters), and its token ids."""

    id: str
    start: int
    ids: tuple[int, ...]


def fingerprint(panel: Panel, model_hash: str) -> str:
    """The key under which the results of this panel, model and scorer can be kept."""
    return key_of({"scorer": SCORER_VERSION, "panel": asdict(panel), "model": model_hash})


def measure(
    model: Any, tokenizer: Any, panel: Panel, *, progress: Progress | None = None
) -> dict[str, Any]:
    """Judge a model on every item of a panel.

    Returns JSON-able raw results: ``{"scorer_version", "domain": [text…], "general": [text…],
    "questions": [question…], "controls": […], "general_questions": […], "probes": […],
    "verbatim": [window…]}``,
    where a text is ``{"id", "nats", "tokens", "bytes"}``, a question ``{"id", "cluster",
    "question", "truth", "choices", "scores", "first", "margin", "rank", "first_beyond_prior",
    "answer", "exact"}`` (what is ranked is null without choices) and a window ``{"id", "start",
    "same"}``.

    Raises:
        ModelError: the model's log-probabilities aren't finite.
    """
    scorer = Scorer(model, tokenizer)
    windows = verbatim_windows(scorer, panel.trained_texts)
    sets = {
        "questions": panel.questions,
        "controls": panel.controls,
        "general_questions": panel.general_questions,
        "probes": panel.probes,
    }
    asked = sum(map(len, sets.values()))
    ticker = _Ticker(progress, len(panel.domain) + len(panel.general) + asked + len(windows))
    result: dict[str, Any] = {"scorer_version": SCORER_VERSION}
    for name, texts in (("domain", panel.domain), ("general", panel.general)):
        result[name] = _texts(scorer, texts, ticker.over(texts, f"{name} texts"))
    priors = _priors(scorer, [question for questions in sets.values() for question in questions])
    for name, questions in sets.items():
        free = name != "general_questions"  # no measure uses free answers to these
        found = [
            pair
            for group in ticker.over(questions, name.replace("_", " "))
            for pair in (_asked if free else _scored)(scorer, group)
        ]
        likely = [row for row, _ in found]
        scored = [
            {**_ranked(question, scores), "first_beyond_prior": _ranked(question, beyond)["first"]}
            for question, scores, beyond in zip(
                questions, likely, _beyond_priors(questions, likely, priors), strict=True
            )
        ]
        result[name] = [
            row
            if answer is None
            else {**row, "answer": answer, "exact": evaluate_accuracy(answer, question.truths)}
            for question, row, (_, answer) in zip(questions, scored, found, strict=True)
        ]
    result["verbatim"] = [
        {"id": window.id, "start": window.start, "same": same}
        for group in ticker.over(windows, "verbatim recall")
        for window, same in zip(group, _recited(scorer, group), strict=True)
    ]
    return result


def verbatim_windows(scorer: Scorer, texts: Sequence[tuple[str, str]]) -> list[Window]:
    """Up to 64 windows of 64 tokens from trained texts.

    Chosen by hash among places 256 characters apart, so the same texts give the same windows
    whatever their order; a tokenizer with more tokens takes the same places.
    """
    places = [
        (text_hash(f"{name}\x1f{start}"), name, start, text)
        for name, text in texts
        for start in range(0, max(len(text) - _STRIDE_CHARACTERS, 0) + 1, _STRIDE_CHARACTERS)
    ]
    found: list[Window] = []
    for _, name, start, text in sorted(places):
        if len(found) == VERBATIM_WINDOWS:
            break
        space = text.find(" ", start, start + _STRIDE_CHARACTERS) if start else -1
        begin = space if space >= 0 else start
        ids = scorer.encoder.text(text[begin : begin + _WINDOW_CHARACTERS])
        size = len(scorer.encoder.prefix) + 2 * VERBATIM_TOKENS
        if len(ids) >= size <= scorer.max_length:
            found.append(Window(name, start, tuple(ids[:size])))
    return found


class _Ticker:
    """Hands out items in groups and reports each group when it is done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self.progress, self.total, self.done = progress, total, 0

    def over(self, items: Sequence[Item], what: str) -> Iterator[Sequence[Item]]:
        for start in range(0, len(items), _GROUP):
            group = items[start : start + _GROUP]
            yield group
            self.done += len(group)
            if self.progress is not None:
                self.progress(self.done, self.total, what)


def _texts(
    scorer: Scorer,
    texts: Sequence[tuple[str, str]],
    groups: Iterator[Sequence[tuple[str, str]]],
) -> list[dict[str, Any]]:
    scores = [s for group in groups for s in scorer.score_texts([text for _, text in group])]
    return [
        {"id": name, "nats": score.nats, "tokens": score.tokens, "bytes": score.bytes}
        for (name, _), score in zip(texts, scores, strict=True)
    ]


def _priors(scorer: Scorer, questions: Sequence[Question]) -> dict[str, float]:
    """Log-probability per token of each distinct choice behind a bare "Answer:"."""
    distinct = sorted({choice for question in questions for choice in question.choices})
    request = Choices(PRIOR_PROMPT, tuple(" " + choice for choice in distinct))
    (scores,) = scorer.score_continuations([request])
    return {c: s.logprob / s.tokens for c, s in zip(distinct, scores, strict=True)}


def _scored(scorer: Scorer, questions: Sequence[Question]) -> list[tuple[list[float], None]]:
    """For each question the log-probability per token of each choice; empty without choices."""
    rows = scorer.score_continuations(_requests(questions))
    return [([score.logprob / score.tokens for score in row], None) for row in rows]


def _asked(scorer: Scorer, questions: Sequence[Question]) -> list[tuple[list[float], str]]:
    """As ``_scored``, and the greedy answer: the first line that isn't blank.

    The model has to say something: many instruct models end at once, or start a new line, where
    no chat template is used, and counting that as wrong would make any training look like a gain.
    """
    decoding = Decoding(ANSWER_TOKENS, min_new_tokens=1, stops=("\n",), skip_blank=True)
    return [
        ([score.logprob / score.tokens for score in one.scores], one.answer.strip())
        for one in ask(scorer, _requests(questions), decoding)
    ]


def _requests(questions: Sequence[Question]) -> list[Choices]:
    return [Choices(q.prompt, tuple(" " + choice for choice in q.choices)) for q in questions]


def _beyond_priors(
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


def _ranked(question: Question, scores: Sequence[float]) -> dict[str, Any]:
    """A question's result: is the truth strictly first, by how much, and at which rank?"""
    row: dict[str, Any] = {
        "id": question.id,
        "cluster": question.cluster or question.id,
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


def _recited(scorer: Scorer, windows: Sequence[Window]) -> list[bool]:
    """For each window: does its first half, decoded greedily, give its second half?"""
    first = len(scorer.encoder.prefix) + VERBATIM_TOKENS
    return scorer.recites([window.ids for window in windows], first)
