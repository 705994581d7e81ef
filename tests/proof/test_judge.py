"""Every rule of the verdict, and the shape of evaluation.json."""

from __future__ import annotations

import json
from typing import Any

import pytest

from steep.errors import DriftError
from steep.proof.judge import judge
from steep.proof.rules import judge_kept, judge_learned, judge_memorised, may_ship
from steep.proof.statistics import NOTHING, Difference
from steep.proof.words import NAMES, verdict_table

MEASURES = [
    "domain_bits_per_byte", "domain_perplexity", "general_bits_per_byte", "general_perplexity",
    "fact_accuracy", "fact_accuracy_beyond_prior", "fact_reciprocal_rank", "fact_margin",
    "fact_exact", "fact_accuracy_as_in_text", "fact_accuracy_reversed",
    "fact_accuracy_contaminated", "control_accuracy", "probe_accuracy", "probe_exact",
    "probe_accuracy_as_in_text", "probe_accuracy_reversed", "general_fact_accuracy",
    "general_fact_accuracy_few_shot", "grammar_accuracy", "general_user_bits_per_byte",
    "general_project_bits_per_byte", "general_self_bits_per_byte", "general_kl", "verbatim_rate",
    "longest_copied",
]  # fmt: skip


def change(delta: float, low: float, high: float) -> Difference:
    return Difference(100, 0.2, 0.2 + delta, delta, (low, high))


@pytest.mark.parametrize(
    ("fact", "control", "expected"),
    [
        (change(0.5, 0.4, 0.6), NOTHING, "yes"),
        (change(0.5, 0.4, 0.6), change(0.1, -0.05, 0.2), "yes"),
        (change(0.5, 0.4, 0.6), change(0.2, 0.1, 0.3), "yes"),
        (change(0.5, 0.4, 0.6), change(0.3, 0.2, 0.4), "no_evidence"),
        (change(0.5, 0.4, 0.6), change(0.3, -0.01, 0.4), "yes"),
        (change(0.1, 0.0, 0.2), NOTHING, "no_evidence"),
        (change(0.1, -0.1, 0.2), NOTHING, "no_evidence"),
        (change(-0.3, -0.4, -0.1), NOTHING, "worse"),
        (Difference(3, 0.0, 1.0, 1.0, None), NOTHING, "no_evidence"),
        (NOTHING, NOTHING, "no_evidence"),
    ],
)
def test_learned(fact: Difference, control: Difference, expected: str) -> None:
    assert judge_learned(fact, control) == expected


@pytest.mark.parametrize(
    ("loss", "facts", "expected"),
    [
        (change(0.0, -0.01, 0.02), NOTHING, "yes"),
        (change(-0.02, -0.03, -0.01), NOTHING, "yes"),
        (change(0.02, 0.01, 0.03), NOTHING, "within_budget"),
        (change(0.02, -0.02, 0.06), NOTHING, "forgot"),
        (change(0.5, 0.4, 0.6), NOTHING, "forgot"),
        (change(0.0, -0.01, 0.02), change(-0.2, -0.3, -0.1), "forgot"),
        (change(0.0, -0.01, 0.02), change(-0.04, -0.1, -0.01), "yes"),
        (NOTHING, NOTHING, "forgot"),
    ],
)
def test_kept(loss: Difference, facts: Difference, expected: str) -> None:
    assert judge_kept(loss, facts, 0.05) == expected


def test_memorised_and_ship() -> None:
    assert judge_memorised(change(0.05, 0.01, 0.1))
    assert not judge_memorised(change(0.05, 0.0, 0.1))
    assert not judge_memorised(change(0.04, 0.02, 0.06))
    assert not judge_memorised(NOTHING)
    assert may_ship("yes", "yes", False) and may_ship("yes", "within_budget", False)
    assert not may_ship("no_evidence", "yes", False)
    assert not may_ship("worse", "yes", False)
    assert not may_ship("yes", "forgot", False)
    assert not may_ship("yes", "yes", True)


def text(name: str, nats: float) -> dict[str, Any]:
    return {"id": name, "nats": nats, "tokens": 100, "bytes": 420}


def question(
    number: int, right: bool, *, choices: int = 10, set_name: str = "q", form: str = "new"
) -> dict[str, Any]:
    ranked = choices > 0
    return {
        "id": f"{set_name}{number}", "cluster": f"c{number // 2}", "form": form,
        "question": f"Q{number}?",
        "truth": "yes", "choices": ["x"] * choices, "scores": [0.0] * choices if ranked else None,
        "first": right if ranked else None, "first_beyond_prior": right if ranked else None,
        "margin": (0.5 if right else -0.5) if ranked else None,
        "rank": (1 if right else 4) if ranked else None, "answer": "yes" if right else "no",
        "exact": right,
    }  # fmt: skip


def raw(
    *, nats: float = 300.0, right: int = 4, control: int = 2, general: int = 30, same: int = 0,
    choices: int = 10, asked: int = 40, controls: int = 40,
) -> dict[str, Any]:  # fmt: skip
    return {
        "scorer_version": 1,
        "general_source": "project",
        "general_project": [],
        "own": [text(f"o{n}", nats + 0.1 * n) for n in range(12)],
        "divergence": [],
        "open_book": [],
        "few_shot": [],
        "grammar": [
            {"id": f"gr{n}", "phenomenon": "order", "margin": 1.0, "first": n < 110}
            for n in range(120)
        ],
        "copied": [{"id": f"t{n}", "text": "", "words": 2} for n in range(16)],
        "domain": [text(f"d{n}", nats - 50 + n) for n in range(10)],
        "general": [text(f"g{n}", nats + 0.1 * n) for n in range(20)],
        "questions": [question(n, n < right, choices=choices) for n in range(asked)],
        "controls": [
            question(n, n < control, choices=choices, set_name="k") for n in range(controls)
        ],
        "general_questions": [question(n, n < general, set_name="s") for n in range(40)],
        "probes": [],
        "verbatim": [{"id": f"t{n}", "start": 0, "same": n < same} for n in range(64)],
    }


