"""The run folder: its files by name, the check that a recipe may write there, a fresh start."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from steep.artifact import RECIPE, is_run, read_manifest
from steep.durable import make_folder, remove_leftovers
from steep.errors import UserInputError
from steep.recipe import Recipe, write_recipe
from steep.recipe.vocabulary import OF_TRAINING, SHARE_OF_ENTRIES
from steep.stages.drift import SETTLED_LATER, changes, refuse_drift, sound_ones
from steep.stages.lock import LOCK_FILE, RunLock
from steep.stages.trouble import is_full
from steep.training.checkpoint import newest_step


@dataclass(frozen=True)
class RunFolder:
    """Paths inside one run's folder."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe."""
        return self.path / RECIPE

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
    def metrics(self) -> Path:
        """One line per training step."""
        return self.path / "metrics.jsonl"

    @property
    def has_begun(self) -> bool:
        """Is there a checkpoint already?"""
        return self.checkpoints.is_dir() and any(self.checkpoints.iterdir())

    @property
    def modules(self) -> Path:
        """Which modules moved in the first step, and how rows were computed."""
        return self.path / "modules.json"

    @property
    def guard(self) -> Path:
        """What the guard saw while it trained, and what it did."""
        return self.path / "guard.json"

    @property
    def lifted(self) -> Path:
        """How far the base's own weights with the adapter are from the quantised ones with it."""
        return self.path / "lifted.json"

    @property
    def strength(self) -> Path:
        """The strength chosen after training, and the points tried."""
        return self.path / "strength.json"

    @property
    def alarm(self) -> Path:
        """What stopped training before its end; absent where nothing did."""
        return self.path / "alarm.json"

    def stage(self, name: str) -> Path:
        """Weights, rows and manifest of a stage behind the documents, "sft" or "dpo"."""
        return self.path / name

    @property
    def asked(self) -> Path:
        """What a language model made of facts for the rows of stages; only where it was asked."""
        return self.path / "asked.json"

    @property
    def exports(self) -> Path:
        """What was exported, with the parity figures."""
        return self.path / "exports.json"


@contextmanager
def hold_run(recipe: Recipe, *, accept_change: bool = False) -> Iterator[RunFolder]:
    """The folder of a resolved recipe's run, this process's alone while the block lasts.

    Raises:
        BusyError: another process works in it.
        DriftError, UserInputError: as ``open_run``.
    """
    folder = Path(recipe.output_dir)
    _refuse_others(folder)
    with ExitStack() as held:
        with _told_as_output(folder):
            held.enter_context(RunLock(folder))
        yield open_run(recipe, accept_change=accept_change)


def check_place(folder: Path) -> None:
    """Refuse, before anything long, an output_dir that a run can't have.

    Raises:
        BusyError: another process works in it.
        UserInputError: it holds files that are no run's, or can't be written.
    """
    _refuse_others(folder)
    with _told_as_output(folder), hold_finished(folder):
        pass


def _refuse_others(folder: Path) -> None:
    """Refuse a folder with files that are no run's: those of a run's names would be replaced.

    Hidden files are nobody's here; a recipe that nobody can read is a run's if the lock says so.
    """
    with _told_as_output(folder):
        found = visible_in(folder)
    if not found or is_run(folder):
        return
    locked = (folder / LOCK_FILE).is_file()
    if found == [RECIPE] and locked and _kept_recipe(RunFolder(folder)) is None:
        return
    raise UserInputError(
        f"output_dir {folder} holds files that are no run of steep's ({some_of(found)}), and a run "
        "would replace those of its own names; choose a new or an empty folder"
    )


def visible_in(folder: Path) -> list[str]:
    """What a folder holds, sorted, without hidden files; nothing if there is none."""
    held = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(name for name in held if not name.startswith("."))


def some_of(names: Sequence[str]) -> str:
    """The first few of names, for an error's one line."""
    return f"{', '.join(names[:3])}{', …' if len(names) > 3 else ''}"


@contextmanager
def hold_finished(folder: Path) -> Iterator[None]:
    """Hold a run's folder for a stage that only adds to what is there; none is made."""
    with RunLock(folder) if folder.is_dir() else nullcontext():
        yield


