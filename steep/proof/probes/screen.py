"""Screening with the base model: what it knows already, or can guess, proves nothing.

Whether an item is kept is decided by questions that aren't scored afterwards: by the answers'
likelihood without any question, and by other wordings of it. Deciding by the scored question
itself would leave the base model's unlucky misses, and any change would look like a gain. For the
same reason answers that come first without a question are kept up to chance, one in ten: without
them a model that only guesses would be wrong on every item, and one that guesses otherwise better.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from steep.proof.asking import log_probabilities, ranked
from steep.proof.probes.build import Candidate, Draft, clustered
from steep.proof.questions import DISTRACTORS, Question
from steep.proof.scorer import Scorer

_GROUP = 32
_CHANCE = 1 / (DISTRACTORS + 1)
_NOTHING_ASKED = "What is the right {relation}?"

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Counts:
    """What became of the facts found: how many were tried, left out and why, and kept."""

    found: int
    drafted: int
    worded_as_trained: int
    without_choices: int
    screened: int
    guessable: int
    known: int
    kept: int
    controls: int


@dataclass(frozen=True)
class Wanted:
    """How many questions of each form to keep, at most."""

    new: int
    text: int
    reversed: int
    controls: int


@dataclass(frozen=True)
class Probes:
    """Questions that passed, of every form, and control questions."""

    questions: tuple[Question, ...]
    controls: tuple[Question, ...]
    counts: Counts

    def as_json(self) -> dict[str, Any]:
        """All of it, to be read by ``probes_from``."""
        return asdict(self)


def screen(scorer: Scorer, draft: Draft, wanted: Wanted, progress: Progress | None) -> Probes:
    """Ask the base model until enough candidates have passed."""
    facts, first = _passing(scorer, draft.facts, wanted.new, "probes", progress)
    controls, second = _passing(scorer, draft.controls, wanted.controls, "controls", progress)
    facts, controls = clustered(facts), clustered(controls)
    texts = [c.text for c in facts if c.text is not None]
    turned = [c.back for c in facts if c.back is not None]
    return Probes(
        questions=(
            *(c.question for c in facts),
            *texts[: wanted.text],
            *turned[: wanted.reversed],
        ),
        controls=tuple(c.question for c in controls),
        counts=Counts(
            found=draft.found,
            drafted=draft.drafted,
            worded_as_trained=draft.worded_as_trained,
            without_choices=draft.without_choices,
            screened=first["screened"] + second["screened"],
            guessable=first["guessable"] + second["guessable"],
            known=first["known"] + second["known"],
            kept=len(facts),
            controls=len(controls),
        ),
    )


def probes_from(kept: dict[str, Any]) -> Probes:
    """Probes as ``Probes.as_json`` wrote them, read from JSON."""
    return Probes(
        questions=tuple(_question(row) for row in kept["questions"]),
        controls=tuple(_question(row) for row in kept["controls"]),
        counts=Counts(**kept["counts"]),
    )


def _question(row: dict[str, Any]) -> Question:
    return Question(**{**row, "aliases": tuple(row["aliases"]), "choices": tuple(row["choices"])})


def _passing(
    scorer: Scorer,
    candidates: Sequence[Candidate],
    wanted: int,
    what: str,
    progress: Progress | None,
) -> tuple[Sequence[Candidate], dict[str, int]]:
    passed: list[Candidate] = []
    counts = {"screened": 0, "guessable": 0, "known": 0}
    guesses = 0
    for start in range(0, len(candidates), _GROUP):
        if len(passed) >= wanted:
            break
        group = candidates[start : start + _GROUP]
        guessed = _first(scorer, [_unasked(c.question) for c in group])
        known = _known(scorer, group)
        for candidate, guess, knows in zip(group, guessed, known, strict=True):
            counts["screened"] += 1
            if guess and guesses >= _CHANCE * (len(passed) + 1):
                counts["guessable"] += 1
            elif knows and not guess:
                counts["known"] += 1
            else:
                guesses += guess
                passed.append(candidate)
        if progress is not None:
            progress(min(len(passed), wanted), wanted, f"{what} found")
    return passed[:wanted], counts


def _known(scorer: Scorer, candidates: Sequence[Candidate]) -> list[bool]:
    """For each: is it right in another frame and, where there is one, as the text has it?"""
    right = _first(scorer, [c.other for c in candidates])
    texts = [c.text for c, r in zip(candidates, right, strict=True) if r and c.text is not None]
    in_text = iter(_first(scorer, texts))
    return [r and (c.text is None or next(in_text)) for c, r in zip(candidates, right, strict=True)]


def _first(scorer: Scorer, questions: Sequence[Question]) -> list[bool]:
    """For each question: is its answer the likeliest choice (per token)?"""
    likely = log_probabilities(scorer, questions)
    return [bool(ranked(q, row)["first"]) for q, row in zip(questions, likely, strict=True)]


def _unasked(question: Question) -> Question:
    """The same choices where nothing tells what is asked."""
    return replace(question, question=_NOTHING_ASKED.format(relation=question.relation))
