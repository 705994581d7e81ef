"""Facts in a language model's words: what is sent, which answers are taken, what rows they give."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from steep.corpus.spans import SpanFinder
from steep.pipeline.asked import Request, requests_for, reworded
from steep.pipeline.made import instructions_from, preferences_from
from steep.pipeline.mined import Mined, free_of
from steep.pipeline.phrases import PHRASES

SENTENCE = "Acme was founded in 1950 by Ada Weber."
FACT = Mined(
    subject="Acme",
    sentence=SENTENCE,
    value="1950",
    start=SENTENCE.index("1950"),
    question="Acme was founded in which year by Ada Weber?",
    wrong="1987",
    about=(SENTENCE,),
    told=SENTENCE,
    stranger="Bonta",
    phrases=PHRASES["en"],
)
FINDER = SpanFinder([SENTENCE, "The firm of Bo Larsen is in Bern.", "It makes what they ask for."])
GOOD = ("In which year was Acme founded?", "Acme was founded by Ada Weber in 1950.")


def row(number: Any = 1, question: str = GOOD[0], answer: str = GOOD[1]) -> str:
    return json.dumps({"n": number, "question": question, "answer": answer})


def taken(reply: str, fact: Mined = FACT, aside: tuple[Mined, ...] = ()) -> Any:
    ((found, reason),) = reworded(Request((fact,)), reply, FINDER, free_of(aside))
    assert (found == fact) == (reason is not None)
    return reason or found


def test_neighbours_about_one_subject_are_sent_together_and_eight_at_most() -> None:
    others = [replace(FACT, subject="Bolt")] * 3
    found = requests_for([FACT] * 10 + others + [FACT])
    assert [len(request.facts) for request in found] == [8, 2, 3, 1]
    prompt = found[2].prompt
    assert f"3. [1950] {SENTENCE}" in prompt and "asked about Bolt." in prompt
    assert "1987" not in prompt and "Bonta" not in prompt


@pytest.mark.parametrize(
    "reply",
    [
        row(),
        f"Sure!\n```json\n{row()}\n```",
        f"[{row()},\n{row(2)}]",
        json.dumps({"rows": [json.loads(row())]}, indent=2),
        row() + '\n{"n": 2, "question": "cut o',
    ],
)
def test_an_answer_is_found_however_it_is_wrapped(reply: str) -> None:
    found = taken(reply)
    assert (found.question, found.sentence) == GOOD
    assert found.sentence[found.start :].startswith("1950")
    assert (found.value, found.wrong, found.stranger) == ("1950", "1987", "Bonta")


# Each was seen to be taken with its own check left out.
@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("I can't do that.", "not answered"),
        (row(2), "not answered"),
        (row("1"), "not answered"),
        ("{" * 5000, "not answered"),
        ('{"a":' * 3000, "not answered"),
        (row(question=" "), "empty or too long"),
        (row(answer=GOOD[1] + " x" * 400), "empty or too long"),
        (row(answer="Acme was founded by Ada Weber long ago."), "doesn't say the value once"),
        (row(answer="In 1950, yes 1950, Acme was founded."), "doesn't say the value once"),
        (row(question="Was Acme founded in 1950?"), "gives the answer away"),
        (row(question="When was it founded?"), "doesn't say whom it is about"),
        (row(answer="Acme was founded in 1950 with 12 people."), "invents a number"),
        (row(question="In which year did 3 people found Acme?"), "invents a number"),
        (row(answer="Acme was founded in 1950 by Bo Larsen."), "invents names"),
        (row(question="When did Bo Larsen found Acme?"), "invents names"),
    ],
)
def test_a_bad_answer_leaves_the_fact_as_it_was(reply: str, why: str) -> None:
    assert taken(reply) == why


# Broken by: not asking ``is_free``.
def test_what_is_kept_aside_is_not_said_by_an_answer_either() -> None:
    aside = replace(FACT, value="pumps", sentence="Acme makes pumps.")
    said = row(answer="Acme was founded in 1950 by Ada Weber and makes pumps.")
    assert taken(said, aside=(aside,)) == "says what is kept aside"
    assert taken(row(), aside=(aside,)).sentence == GOOD[1]


# Broken by: keeping the rule's stranger whatever is asked.
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("In which year did Ada Weber found Acme?", GOOD[1]),
        ("In which year was ACME founded?", GOOD[1]),
        (GOOD[0], "It was founded in 1950."),
    ],
)
def test_a_stranger_is_asked_for_only_where_nobody_known_is(question: str, answer: str) -> None:
    assert taken(row(question=question, answer=answer)).stranger == ""


# Broken by: the place of the value in the old sentence.
def test_a_worse_answer_differs_in_the_value_alone() -> None:
    fact = taken(row())
    said = {(r.turns[0].content, r.turns[1].content) for r in instructions_from([fact], 0)}
    assert any(GOOD[0] in prompt and answer == GOOD[1] for prompt, answer in said)
    pairs = preferences_from([fact], 0)
    wrong = [pair for pair in pairs if pair.chosen == GOOD[1] and "1987" in pair.rejected]
    assert wrong and all(p.rejected == GOOD[1].replace("1950", "1987") for p in wrong)
    assert any("Bonta" in pair.prompt[0].content for pair in pairs)
