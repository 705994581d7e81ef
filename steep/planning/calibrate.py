"""Calibration: truncated models of the same shape, really trained, tell what the whole one costs.

What a step takes in time and memory is a fixed part (embeddings, head, loss) and a part for each
decoder layer, so two depths give the line on which the real depth lies. Each depth is measured by
a child process that uses the product's own loop and scorer (``child.py``). The result depends on
the shape, the recipe, the rows and the machine, and is kept in ``$STEEP_CACHE/plans``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

from steep import __version__
from steep.artifact import file_hash, key_of, read_json, write_json
from steep.errors import PlanningError, RecipeError
from steep.model.load import cache_folder
from steep.model.precision import Precision
from steep.planning.machine import processor
from steep.planning.measured import Line, Measured, Order, Rows, StepTime, line_through
from steep.planning.shape import depth_of, measured_depths, truncated
from steep.recipe import TrainRecipe

_VERSION = 1
_PACKAGE = Path(__file__).parent.parent
_RECIPE_ERROR = "steep.errors.RecipeError: "
_STALL = 3.0  # a step of so many times the usual length was held up by something else
_MOST_SECONDS = 12.0  # of training at each depth
_CHILD_SECONDS = 300.0

# What a step's cost doesn't depend on.
_FREE = frozenset(
    {
        "max_steps",
        "epochs",
        "max_tokens",
        "learning_rate",
        "embedding_learning_rate",
        "lora_alpha",
        "warmup_steps",
        "lr_scheduler_type",
        "weight_decay",
        "save_steps",
        "threads",
        "precision",
    }
)


@dataclass(frozen=True)
class Question:
    """What a calibration is of.

    Attributes:
        shape: the model's configuration (``shape_of``).
        train: ``[train]``, resolved.
        rows, firsts: steps like those to come: for each row its segments' lengths and first
            targets; the largest step first, and every beginning of the rest a fair sample.
    """

    shape: dict[str, Any]
    train: TrainRecipe
    precision: Precision
    threads: int
    device: str
    rows: Rows
    firsts: Rows

    @cached_property
    def key(self) -> str:
        """Hash of everything the answer depends on, the machine and steep's own code included."""
        import torch

        return key_of(
            {
                "version": _VERSION,
                "shape": self.shape,
                "train": self.train.model_dump(exclude=set(_FREE)),
                "precision": self.precision,
                "threads": self.threads,
                "device": _device_name(self.device),
                "rows": self.rows,
                "firsts": self.firsts,
                "cpu": processor(),
                "torch": torch.__version__,
                "steep": __version__,
                "code": _code(),
            }
        )


@dataclass(frozen=True)
class Calibration:
    """What was measured at each depth, read at the model's own depth.

    Attributes:
        depth: the model's decoder layers.
        measured: one for each depth measured, the least deep first.
        seconds: what the calibration took.
    """

    key: str
    depth: int
    measured: tuple[Measured, ...]
    seconds: float

    def at_depth(self, value: Callable[[Measured], float]) -> float:
        """A value carried on to the model's depth."""
        return self._line(value).at(self.depth)

    def per_layer(self, value: Callable[[Measured], float]) -> float:
        """What each layer adds to a value."""
        return self._line(value).slope

    def _line(self, value: Callable[[Measured], float]) -> Line:
        return line_through([(m.layers, value(m)) for m in self.measured])

    @property
    def sample(self) -> tuple[StepTime, ...]:
        """The timed steps with their seconds at the model's depth.

        Left out are the first one, which is slower, and those in which the machine stood still.
        """
        count = min(len(m.steps) for m in self.measured)
        numbers = range(min(1, count - 1), count)
        limits = [_STALL * median(m.steps[n].seconds for n in numbers) for m in self.measured]
        return tuple(
            StepTime(self.measured[0].steps[n].tokens, self._step_seconds(n))
            for n in numbers
            if all(
                m.steps[n].seconds <= limit for m, limit in zip(self.measured, limits, strict=True)
            )
        )

    @property
    def tokens_per_second(self) -> float:
        """Training tokens per second."""
        sample = self.sample
        return sum(s.tokens for s in sample) / max(sum(s.seconds for s in sample), 1e-9)

    @property
    def spread(self) -> float:
        """Half the width of the range that times are given with, as a share."""
        reach = self.depth / max(m.layers for m in self.measured)
        return min(0.5, 0.15 + 0.03 * max(0.0, reach - 1.0))

    def _step_seconds(self, number: int) -> float:
        return self._line(lambda m: m.steps[number].seconds).at(self.depth)


