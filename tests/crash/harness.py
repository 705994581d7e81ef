"""Runs in child processes that are ended in every way, and what must hold afterwards.

A child is a fork of this process, so that it starts in milliseconds with everything imported. Each
chain of children has a run folder and a cache of its own; the project (documents, base model,
recipe) is one for all, so that every finished run can be compared with the one nobody stopped.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import steep
from steep.artifact import file_hash
from steep.corpus.schedule import Batch, Schedule
from steep.durable import FAIL_ONCE
from steep.errors import SteepError
from steep.model.load import cache_folder
from steep.progress import Silent
from steep.recipe import load_recipe
from steep.training.checkpoint import checkpoints
from tests.stages.project import write_project

STAGES = {
    "prepare": "Retelling and tokenising",
    "self-written replay": "Writing general text",
    "probes": "Making questions",
    "baseline": "Asking the base model",
    "train": "Training",
    "strength": "Choosing how much",
    "evaluate": "Asking the tuned model",
    "export": "Exporting",
}
"""Each stage by what it says when it begins."""

TRAIN: dict[str, Any] = {
    "method": "lora",
    "lora_r": 4,
    "lora_dropout": 0.1,
    "learning_rate": 1e-2,
    "target_modules": ["all-linear", "embed_tokens", "lm_head"],
    "max_steps": 12,
    "save_steps": 2,
    "per_device_train_batch_size": 1,
    "gradient_accumulation_steps": 2,
}


@dataclass(frozen=True)
class Ended:
    """How a child ended: its exit code (negative: the signal that killed it) and its last words."""

    code: int
    said: str


def in_child(
    work: Callable[[], object],
    log: Path,
    *,
    environment: dict[str, str] | None = None,
    kill_after_seconds: float | None = None,
) -> Ended:
    """Do ``work`` in a fork of this process, with nothing of it left here.

    Errors that steep raises on purpose end the child with their exit code, others with 1.
    """
    log.write_text("")
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            handle = os.open(log, os.O_WRONLY | os.O_TRUNC)
            os.dup2(handle, 1)
            os.dup2(handle, 2)
            sys.stdout = sys.stderr = os.fdopen(handle, "w", buffering=1)
            os.environ.update(environment or {})
            work()
            code = 0
        except SteepError as error:
            print(f"steep: {error}")
            code = error.exit_code
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    if kill_after_seconds is not None:
        time.sleep(kill_after_seconds)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, log.read_text(errors="replace").strip())


class Acts(Silent):
    """Does something when a stage begins, or when so many steps of training are done."""

    def __init__(self, stage: str, act: Callable[[], object], *, step: int | None = None) -> None:
        self._stage, self._act, self._step = stage, act, step
        self._begun = False

    def stage(self, text: str) -> None:
        self._begun = text.startswith(self._stage)
        if self._begun and self._step is None:
            self._act()

    def at(self, done: int, total: int, text: str) -> None:
        if self._begun and done == self._step:
            self._act()


def no_more_room(most_bytes: int = 500) -> None:
    """From now on this process can't write a file of more than so many bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))


@dataclass(frozen=True)
class Chain:
    """A run folder and a cache of its own, in which one child after another goes on."""

    recipe: Path
    folder: Path
    overrides: tuple[str, ...] = ()

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def trace(self) -> Path:
        """One line per batch asked for: step and segment ids."""
        return self.folder / "trace.jsonl"

    def go_on(self, *, progress: Any = None, fail: bool = False, **how: Any) -> Ended:
        """The same command once more."""
        cache, models = self.folder / "cache", cache_folder() / "models"
        cache.mkdir(exist_ok=True, parents=True)
        if models.is_dir() and not (cache / "models").exists():
            (cache / "models").symlink_to(models)  # what was converted once is no state of a run
        environment = {"STEEP_CACHE": str(cache)}
        if fail:
            environment[FAIL_ONCE] = str(self.folder / "points.txt")

        def work() -> None:
            recipe = load_recipe(self.recipe, [*self.overrides, f"output_dir='{self.run}'"])
            with traced(self.trace):
                steep.run(recipe, progress=progress)

        return in_child(work, self.folder / "log.txt", environment=environment, **how)

    def newest_step(self) -> int:
        """Of the checkpoints that verify; 0 without one."""
        return next((found.step for found in checkpoints(self.run / "checkpoints")), 0)

    def digests(self) -> dict[str, str]:
        """Hash of every file that must not depend on how often the run was stopped."""
        found = {}
        last = f"step-{self.newest_step()}"
        for path in sorted(self.run.rglob("*")):
            name = path.relative_to(self.run)
            is_older = name.parts[0] == "checkpoints" and last not in name.parts
            if path.is_file() and not is_older and name.name not in _NOT_COMPARED:
                found[name.as_posix()] = file_hash(path)
        lines = (self.run / "metrics.jsonl").read_text().splitlines()
        steps = [(row["step"], row["loss"], row["tokens"]) for row in map(json.loads, lines)]
        return {**found, "losses": str(steps)}

    def batches(self) -> dict[int, set[str]]:
        """Which segment ids were trained on in each step, over all children."""
        found: dict[int, set[str]] = {}
        for line in self.trace.read_text().splitlines():
            step, _, ids = line.partition(" ")
            found.setdefault(int(step), set()).add(ids)
        return found


# Times and places differ from run to run.
_NOT_COMPARED = {
    "recipe.toml",
    "plan.json",
    "machine.json",
    "metrics.jsonl",
    "manifest.json",
    "exports.json",
    "report.md",
    "report.html",
    "README.md",
    "adapter_config.json",
    ".lock",
}


@contextmanager
def traced(path: Path) -> Iterator[None]:
    """Write down which segments each step of training asks for."""
    before = Schedule.batch

    def batch(self: Schedule, step: int) -> Batch:
        found = before(self, step)
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"{step} {list(found.segment_ids)}\n")
        return found

    Schedule.batch = batch  # type: ignore[method-assign]
    try:
        yield
    finally:
        Schedule.batch = before  # type: ignore[method-assign]


def uninterrupted(
    folder: Path, recipe: Path | None = None, overrides: tuple[str, ...] = ()
) -> Chain:
    """A run that nobody stopped, of a recipe or else of a project in miniature."""
    folder.mkdir(parents=True, exist_ok=True)
    if recipe is None:
        recipe = write_project(
            folder / "project", train=TRAIN, evaluate={"probes": 12}, export={"gguf": "Q8_0"}
        )
    chain = Chain(recipe, folder / "whole", overrides)
    ended = chain.go_on()
    assert ended.code in (0, 3), ended.said
    return chain


def assert_same(chain: Chain, whole: Chain) -> None:
    """The chain's run is, byte for byte, the one that nobody stopped."""
    ours, theirs = chain.digests(), whole.digests()
    differ = sorted(name for name in ours.keys() | theirs if ours.get(name) != theirs.get(name))
    assert not differ, differ
    planned = whole.batches()
    for step, ids in chain.batches().items():
        assert ids == planned[step], step
    assert chain.batches().keys() == planned.keys()
