"""Advice: which cause is named first, with its numbers and the change to make."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steep.proof.advice import Setting, Standing
from steep.proof.advise import advise

FINE = Standing(
    learned="yes",
    kept="yes",
    memorised=False,
    facts=160,
    facts_base=0.1,
    form_only=False,
    one_answer=False,
    rise=(-0.02, 0.02),
    budget=0.05,
    contaminated=0.0,
    controls=60,
)
USUAL = Setting(
    general_share=0.2,
    exposures=35.5,
    wordings=12.0,
    strength=0.9,
    strength_searched=True,
    retells=True,
    passes=3.0,
    documents=57,
    budget=("max_steps", 230.0),
    rate=2e-3,
    usual_rate=2e-3,
    steps=230,
    loss_fell_to=0.3,
    whole_rise=0.04,
    best_step=230,
    garbled=0.0,
    repeated=0.02,
    dropout=0.0,
    decay=0.0,
)
NOT_LEARNED = replace(FINE, learned="no_evidence")
FORGOT = replace(FINE, kept="forgot", rise=(0.4, 0.5))


def test_a_good_run_needs_no_advice() -> None:
    assert advise(FINE, USUAL) == []
    assert advise(FINE, Setting()) == []


# Broken by: any threshold moved past the plant, or a rule put behind another that also fires.
@pytest.mark.parametrize(
    ("cause", "found", "changes", "number", "key", "value"),
    [
        ("too_few_steps", NOT_LEARNED, {"exposures": 2.0, "loss_fell_to": 0.9, "enough": 3450},
         "met 2 times", "train.max_steps", 3450),
        ("too_few_steps", NOT_LEARNED, {"exposures": 2.0, "enough": 200}, "met 2 times",
         "train.max_steps", None),  # the guard went back, or it would have been enough
        ("rate_too_low", NOT_LEARNED, {"rate": 2e-5, "loss_fell_to": 0.95},
         "100 times below", "train.learning_rate", 2e-3),
        ("rate_too_high", NOT_LEARNED,
         {"rate": 0.05, "guard_factor": 1 / 16, "guard_rise": 4.2, "exposures": 4.0},
         "rise of 4.20 nats", "train.learning_rate", 2e-3),
        ("rate_too_high", FORGOT, {"rate": 8e-3, "whole_rise": 1.4}, "1.40 nats",
         "train.learning_rate", 2e-3),
        ("rate_too_high", NOT_LEARNED, {"alarm": "step 30: the loss jumped", "exposures": 2.0},
         "loss jumped", "train.learning_rate", 1e-3),
        ("no_replay", FORGOT, {"general_share": 0.0, "strength_searched": False, "strength": 1.0},
         "0% of the tokens were replay", "data.general_share", 0.2),
        ("no_replay", FORGOT, {"general_share": 0.0, "guard_factor": 0.25, "guard_rise": 1.2},
         "1.20 nats", "data.general_share", 0.2),
        ("rate_too_high", FORGOT, {"guard_factor": 0.25, "guard_rise": 1.2}, "1.20 nats",
         "train.learning_rate", 5e-4),
        ("too_many_passes", replace(FORGOT, memorised=True),
         {"passes": 50.0, "documents": 4, "budget": ("epochs", 50.0), "retells": False},
         "seen 50 times, and there are 4", "train.epochs", 6.0),
        ("dirty_data", NOT_LEARNED, {"garbled": 0.4, "exposures": 8.0}, "40% of their words",
         None, None),
        ("dirty_data", NOT_LEARNED, {"repeated": 0.5}, "50% of their text", None, None),
        ("too_long", FORGOT, {"best_step": 80}, "step 80 of 230", "train.max_steps", 80),
        ("strength_low", NOT_LEARNED, {"strength": 0.6}, "only 60%", "data.general_share", 0.6),
        ("strength_low", NOT_LEARNED, {"strength": 0.6, "general_share": 0.7}, "only 60%",
         "data.general_share", None),  # seen to fail with a share that was lowered
    ],
)  # fmt: skip
def test_the_first_cause_is_the_right_one(
    cause: str,
    found: Standing,
    changes: dict[str, Any],
    number: str,
    key: str | None,
    value: Any,
) -> None:
    first = advise(found, replace(USUAL, **changes))[0]
    assert first.cause == cause
    assert number in first.text
    assert dict(first.changes).get(key or "") == value


# Broken by: a low rate blamed where the loss fell, or where the rate isn't known.
def test_a_low_rate_that_taught_is_not_blamed() -> None:
    low = replace(USUAL, rate=2e-4, loss_fell_to=0.4)
    assert not [a for a in advise(NOT_LEARNED, low) if a.cause == "rate_too_low"]
    tiny = replace(USUAL, rate=2e-5, loss_fell_to=0.7)
    assert advise(NOT_LEARNED, tiny)[0].cause == "rate_too_low"
    unknown = replace(USUAL, rate=None, loss_fell_to=0.95)
    assert not [a for a in advise(NOT_LEARNED, unknown) if a.cause == "rate_too_low"]


# Broken by: silence where the strength gave most of the change up and the verdict is "kept".
def test_a_rate_that_the_strength_had_to_undo_is_named() -> None:
    undone = replace(USUAL, rate=0.01, strength=0.1, whole_rise=2.5)
    found = advise(NOT_LEARNED, undone)
    assert found[0].cause == "rate_too_high"
    assert "only 10% was kept" in found[0].text


def test_what_was_known_already_is_the_only_advice() -> None:
    known = replace(NOT_LEARNED, facts_base=0.95)
    assert [a.cause for a in advise(known, replace(USUAL, exposures=2.0))] == ["known_already"]


def test_a_learned_run_is_not_told_that_its_documents_are_dirty() -> None:
    assert advise(FINE, replace(USUAL, garbled=0.5, repeated=0.9)) == []
