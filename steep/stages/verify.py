"""Verify: every file of a run against the hashes that were recorded when it was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from steep.artifact import (
    MANIFEST,
    damaged_files,
    key_of,
    read_manifest,
    read_sealed,
    read_table,
)
from steep.errors import RecipeError, UserInputError
from steep.proof.seal import what_is_wrong
from steep.recipe import TrainRecipe, load_recipe
from steep.stages.drift import with_defaults
from steep.stages.folder import RunFolder
from steep.training.checkpoint import checkpoints, damaged_checkpoints

State = Literal["missing", "damaged", "unsealed"]

_MADE_AGAIN = ("report.md", "report.html")


@dataclass(frozen=True)
class Fault:
    """One file that isn't what was recorded; ``file`` counts from the run folder."""

    file: str
    state: State
    what: str


@dataclass(frozen=True)
class Verification:
    """What was found.

    Attributes:
        checked: files whose every byte was compared with a hash.
        not_sealed: files that hold nothing of their own: they are made again from the others.
    """

    run: str
    faults: tuple[Fault, ...]
    checked: tuple[str, ...]
    not_sealed: tuple[str, ...]

    @property
    def is_whole(self) -> bool:
        """True if nothing is wrong."""
        return not self.faults

    def as_json(self) -> dict[str, Any]:
        """The same as what JSON can hold."""
        return {"schema": 1, "whole": self.is_whole, **asdict(self)}


def verify(run: str | Path) -> Verification:
    """Check every artifact of a run folder against its manifest or seal; nothing is written.

    A run that isn't finished is checked as far as it has come.

    Raises:
        UserInputError: it is no run folder.
    """
    folder = RunFolder(Path(run))
    if not folder.path.is_dir() or not (folder.recipe.is_file() or folder.data.is_dir()):
        raise UserInputError(f"{run} is no run folder; give the output_dir of a recipe")
    checker = _Checker(folder)
    for part in (
        checker.data,
        checker.checkpoints,
        checker.assistant,
        checker.recipe,
        checker.tables,
        checker.evaluation,
        checker.exports,
    ):
        checker.faults.extend(part())
    there = [name for name in _MADE_AGAIN if (folder.path / name).is_file()]
    return Verification(
        str(run), tuple(checker.faults), tuple(sorted(checker.checked)), tuple(there)
    )


