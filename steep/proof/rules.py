"""The rules of the verdict: small pure functions of paired differences and their intervals."""

from __future__ import annotations

from typing import Literal

from steep.proof.statistics import Difference

Learned = Literal["yes", "no_evidence", "worse"]
Kept = Literal["yes", "within_budget", "forgot"]

CONTROL_SHARE = 0.5
FACTS_LOST = -0.05
RECITED_MORE = 0.05


def explained_by_controls(fact: Difference, control: Difference) -> bool:
    """True if untrained facts rose too, by at least half as much.

    Then the model may only have become better at the form of the questions. The rise must itself
    be beyond chance: the lower end of the controls' interval above zero.
    """
    if fact.delta is None or control.delta is None or control.ci95 is None:
        return False
    return control.ci95[0] > 0 and control.delta >= CONTROL_SHARE * fact.delta


def judge_learned(fact: Difference, control: Difference) -> Learned:
    """ "yes" if the interval of the gain on facts lies above zero and controls don't explain it;
    "worse" if it lies below zero; else "no_evidence", also where no interval can be taken.
    """
    if fact.ci95 is None:
        return "no_evidence"
    low, high = fact.ci95
    if low > 0:
        return "no_evidence" if explained_by_controls(fact, control) else "yes"
    return "worse" if high < 0 else "no_evidence"


def judge_kept(general_loss: Difference, general_facts: Difference, budget: float) -> Kept:
    """Whether general ability was kept.

    ``general_loss`` is the change in nats per token on general text and ``budget`` the rise that
    is allowed. "forgot" if the interval reaches above the budget (so it isn't shown that the rise
    is within it), if it can't be taken, or if general facts are lost by more than 5 points beyond
    chance. "yes" if moreover no rise is shown (the lower end isn't above zero), else
    "within_budget".
    """
    if general_facts.ci95 is not None and general_facts.ci95[1] < FACTS_LOST:
        return "forgot"
    if general_loss.ci95 is None or general_loss.ci95[1] > budget:
        return "forgot"
    return "yes" if general_loss.ci95[0] <= 0 else "within_budget"


def judge_memorised(verbatim: Difference) -> bool:
    """True if the tuned model recites at least 5 points more trained passages, beyond chance."""
    if verbatim.delta is None or verbatim.ci95 is None:
        return False
    return verbatim.delta >= RECITED_MORE and verbatim.ci95[0] > 0


def may_ship(learned: Learned, kept: Kept, memorised: bool) -> bool:
    """Ship only what learned something, didn't forget, and doesn't recite."""
    return learned == "yes" and kept != "forgot" and not memorised
