"""A recipe for documents that steep has never seen: looked at, predicted, and explained."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from steep.artifact import write_text
from steep.corpus.exposures import FEW_EXPOSURES
from steep.errors import UserInputError
from steep.planning.advice import minutes as in_words
from steep.progress import Progress
from steep.recipe import Recipe, recipe_from
from steep.recipe.commented import commented
from steep.recipe.load import SQLITE
from steep.stages.base import Base, open_base
from steep.stages.inputs import Inputs, read_inputs
from steep.stages.plan import Plan, make_plan
from steep.stages.prepare import Draft, draft
from steep.wording import counted

# What the demo's recipe gives the median fact; at that nearly all can be asked for
# (docs/RESULTS.md). Beyond so many passes a model comes to recite a small corpus.
WANTED_EXPOSURES = 35.0
MOST_PASSES = 20.0
_PASSES_WITHOUT_FACTS = 5.0
_FEWEST_STEPS = 20
_ROOM = 0.95  # of the time asked for: the prediction is one
_TRIES = 3


@dataclass(frozen=True)
class Proposal:
    """A recipe written to ``path``, and what a run of it is predicted to take."""

    path: Path
    recipe: Recipe
    plan: Plan

    def as_json(self) -> dict[str, Any]:
        """``{"recipe": path, "plan": as of steep plan}``."""
        return {"recipe": str(self.path), "plan": self.plan.as_json()}


def propose(
    paths: Sequence[str],
    output: Path,
    *,
    minutes: float,
    model: str,
    questions: str | None,
    progress: Progress,
) -> Proposal:
    """Write a commented recipe for the documents under ``paths``.

    The budget shows the median fact about 35 times, in at most 20 passes, if a run of that is
    predicted to fit ``minutes`` on this machine; else as many steps as do.

    Args:
        output: the file to write; paths in the recipe count from its folder.

    Raises:
        UserInputError: nothing to read, or the file can't be written.
    """
    if not math.isfinite(minutes):
        raise UserInputError("--minutes must be a number of minutes, such as 30")
    values = _first_values(paths, output, model, questions)
    given = recipe_from(values, name="the new recipe", folder=output.absolute().parent)
    inputs = read_inputs(given)
    resolved, base = open_base(given)
    once = draft(resolved, inputs, base)
    steps = _wanted_steps(once)
    values, plan = _planned(_with(values, max_steps=steps), output, inputs, base, progress)
    for _ in range(_TRIES):
        fitting = _fitting_steps(plan, 60.0 * minutes)
        if fitting is None:
            break
        changed = _with(values, max_steps=fitting)
        values, plan = _planned(changed, output, inputs, base, progress)
    text = commented(
        values, opening=_opening(inputs, output), budget=_about_budget(plan, steps, minutes)
    )
    write_text(output, text)
    return Proposal(output, _recipe(values, output), plan)


def _first_values(
    paths: Sequence[str], output: Path, model: str, questions: str | None
) -> dict[str, Any]:
    folder = output.absolute().parent
    evaluate: dict[str, Any] = {"forgetting_budget": 0.05}
    if questions is not None:
        evaluate = {"questions": _seen_from(folder, questions), **evaluate}
    return {
        "model": _model_seen_from(folder, model),
        "output_dir": f"runs/{output.stem}",
        "data": {
            "domain": [_seen_from(folder, path) for path in paths],
            "general": "reading",
            "general_share": 0.6,
            "held_out_share": 0.05,
        },
        "train": {
            "method": "lora",
            "epochs": 1.0,
            "max_seq_length": 512,
            "per_device_train_batch_size": 1,
        },
        "evaluate": evaluate,
    }


def _model_seen_from(folder: Path, model: str) -> str:
    """A model's folder as it is written in a recipe in ``folder``; an alias or an id as it is."""
    return _seen_from(folder, model) if os.path.isdir(os.path.expanduser(model)) else model


def _seen_from(folder: Path, path: str) -> str:
    """A path given in the current folder as it is written in a recipe in ``folder``."""
    if not path.strip():
        raise UserInputError("a path is empty; name a file, a folder or a pattern")
    path = os.path.expanduser(path)
    if path.startswith(SQLITE) and not path.startswith(f"{SQLITE}/"):
        place, mark, query = path.removeprefix(SQLITE).partition("#")
        return f"{SQLITE}{_seen_from(folder, place)}{mark}{query}"
    if "://" in path.partition("#")[0] or os.path.isabs(path):
        return path
    trailing = "/" if path.endswith("/") else ""
    return PurePath(os.path.relpath(path, folder)).as_posix() + trailing