def measures(evaluation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in evaluation["measures"]}


def test_a_good_run() -> None:
    found = judge(raw(), raw(nats=301.0, right=36), notes=["resumed once"])
    assert (found["learned"], found["kept"], found["memorised"], found["ship"]) == (
        "yes", "within_budget", False, True,
    )  # fmt: skip
    assert found["verdict"].startswith("Ship it: it learned your facts (90% of 40")
    assert [row["name"] for row in found["measures"]] == MEASURES
    rows = measures(found)
    assert rows["fact_accuracy"]["delta"] == 0.8 and rows["fact_accuracy"]["n"] == 40
    assert rows["probe_accuracy"] == {
        "name": "probe_accuracy", "n": 0, "base": None, "tuned": None, "delta": None,
        "ci95": None, "detectable": None, "better": "higher",
    }  # fmt: skip
    assert rows["general_perplexity"]["better"] == rows["verbatim_rate"]["better"] == "lower"
    assert found["chance"] == 0.1 and found["schema"] == 1 and found["notes"] == ["resumed once"]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    for row in rows.values():
        for value in (row["base"], row["tuned"], row["delta"], *(row["ci95"] or ())):
            assert value is None or value == round(value, 6)


def test_samples_are_telling() -> None:
    found = judge(raw(right=4), raw(right=36))["samples"]
    assert len(found) == 6
    assert set(found[0]) == {"question", "truth", "base", "tuned"}
    assert (found[0]["base"], found[0]["tuned"]) == ("no", "yes")
    assert {(s["base"], s["tuned"]) for s in found} == {("no", "yes"), ("no", "no")}


def test_memorising_forgetting_and_controls_stop_the_ship() -> None:
    recites = judge(raw(), raw(right=36, same=20))
    assert recites["memorised"] and not recites["ship"]
    assert "word for word" in recites["verdict"]
    forgets = judge(raw(), raw(right=36, nats=310.0))
    assert forgets["kept"] == "forgot" and not forgets["ship"]
    assert "forgot more than the budget" in forgets["verdict"]
    assert judge(raw(), raw(right=36, nats=310.0), forgetting_budget=0.2)["ship"]
    facts = judge(raw(), raw(right=36, general=15))
    assert facts["kept"] == "forgot" and "general knowledge" in facts["verdict"]
    form = judge(raw(), raw(right=36, control=18))
    assert form["learned"] == "no_evidence" and "never saw" in form["verdict"]
    assert judge(raw(right=36), raw(right=4))["learned"] == "worse"


def test_without_questions_prediction_proves_nothing() -> None:
    found = judge(raw(asked=0), raw(asked=0, nats=200.0))
    assert found["learned"] == "no_evidence" and not found["ship"]
    assert "says nothing about knowledge" in found["verdict"]
    assert found["samples"] == [] and found["chance"] is None
    assert measures(found)["fact_accuracy"]["ci95"] is None


def test_without_choices_free_answers_decide() -> None:
    found = judge(raw(choices=0), raw(choices=0, right=36))
    assert measures(found)["fact_accuracy"]["n"] == 0
    assert found["learned"] == "yes"
    assert any("32 questions went from wrong to right" in reason for reason in found["reasons"])


def test_four_of_four_prove_nothing() -> None:
    # Fails if the interval is the bootstrap's alone: it is [1, 1] here.
    found = judge(raw(asked=4, right=0), raw(asked=4, right=4))
    assert found["learned"] == "no_evidence"
    assert any("would mostly have gone unseen" in reason for reason in found["reasons"])
    assert any("Ask more than 4 questions" in step for step in found["next"])


def test_another_tokenizer_cant_hide_a_change() -> None:
    tuned = raw(right=36)
    for row in tuned["general"]:
        row["nats"], row["tokens"] = row["nats"] * 1.1, row["tokens"] * 2
    found = judge(raw(), tuned)
    assert found["kept"] == "forgot"
    assert measures(found)["general_bits_per_byte"]["delta"] > 0


def test_different_items_are_refused() -> None:
    with pytest.raises(DriftError, match="different questions"):
        judge(raw(), raw(asked=39))
    with pytest.raises(DriftError, match="scorer"):
        judge(raw(), {**raw(), "scorer_version": 0})


def test_the_table_is_ready_to_print() -> None:
    rows = verdict_table(judge(raw(), raw(right=36)))
    absent = ("as_in_text", "reversed", "contaminated", "few_shot", "user", "kl", "probe")
    taken = [name for name in MEASURES if not any(part in name for part in absent)]
    assert [row.name for row in rows] == [NAMES[name] for name in taken]
    facts = rows[4]
    assert facts[1:5] == ("40", "10%", "90%", "+80.0 points")
    assert " to " in facts.interval
    assert all(isinstance(cell, str) for row in rows for cell in row)