class _Checker:
    """Each method checks one part and yields its faults."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self.faults: list[Fault] = []
        self.checked: list[str] = []

    def data(self) -> Iterator[Fault]:
        """Documents, shards and ledger against data/manifest.json."""
        return self._stage(self._run.data)

    def assistant(self) -> Iterator[Fault]:
        """Weights and rows of the stages behind the documents against their manifests."""
        for name in ("sft", "dpo"):
            yield from self._stage(self._run.stage(name))

    def _stage(self, folder: Path) -> Iterator[Fault]:
        if not folder.is_dir():
            return
        manifest = read_manifest(folder)
        if manifest is None:
            yield self._unreadable(folder / MANIFEST)
            return
        self.checked.append(self._name(folder / MANIFEST))
        yield from self._files(folder, manifest["files"])

    def checkpoints(self) -> Iterator[Fault]:
        """Every checkpoint, and metrics.jsonl against the newest."""
        for name, wrong in damaged_checkpoints(self._run.checkpoints).items():
            yield Fault(f"checkpoints/{name}", "damaged", wrong)
        newest = None
        for found in checkpoints(self._run.checkpoints):
            newest = newest or found
            names = [MANIFEST, *found.manifest["files"]]
            self.checked += [self._name(found.folder / name) for name in names]
        if newest is None:
            return
        try:
            lines = self._run.metrics.read_text(encoding="utf-8")
        except FileNotFoundError:
            yield Fault("metrics.jsonl", "missing", "was there when the newest checkpoint was made")
            return
        except (OSError, ValueError):
            lines = ""
        if lines.startswith(newest.metrics):
            self.checked.append("metrics.jsonl")
        else:
            yield Fault("metrics.jsonl", "damaged", f"isn't what {newest.folder.name} recorded")

    def recipe(self) -> Iterator[Fault]:
        """recipe.toml: readable, and its [train] what the newest checkpoint was made from."""
        if not self._run.recipe.is_file():
            yield Fault("recipe.toml", "missing", "every run has one")
            return
        try:
            recipe = load_recipe(self._run.recipe)
        except RecipeError as error:
            yield Fault("recipe.toml", "damaged", str(error))
            return
        newest = next(checkpoints(self._run.checkpoints), None)
        kept = newest.manifest["made_from"]["train"] if newest else {}
        made_from = with_defaults(TrainRecipe, kept)
        train = recipe.train.model_dump(exclude={"threads", "save_steps"})
        if newest and key_of(train) != key_of(made_from):
            yield Fault("recipe.toml", "damaged", f"[train] isn't what {newest.folder.name} is of")

    def tables(self) -> Iterator[Fault]:
        """JSON files that carry their own seal."""
        run = self._run
        for path in (
            run.plan,
            run.machine,
            run.modules,
            run.lifted,
            run.strength,
            run.probes,
            run.asked,
            run.alarm,
            run.guard,
            run.scores / "base.json",
            run.scores / "tuned.json",
            run.scores / "cpt.json",
            run.scores / "sft.json",
            run.scores / "replay.json",
            run.benchmarks,
        ):
            if path.is_file() and not read_sealed(path):
                yield self._unreadable(path)
            elif path.is_file():
                self.checked.append(self._name(path))
        for name in ("base", "replay"):
            if kept := read_sealed(run.scores / f"{name}.json"):
                yield from self._files(run.scores, {f"{name}.npz": kept["reference"]})

    def evaluation(self) -> Iterator[Fault]:
        """evaluation.json: its seal, and that the item-by-item results give its verdict."""
        path, scores = self._run.evaluation, self._run.scores
        if not path.is_file():
            return
        found = read_table(path)
        base, tuned = (read_table(scores / f"{name}.json") for name in ("base", "tuned"))
        for name, table in (("base", base), ("tuned", tuned)):
            if not (scores / f"{name}.json").is_file():
                yield Fault(f"scores/{name}.json", "missing", "evaluation.json was made from it")
                return
            if "result" not in table:
                return  # named already
        try:
            wrong = what_is_wrong(found, base["result"], tuned["result"])
        except Exception:
            wrong = "can't be recomputed from scores/"
        if wrong is None:
            self.checked.append("evaluation.json")
        elif not found:
            yield Fault("evaluation.json", "damaged", "can't be read; it may be cut off")
        elif "seal" not in found:
            yield Fault("evaluation.json", "unsealed", wrong)
        else:
            yield Fault("evaluation.json", "damaged", wrong)

    def exports(self) -> Iterator[Fault]:
        """Exported folders against the hashes taken at export; their model cards change later."""
        path = self._run.exports
        if not path.is_file():
            return
        exports = read_sealed(path)
        if not exports:
            yield self._unreadable(path)
            return
        self.checked.append("exports.json")
        yield from self._files(self._run.path, exports["files"])

    def _files(self, folder: Path, files: Mapping[str, str]) -> Iterator[Fault]:
        wrong = damaged_files(folder, files)
        for name in files:
            where = self._name(folder / name)
            if name not in wrong:
                self.checked.append(where)
            else:
                is_there = (folder / name).exists()
                yield Fault(where, "damaged" if is_there else "missing", wrong[name])

    def _unreadable(self, path: Path) -> Fault:
        """A sealed table that can't be trusted."""
        if not path.is_file():
            return Fault(self._name(path), "missing", "nothing else says what the files should be")
        found = read_table(path)
        if found and "seal" not in found:
            return Fault(self._name(path), "unsealed", "has no seal: of an older steep, or edited")
        return Fault(self._name(path), "damaged", "its seal doesn't fit its content")

    def _name(self, path: Path) -> str:
        return path.relative_to(self._run.path).as_posix()
