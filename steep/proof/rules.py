"""The rules of the verdict: small pure functions of paired differences and their intervals.

``docs/VERDICT.md`` says the same in prose; whoever changes one changes both.
"""

from __future__ import annotations

import math
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
COMMON_ANSWER = 0.2
ROUNDING = 1e-6
"""Smaller changes are rounding: the same model in batches of another shape."""


def explained_by_controls(fact: Difference, control: Difference) -> bool:
    """True if facts rose beyond chance, and untrained ones did too, by at least half as much.

    Then the model may only have become better at the form of the questions. That two gains differ
    isn't shown by one of them being beyond chance and the other not: unless the rise of the
    controls is so itself, the gain on facts must be shown to be the larger one. Of fewer than
    thirty controls, which could hardly show that, it just has to be larger.

    The interval of the difference of two independent gains is put together from theirs: Zou and
    Donner, Statistics in Medicine 27 (2008), 1693.
    """
    if None in (fact.delta, fact.ci95, control.delta, control.ci95):
        return False
    assert fact.delta is not None and control.delta is not None
    assert fact.ci95 is not None and control.ci95 is not None
    if fact.ci95[0] <= 0 or control.delta <= 0 or control.delta < CONTROL_SHARE * fact.delta:
        return False
    beyond = fact.delta - control.delta
    if control.n >= FEWEST_CONTROLS:
        beyond -= math.hypot(fact.delta - fact.ci95[0], control.ci95[1] - control.delta)
    return control.ci95[0] > 0 or beyond <= 0


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


def explained_by_one_answer(fact: Difference, share: float) -> bool:
    """True if facts rose beyond chance, more than a fifth of the questions have one answer, a
    ``share`` of them, and the tuned model isn't shown to get more right than one that gives it
    always.

    Shown is what lies above it with all of Wilson's 95% interval.
    """
    from scipy.stats import binomtest

    if fact.tuned is None or fact.ci95 is None or fact.ci95[0] <= 0 or share <= COMMON_ANSWER:
        return False
    right = binomtest(round(fact.tuned * fact.n), fact.n)
    return bool(right.proportion_ci(method="wilson").low <= share)


def rests_on_one_answer(learned: Learned, fact: Difference, control: Difference) -> bool:
    """True if it was judged so because one answer fits too many questions."""
    is_shown = fact.ci95 is not None and fact.ci95[0] > 0 and fact.n >= FEWEST_CLEAN
    return learned == "no_evidence" and is_shown and not explained_by_controls(fact, control)


def judge_learned(
    fact: Difference,
    control: Difference,
    contaminated: float | None = None,
    one_answer: float = 0.0,
) -> Learned:
    """ "yes" if the interval of the gain on facts lies above zero and neither controls nor one
    answer to all explain it; "worse" if it lies below zero; else "no_evidence", also where no
    interval can be taken, or where contamination left fewer than ten questions.

    Args:
        fact: over questions whose wording no training text holds.
        contaminated: share of questions left out for that; None or 0 if there were none.
        one_answer: share of the questions that the commonest answer is right for.
    """
    if fact.ci95 is None:
        return "no_evidence"
    low, high = fact.ci95
    if low > 0:
        if contaminated and fact.n < FEWEST_CLEAN:
            return "no_evidence"
        explained = explained_by_controls(fact, control)
        return "no_evidence" if explained or explained_by_one_answer(fact, one_answer) else "yes"
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
    is within it), if it can't be taken, or if general facts or good grammar are lost: fell by more
    than 5 points, and beyond chance (facts that come back behind examples aren't lost). "yes" if
    moreover nothing is shown: the rise's lower end isn't above zero, and neither facts nor grammar
    fell beyond chance by less. Else "within_budget".
    """
    drift = is_format_drift(general_facts, few_shot)
    if (_lost(general_facts) and not drift) or _lost(grammar):
        return "forgot"
    if general_loss.ci95 is None or general_loss.ci95[1] > budget:
        return "forgot"
    fell = (_fell(general_facts) and not drift) or _fell(grammar)
    return "within_budget" if fell or general_loss.ci95[0] > 0 else "yes"


def kept_rests_on(
    general_loss: Difference,
    general_facts: Difference,
    budget: float,
    *,
    few_shot: Difference = NOTHING,
    grammar: Difference = NOTHING,
) -> KeptOn:
    """The measure that ``judge_kept`` decided by: the loss, unless it alone would have passed."""
    drift = is_format_drift(general_facts, few_shot)
    others: dict[KeptOn, Difference] = {"grammar_accuracy": grammar}
    if not drift:
        others = {"general_fact_accuracy": general_facts, **others}
    if general_loss.ci95 is None or general_loss.ci95[1] > budget:
        return "general_loss"
    if lost := next((name for name, found in others.items() if _lost(found)), None):
        return lost
    if general_loss.ci95[0] > 0:
        return "general_loss"
    return next((name for name, found in others.items() if _fell(found)), "general_loss")


def nothing_moved(measures: Iterable[Difference]) -> bool:
    """True if the interval of every measure that was taken holds zero."""
    taken = [found for found in measures if found.n and found.delta is not None]
    return bool(taken) and all(_holds_zero(found) for found in taken)


def _holds_zero(found: Difference) -> bool:
    if found.ci95 is None:
        return abs(found.delta or 0.0) <= ROUNDING
    return found.ci95[0] <= ROUNDING and found.ci95[1] >= -ROUNDING


def _fell(facts: Difference) -> bool:
    """True if a share fell beyond chance."""
    return facts.ci95 is not None and facts.ci95[1] < 0


def _lost(facts: Difference) -> bool:
    """True if it moreover fell by more than is allowed."""
    return _fell(facts) and facts.delta is not None and facts.delta < FACTS_LOST - ROUNDING


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