def open_run(recipe: Recipe, *, accept_change: bool = False) -> RunFolder:
    """The folder of a resolved recipe's run, made if absent; leftovers of a killed one go.

    Args:
        accept_change: a changed recipe goes on with the old run where that is sound.

    Raises:
        DriftError: it holds a run made from another recipe.
        UserInputError: it can't be written.
    """
    run = RunFolder(Path(recipe.output_dir))
    is_changed = check_recipe(recipe, accept_change=accept_change)
    with _told_as_output(run.path):
        make_folder(run.path)
        remove_leftovers(run.path)
        if not is_changed:  # else training writes it, once it goes on under it
            write_recipe(recipe, run.recipe)
    return run


def check_recipe(recipe: Recipe, *, accept_change: bool = False) -> bool:
    """Refuse a resolved recipe whose folder holds a run of another; needs nothing but recipes.

    Returns:
        True if it was begun under another, and the change is accepted.

    Raises:
        DriftError: it does, and the change isn't accepted or isn't sound.
    """
    run = RunFolder(Path(recipe.output_dir))
    before = _kept_recipe(run)
    if before is None:
        return False
    with suppress(ValidationError):  # what an older steep didn't know of is at today's defaults
        before = tomllib.loads(_toml(Recipe.model_validate(before)))
    now = tomllib.loads(_toml(recipe))
    found = changes(before, now, free=(*SETTLED_LATER, *_of_rows_alone(before, now)))
    sound = not run.has_begun or found == sound_ones(found)
    if found and not (accept_change and sound):
        refuse_drift(f"{run.path} holds a run of another recipe", found, is_sound=sound)
    return bool(found) and run.has_begun


def found_in(run: RunFolder) -> str | None:
    """What an earlier command left in a run folder, in words; None if there is nothing."""
    parts = []
    if read_manifest(run.data) is not None:
        parts.append("prepared data")
    if (step := newest_step(run.checkpoints)) is not None:
        parts.append(f"training up to step {step}")
    for path, words in ((run.evaluation, "an evaluation"), (run.exports, "exports")):
        if path.is_file():
            parts.append(words)
    return ", ".join(parts) or None


def _of_rows_alone(*recipes: Mapping[str, Any]) -> tuple[str, ...]:
    """Where no document is rewritten, whom to ask is a matter of later stages."""
    rewritten = any(recipe.get("rewrite", {}).get("enabled") for recipe in recipes)
    return () if rewritten else ("rewrite",)


@contextmanager
def _told_as_output(folder: Path) -> Iterator[None]:
    """Say of a folder that can't be written that it is the recipe's output_dir."""
    try:
        yield
    except OSError as error:
        if is_full(error):
            raise
        raise UserInputError(
            f"output_dir {folder}: {error.strerror or error}; choose a folder you can write to"
        ) from None


def _kept_recipe(run: RunFolder) -> Mapping[str, Any] | None:
    """The recipe a run was begun with; None if there is none, or nobody can read it any more.

    A damaged one is no loss: what data and checkpoints were made from stands in their manifests.
    """
    try:
        return tomllib.loads(run.recipe.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def move_aside(folder: Path) -> Path | None:
    """Rename an old run to ``<folder>.before-N``; nothing is deleted. None if there is none."""
    if not folder.exists():
        return None
    number = 1
    while folder.with_name(f"{folder.name}.before-{number}").exists():
        number += 1
    with RunLock(folder):  # nobody else's run is moved away under it
        return folder.rename(folder.with_name(f"{folder.name}.before-{number}"))


def training_key(recipe: Recipe, data_key: str, model: str) -> dict[str, Any]:
    """What training depends on: a checkpoint of another key is never resumed."""
    train = recipe.train.model_dump(exclude={"threads", "save_steps"})
    guard = recipe.guard.model_dump() if recipe.guard.enabled else None
    key = {
        "train": train,
        "guard": guard,
        "seed": recipe.seed,
        "data": data_key,
        "model": model,
    }
    if recipe.vocabulary is not None:
        rows = recipe.vocabulary.model_dump(include=OF_TRAINING)
        key["vocabulary"] = {"share": SHARE_OF_ENTRIES, **rows}
    return key


def _toml(recipe: Recipe) -> str:
    import tomli_w

    return tomli_w.dumps(recipe.model_dump(exclude_none=True))
