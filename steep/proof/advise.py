"""What to try next: causes of what a verdict found wrong, each from something that was measured.

One set of rules for the last lines of a verdict and for ``steep diagnose``. The thresholds are
either the verdict's own or named here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from steep.corpus.exposures import ENOUGH_EXPOSURES, FEW_EXPOSURES, FEW_WORDINGS
from steep.proof.advice import Advice, Setting, Standing
from steep.proof.rules import (
    FEWEST_CLEAN,
    FEWEST_CONTROLS,
    FEWEST_TEXTS,
    explained_by_controls,
    is_contaminated,
    rests_on_one_answer,
)
from steep.wording import counted

if TYPE_CHECKING:
    from steep.proof.words import Findings

_SOME_REPLAY, _USUAL_REPLAY, _GENEROUS_REPLAY = 0.05, 0.2, 0.6
_FEW_QUESTIONS = 40
_WELL_KNOWN = 0.9
_MANY_PASSES, _FEW_PASSES = 12, 6
_MUCH_GIVEN_UP = 0.5  # of the change, by the strength: most of what was learned forgot more
_FAR, _VERY_FAR = 3.0, 30.0  # times the method's usual rate, or below it
_LITTLE_FALL = 0.85  # of the training loss is left at the end
_GARBLED, _REPEATED = 0.05, 0.3
_EARLY = 0.7  # of the run: a best point before that means it went on too long


def next_steps(found: Findings, setting: Setting) -> list[str]:
    """Concrete changes in plain sentences, the most pressing first; empty if all is well."""
    standing = Standing(
        learned=found.learned,
        kept=found.kept,
        memorised=found.memorised,
        facts=found.fact.n,
        facts_base=found.fact.base,
        form_only=found.learned == "no_evidence"
        and explained_by_controls(found.fact, found.control),
        one_answer=rests_on_one_answer(found.learned, found.fact, found.control),
        rise=found.general_loss.ci95,
        budget=found.budget,
        contaminated=found.contaminated,
        controls=found.control.n,
    )
    return [advice.text for advice in advise(standing, setting)]


def advise(found: Standing, setting: Setting) -> list[Advice]:
    """Causes and changes, the most pressing first; empty if it may ship and nothing is thin."""
    rules: tuple[Callable[[Standing, Setting], Iterator[Advice]], ...] = (
        _alarm,
        _memorising,
        _data,
        _forgetting,
        _learning,
    )
    return [*(advice for rule in rules for advice in rule(found, setting)), *_questions(found)]


def _alarm(found: Standing, setting: Setting) -> Iterator[Advice]:
    if setting.alarm is not None:
        yield _lower_rate(setting, f"an alarm stopped training ({setting.alarm})")


def _memorising(found: Standing, setting: Setting) -> Iterator[Advice]:
    if not found.memorised:
        return
    passes = setting.passes
    seen = "" if passes is None else f"each text was seen {counted(round(passes), 'time')}"
    if seen and setting.documents is not None:
        seen += f", and there are {setting.documents} of them"
    changes: dict[str, Any] = {}
    if passes is not None and passes > _MANY_PASSES:
        changes = _budget_times(setting, _FEW_PASSES / passes)
    do = "Train fewer passes over the same documents, or add documents"
    yield Advice("too_many_passes", do, seen, changes)
    if setting.retells is False:
        do = "Turn [retell] on"
        because = "many wordings teach the facts without the wording"
        yield Advice("no_retelling", do, because, {"retell.enabled": True})
    if setting.dropout == 0.0 and setting.decay == 0.0:
        because = "the weights were held back by neither (both were 0)"
        changes = {"train.lora_dropout": 0.05, "train.weight_decay": 0.01}
        do = "Set [train] lora_dropout = 0.05 and weight_decay = 0.01"
        yield Advice("no_regularisation", do, because, changes)


def _data(found: Standing, setting: Setting) -> Iterator[Advice]:
    if found.learned == "yes":
        return
    if setting.garbled is not None and setting.garbled > _GARBLED:
        do = "Clean the documents, or read them with better character recognition"
        because = f"{100 * setting.garbled:.0f}% of their words have digits or signs amid letters"
        yield Advice("dirty_data", do, because)
    if setting.repeated is not None and setting.repeated > _REPEATED:
        do = "Take headers, footers and menus out of the documents"
        because = f"{100 * setting.repeated:.0f}% of their text is lines that many of them repeat"
        yield Advice("dirty_data", do, because)


def _forgetting(found: Standing, setting: Setting) -> Iterator[Advice]:
    if found.rise is None and found.kept == "forgot":
        do = f"Give at least {FEWEST_TEXTS} general texts ([evaluate] general)"
        yield Advice("general_texts", do, "without them nobody can say what was forgotten")
        return
    strength, guarded = setting.strength, setting.guard_factor is not None
    given_up = setting.strength_searched is True and (strength or 0.0) < _MUCH_GIVEN_UP
    if found.kept != "forgot" and not given_up and not guarded:
        return
    lost = _lost_words(found, setting)
    too_high = _is_far_above(setting)
    if too_high:
        yield _lower_rate(setting, lost)
    share = setting.general_share
    if share is not None and share < _SOME_REPLAY:
        because = f"{lost}, and {100 * share:.0f}% of the tokens were replay"
        changes = {"data.general_share": _USUAL_REPLAY}
        yield Advice("no_replay", f"Set [data] general_share to {_USUAL_REPLAY}", because, changes)
    if guarded and not too_high:
        too_high = True
        yield _lower_rate(setting, lost)
    if found.kept != "forgot":
        return
    if setting.strength_searched is False:
        because = "it keeps as much of the change as the forgetting budget bears"
        on: dict[str, Any] = {"strength.enabled": True, "strength.scale": None}
        yield Advice("strength_off", "Turn [strength] on", because, on)
    if found.rise and found.rise[0] <= found.budget < found.rise[1]:
        do = "Give more general texts to judge on ([evaluate] general)"
        because = "they would narrow the interval, which is what crosses the budget"
        yield Advice("general_texts", do, because)
    best, steps = setting.best_step, setting.steps
    if best and steps and best < _EARLY * steps:
        because = f"the best point between learning and forgetting was step {best} of {steps}"
        changes = {"train.max_steps": best}
        yield Advice("too_long", f"Train about {best} steps", because, changes)
    if share is None or _SOME_REPLAY <= share < _GENEROUS_REPLAY:
        now = "more replay" if share is None else f"it was {100 * share:.0f}%"
        changes = {"data.general_share": _GENEROUS_REPLAY}
        do = f"Raise [data] general_share to {_GENEROUS_REPLAY}"
        yield Advice("little_replay", do, now, changes)
    if not too_high:
        yield _lower_rate(setting, "smaller steps forget less")


def _lost_words(found: Standing, setting: Setting) -> str:
    if setting.guard_factor is not None:
        if setting.guard_rise is None:
            return "the guard went back from a model that could no longer be scored"
        return f"the guard went back from a rise of {setting.guard_rise:.2f} nats on general text"
    if setting.whole_rise is not None:
        said = (
            f"with all of the change general text rose by {setting.whole_rise:.2f} nats per token"
        )
        kept = setting.strength
        return (
            said if kept is None or kept == 1.0 else f"{said}, so only {100 * kept:.0f}% was kept"
        )
    if found.rise is None:
        return "general text got worse"
    return f"general text rose by {found.rise[0]:.2f} to {found.rise[1]:.2f} nats per token"


def _is_far_above(setting: Setting) -> bool:
    """Is the rate far above what its method usually takes?"""
    if setting.rate is None or setting.usual_rate is None:
        return False
    return setting.rate / setting.usual_rate > _FAR


def _lower_rate(setting: Setting, because: str) -> Advice:
    rate = setting.rate
    if rate is None:
        return Advice("rate_too_high", "Halve [train] learning_rate", because)
    lower = rate * min(0.5, setting.guard_factor or 0.5)
    if _is_far_above(setting) and setting.usual_rate is not None:
        lower = min(lower, setting.usual_rate)
    changes = {"train.learning_rate": _rounded(lower)}
    do = f"Set [train] learning_rate to {_rounded(lower):g}"
    return Advice("rate_too_high", do, f"{because} at a rate of {rate:g}", changes)


def _learning(found: Standing, setting: Setting) -> Iterator[Advice]:
    if found.learned == "yes" or not found.facts:
        return
    if found.facts_base is not None and found.facts_base >= _WELL_KNOWN:
        because = f"the base model knew {100 * found.facts_base:.0f}% of the answers already"
        yield Advice("known_already", "Ask about what only you can know", because)
        return
    some = False
    if found.form_only:
        because = "untrained facts rose as much as yours"
        yield Advice(
            "form_only", "Ask questions whose answers can't be guessed from their form", because
        )
        some = True
    if found.one_answer:
        because = "one answer is right for too many of them"
        yield Advice("form_only", "Ask questions with different answers", because)
        return
    for advice in (*_too_slow(setting), *_too_thin(setting)):
        yield advice
        some = True
    strength = setting.strength
    if strength is not None and strength < 1.0 and found.kept != "forgot":
        because = f"only {100 * strength:.0f}% of the change was kept to stay within the budget"
        share, changes = setting.general_share, {}
        what = "[evaluate] forgetting_budget"
        if share is None or share < _GENEROUS_REPLAY:
            what = "[data] general_share, or [evaluate] forgetting_budget"
            changes = {"data.general_share": _GENEROUS_REPLAY}
        yield Advice("strength_low", f"Raise {what}, to keep more", because, changes)
        some = True
    if not some and found.kept != "forgot":
        changes = {} if setting.rate is None else {"train.learning_rate": 2 * setting.rate}
        do = "Double [train] learning_rate, or train twice as long"
        yield Advice("unknown", do, "little has moved", changes)


def _is_too_low(ratio: float, left: float | None) -> bool:
    """Is the rate, so many times its method's usual one, too low for what became of the loss?

    The farther it is below, the less the loss has to say: one that fell a little learned form.
    """
    return ratio < 1 / _VERY_FAR or (ratio < 1 / _FAR and (left is None or left > _LITTLE_FALL))


def _too_slow(setting: Setting) -> Iterator[Advice]:
    """A rate that moves too little, and too few steps."""
    rate, usual, left = setting.rate, setting.usual_rate, setting.loss_fell_to
    if rate is not None and usual is not None and _is_too_low(rate / usual, left):
        because = f"{rate:g} is {usual / rate:.0f} times below what its method usually takes"
        if left is not None:
            because += f", and the training loss ended at {100 * left:.0f}% of where it began"
        do = f"Set [train] learning_rate to {usual:g}"
        yield Advice("rate_too_low", do, because, {"train.learning_rate": usual})
    exposures = setting.exposures
    if exposures is not None and exposures < FEW_EXPOSURES:
        because = (
            f"the median fact was met {counted(exposures, 'time')}, and under {FEW_EXPOSURES} "
            "few facts become answers"
        )
        do = "Train longer"
        longer: dict[str, Any] = {}
        if setting.budget and setting.enough and setting.enough > setting.budget[1]:
            key, enough = setting.budget[0], setting.enough
            do, longer = f"Set [train] {key} to {enough}", {f"train.{key}": enough}
            because += f"; that gives {ENOUGH_EXPOSURES}"
        yield Advice("too_few_steps", do, because, longer)


def _too_thin(setting: Setting) -> Iterator[Advice]:
    if setting.retells is False:
        because = "facts seen in one wording are recited, not known"
        yield Advice("no_retelling", "Turn [retell] on", because, {"retell.enabled": True})
    elif setting.wordings is not None and setting.wordings < FEW_WORDINGS:
        do = f"Set [retell] coverage to {FEW_WORDINGS}, or add documents that say it in other words"
        because = f"the median fact stands in {counted(setting.wordings, 'wording')}"
        yield Advice("too_few_wordings", do, because, {"retell.coverage": FEW_WORDINGS})


def _questions(found: Standing) -> Iterator[Advice]:
    if not found.facts and not found.contaminated:
        do = "Write [evaluate] questions"
        because = "forty questions with answers, in words that your documents don't use"
        yield Advice("questions", do, because)
        return
    few = found.contaminated and found.facts < FEWEST_CLEAN
    if is_contaminated(found.contaminated) or few:
        do = "Word the questions otherwise than the documents, or take them out of the documents"
        yield Advice("questions", do, "training text holds their wording")
    if 0 < found.facts < _FEW_QUESTIONS and found.learned != "yes":
        do = f"Ask more than {found.facts} questions"
        yield Advice("questions", do, "so few can show only large changes")
    if found.controls < FEWEST_CONTROLS and found.facts:
        do = (
            f'Add {FEWEST_CONTROLS} questions of kind "control" about facts that no document states'
        )
        yield Advice("questions", do, "a gain in form alone would show on them")


def _budget_times(setting: Setting, factor: float) -> dict[str, Any]:
    """The recipe's budget so many times as large, in its own key."""
    if setting.budget is None:
        return {}
    key, value = setting.budget
    scaled = value * factor
    return {
        f"train.{key}": max(1.0, round(scaled, 1)) if key == "epochs" else max(1, round(scaled))
    }


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")
