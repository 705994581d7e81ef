"""Forward and backward of a micro-batch as a CUDA graph, captured once and then replayed.

A small model's step is thousands of small kernels, and Python launches them an order of magnitude
slower than a GPU runs them: a step of 1,000 tokens takes as long as one of 16,000. A replayed graph
is launched at once. What it asks for: shapes that never change (rows are padded to one length),
gradients that stay where they are (they are zeroed, not let go of), and no work for the host in
between (https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs).
"""

from __future__ import annotations

import math
from typing import Any

import torch

from steep.corpus.schedule import IGNORED
from steep.model.precision import Precision, dtype_of, working_in
from steep.model.quantised import is_quantised
from steep.recipe import TrainRecipe
from steep.training.loss import PackedLoss, Way
from steep.training.replay_kl import NO_PLACE, BaseReference
from steep.training.rows import Rows

_NAMES = ("input_ids", "labels", "segments", "position_ids")
_PADDING = {"labels": IGNORED, "places": NO_PLACE}
_MULTIPLE = 64  # attention kernels want the mask's rows aligned
_WARM_UPS = 3

# How far a replay may be from the same rows computed launch by launch: kernels add up in an order
# of their own, in half precision.
_TOLERANCE = 0.02


class CantCapture(RuntimeError):
    """This model's step can't be a graph, or its graph gives other numbers."""


class StepGraph:
    """Adds the gradients of one micro-batch after another to the parameters'."""

    def __init__(
        self,
        model: Any,
        way: Way,
        recipe: TrainRecipe,
        precision: Precision,
        reference: BaseReference | None = None,
    ) -> None:
        """
        Args:
            model: on a GPU, and ``can_be_captured``.
            reference: the base's predictions on replay, of one place at least.
        """
        parameters = list(model.parameters())
        self._device = parameters[0].device
        self._trained = [p for p in parameters if p.requires_grad]
        self._precision: Precision = precision
        self._reference = reference
        self._packed = PackedLoss(
            model,
            way,
            dtype_of(precision),
            reference=reference,
            kl_coef=recipe.replay_kl_coef or 0.0,
            kl_only=bool(recipe.replay_kl_only),
            fixed_shapes=True,
        )
        length = math.ceil(recipe.max_seq_length / _MULTIPLE) * _MULTIPLE
        shape = (recipe.per_device_train_batch_size, length)
        self._rows = {n: torch.zeros(shape, dtype=torch.int64, device=self._device) for n in _NAMES}
        if reference is not None:
            known = self._with_base({"places": torch.zeros_like(self._rows["labels"])})
            self._rows |= {name: torch.zeros_like(tensor) for name, tensor in known.items()}
        self._divergence: tuple[torch.Tensor, torch.Tensor] | None = None
        self._share = torch.zeros((), device=self._device)
        self._loss = torch.zeros((), device=self._device)
        self._graph: Any = None

    def add(self, rows: Rows, targets: int) -> torch.Tensor:
        """Add the gradients of the summed loss of ``rows``, divided by ``targets``.

        Returns:
            That share of the loss (scalar, until the next call).

        Raises:
            CantCapture: and no gradient is left behind.
        """
        rows = self._with_base(rows)
        fill(self._rows, rows)
        self._share.fill_(1.0 / targets)
        if self._graph is None:
            self._capture()
            fill(self._rows, rows)
        self._graph.replay()
        if self._divergence is not None:
            nats, tokens = self._divergence
            self._packed.divergences.append((nats.clone(), tokens.clone()))
        return self._loss

    def take_divergence(self) -> tuple[float, int]:
        """As ``PackedLoss.take_divergence``."""
        return self._packed.take_divergence()

    def close(self) -> None:
        """Let go of the graph and of what it was captured with."""
        self._graph = None
        self._let_go()

    def _with_base(self, rows: Rows) -> Rows:
        """Rows with what the base predicts at their places, where it is held to that."""
        if self._reference is None:
            return rows
        ids, logprobs = self._reference.at(rows["places"])
        return {**rows, "base_ids": ids, "base_logprobs": logprobs}

    def _run(self) -> torch.Tensor:
        self._packed.begin_step()
        with working_in(self._precision, self._device.type):
            loss: torch.Tensor = self._packed(self._rows) * self._share
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def _capture(self) -> None:
        """Run a few times launch by launch, then once more into a graph, and compare."""
        if self._reference is not None:
            # Rows of replay alone begin at no divergence: compare something else than rounding.
            kept = self._rows["base_ids"].shape[-1]
            self._rows["base_ids"].copy_(torch.arange(kept, device=self._device))
            self._rows["base_logprobs"].fill_(-math.log(2 * kept))
        self._packed.train()
        try:
            aside: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
            aside.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(aside):
                for _ in range(_WARM_UPS):
                    self._zero()
                    expected = self._run()
            torch.cuda.current_stream().wait_stream(aside)
            before = (float(expected), self._size())
            self._zero()
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._loss = self._run()
            graph.replay()
            after = (float(self._loss), self._size())
            found = self._packed.divergences  # the last is the graph's own
            self._divergence = found[-1] if found else None
        except RuntimeError as error:
            self._let_go()
            raise CantCapture(str(error)) from error
        finally:
            self._packed.divergences = []
            self._packed.step_aside()
        near = all(
            math.isclose(a, b, rel_tol=_TOLERANCE) for a, b in zip(before, after, strict=True)
        )
        if not near:
            self._let_go()
            raise CantCapture(f"loss and gradient are {after} where {before} are expected")
        self._zero()
        self._graph = graph

    def _zero(self) -> None:
        found = [p.grad for p in self._trained if p.grad is not None]
        if found:
            torch._foreach_zero_(found)

    def _size(self) -> float:
        """Norm of all gradients."""
        found = [p.grad for p in self._trained if p.grad is not None]
        return float(torch.stack(torch._foreach_norm(found)).norm()) if found else 0.0

    def _let_go(self) -> None:
        for parameter in self._trained:
            parameter.grad = None
        self._packed.close()


def fill(places: Rows, rows: Rows) -> None:
    """Put rows into larger tensors; what is left over of those is padding without targets."""
    for name, place in places.items():
        count, length = rows[name].shape[:2]
        if name == "segments":  # a number that no segment has
            place.fill_(place.shape[1])
        else:
            place.fill_(_PADDING.get(name, 0))
        place[:count, :length].copy_(rows[name], non_blocking=True)


def can_be_captured(model: Any, way: Way, recipe: TrainRecipe, precision: Precision) -> bool:
    """Is a step of this model free of chance, of scaling by its own overflows and of the host?

    Args:
        model: as it will be trained, on its device.
    """
    if way.packing != "mask" or way.head != "chunked" or precision == "fp16":
        return False
    if recipe.gradient_checkpointing or recipe.lora_dropout or is_quantised(model):
        return False
    drops = (m for m in model.modules() if isinstance(m, torch.nn.Dropout) and m.p)
    configs = (c for m in model.modules() if (c := getattr(m, "config", None)) is not None)
    rates = (getattr(c, "attention_dropout", 0.0) for c in configs)
    if next(drops, None) is not None or any(isinstance(r, float) and r for r in rates):
        return False
    return bool(next(model.parameters()).device.type == "cuda")