def calibrate(
    question: Question, *, progress: Callable[[int, int, str], None] | None = None
) -> Calibration:
    """Measure, or find what was measured before.

    Args:
        progress: called with (depths measured, depths in all, what is done).

    Raises:
        PlanningError: a child failed: it ran out of memory or time, or the shape is unusual.
    """
    import time

    path = cache_folder() / "plans" / f"{question.key[:32]}.json"
    kept = _kept(path, question.key)
    if kept is not None:
        return kept
    begin = time.monotonic()
    try:
        depths = measured_depths(question.shape)
        depth = depth_of(question.shape)
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise PlanningError(f"the model's shape can't be made smaller ({error})") from error
    measured: list[Measured] = []
    for number, layers in enumerate(depths):
        if progress is not None:
            progress(number, len(depths), f"a model of {layers} layers")
        measured.append(_measure(question, layers))
    found = Calibration(question.key, depth, tuple(measured), round(time.monotonic() - begin, 2))
    if progress is not None:
        progress(len(depths), len(depths), "measured")
    write_json(path, asdict(found))
    return found


def _measure(question: Question, layers: int) -> Measured:
    """Run one child.

    Raises:
        PlanningError: it failed.
    """
    # Frozen layers are numbered in the whole model: training them too errs on the safe side.
    order = Order(
        truncated(question.shape, layers),
        layers,
        question.train.model_copy(update={"frozen_layers": []}).model_dump(),
        question.precision,
        question.threads,
        question.device,
        question.rows,
        question.firsts,
        _MOST_SECONDS,
    )
    answer = run_child("steep.planning.child", json.dumps(asdict(order)))
    try:
        return Measured.read(json.loads(answer))
    except (ValueError, TypeError, KeyError) as error:
        raise PlanningError("the calibrating process gave no answer") from error


def run_child(module: str, text: str, seconds: float = _CHILD_SECONDS) -> str:
    """Run a module in a new process with ``text`` on its stdin; what it wrote to stdout.

    Raises:
        PlanningError: it failed, was killed, or took too long.
        RecipeError: the recipe asks for what this model hasn't got.
    """
    here = str(_PACKAGE.parent)
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module],
            input=text,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        raise PlanningError(f"measuring took longer than {seconds:.0f} s") from None
    except OSError as error:
        raise PlanningError(f"no process for measuring could be started ({error})") from error
    if done.returncode < 0:
        raise PlanningError(
            f"measuring was killed by signal {-done.returncode} (most likely out of memory)"
        )
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        if lines and lines[-1].startswith(_RECIPE_ERROR):
            raise RecipeError(lines[-1].removeprefix(_RECIPE_ERROR))
        raise PlanningError(f"measuring failed: {lines[-1][:300] if lines else 'no reason given'}")
    return done.stdout


def _kept(path: Path, key: str) -> Calibration | None:
    """What was measured before; None if there is nothing or it can't be used."""
    try:
        values: Mapping[str, Any] = read_json(path)
        if values["key"] != key:
            return None
        measured = tuple(Measured.read(row) for row in values["measured"])
        found = Calibration(key, int(values["depth"]), measured, float(values["seconds"]))
        return found if measured else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _device_name(device: str) -> str:
    if not device.startswith("cuda"):
        return device
    import torch

    return str(torch.cuda.get_device_name(device))


def _code() -> str:
    """Hash of the code whose speed and memory are measured."""
    folders = ("training", "model", "proof", "planning")
    files = sorted(path for name in folders for path in _PACKAGE.joinpath(name).glob("*.py"))
    return key_of({path.relative_to(_PACKAGE).as_posix(): file_hash(path) for path in files})
