"""What a search is of, the time it has, and what fits that by prediction."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from steep.artifact import key_of
from steep.errors import UserInputError
from steep.planning.search import Design, Fit, fitting, time_for_least
from steep.planning.workload import tokens_of
from steep.progress import Progress
from steep.recipe import Recipe
from steep.stages.base import Base, open_base
from steep.stages.folder import training_key
from steep.stages.inputs import Inputs, read_inputs
from steep.stages.plan import is_worth_planning, make_plan
from steep.stages.prepare import Draft, data_key, draft
from steep.stages.slice import DOMAIN_TOKENS, GENERAL_TEXTS, QUESTIONS, Pool, make_pool

_VERSION = 1
_ASSUMED_TOKENS_PER_SECOND = 10_000.0  # of models that are trained in seconds
_QUESTION_TOKENS = 80  # a question with ten choices
_SCORINGS = 3  # of the general texts at other strengths, usually
_SCREENED = 3  # times the questions kept are asked before they are kept, with those that aren't
_SHARE_WITHOUT = 0.1  # stands in for no replay where it is read
_FASTER = 2.0  # asking over training, in tokens a second


class Clock:
    """The time of a search, that of earlier commands included (seconds)."""

    def __init__(self, limit: float) -> None:
        self._limit, self._begin = limit, time.monotonic()
        self.spent_before = 0.0

    @property
    def minutes(self) -> float:
        """What the user gave."""
        return self._limit / 60.0

    @property
    def spent(self) -> float:
        """So far."""
        return self.spent_before + time.monotonic() - self._begin

    def left(self) -> float:
        """Until the limit; below 0 beyond it."""
        return self._limit - self.spent


@dataclass(frozen=True)
class Asked:
    """What is searched for: the recipe with all it names, and the documents parted."""

    recipe: Recipe
    resolved: Recipe
    inputs: Inputs
    base: Base
    whole: Draft
    pool: Pool
    folder: Path
    progress: Progress

    @property
    def key(self) -> str:
        """Everything the trials depend on; not the time they are given."""
        data = key_of(data_key(self.resolved, self.base, self.inputs))
        training = training_key(self.resolved, data, self.base.fingerprint)
        budget = self.recipe.evaluate.forgetting_budget
        return key_of({"version": _VERSION, "training": training, "budget": budget})


@dataclass(frozen=True)
class Planned:
    """A search as it was planned from predictions; a resumed one keeps to it.

    Attributes:
        run_passes: of the whole run over its documents.
    """

    design: Mapping[str, Any]
    passes: float
    slice_tokens: int
    run_passes: float
    tokens_per_second: float
    asking_seconds: float

    @property
    def fit(self) -> Fit:
        """As the search takes it."""
        return Fit(Design(**self.design), self.passes, self.slice_tokens)

    @property
    def has_the_runs_passes(self) -> bool:
        """Are trials as many passes as the run? Only then do they say anything of its budget."""
        return self.passes > 0.9 * self.run_passes


def read_asked(recipe: Recipe, folder: Path, progress: Progress) -> Asked:
    """Read what a recipe names and part its documents.

    Raises:
        UserInputError: the recipe can't be used as it is, or is a curriculum.
    """
    if recipe.curriculum:
        raise UserInputError(
            "steep tune doesn't search recipes with [[train.stages]]; give it a recipe with the "
            "documents of one stage in [data] domain"
        )
    # Replay is read even where the recipe has none: trials may have some.
    share = recipe.data.general_share or _SHARE_WITHOUT
    data = recipe.data.model_copy(update={"general_share": share})
    inputs = read_inputs(recipe.model_copy(update={"data": data}))
    # Settings are compared on the model that is trained, whatever it is put on.
    resolved, base = open_base(recipe.model_copy(update={"instruct": None}))
    resolved = resolved.model_copy(update={"vocabulary": None})  # as trials are
    whole = draft(resolved, inputs, base)
    pool = make_pool(recipe, inputs, whole)
    return Asked(recipe, resolved, inputs, base, whole, pool, folder, progress)


def plan_search(asked: Asked, clock: Clock) -> Planned:
    """What fits the time, by prediction.

    Raises:
        UserInputError: not even two trials do.
    """
    rate = _tokens_per_second(asked)
    general = tokens_of(asked.inputs.validation[:GENERAL_TEXTS], asked.base.tokenizer)
    reading = general * (1 + _SCORINGS) + DOMAIN_TOKENS + 2 * QUESTIONS * _QUESTION_TOKENS
    asking = reading / rate / _FASTER
    schedule, steps = asked.whole.schedule, asked.whole.steps
    passes = max(schedule.epoch_of(steps), 0.01)
    # Questions are screened in up to three wordings, and the base model is asked as a trial is.
    setting_up = (1 + _SCREENED) * asking
    found = fitting(
        clock.left() - setting_up,
        tokens_per_second=rate,
        asking_seconds=asking,
        passes=passes,
        whole_tokens=asked.pool.whole_tokens,
        least_tokens=asked.pool.least_tokens,
    )
    if found is None:
        needed = time_for_least(
            rate, asking_seconds=asking, passes=passes, least_tokens=asked.pool.least_tokens
        )
        minutes = math.ceil((needed + setting_up + clock.spent) / 60.0)
        raise UserInputError(
            f"{clock.minutes:g} minutes allow not even two trials of this model here, about "
            f"{minutes} would; give --minutes {minutes} or a smaller model"
        )
    return Planned(
        asdict(found.design), found.passes, found.slice_tokens, round(passes, 2), rate, asking
    )


def _tokens_per_second(asked: Asked) -> float:
    """Of training; measured on truncated models where training takes long enough for that."""
    if not is_worth_planning(asked.resolved, asked.inputs, asked.base):
        return _ASSUMED_TOKENS_PER_SECOND
    made = make_plan(
        asked.resolved, asked.inputs, asked.base, asked.whole, asked.progress, ask=False
    )
    if made.prediction is None:
        asked.progress.note(f"nothing could be predicted: {made.problem}")
        return _ASSUMED_TOKENS_PER_SECOND / 10
    return made.prediction.tokens_per_second
