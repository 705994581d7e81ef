"""Screening leaves out what is known or guessed, by questions that aren't scored."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steep.proof.probes.build import Candidate, Draft
from steep.proof.probes.screen import Wanted, probes_from, screen
from steep.proof.questions import Question
from steep.proof.scorer import Choices, ContinuationScore

CHOICES = tuple("abcdefghij")


class Told:
    """A scorer that likes the choices whose (prompt, choice) it was told, best."""

    def __init__(self, likes: dict[str, str]) -> None:
        self.likes = likes
        self.asked: list[str] = []

    def score_continuations(self, requests: list[Choices]) -> list[list[ContinuationScore]]:
        self.asked += [request.prompt for request in requests]
        return [
            [
                ContinuationScore(
                    0.0 if self._likes(r.prompt, c.strip()) else -5.0, 1, greedy=False
                )
                for c in r.continuations
            ]
            for r in requests
        ]

    def _likes(self, prompt: str, choice: str) -> bool:
        return any(part in prompt and choice == liked for part, liked in self.likes.items())


def candidate(name: str, relation: str = "name", kind: Any = "fact") -> Candidate:
    def asked(words: str, form: Any = "new") -> Question:
        return Question(f"{name}-{words}", f"{name} {words}", "c", choices=CHOICES, kind=kind,
                        relation=relation, form=form)  # fmt: skip

    return Candidate(
        asked("scored"), asked("other"), asked("lead", "text"), asked("back", "reversed")
    )


def screened(likes: dict[str, str], *candidates: Candidate, wanted: Wanted | None = None) -> Any:
    facts = tuple(c for c in candidates if c.question.kind == "fact")
    controls = tuple(c for c in candidates if c.question.kind == "control")
    scorer: Any = Told(likes)
    found = screen(
        scorer, Draft(facts, controls, 9, 9, 0, 0), wanted or Wanted(9, 9, 9, 9), progress=None
    )
    return scorer, found


def test_known_needs_both_unscored_forms() -> None:
    # Broken by: _known that looks at one form, or at the scored question.
    _, found = screened(
        {"one other": "c", "one lead": "c", "two other": "c", "three scored": "c"},
        candidate("one"), candidate("two"), candidate("three"),
    )  # fmt: skip
    names = {question.id for question in found.questions if question.form == "new"}
    assert names == {"two-scored", "three-scored"}
    assert found.counts.known == 1


def test_what_is_likely_without_a_question_is_kept_up_to_chance() -> None:
    # Broken by: keeping all of them, or none.
    codes = [candidate(f"code{n}", "code") for n in range(6)]
    _, found = screened({"the right code": "c"}, *codes, *(candidate(f"n{n}") for n in range(14)),
                        wanted=Wanted(99, 99, 99, 99))  # fmt: skip
    kept = [q for q in found.questions if q.form == "new"]
    guessed = [q for q in kept if q.relation == "code"]
    assert len(guessed) == 1 and len(kept) == 15
    assert found.counts.guessable == 5


def test_what_is_only_guessed_right_is_not_known() -> None:
    # Broken by: known whatever the guess.
    likes = {"the right name": "c", "one other": "c", "one lead": "c"}
    _, found = screened(likes, candidate("one"))
    assert found.counts.known == 0 and found.counts.kept == 1


def test_the_scored_question_is_never_asked() -> None:
    # Broken by: screening with candidate.question's own prompt.
    scorer, _ = screened({}, candidate("one"), candidate("two", kind="control"))
    assert scorer.asked and not any("scored" in prompt for prompt in scorer.asked)


def test_no_more_than_wanted_and_controls_in_new_words_alone() -> None:
    # Broken by: controls that hold the other forms too, which nothing counts.
    candidates = [candidate(f"f{n}") for n in range(9)]
    candidates += [candidate(f"k{n}", kind="control") for n in range(9)]
    _, found = screened({}, *candidates, wanted=Wanted(new=4, text=2, reversed=1, controls=5))
    forms = [question.form for question in found.questions]
    assert (forms.count("new"), forms.count("text"), forms.count("reversed")) == (4, 2, 1)
    assert [question.form for question in found.controls] == ["new"] * 5


def test_probes_survive_json() -> None:
    import json

    _, found = screened({}, candidate("one"), candidate("two", kind="control"))
    assert probes_from(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize("likes", [{}, {"one other": "c"}])
def test_an_empty_draft_gives_nothing(likes: dict[str, str]) -> None:
    _, found = screened(likes)
    assert found.questions == () and found.controls == ()


def test_what_screening_leaves_decides_the_clusters() -> None:
    # Seen to fail with the draft's clusters: seven documents are left, too few to be clusters.
    drafted = [
        replace(one, document=f"d{number // 2}", question=replace(one.question, cluster="d"))
        for number, one in enumerate(candidate(f"n{n}") for n in range(16))
    ]
    known = {f"n{number} {words}": "c" for number in (0, 1) for words in ("other", "lead")}
    for likes, clusters in (({}, 8), (known, 14)):
        _, found = screened(likes, *drafted, wanted=Wanted(16, 16, 16, 16))
        new = [question for question in found.questions if question.form == "new"]
        assert len({question.cluster for question in new}) == clusters
