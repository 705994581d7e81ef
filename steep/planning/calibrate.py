"""Calibration: truncated models of the same shape, really trained, tell what the whole one costs.

What a step takes in time and memory is a fixed part (embeddings, head, loss) and a part for each
decoder layer, so two depths give the line on which the real depth lies. Each depth is measured by
a child process that uses the product's own loop and scorer (``child.py``). The result depends on
the shape, the recipe, the rows and the machine, and is kept in ``$STEEP_CACHE/plans``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from steep import __version__
from steep.artifact import file_hash, key_of, read_json, write_json
from steep.errors import PlanningError
from steep.model.load import cache_folder
from steep.model.precision import Precision
from steep.planning.machine import processor
from steep.planning.measured import Line, Measured, Order, Rows, StepTime, line_through
from steep.planning.process import Child
from steep.planning.rounds import SCATTER, low_quarter
from steep.planning.shape import depth_of, linear_parameters, measured_depths, truncated
from steep.recipe import TrainRecipe
from steep.training.linear import MOST_COPIED
from steep.wording import counted

_VERSION = 2
_PACKAGE = Path(__file__).parent.parent
_CHILD = "steep.planning.child"
_STALL = 2.0  # a step of so many times the usual length was held up by something else
_MOST_SECONDS = 6.0  # of training at each depth
_MORE_SECONDS = 8.0  # where its steps scatter: time for about one more round

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
        "stages",
        "rewarm_stages",
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
        ask: also measure how fast the model answers, which predicting a whole run takes.
    """

    shape: dict[str, Any]
    train: TrainRecipe
    precision: Precision
    threads: int
    device: str
    rows: Rows
    firsts: Rows
    ask: bool = True

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
                "ask": self.ask,
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

        Left out are the first one, which is slower, and those in which the machine stood still at
        any depth: by far slower than the fast quarter both as a step and for each token.
        """
        count = min(len(m.steps) for m in self.measured)
        numbers = range(min(1, count - 1), count)
        stalled = set[int]().union(*(_stalled(m.steps, numbers) for m in self.measured))
        return tuple(
            StepTime(self.measured[0].steps[n].tokens, self._step_seconds(n))
            for n in numbers
            if n not in stalled
        )

    @property
    def tokens_per_second(self) -> float:
        """Training tokens per second."""
        sample = self.sample
        return sum(s.tokens for s in sample) / max(sum(s.seconds for s in sample), 1e-9)

    @property
    def spread(self) -> float:
        """Half the width of the range that times are given with, as a share.

        Wider where steps still scattered after all repeats.
        """
        reach = self.depth / max(m.layers for m in self.measured)
        scattered = max(0.0, max(m.scatter for m in self.measured) - SCATTER)
        return min(0.5, 0.15 + 0.03 * max(0.0, reach - 1.0) + scattered)

    def _step_seconds(self, number: int) -> float:
        return self._line(lambda m: m.steps[number].seconds).at(self.depth)


def _stalled(steps: Sequence[StepTime], numbers: range) -> set[int]:
    """Which of these steps the machine stood still in."""
    chosen = [steps[n] for n in numbers]
    longest = _STALL * low_quarter([step.seconds for step in chosen])
    slowest = _STALL * low_quarter([step.seconds / max(step.tokens, 1) for step in chosen])
    return {
        n
        for n in numbers
        if steps[n].seconds > longest and steps[n].seconds / max(steps[n].tokens, 1) > slowest
    }


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
        copies = linear_parameters(question.shape) <= MOST_COPIED
    except (ValueError, KeyError, TypeError, RuntimeError) as error:
        raise PlanningError(f"the model's shape can't be made smaller ({error})") from error
    measured: list[Measured] = []
    steps = len(question.rows)
    with ExitStack() as stack:
        # All import at once, which takes a core each, and then wait for their turn.
        children = [stack.enter_context(Child(_CHILD)) for _ in depths]
        # The deepest first: of shallower ones no more steps are wanted than it had time for.
        for child, layers in zip(children, reversed(depths), strict=True):
            if progress is not None:
                progress(len(measured), len(depths), f"a model of {counted(layers, 'layer')}")
            measured.append(_measure(child, question, layers, steps, copies))
            steps = min(steps, len(measured[-1].steps))
    measured.sort(key=lambda m: m.layers)
    found = Calibration(question.key, depth, tuple(measured), round(time.monotonic() - begin, 2))
    if progress is not None:
        progress(len(depths), len(depths), "measured")
    with suppress(OSError):  # a cache that can't be written is no reason to stop
        write_json(path, asdict(found))
    return found


def _measure(child: Child, question: Question, layers: int, steps: int, copies: bool) -> Measured:
    """Have a child measure one depth by the first ``steps`` of the steps.

    ``copies``: as the whole model does, it makes copies of weights for speed.

    Raises:
        PlanningError: it failed.
    """
    # Frozen layers are numbered in the whole model: training them too errs on the safe side.
    order = Order(
        shape=truncated(question.shape, layers),
        layers=layers,
        train=question.train.model_copy(update={"frozen_layers": []}).model_dump(),
        precision=question.precision,
        threads=question.threads,
        device=question.device,
        rows=question.rows[:steps],
        firsts=question.firsts[:steps],
        most_seconds=_MOST_SECONDS,
        more_seconds=_MORE_SECONDS,
        ask=question.ask,
        copies=copies,
    )
    answer = child.ask(json.dumps(asdict(order)))
    try:
        return Measured.read(json.loads(answer))
    except (ValueError, TypeError, KeyError) as error:
        raise PlanningError("the calibrating process gave no answer") from error


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
