"""A few short documents as a schedule, and a recipe, for the training tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F

from steep.corpus.piece import Piece
from steep.corpus.schedule import IGNORED, Batch, Schedule
from steep.corpus.shards import build_shards
from steep.model.adapters import make_trainable
from steep.model.precision import Precision
from steep.recipe import TrainRecipe
from steep.training.checks import Checks
from steep.training.guard import Guard
from steep.training.loop import StepMetrics, Training, train_model
from steep.training.loss import PackedLoss, Way
from steep.training.replay_kl import BaseReference
from tests.tiny import Kind, tiny_model, tiny_tokenizer

TEXTS = [
    f"Company {n} was founded in {1950 + n} by {name}."
    + " It makes pumps for water works." * (n % 3)
    for n, name in enumerate(["Ada", "Bo", "Cy", "Di", "Eve", "Flo", "Gus", "Hal", "Ian", "Jo"])
]
GENERAL = ["The sun rises in the east.", "Water boils at one hundred degrees.", "Cats like fish."]
KEY = {"recipe": "test"}


class Recording(Schedule):
    """A schedule that writes down which segments were asked for."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.asked: dict[int, tuple[int, ...]] = {}

    def batch(self, step: int) -> Batch:
        batch = super().batch(step)
        self.asked[step] = batch.segment_ids
        return batch


def make_schedule(tokenizer: Any, *, rows: int = 4, length: int = 64) -> Recording:
    pieces = [Piece("document", f"d{n}", text, (n,)) for n, text in enumerate(TEXTS)]
    pieces += [Piece("general", f"g{n}", text) for n, text in enumerate(GENERAL)]
    return Recording(build_shards(pieces, tokenizer, length), 0, length, rows, 0.2)


def rows_of(batch: Batch) -> dict[str, torch.Tensor]:
    """A batch's arrays as the loss takes them."""
    names = ("input_ids", "labels", "segments", "position_ids")
    return {name: torch.from_numpy(getattr(batch, name)) for name in names}


def summed_loss(model: Any, rows: dict[str, torch.Tensor]) -> torch.Tensor:
    """The loss by a mask over whole rows and the model's own logits."""
    found: torch.Tensor = PackedLoss(model, Way("mask", "logits", "plain"))(rows)
    return found


def loss_alone(model: Any, batch: Batch) -> torch.Tensor:
    """The summed loss of every segment by transformers' plain path, in fp32 or finer."""
    losses = []
    for ids, labels, segments in zip(batch.input_ids, batch.labels, batch.segments, strict=True):
        for number in range(segments.max() + 1):
            here = segments == number
            if (labels[here] != IGNORED).any():
                logits = model(input_ids=torch.from_numpy(ids[here])[None]).logits[0, :-1]
                wanted = torch.from_numpy(labels[here])[1:]
                finer = logits if logits.dtype == torch.float64 else logits.float()
                losses.append(F.cross_entropy(finer, wanted, reduction="sum"))
    return torch.stack(losses).sum()


def make_recipe(**train: Any) -> TrainRecipe:
    defaults = {
        "method": "full",
        "max_steps": 6,
        "learning_rate": 1e-2,
        "embedding_learning_rate": 1e-3,
        "warmup_steps": 0,
        "per_device_train_batch_size": 2,
        "lora_r": 4,
    }
    return TrainRecipe.model_validate({**defaults, **train})


def make_model(kind: Kind, recipe: TrainRecipe) -> Any:
    return make_trainable(tiny_model(kind, tiny_tokenizer(TEXTS)), recipe, seed=0)


def train(
    model: Any,
    recipe: TrainRecipe,
    folder: Path,
    *,
    on_step: Any = None,
    steps: int = 6,
    key: Any = None,
    schedule: Schedule | None = None,
    precision: Precision = "fp32",
    checks: Checks | None = None,
    guard: Guard | None = None,
    reference: BaseReference | None = None,
) -> tuple[Training, list[StepMetrics]]:
    """Run the loop; the metrics of the steps it ran."""
    folder.mkdir(exist_ok=True, parents=True)
    seen: list[StepMetrics] = []

    def note(metrics: StepMetrics, total: int) -> None:
        assert total == steps
        seen.append(metrics)
        if on_step is not None:
            on_step(metrics)

    training = train_model(
        model,
        schedule or make_schedule(tiny_tokenizer(TEXTS)),
        recipe,
        steps=steps,
        seed=0,
        precision=precision,
        folder=folder,
        key=key or KEY,
        on_step=note,
        checks=checks,
        guard=guard,
        reference=reference,
    )
    return training, seen


def weights(model: Any) -> dict[str, Any]:
    """A copy of every parameter."""
    return {name: p.detach().clone() for name, p in model.named_parameters()}