def _with(values: Mapping[str, Any], **train: Any) -> dict[str, Any]:
    """``values`` with other keys in [train]; a budget replaces the one that was there."""
    kept = {k: v for k, v in values["train"].items() if k not in ("epochs", "max_steps")}
    budget = {k: v for k, v in values["train"].items() if k == "max_steps"}
    return {**values, "train": {**kept, **budget, **train}}


def _recipe(values: Mapping[str, Any], output: Path) -> Recipe:
    return recipe_from(values, name="the new recipe", folder=output.absolute().parent)


def _wanted_steps(once: Draft) -> int:
    """Steps in which the median fact is met often enough, given the draft of one pass."""
    facts = once.ledger["facts"]
    passes = _PASSES_WITHOUT_FACTS
    if facts["count"]:
        passes = min(MOST_PASSES, WANTED_EXPOSURES / max(1.0, facts["median_exposures"]))
    return max(_FEWEST_STEPS, once.schedule.steps_for_epochs(max(1.0, passes)))


def _planned(
    values: dict[str, Any], output: Path, inputs: Inputs, base: Base, progress: Progress
) -> tuple[dict[str, Any], Plan]:
    """The plan; with the least change that makes it fit this machine's memory, if one does."""

    def plan(values: Mapping[str, Any]) -> Plan:
        resolved, _ = open_base(_recipe(values, output))
        corpus = draft(resolved, inputs, base)
        return make_plan(resolved, inputs, base, corpus, progress, ask=False)

    made = plan(values)
    if made.prediction is None or made.prediction.fits or not made.prediction.smaller:
        return values, made
    smaller = _with(values, **made.prediction.smaller[0].changes)
    return smaller, plan(smaller)


def _fitting_steps(plan: Plan, seconds: float) -> int | None:
    """Fewer steps that should fit the time; None if these do, or fewer than a few wouldn't."""
    found, steps = plan.prediction, int(plan.training["steps"])
    if found is None or found.seconds <= seconds or steps <= _FEWEST_STEPS:
        return None
    left = _ROOM * seconds - (found.seconds - found.training_seconds)
    return max(_FEWEST_STEPS, int(left / found.training_seconds * steps))


def _opening(inputs: Inputs, output: Path) -> list[str]:
    documents, drops = inputs.collection.documents, inputs.collection.drops
    kinds = Counter(PurePath(d.source).suffix.lower() or "no suffix" for d in documents)
    kept = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(6))
    word = "document" if len(documents) == 1 else "documents"
    lines = [f"Made by steep init from {len(documents):,} {word} ({kept})."]
    if drops:
        reasons = Counter(drop.reason for drop in drops)
        left = ", ".join(f"{reason} {count:,}" for reason, count in reasons.most_common(4))
        lines.append(f"Left out, {len(drops):,}: {left}.")
    return [*lines, "", f"See what it takes:  steep plan {output}", f"Run it:  steep run {output}"]


def _about_budget(plan: Plan, wanted: int, minutes: float) -> list[str]:
    training, facts, found = plan.training, plan.facts, plan.prediction
    said = f"{counted(training['passes'], 'pass', 'passes')} over the documents"
    if facts["count"]:
        said += f"; the median fact is met {counted(facts['median_exposures'], 'time')}"
    lines = [said + "."]
    if found is None:
        return [*lines, f"The time it takes could not be predicted: {plan.problem}."]
    lines.append(
        f"Predicted here: {in_words(found.training_seconds)} of training, "
        f"{in_words(found.seconds)} in all, {found.peak / 1e9:.1f} GB of memory."
    )
    if training["steps"] < wanted:
        lines.append(
            f"{wanted:,} steps would meet it about {WANTED_EXPOSURES:.0f} times: the "
            f"{minutes:g} minutes allowed end sooner (steep init --minutes)."
        )
    if found.seconds > 60.0 * minutes:
        lines.append(f"That is more than {minutes:g} minutes: measuring alone takes most of it.")
    if facts["count"] and facts["median_exposures"] < FEW_EXPOSURES:
        lines.append(f"Fewer than {FEW_EXPOSURES} are seldom enough for facts to be answerable.")
    return lines


def check_output(output: Path, *, force: bool) -> None:
    """Refuse to overwrite what is there.

    Raises:
        UserInputError: the file exists and ``force`` isn't given, or it is a folder.
    """
    if output.is_dir():
        raise UserInputError(f"{output} is a folder; name the recipe file, e.g. -o recipe.toml")
    if output.exists() and not force:
        raise UserInputError(f"{output} exists; give another name with -o, or --force to replace")
    parent = output.absolute().parent
    while not os.path.lexists(parent):
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise UserInputError(
            f"{output} can't be written: {parent} is no folder that you may write to; give another "
            "name with -o"
        )
