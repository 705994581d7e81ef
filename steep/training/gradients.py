"""The gradients of a step: one micro-batch after another, launch by launch or as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from steep.corpus.schedule import Batch
from steep.recipe import TrainRecipe
from steep.training.graph import CantCapture, StepGraph
from steep.training.loss import PackedLoss
from steep.training.rows import Rows


class Gradients:
    """Takes the gradients of each step's loss."""

    def __init__(
        self,
        packed: PackedLoss,
        loss_of: Any,
        recipe: TrainRecipe,
        accelerator: Any,
        graph: StepGraph | None = None,
    ) -> None:
        """
        Args:
            loss_of: ``packed`` as the engine prepared it.
            graph: computes micro-batches if it can; if not, ``loss_of`` does.
        """
        self._packed, self._loss_of = packed, loss_of
        self._recipe, self._accelerator = recipe, accelerator
        self._graph = graph

    @property
    def stay(self) -> bool:
        """True if gradients have to be zeroed where they are, not let go of."""
        return self._graph is not None

    def add(self, batch: Batch, places: Any | None = None) -> float:
        """Add a step's gradients to the parameters'; its loss, in nats per target token."""
        if self._graph is not None:
            try:
                return accumulate(self._graph.add, batch, self._recipe, self._accelerator, places)
            except CantCapture:
                self._graph = None
        self._packed.begin_step()
        return accumulate(self._launch, batch, self._recipe, self._accelerator, places)

    def take_divergence(self) -> tuple[float, int]:
        """Nats of divergence and the replay tokens they are of, since it was last asked."""
        sides = (self._packed, self._graph) if self._graph is not None else (self._packed,)
        found = [side.take_divergence() for side in sides]
        return sum(nats for nats, _ in found), sum(tokens for _, tokens in found)

    def pause(self) -> None:
        """Let others see the model with its own forward, and parameters that may change."""
        self._packed.close()

    def close(self) -> None:
        """Leave the model as it was."""
        self._packed.close()
        if self._graph is not None:
            self._graph.close()

    def _launch(self, rows: Rows, targets: int) -> torch.Tensor:
        loss: torch.Tensor = self._loss_of(rows) / targets
        self._accelerator.backward(loss * self._accelerator.num_processes)
        return loss.detach()


def accumulate(
    add: Callable[[Rows, int], torch.Tensor],
    batch: Batch,
    recipe: TrainRecipe,
    accelerator: Any,
    places: Any | None = None,
) -> float:
    """Have ``add`` take the gradients of micro-batch after micro-batch; nats per target token.

    Each process takes every ``num_processes``-th micro-batch; gradients are averaged over
    processes by the engine, so the sum is scaled by their number first.

    Args:
        add: gets rows and the number of the whole step's targets; gives their share of its loss.
    """
    device = accelerator.device
    tensors = {
        "input_ids": torch.from_numpy(batch.input_ids),
        "labels": torch.from_numpy(batch.labels),
        "segments": torch.from_numpy(batch.segments),
        "position_ids": torch.from_numpy(batch.position_ids),
    }
    if places is not None:
        tensors["places"] = torch.from_numpy(places)
    world = accelerator.num_processes
    size = recipe.per_device_train_batch_size
    starts = range(0, len(batch.input_ids), size)
    total = torch.zeros((), device=device)
    mine = [s for i, s in enumerate(starts) if i % world == accelerator.process_index]
    for start in mine:
        rows = {n: t[start : start + size].to(device) for n, t in tensors.items()}
        total += add(rows, batch.targets)
    if world > 1:
        total = accelerator.reduce(total, reduction="sum")
    return float(total)
