"""Instruction tuning by TRL's trainer, on from the very model that was evaluated."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from steep.pipeline.chat import Row
from steep.pipeline.replay import Replay
from steep.pipeline.trainer import IGNORED, Task, train
from steep.progress import Progress

SFT_RATES = {"full": 2e-5, "lora": 2e-4}
"""By method: TRL's documentation, "PEFT Integration", its table of rates."""


def tune_on_rows(
    model: Any,
    rows: Sequence[Row],
    tokenizer: Any,
    task: Task,
    replay: Replay,
    progress: Progress,
) -> tuple[dict[str, Any], list[float]]:
    """Train on instruction rows; in and out as ``trainer.train``, losses in nats per target.

    Every token of replay is a target as an answer's are.
    """
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    table = Dataset.from_dict(
        {
            "input_ids": [list(row.ids) for row in rows],
            "labels": [labels_of(row) for row in rows],
        }
    )

    def with_replay(some: list[dict[str, list[int]]]) -> dict[str, Any]:
        pieces = replay.due(sum(len(row["input_ids"]) for row in some))
        return padded([*some, *as_rows(pieces)])

    def make_trainer(settings: dict[str, Any], **more: Any) -> Any:
        return SFTTrainer(
            model=model,
            args=SFTConfig(**settings, dataset_kwargs={"skip_prepare_dataset": True}),
            train_dataset=table,
            processing_class=copy.deepcopy(tokenizer),  # TRL gives it a padding token
            data_collator=with_replay,
            **more,
        )

    return train(model, task, make_trainer, progress)


def labels_of(row: Row) -> list[int]:
    """The row's tokens where they are targets, else what the loss passes over."""
    return [
        token if target else IGNORED for token, target in zip(row.ids, row.is_target, strict=True)
    ]


def as_rows(pieces: Iterable[list[int]]) -> list[dict[str, list[int]]]:
    """Stretches of text as rows whose every token is a target."""
    return [{"input_ids": piece, "labels": piece} for piece in pieces]


def padded(rows: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
    """A batch, padded on the right; what pads is neither seen nor a target."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, by: int) -> Any:
        return torch.tensor([row[name] + [by] * (longest - len(row[name])) for row in rows])

    lengths = torch.tensor([[len(row["input_ids"])] for row in rows])
    return {
        "input_ids": filled("input_ids", 0),
        "labels": filled("labels", IGNORED),
        "attention_mask": (torch.arange(longest)[None] < lengths).long(),
    }
