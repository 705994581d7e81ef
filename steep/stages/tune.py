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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from steep.artifact import QUESTIONS_FILE, TUNE_FILE, read_sealed, write_sealed
from steep.errors import DriftError, UserInputError
from steep.planning.search import MOST_SHARE
from steep.progress import Progress, Silent
from steep.proof.scorer import Scorer
from steep.proof.trials import Sheet, score, scores_from
from steep.recipe import load_recipe
from steep.stages.folder import move_aside, some_of, visible_in
from steep.stages.lock import RunLock
from steep.stages.prepare import draft
from steep.stages.search import Findings, Search
from steep.stages.slice import make_sheet, replay_for, slice_inputs, take
from steep.stages.trial import Ground, Result, result_from
from steep.stages.trouble import told_plainly
from steep.stages.tune_plan import Asked, Clock, Planned, plan_search, read_asked
from steep.stages.tuned import changes_of, notes_on, write_changed
from steep.training.stop import stops_at_once
from steep.wording import counted

PAGE_FILE = "tune.html"


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

    if not (math.isfinite(minutes) and minutes > 0):
        raise UserInputError("--minutes must be a number of minutes, such as 30")
    heard = progress or Silent()
    recipe, path = load_recipe(path, overrides), Path(path)
    place = Path(output) if output is not None else path.with_name(f"{path.stem}-tuned.toml")
    folder = Path(f"{recipe.output_dir.rstrip('/')}-tune")
    _check_output(place, read_sealed(folder / TUNE_FILE), force=force)
    clock = Clock(60.0 * minutes)
    with told_plainly(folder), stops_at_once():
        _refuse_others(folder)
        asked = read_asked(recipe, folder, heard)
        if fresh and (moved := move_aside(folder)) is not None:
            heard.note(f"the old search is now {moved}")
        before = read_sealed(folder / TUNE_FILE)
        if before and before["key"] != asked.key:
            raise DriftError(
                f"{folder} holds a search for another recipe or other documents; --fresh to move "
                "it aside and search again, or another output_dir"
            )
        clock.spent_before = float(before.get("seconds", 0.0))
        planned = Planned(**before["design"]) if before else plan_search(asked, clock)
        with RunLock(folder):
            kept, findings = _search(asked, planned, clock, before)
            changes = changes_of(recipe, findings, same_passes=planned.has_the_runs_passes)
            written = write_changed(path, place, recipe, overrides, changes) if changes else None
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


def _refuse_others(folder: Path) -> None:
    """Refuse a folder with files and none of a search's, rather than move them or write beside."""
    found = visible_in(folder)
    if found and not {TUNE_FILE, QUESTIONS_FILE} & set(found):
        raise UserInputError(
            f"{folder} holds files that are no search of steep's ({some_of(found)}); move them "
            "away, or choose another output_dir"
        )


def _search(
    asked: Asked, planned: Planned, clock: Clock, before: Mapping[str, Any]
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
        f"{len(documents):,} of {counted(len(trained), 'document')}, {counted(facts, 'fact')}, "
        f"{fit.passes:g} passes; "
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
    # What was planned is kept before the first trial: one that is killed is of this very plan.
    write_sealed(asked.folder / TUNE_FILE, so_far(results))
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
        return counted(len(sheet.questions), "question")
    if not sheet.domain:
        raise UserInputError(
            "there is too little text to judge trials by: no document can be kept aside, and no "
            "questions can be made from the others; train on more documents"
        )
    return f"{counted(len(sheet.domain), 'document')} kept aside (too few questions could be made)"


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
