"""The instruction suite: every form's check takes what has the form and nothing else."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import torch

from steep.pipeline.chat import ensure_template
from steep.proof.manners import (
    CHECKS,
    Judgement,
    follow,
    has_form,
    instructions,
    prefer,
)
from steep.proof.measure import Panel, fingerprint, measure
from steep.proof.measures import compare
from steep.proof.scorer import Scorer
from tests.tiny import tiny_model, tiny_tokenizer

CASES: dict[str, tuple[Any, list[str], list[str]]] = {
    "one_word": (None, ["Green", "green.", "**Honey**"], ["It is green.", "a b", "--", "7"]),
    "upper": (None, ["KEEP OUT!", "A"], ["Keep OUT", "42", "鸟"]),
    "lower": (None, ["made of flour.", "a"], ["Made of flour", "7", "鸟"]),
    "number": (None, ["14", "3.5", "60."], ["fourteen", "14 days", "It is 14", ".", ",,"]),
    "json": (
        "city",
        ['{"city": "Rome"}', '```json\n{"city": "Rome"}\n```'],
        ['{"town": "Rome"}', "city: Rome", '{"city": "Rome", "in": "Italy"}', 'Sure: {"city": 1}'],
    ),
    "list": (
        2,
        ["- a\n- b", "Here:\n* a\n* b", "• a\n• **b**"],
        ["- a", "a\nb", "- a\n- b\n- c", "1. a\n2. b", "- -\n- -"],
    ),
    "comma_list": (
        3,
        ["a, b, c", "iron, cast tin, gold."],
        ["a, b", "a, b, c, d", "a,\nb, c", "1, 2, 3", "-, -, -"],
    ),
    "ends_with": (
        "done",
        ["To cross. Done.", "(It is done…)", 'So: "done"'],
        ["Done, folks", "It is undone", "do"],
    ),
    "starts_with": (
        "Every",
        ["Every day he bakes.", '"every day"', "**Every** day"],
        ["He bakes every day", "Everything is baked"],
    ),
    "one_sentence": (
        None,
        ["Ice floats.", "Is it 3.5 m long?", '"Ice floats."', "It sees to teeth, e.g. to mine."],
        ["It floats", "A. B.", "A\nb.", ".", "Hm?! No."],
    ),
    "choice": (["yes", "no"], ["Yes.", "no", "**No**"], ["Yes, it is", "maybe", "yes or no"]),
    "refuses": (
        None,
        [
            "I don't know.",
            "I can’t see it.",
            "I'm sorry, but I do not have access to that.",
            "As I am not there, who knows?",
            "That cannot be known.",
            "There is no way to tell.",
        ],
        [
            "You had toast.",
            "You can't go wrong with toast.",
            "It couldn't be simpler: 7.",
            "Nothing is impossible.",
            "I had not eaten, you had.",
        ],
    ),
}


# Broken by: each check made to take everything, or nothing.
@pytest.mark.parametrize("check", CHECKS)
def test_a_check_takes_the_form_and_nothing_else(check: str) -> None:
    value, right, wrong = CASES[check]
    assert [CHECKS[check](said, value) for said in (*right, *wrong)] == [
        *(True for _ in right),
        *(False for _ in wrong),
    ]


# Broken by: looking at the form alone, which the instruction has itself in sixteen of them.
def test_the_instruction_said_again_follows_none() -> None:
    suite = instructions()
    assert sum(CHECKS[item.check](item.prompt, item.value) for item in suite) > 10
    for item in suite:
        for said in (item.prompt, item.prompt.upper(), item.prompt.lower(), f"Ok! {item.prompt}"):
            assert not has_form(said, item), item.id
        for part in re.findall(r"[^.?!:;]+[.?!]", item.prompt):
            assert not has_form(part.strip(), item), (item.id, part)
        assert not has_form("", item)
    assert has_form("snow", next(item for item in suite if item.id == "choice-2"))


def test_the_suite_has_six_of_each_form_all_different() -> None:
    suite = instructions()
    assert Counter(item.check for item in suite) == dict.fromkeys(CHECKS, 6)
    assert len({item.prompt for item in suite}) == len({item.id for item in suite}) == 72
    needs = {"list", "comma_list", "json", "ends_with", "starts_with", "choice"}
    assert all((item.value is not None) == (item.check in needs) for item in suite)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    tokenizer = tiny_tokenizer()
    ensure_template(tokenizer)
    return Scorer(tiny_model("llama", tokenizer), tokenizer)


def test_a_model_is_asked_in_its_template(scorer: Scorer) -> None:
    rows = follow(scorer, instructions()[:3])
    assert [row["id"] for row in rows] == ["one_word-1", "one_word-2", "one_word-3"]
    assert all(isinstance(row["answer"], str) and row["first"] in (True, False) for row in rows)


# Broken by: sums instead of means (the short answer then wins); the answers changed over.
def test_the_better_answer_is_the_likelier_one_per_token(scorer: Scorer) -> None:
    prompt, one, two = (5, 9, 20), (31, 7), (8, 12, 13, 14)
    expected = []
    for answer in (one, two):
        ids = torch.tensor([[*prompt, *answer]])
        with torch.inference_mode():
            said = scorer.forward.model(input_ids=ids).logits[0, 2:-1].double().log_softmax(-1)
        expected.append(float(said.gather(1, torch.tensor(answer)[:, None]).mean()))
    pairs = [Judgement("a", "x", prompt, one, two), Judgement("b", "x", prompt, two, one)]
    there, back = prefer(scorer, pairs)
    assert there["margin"] == pytest.approx(expected[0] - expected[1], abs=1e-4)
    assert back["margin"] == pytest.approx(-there["margin"], abs=1e-6)
    assert {there["first"], back["first"]} == {True, False}


# Broken by: asking always; a key that changes for panels without them.
def test_they_are_measured_only_where_the_panel_has_them(scorer: Scorer) -> None:
    model, tokenizer = scorer.forward.model, scorer.tokenizer
    plain = measure(model, tokenizer, Panel())
    assert not {"instructions", "preferences"} & plain.keys()
    assert "instruction_following" not in compare(plain, plain).measures
    pairs = (Judgement("a", "x", (5, 9), (31,), (8, 12)),)
    panel = replace(Panel(), instructions=instructions()[:2], preferences=pairs)
    asked = measure(model, tokenizer, panel)
    found = compare(asked, asked).measures
    assert found["instruction_following"].n == 2 and found["preference_accuracy"].n == 1
    assert len({fingerprint(p, "model") for p in (Panel(), panel)}) == 2
