"""The run folder: its files by name, the check that a recipe may write there, a fresh start."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steep.artifact import key_of
from steep.errors import DriftError, UserInputError
from steep.recipe import Recipe, write_recipe

# Settings that may change between two commands on one run: they don't touch training.
_FREE = ("export", "evaluate", "strength", "output_dir", "train.threads", "train.save_steps")


@dataclass(frozen=True)
class RunFolder:
    """Paths inside one run's folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.toml"

    @property
    def data(self) -> Path:
        """Manifest, ledger, documents and token shards."""
        return self.path / "data"

    @property
    def plan(self) -> Path:
        """What the run was predicted to take."""
        return self.path / "plan.json"

    @property
    def machine(self) -> Path:
        """What trained: device, precision, threads, versions."""
        return self.path / "machine.json"

    @property
    def scores(self) -> Path:
        """Raw results of base and tuned, item by item."""
        return self.path / "scores"

    @property
    def probes(self) -> Path:
        """Questions made from the documents."""
        return self.path / "probes.json"

    @property
    def evaluation(self) -> Path:
        """The proof."""
        return self.path / "evaluation.json"

    @property
    def benchmarks(self) -> Path:
        """lm-eval's tasks, base beside tuned; only of recipes that name some."""
        return self.path / "benchmarks.json"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints, complete only with their manifest."""
        return self.path / "checkpoints"

    @property
    def has_begun(self) -> bool:
        """Is there a checkpoint already?"""
        return self.checkpoints.is_dir() and any(self.checkpoints.iterdir())

    @property
    def modules(self) -> Path:
        """Which modules moved in the first step, and how rows were computed."""
        return self.path / "modules.json"

    @property
    def strength(self) -> Path:
        """The strength chosen after training, and the points tried."""
        return self.path / "strength.json"

    @property
    def exports(self) -> Path:
        """What was exported, with the parity figures."""
        return self.path / "exports.json"


def open_run(recipe: Recipe) -> RunFolder:
    """The folder of a resolved recipe's run, made if absent.

    Raises:
        DriftError: it holds a run made from another recipe.
        UserInputError: it can't be written.
    """
    run = RunFolder(Path(recipe.output_dir))
    if run.recipe.is_file():
        before = tomllib.loads(run.recipe.read_text(encoding="utf-8"))
        after = tomllib.loads(_toml(recipe))
        changes = _changes(before, after)
        if changes:
            raise DriftError(
                f"{run.path} holds a run of another recipe ({'; '.join(changes[:3])}"
                f"{'; …' if len(changes) > 3 else ''}); set another output_dir, or --fresh to "
                "move that run aside and start over"
            )
    try:
        write_recipe(recipe, run.recipe)
    except OSError as error:
        raise UserInputError(
            f"output_dir {run.path}: {error.strerror or error}; choose a folder you can write to"
        ) from None
    return run


def move_aside(folder: Path) -> Path | None:
    """Rename an old run to ``<folder>.before-N``; nothing is deleted. None if there is none."""
    if not folder.exists():
        return None
    number = 1
    while folder.with_name(f"{folder.name}.before-{number}").exists():
        number += 1
    return folder.rename(folder.with_name(f"{folder.name}.before-{number}"))


def training_key(recipe: Recipe, data_key: str, model: str) -> dict[str, Any]:
    """What training depends on: a checkpoint of another key is never resumed."""
    train = recipe.train.model_dump(exclude={"threads", "save_steps"})
    return {"train": train, "seed": recipe.seed, "data": data_key, "model": model}


def _toml(recipe: Recipe) -> str:
    import tomli_w

    return tomli_w.dumps(recipe.model_dump(exclude_none=True))


def _changes(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> list[str]:
    found: list[str] = []
    for name in [*before, *(n for n in after if n not in before)]:
        where = f"{prefix}{name}"
        if where in _FREE:
            continue
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found.extend(_changes(old, new, f"{where}."))
        elif key_of({"value": old}) != key_of({"value": new}):
            found.append(f"{where}: {old!r} -> {new!r}")
    return found
