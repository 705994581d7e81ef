"""Tune: a search of learning rate, replay and passes on a slice, within a time the user gives.

Beside the run folder stands ``<output_dir>-tune`` with a folder for each trial, ``tune.html`` and
``tune.json`` (sealed; written after every trial, so that the same command goes on)::

    {"schema": 1, "key": "…", "minutes", "seconds" (spent so far), "done": bool,
     "design": {"design", "passes", "slice_tokens", "run_passes", "tokens_per_second",
         "asking_seconds"} (what was planned),
     "slice": {"documents", "of", "aside", "facts"},
     "sheet": {"general", "domain", "questions" (how many), "decides": "answers" or "domain"},
     "base": scores, "trials": [results], "findings": {"choices", "fits", …} or null,
     "changes": {"train.learning_rate": …}, "notes": [sentences], "written": path or null}

Seconds are wall time. Losses are nats per token (per question for answers).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from steep.artifact import key_of, read_sealed, write_sealed
from steep.errors import DriftError, UserInputError
from steep.planning.search import MOST_SHARE, Design, Fit, fitting, time_for_least
from steep.planning.workload import tokens_of
from steep.progress import Progress, Silent
from steep.proof.scorer import Scorer
from steep.proof.trials import Sheet, score, scores_from
from steep.recipe import Recipe, load_recipe
from steep.stages.base import Base, open_base
from steep.stages.folder import move_aside, training_key
from steep.stages.inputs import Inputs, read_inputs
from steep.stages.lock import RunLock
from steep.stages.plan import is_worth_planning, make_plan
from steep.stages.prepare import Draft, data_key, draft
from steep.stages.search import Findings, Search
from steep.stages.slice import (
    DOMAIN_TOKENS,
    GENERAL_TEXTS,
    QUESTIONS,
    Pool,
    make_pool,
    make_sheet,
    replay_for,
    slice_inputs,
    take,
)
from steep.stages.trial import Ground, Result, result_from
from steep.stages.trouble import told_plainly
from steep.stages.tuned import changes_of, notes_on, write_tuned
from steep.training.stop import stops_at_once

TUNE_FILE, PAGE_FILE, QUESTIONS_FILE = "tune.json", "tune.html", "questions.json"
_VERSION = 1
_ASSUMED_TOKENS_PER_SECOND = 10_000.0  # of models that are trained in seconds
_QUESTION_TOKENS = 80  # a question with ten choices
_SCORINGS = 3  # of the general texts at other strengths, usually
_SCREENED = 3  # times the questions kept are asked before they are kept, with those that aren't
_SHARE_WITHOUT = 0.1  # stands in for no replay where it is read
_FASTER = 2.0  # asking over training, in tokens a second


@dataclass(frozen=True)
class Tuning:
    """A finished search: where its evidence is, what it says, and the recipe it wrote.

    ``written`` is None where the recipe stays as it is.
    """

    folder: Path
    evidence: Mapping[str, Any]
    written: Path | None

    def as_json(self) -> dict[str, Any]:
        """tune.json's content without the items, and where everything is."""
        kept = {
            k: v for k, v in self.evidence.items() if k not in ("seal", "key", "base", "trials")
        }
        trials = [result_from(row) for row in self.evidence["trials"]]
        return {"folder": str(self.folder), **kept, "trials": [_short(trial) for trial in trials]}


def tune(
    path: str | Path,
    *,
    overrides: Sequence[str] = (),
    minutes: float = 30.0,
    output: str | Path | None = None,
    fresh: bool = False,
    force: bool = False,
    progress: Progress | None = None,
) -> Tuning:
    """Search the recipe's learning rate, replay share and passes; write a recipe with the best.

    Calling it again goes on where it stopped. Each trial is a real training on a slice of the
    documents, judged on texts and questions that neither it nor the run is trained or judged on.

    Args:
        path: the recipe.
        overrides: as for ``load_recipe``; they also stand in the recipe that is written.
        minutes: what the search may take, all commands on it together.
        output: the recipe to write; None means ``<name>-tuned.toml`` beside ``path``.
        fresh: move an old search aside and begin again.
        force: replace a recipe that is there.

    Raises:
        UserInputError: the recipe can't be used as it is, there is too little time or text for two
            trials, or ``output`` is there already.
        Interrupted: a stop signal came; what was tried is kept.
    """
    from steep.report.tune import write_page

    heard = progress or Silent()
    recipe, path = load_recipe(path, overrides), Path(path)
    place = Path(output) if output is not None else path.with_name(f"{path.stem}-tuned.toml")
    folder = Path(f"{recipe.output_dir.rstrip('/')}-tune")
    _check_output(place, read_sealed(folder / TUNE_FILE), force=force)
    clock = _Clock(60.0 * minutes)
    with told_plainly(folder), stops_at_once():
        asked = _read(recipe, folder, heard)
        if fresh and (moved := move_aside(folder)) is not None:
            heard.note(f"the old search is now {moved}")
        before = read_sealed(folder / TUNE_FILE)
        if before and before["key"] != asked.key:
            raise DriftError(
                f"{folder} holds a search for another recipe or other documents; --fresh to move "
                "it aside and search again, or another output_dir"
            )
        clock.spent_before = float(before.get("seconds", 0.0))
        planned = _Planned(**before["design"]) if before else _plan(asked, clock)
        with RunLock(folder):
            kept, findings = _search(asked, planned, clock, before)
            changes = changes_of(recipe, findings, same_passes=planned.has_the_runs_passes)
            written = write_tuned(path, place, recipe, overrides, changes) if changes else None
            kept |= {
                "done": True,
                "findings": findings.as_json(),
                "changes": changes,
                "notes": notes_on(recipe, findings, same_passes=planned.has_the_runs_passes),
                "written": None if written is None else str(written),
            }
            write_sealed(folder / TUNE_FILE, kept)
            write_page(kept, folder / PAGE_FILE, name=path.name)
    return Tuning(folder, kept, written)


