"""What to try next: changes to the recipe, each from something that was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from steep.proof.rules import FEWEST_CLEAN, FEWEST_CONTROLS, explained_by_controls, is_contaminated

if TYPE_CHECKING:
    from steep.proof.words import Findings

FEW_EXPOSURES = 20
FEW_WORDINGS = 3
_GENEROUS_REPLAY = 0.25
_FEW_QUESTIONS = 40
_WELL_KNOWN = 0.9


@dataclass(frozen=True)
class Setting:
    """How a model was trained, as far as advice depends on it; None where it isn't known.

    Attributes:
        general_share: replay's share of the tokens trained.
        exposures, wordings: of the median fact.
        strength: how much of the change was kept, 0 to 1.
        strength_searched: whether that was chosen on validation texts.
        retells: whether retelling is on.
        passes: how often the average document token was trained.
    """

    general_share: float | None = None
    exposures: float | None = None
    wordings: float | None = None
    strength: float | None = None
    strength_searched: bool | None = None
    retells: bool | None = None
    passes: float | None = None


def next_steps(found: Findings, setting: Setting) -> list[str]:
    """Concrete changes, the most pressing first; empty if it may ship and nothing is thin."""
    return [
        *_forgetting(found, setting),
        *_memorising(found, setting),
        *_learning(found, setting),
        *_questions(found),
    ]


def _forgetting(found: Findings, setting: Setting) -> list[str]:
    if found.kept != "forgot":
        return []
    said: list[str] = []
    loss = found.general_loss
    if loss.ci95 is None:
        return [
            "Give at least two general texts ([evaluate] general): without them nobody can say "
            "what was forgotten."
        ]
    if loss.ci95[0] <= found.budget < loss.ci95[1]:
        said.append(
            "More general texts to judge on ([evaluate] general) would narrow the interval, which "
            "is what crosses the budget."
        )
    if setting.strength_searched is False:
        said.append(
            "Turn [strength] on: it keeps as much of the change as the forgetting budget bears."
        )
    share = setting.general_share
    if share is None or share < _GENEROUS_REPLAY:
        now = "" if share is None else f" (it was {100 * share:.0f}%)"
        said.append(f"Raise [data] general_share to {_GENEROUS_REPLAY}{now}: more replay.")
    said.append("Halve [train] learning_rate: smaller steps forget less.")
    return said


def _memorising(found: Findings, setting: Setting) -> list[str]:
    if not found.memorised:
        return []
    passes = "" if setting.passes is None else f" (each text was seen {setting.passes:.0f} times)"
    said = [f"Train fewer passes over the same documents{passes}, or add documents."]
    if setting.retells is False:
        said.append("Turn [retell] on: many wordings teach the facts without the wording.")
    return said


def _learning(found: Findings, setting: Setting) -> list[str]:
    if found.learned == "yes" or not found.fact.n:
        return []
    if found.fact.base is not None and found.fact.base >= _WELL_KNOWN:
        return ["The base model knew the answers already: ask about what only you can know."]
    said: list[str] = []
    if found.learned == "no_evidence" and explained_by_controls(found.fact, found.control):
        said.append(
            "Ask questions whose answers can't be guessed from their form: untrained facts rose "
            "as much as yours."
        )
    if setting.exposures is not None and setting.exposures < FEW_EXPOSURES:
        said.append(
            f"Train longer ([train] max_steps or epochs): the median fact was met "
            f"{setting.exposures:g} times, and under {FEW_EXPOSURES} few facts become answers."
        )
    if setting.retells is False:
        said.append("Turn [retell] on: facts seen in one wording are recited, not known.")
    elif setting.wordings is not None and setting.wordings < FEW_WORDINGS:
        said.append(
            f"Add documents that say the same in other words: the median fact stands in "
            f"{setting.wordings:g} wordings."
        )
    if setting.strength is not None and setting.strength < 1.0 and found.kept != "forgot":
        said.append(
            f"Only {100 * setting.strength:.0f}% of the change was kept to stay within the "
            "forgetting budget: more replay ([data] general_share) or a larger "
            "[evaluate] forgetting_budget would keep more."
        )
    if not said and found.kept != "forgot":
        said.append("Double [train] learning_rate, or train twice as long: little has moved.")
    return said


def _questions(found: Findings) -> list[str]:
    said: list[str] = []
    if not found.fact.n and not found.contaminated:
        return [
            "Write [evaluate] questions: forty questions with answers, in words that your "
            "documents don't use."
        ]
    if is_contaminated(found.contaminated) or (found.contaminated and found.fact.n < FEWEST_CLEAN):
        said.append(
            "Word the questions otherwise than the documents, or take the questions out of the "
            "documents: training text holds their wording."
        )
    if 0 < found.fact.n < _FEW_QUESTIONS and found.learned != "yes":
        said.append(f"Ask more than {found.fact.n} questions: so few can show only large changes.")
    if found.control.n < FEWEST_CONTROLS and found.fact.n:
        said.append(
            f'Add {FEWEST_CONTROLS} questions of kind "control" about facts that no document '
            "states: a gain in form alone would show on them."
        )
    return said
