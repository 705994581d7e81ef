"""The rules of the verdict: small pure functions of paired differences and their intervals.

``docs/VERDICT.md`` says the same in prose; whoever changes one changes both.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from steep.proof.statistics import NOTHING, Difference

Learned = Literal["yes", "no_evidence", "worse"]
Kept = Literal["yes", "within_budget", "forgot"]
Controls = Literal["none", "still", "moved"]
KeptOn = Literal["general_loss", "general_fact_accuracy", "grammar_accuracy"]

CONTROL_SHARE = 0.5
FACTS_LOST = -0.05
FACTS_BACK = -0.10
RECITED_MORE = 0.05
FEWEST_PASSAGES = 6  # of fewer, all of them recited, no interval lies above zero
FEWEST_TEXTS = 8  # of fewer, Student's interval is wider by a quarter and more
FEWEST_CONTROLS = 30
CONTAMINATED_SHARE = 0.1
FEWEST_CLEAN = 10
ROUNDING = 1e-6
"""Smaller changes are rounding: the same model in batches of another shape."""


def explained_by_controls(fact: Difference, control: Difference) -> bool:
    """True if untrained facts rose too, by at least half as much.

    Then the model may only have become better at the form of the questions. The rise must itself
    be beyond chance: the lower end of the controls' interval above zero.
    """
    if fact.delta is None or control.delta is None or control.ci95 is None:
        return False
    return control.ci95[0] > 0 and control.delta >= CONTROL_SHARE * fact.delta


def judge_controls(control: Difference) -> Controls:
    """ "none" with fewer than 30 of them, which is no pass; "moved" if their interval excludes
    zero on either side; else "still".
    """
    if control.n < FEWEST_CONTROLS or control.ci95 is None:
        return "none"
    low, high = control.ci95
    return "still" if low <= 0 <= high else "moved"


def is_contaminated(share: float | None) -> bool:
    """True if more than a tenth of the questions stand in training text, word for word."""
    return share is not None and share > CONTAMINATED_SHARE


def judge_learned(
    fact: Difference, control: Difference, contaminated: float | None = None
) -> Learned:
    """ "yes" if the interval of the gain on facts lies above zero and controls don't explain it;
    "worse" if it lies below zero; else "no_evidence", also where no interval can be taken, or
    where contamination left fewer than ten questions.

    Args:
        fact: over questions whose wording no training text holds.
        contaminated: share of questions left out for that; None or 0 if there were none.
    """
    if fact.ci95 is None:
        return "no_evidence"
    low, high = fact.ci95
    if low > 0:
        if contaminated and fact.n < FEWEST_CLEAN:
            return "no_evidence"
        return "no_evidence" if explained_by_controls(fact, control) else "yes"
    return "worse" if high < 0 else "no_evidence"


def is_format_drift(general_facts: Difference, few_shot: Difference) -> bool:
    """True if general facts fell, and asked again behind examples they haven't.

    They haven't if that interval holds zero and doesn't reach below ten points lost; eighty
    questions can't show less with a few of them flipping to and fro.
    """
    if general_facts.ci95 is None or few_shot.ci95 is None:
        return False
    low, high = few_shot.ci95
    return general_facts.ci95[1] < 0 and high >= 0 and low >= FACTS_BACK


def judge_kept(
    general_loss: Difference,
    general_facts: Difference,
    budget: float,
    *,
    few_shot: Difference = NOTHING,
    grammar: Difference = NOTHING,
) -> Kept:
    """Whether general ability was kept.

    ``general_loss`` is the change in nats per token on general text and ``budget`` the rise that
    is allowed. "forgot" if the interval reaches above the budget (so it isn't shown that the rise
    is within it), if it can't be taken, or if general facts or good grammar are lost by more than
    5 points beyond chance (facts that come back behind examples aren't lost). "yes" if moreover no
    rise is shown (the lower end isn't above zero), else "within_budget".
    """
    lost = _lost(general_facts) and not is_format_drift(general_facts, few_shot)
    if lost or _lost(grammar):
        return "forgot"
    if general_loss.ci95 is None or general_loss.ci95[1] > budget:
        return "forgot"
    return "yes" if general_loss.ci95[0] <= 0 else "within_budget"


def kept_rests_on(
    general_loss: Difference,
    general_facts: Difference,
    budget: float,
    *,
    few_shot: Difference = NOTHING,
    grammar: Difference = NOTHING,
) -> KeptOn:
    """The measure that ``judge_kept`` decided by: the loss, unless it alone would have passed."""
    if general_loss.ci95 is None or general_loss.ci95[1] > budget:
        return "general_loss"
    if _lost(general_facts) and not is_format_drift(general_facts, few_shot):
        return "general_fact_accuracy"
    return "grammar_accuracy" if _lost(grammar) else "general_loss"


def nothing_moved(measures: Iterable[Difference]) -> bool:
    """True if the interval of every measure that was taken holds zero."""
    taken = [found for found in measures if found.n and found.delta is not None]
    return bool(taken) and all(_holds_zero(found) for found in taken)


def _holds_zero(found: Difference) -> bool:
    if found.ci95 is None:
        return abs(found.delta or 0.0) <= ROUNDING
    return found.ci95[0] <= ROUNDING and found.ci95[1] >= -ROUNDING


def _lost(facts: Difference) -> bool:
    return facts.ci95 is not None and facts.ci95[1] < FACTS_LOST


def judge_memorised(verbatim: Difference) -> bool:
    """True if the tuned model recites at least 5 points more trained passages, beyond chance."""
    if verbatim.delta is None or verbatim.ci95 is None:
        return False
    return verbatim.delta >= RECITED_MORE and verbatim.ci95[0] > 0


def is_reciting_tested(verbatim: Difference) -> bool:
    """False if there were too few passages for ``judge_memorised`` to find anything."""
    return verbatim.n >= FEWEST_PASSAGES


def may_ship(learned: Learned, kept: Kept, memorised: bool) -> bool:
    """Ship only what learned something, didn't forget, and doesn't recite."""
    return learned == "yes" and kept != "forgot" and not memorised
