"""What advice is made of: how a model was trained, what was found, and a cause with its change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from steep.proof.rules import Kept, Learned

Cause = Literal[
    "too_few_steps",
    "too_few_wordings",
    "rate_too_low",
    "rate_too_high",
    "no_replay",
    "little_replay",
    "too_long",
    "strength_off",
    "strength_low",
    "too_many_passes",
    "no_retelling",
    "no_regularisation",
    "dirty_data",
    "known_already",
    "form_only",
    "questions",
    "general_texts",
    "unknown",
]


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
        documents: how many were trained.
        budget: the recipe's budget as (its key, its value).
        enough: its value under which the median fact is met often enough.
        rate, usual_rate: the peak rate, and the default of its method.
        steps: optimizer steps of the run.
        loss_fell_to: the training loss of the last tenth of the steps over that of the first.
        whole_rise: general loss over the base's with all of the change, nats per token.
        guard_factor: what the guard multiplied the rate by, where it intervened.
        guard_rise: the largest rise it went back from; None also where none could be scored.
        alarm: what stopped training before its end, in words.
        best_step: the best point of the trade-off that the guard saw.
        garbled: share of words with digits or signs amid their letters.
        repeated: share of characters in lines that stand in many documents.
        dropout, decay: ``lora_dropout`` (of adapters only) and ``weight_decay``.
    """

    general_share: float | None = None
    exposures: float | None = None
    wordings: float | None = None
    strength: float | None = None
    strength_searched: bool | None = None
    retells: bool | None = None
    passes: float | None = None
    documents: int | None = None
    budget: tuple[str, float] | None = None
    enough: float | None = None
    rate: float | None = None
    usual_rate: float | None = None
    steps: int | None = None
    loss_fell_to: float | None = None
    whole_rise: float | None = None
    guard_factor: float | None = None
    guard_rise: float | None = None
    alarm: str | None = None
    best_step: int | None = None
    garbled: float | None = None
    repeated: float | None = None
    dropout: float | None = None
    decay: float | None = None


@dataclass(frozen=True)
class Standing:
    """What the verdict found, as far as advice depends on it.

    Attributes:
        facts, facts_base: questions that decided, and the share the base model got right.
        form_only: untrained facts rose as much as the user's.
        one_answer: one answer that is right for many questions explains what was gained.
        rise: 95% interval of general text's rise, nats per token.
        budget: the rise that is allowed.
        contaminated: share of the questions whose wording was trained on.
        controls: questions about untrained facts.
    """

    learned: Learned
    kept: Kept
    memorised: bool
    facts: int
    facts_base: float | None
    form_only: bool
    one_answer: bool
    rise: tuple[float, float] | None
    budget: float
    contaminated: float | None
    controls: int


@dataclass(frozen=True)
class Advice:
    """One cause, what it is concluded from, and the change to make.

    Attributes:
        do: what to do, as the beginning of a sentence.
        because: the numbers that say so, as its end; may be empty.
        changes: recipe keys ("train.learning_rate") with their new values; may be empty.
    """

    cause: Cause
    do: str
    because: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The whole sentence."""
        return f"{self.do}: {self.because}." if self.because else f"{self.do}."
