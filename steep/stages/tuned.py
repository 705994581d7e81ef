"""From the findings of a search to a recipe, and to sentences."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steep.artifact import write_text
from steep.errors import RecipeError
from steep.recipe import Recipe, recipe_from, write_recipe
from steep.recipe.edit import with_changes
from steep.recipe.load import parse_override
from steep.recipe.training import BUDGET_KEYS, BUDGETS
from steep.stages.search import Choice, Findings
from steep.stages.trial import with_rate

_NAMES = {
    "learning_rate": "learning rate",
    "general_share": "share of replay",
    "passes": "passes",
}


def changes_of(recipe: Recipe, findings: Findings, *, same_passes: bool) -> dict[str, Any]:
    """Recipe keys with new values, by dotted name; empty if the recipe is as good as any.

    A budget in steps or tokens changes with the share of replay too, so that passes over the
    documents stay what they were judged at.

    Args:
        same_passes: the trials made as many passes as the run does.
    """
    if not findings.learned:
        return {}
    changes: dict[str, Any] = {}
    chosen = {choice.key: choice for choice in findings.choices if choice.chosen != choice.usual}
    if "learning_rate" in chosen:
        rate = float(f"{chosen['learning_rate'].chosen:.3g}")
        changes["train.learning_rate"] = rate
        if recipe.train.embedding_learning_rate is not None:
            changed = with_rate(recipe, rate).train.embedding_learning_rate
            changes["train.embedding_learning_rate"] = changed
    factor = 1.0
    if "general_share" in chosen:
        share = chosen["general_share"].chosen
        changes["data.general_share"] = share
        if recipe.train.epochs is None:
            factor = (1.0 - recipe.data.general_share) / (1.0 - share)
    if "passes" in chosen and same_passes:
        factor *= chosen["passes"].chosen / chosen["passes"].usual
    if factor != 1.0:
        name = next(name for name in BUDGETS if getattr(recipe.train, name) is not None)
        before = getattr(recipe.train, name)
        value = before * factor
        # A budget is never nothing, and of one or two steps there may be nothing to change.
        after = float(f"{value:.3g}") if name == "epochs" else max(1, round(value))
        if after != before:
            changes[f"train.{name}"] = after
    return changes


def write_changed(
    path: Path,
    place: Path,
    recipe: Recipe,
    overrides: Sequence[str],
    changes: Mapping[str, Any],
) -> Path:
    """Write the changed recipe to ``place``: ``changed_text``, or else every key written out."""
    text = changed_text(path, place, recipe, overrides, changes)
    if text is not None:
        write_text(place, text)
    else:
        write_recipe(_changed(recipe, changes), place)
    return place


def changed_text(
    path: Path,
    place: Path,
    recipe: Recipe,
    overrides: Sequence[str],
    changes: Mapping[str, Any],
) -> str | None:
    """The text of ``path`` with the changes in it and all comments, to stand at ``place``.

    None where it wouldn't say what is meant: a file with keys in an unusual form, or ``place`` in
    another folder, from which its paths would count.
    """
    edits: dict[str, Any] = {}
    given = [(".".join(name), value) for name, value in map(parse_override, overrides)]
    for name, value in [*given, *changes.items()]:
        if name in BUDGET_KEYS:  # a new budget replaces the one that was there
            edits |= dict.fromkeys(BUDGET_KEYS)
        edits[name] = value
    text = with_changes(path.read_text(encoding="utf-8-sig"), edits)
    return text if _says(text, place, _changed(recipe, changes)) else None


def _changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    values = recipe.model_dump(exclude_none=True)
    for dotted, value in changes.items():
        table, key = dotted.split(".")
        values[table] = {**values.get(table, {}), key: value}
    return recipe_from(values)


def _says(text: str, place: Path, meant: Recipe) -> bool:
    try:
        return recipe_from(tomllib.loads(text), folder=place.parent) == meant
    except (tomllib.TOMLDecodeError, RecipeError):
        return False


def notes_on(recipe: Recipe, findings: Findings, *, same_passes: bool) -> list[str]:
    """What the findings come to, in sentences, and what they don't say."""
    if findings.learned:
        notes = [_on_choice(choice, same_passes) for choice in findings.choices]
    else:
        notes = []
        notes.append(
            "No trial came out above the base model by more than chance at equal forgetting, so "
            "the recipe stays as it is: give the search more minutes, or look at what is trained."
        )
    if findings.seeds_apart is not None:
        notes.append(
            f"The same setting with another seed came out {findings.seeds_apart:.3f} nats apart: "
            "differences below that may be chance. Intervals are over items, not over seeds."
        )
    else:
        notes.append("All trials have one seed: intervals are over items, not over seeds.")
    notes += [_on_fit(name, line) for name, line in findings.fits.items()]
    if recipe.rewrite.enabled:
        notes.append("Trials did without rewrites by a language model.")
    if recipe.vocabulary is not None:
        notes.append("Trials did without the tokens of [vocabulary].")
    if findings.not_run:
        notes.append(f"Not tried for lack of time: {'; '.join(findings.not_run)}.")
    return notes


def _on_choice(choice: Choice, same_passes: bool) -> str:
    name = _NAMES[choice.key]
    tried = ", ".join(f"{value:.3g}" for value in choice.tried)
    if choice.delta is None or choice.ci95 is None:
        sure = ""
    else:
        low, high = choice.ci95
        sure = (
            f" ({choice.best:.3g} against {choice.usual:.3g}: {choice.delta:+.3f} nats, 95% "
            f"{low:+.3f} to {high:+.3f})"
        )
    if choice.chosen != choice.usual:
        said = f"{name}: {choice.chosen:.3g} instead of {choice.usual:.3g}{sure}"
    else:
        said = f"{name}: {choice.usual:.3g} is kept, none of the others is surely better"
        said += sure
    said = f"{said[:1].upper()}{said[1:]}; tried {tried}."
    if choice.key == "passes" and not same_passes:
        said += " Trials had fewer passes than the run, so its budget stays."
    return said


def _on_fit(name: str, line: Any) -> str:
    of = {"general": "general text", "domain": "the documents kept aside", "answers": "answers"}
    sure = ""
    if line.slope_ci95 is not None:
        sure = f" (95% {line.slope_ci95[0]:+.3f} to {line.slope_ci95[1]:+.3f})"
    return (
        f"Loss of {of[name]} as trained = {line.intercept:.3f} {line.slope:+.3f}{sure} × ln(share "
        f"of replay), fitted to {len(line.shares)} shares from {line.shares[0]:g} to "
        f"{line.shares[-1]:g}; points lie {line.residual:.3f} off the line."
    )
