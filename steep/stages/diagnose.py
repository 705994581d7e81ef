"""Diagnose: why a run came out as it did, with the numbers that say so, and what to change."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from steep.artifact import read_json
from steep.errors import UserInputError
from steep.proof.advice import Advice, Standing
from steep.proof.advise import advise
from steep.proof.rules import explained_by_controls, rests_on_one_answer
from steep.proof.statistics import Difference
from steep.recipe import Recipe, recipe_from, write_recipe
from steep.recipe.training import BUDGET_KEYS
from steep.stages.folder import RunFolder
from steep.stages.setting import read_setting


@dataclass(frozen=True)
class Diagnosis:
    """What a run's measurements say: its verdict, causes with their numbers, and changes.

    Attributes:
        run: the run folder.
        causes: the most pressing first; empty if nothing is to be said.
        changes: recipe keys with new values, of all causes together (the earlier ones win); None
            takes a key out.
    """

    run: str
    verdict: str
    causes: tuple[Advice, ...]
    changes: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` prints it."""
        causes = [{**asdict(cause), "text": cause.text} for cause in self.causes]
        return {**asdict(self), "causes": causes, "changes": dict(self.changes)}


def diagnose(run: str | Path, *, apply: bool = False) -> tuple[Diagnosis, Path | None]:
    """Why a finished run came out as it did, with the numbers that say so, and what to change.

    Args:
        run: the run folder.
        apply: write the changed recipe beside the run folder.

    Returns:
        The diagnosis, and the path of the changed recipe (None if none was written).

    Raises:
        UserInputError: there is no finished run there, or the changed recipe exists already.
    """
    found = diagnose_run(run)
    return found, write_changed(found) if apply else None


def diagnose_run(folder: str | Path) -> Diagnosis:
    """Read a finished run's files and conclude what went wrong and what to change.

    Raises:
        UserInputError: there is no finished run, or its files can't be read.
    """
    run = RunFolder(Path(folder))
    recipe = _recipe(run)
    try:
        evaluation = read_json(run.evaluation)
    except FileNotFoundError:
        raise UserInputError(
            f"no evaluation.json in {run.path}; run: steep evaluate {run.recipe}"
        ) from None
    except ValueError as error:
        raise UserInputError(f"{run.evaluation} can't be read ({error}); evaluate again") from None
    causes = tuple(advise(_standing(evaluation, run.evaluation), read_setting(recipe, run)))
    changes: dict[str, Any] = {}
    for cause in causes:
        changes = {**cause.changes, **changes}
    return Diagnosis(str(run.path), str(evaluation["verdict"]), causes, _together(changes, recipe))


def write_changed(found: Diagnosis) -> Path | None:
    """Write the changed recipe beside the run, for a new run beside it; None without changes.

    Raises:
        UserInputError: the changed recipe would be there already, or can't be written.
    """
    if not found.changes:
        return None
    run = RunFolder(Path(found.run).resolve())
    changed = run.path.with_name(f"{run.path.name}-changed")
    place = run.path.with_name(f"{changed.name}.toml")  # a suffix would take a dot's place in it
    if os.path.lexists(place):
        raise UserInputError(f"{place} is there already; move it aside and apply again")
    values = tomllib.loads(run.recipe.read_text(encoding="utf-8"))
    values["output_dir"] = str(changed)
    for dotted, value in found.changes.items():
        table, key = dotted.split(".")
        values[table] = {k: v for k, v in values.get(table, {}).items() if k != key}
        if value is not None:
            values[table][key] = value
    try:
        write_recipe(recipe_from(values, name=str(place)), place)
    except OSError as error:
        raise UserInputError(f"{place}: {error.strerror or error}") from None
    return place


def _recipe(run: RunFolder) -> Recipe:
    try:
        values = tomllib.loads(run.recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise UserInputError(f"{run.path} is no run folder; give one with a recipe.toml") from None
    return recipe_from(values, name=str(run.recipe))


def _together(changes: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The changes, so that they make one recipe: one budget, rates in proportion.

    Budgets are counted at the share of replay that the run had. Under another one the budget
    changes with it, so that the documents are met as often as was meant; epochs are theirs alone.
    """
    found = dict(changes)
    train = recipe.train
    chosen = [name for name in found if name in BUDGET_KEYS]
    if not train.has_budget:  # stages have theirs, and which is too short can't be told
        chosen, found = (
            [],
            {name: value for name, value in found.items() if name not in BUDGET_KEYS},
        )
    for name in chosen[1:]:
        del found[name]
    if chosen:
        found.update({name: None for name in BUDGET_KEYS if name != chosen[0]})
    share = found.get("data.general_share")
    if share is not None and train.budget is not None:
        name = chosen[0] if chosen else f"train.{train.budget[0]}"
        if name != "train.epochs":
            factor = (1.0 - recipe.data.general_share) / (1.0 - share)
            found[name] = max(1, round(factor * found.get(name, train.budget[1])))
    rate = found.get("train.learning_rate")
    if rate is not None and train.embedding_learning_rate and train.learning_rate:
        ratio = train.embedding_learning_rate / train.learning_rate
        found["train.embedding_learning_rate"] = float(f"{rate * ratio:.3g}")
    if train.method != "lora":
        found.pop("train.lora_dropout", None)
    if "data.general_share" in found and not recipe.has_replay:
        # A run without replay says that it isn't held to the base on any.
        found |= {"train.replay_kl_coef": None, "train.replay_kl_only": None}
    return {key: value for key, value in found.items() if value != _value(recipe, key)}


def _value(recipe: Recipe, dotted: str) -> Any:
    table, key = dotted.split(".")
    return getattr(getattr(recipe, table), key)


def _standing(evaluation: Mapping[str, Any], place: Path) -> Standing:
    try:
        rows = {row["name"]: _difference(row) for row in evaluation["measures"]}
        rests_on = evaluation["rests_on"]
        fact, control = rows[rests_on["learned"]], rows[rests_on["controls"]]
        learned = evaluation["learned"]
        return Standing(
            learned=learned,
            kept=evaluation["kept"],
            memorised=bool(evaluation["memorised"]),
            facts=fact.n,
            facts_base=fact.base,
            form_only=learned == "no_evidence" and explained_by_controls(fact, control),
            one_answer=rests_on_one_answer(learned, fact, control),
            rise=_difference(evaluation["general_loss"]).ci95,
            budget=float(evaluation["forgetting_budget"]),
            contaminated=(evaluation.get("contamination") or {}).get("share"),
            controls=control.n,
        )
    except (KeyError, TypeError, ValueError):
        raise UserInputError(
            f"{place} is of another version of steep; evaluate the run again"
        ) from None


def _difference(row: Mapping[str, Any]) -> Difference:
    interval = row["ci95"]
    return Difference(
        row["n"],
        row["base"],
        row["tuned"],
        row["delta"],
        None if interval is None else (*interval,),
    )