class _Clock:
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
class _Asked:
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
class _Planned:
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


def _read(recipe: Recipe, folder: Path, progress: Progress) -> _Asked:
    # Replay is read even where the recipe has none: trials may have some.
    share = recipe.data.general_share or _SHARE_WITHOUT
    data = recipe.data.model_copy(update={"general_share": share})
    inputs = read_inputs(recipe.model_copy(update={"data": data}))
    resolved, base = open_base(recipe)
    whole = draft(resolved, inputs, base)
    pool = make_pool(recipe, inputs, whole)
    return _Asked(recipe, resolved, inputs, base, whole, pool, folder, progress)


def _plan(asked: _Asked, clock: _Clock) -> _Planned:
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
    return _Planned(
        asdict(found.design), found.passes, found.slice_tokens, round(passes, 2), rate, asking
    )


def _tokens_per_second(asked: _Asked) -> float:
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


def _search(
    asked: _Asked, planned: _Planned, clock: _Clock, before: Mapping[str, Any]
) -> tuple[dict[str, Any], Findings]:
    """Set the trials up and take them; tune.json's content without what follows from it."""
    base, fit = asked.base, planned.fit
    documents = take(asked.pool, fit.slice_tokens)
    longest = 2 if fit.design.doubled else 1
    replay = replay_for(
        asked.recipe,
        asked.inputs,
        base,
        int(fit.slice_tokens * fit.passes * longest * MOST_SHARE),
        asked.progress,
    )
    inputs = slice_inputs(asked.inputs, documents, replay)
    sheet = make_sheet(
        asked.resolved, inputs, asked.pool, base, asked.folder / QUESTIONS_FILE, asked.progress
    )
    if before:
        scores = scores_from(before["base"])
    else:
        asked.progress.stage("Asking the base model")
        scores = score(Scorer(base.model, base.tokenizer), sheet)
    facts = draft(asked.resolved, inputs, base).ledger["facts"].get("count", 0)
    trained = asked.inputs.split.trained
    asked.progress.note(
        f"{len(documents)} of {len(trained)} documents, {facts} facts, {fit.passes:g} passes; "
        f"judged by {_judges(sheet)}"
    )
    kept: dict[str, Any] = {
        "schema": 1,
        "key": asked.key,
        "done": False,
        "design": asdict(planned),
        "slice": {
            "documents": len(documents),
            "of": len(trained),
            "aside": len(asked.pool.aside),
            "facts": facts,
        },
        "sheet": {
            "general": len(sheet.general),
            "domain": len(sheet.domain),
            "questions": len(sheet.questions),
            "decides": sheet.decides,
        },
        "base": scores.as_json(),
    }

    def so_far(results: Sequence[Result]) -> dict[str, Any]:
        return {
            **kept,
            "minutes": round(clock.minutes, 2),
            "seconds": round(clock.spent, 1),
            "trials": [result.as_json() for result in results],
        }

    results = [result_from(row) for row in before.get("trials", ())]
    tokens = fit.slice_tokens * fit.passes
    search = Search(
        Ground(
            asked.recipe,
            inputs,
            base,
            sheet,
            scores,
            tokens / asked.whole.ledger["trained"]["tokens"],
        ),
        fit,
        asked.folder,
        results,
        tokens_per_second=planned.tokens_per_second,
        asking_seconds=planned.asking_seconds,
        seconds_left=clock.left,
        keep=lambda results: write_sealed(asked.folder / TUNE_FILE, so_far(results)),
        progress=asked.progress,
    )
    findings = search.run()
    return so_far(search.results), findings


def _judges(sheet: Sheet) -> str:
    if sheet.decides == "answers":
        return f"{len(sheet.questions)} questions"
    if not sheet.domain:
        raise UserInputError(
            "there is too little text to judge trials by: no document can be kept aside, and no "
            "questions can be made from the others; train on more documents"
        )
    return f"{len(sheet.domain)} documents kept aside (too few questions could be made)"


def _check_output(place: Path, before: Mapping[str, Any], *, force: bool) -> None:
    """Refuse to overwrite what a search didn't write."""
    if place.is_dir():
        raise UserInputError(f"{place} is a folder; name the recipe file, e.g. -o tuned.toml")
    own = before.get("written") == str(place)
    if place.exists() and not (force or own):
        raise UserInputError(f"{place} exists; give another name with -o, or --force to replace")


def _short(result: Result) -> dict[str, Any]:
    """A trial for the command line: its losses, without the items."""
    found: dict[str, Any] = {**result.as_json()}
    for name in ("whole", "kept"):
        scores = getattr(result, name)
        found[name] = scores and {
            "general": scores.loss("general"),
            "domain": scores.loss("domain"),
            "answers": scores.loss("answers"),
            "accuracy": scores.accuracy,
        }
    return found
