"""Preference tuning (DPO, arXiv 2305.18290) by TRL's trainer.

The reference is the model that this stage begins with, exactly: what it gives the answers is
computed once, before the first step, by the model that is then trained. TRL's own way with an
adapter is a frozen copy of it beside it, embeddings included where they are trained.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import Any

from steep.pipeline.chat import PairRow
from steep.pipeline.replay import Replay
from steep.pipeline.sft import as_rows, padded
from steep.pipeline.trainer import Task, train
from steep.progress import Progress
from steep.recipe import DpoRecipe

DPO_RATES = {"full": 1e-6, "lora": 1e-5}
"""By method: TRL's default for full weights; ten times that for adapters, the proportion in TRL's
example of DPO."""

_GENERAL = "general"  # replay's place in a batch


def tune_on_pairs(
    model: Any,
    rows: Sequence[PairRow],
    tokenizer: Any,
    task: Task,
    replay: Replay,
    progress: Progress,
) -> tuple[dict[str, Any], list[float]]:
    """Train on preference pairs; in and out as ``trainer.train``, losses in nats per pair.

    Where there is replay, its loss in nats per token is added to that of the pairs.
    """
    from datasets import Dataset
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    recipe = task.recipe
    assert isinstance(recipe, DpoRecipe)
    most = recipe.max_steps * recipe.per_device_train_batch_size
    if len(rows) > most:  # the reference is asked about no more than is trained on
        rows = random.Random(f"dpo:{task.seed}").sample(rows, most)

    class OnTokens(DPOTrainer):  # type: ignore[misc, unused-ignore]
        """Rows are in tokens already, rendered as for instruction tuning."""

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            return dataset

        def _precompute_ref_logps(self, dataset: Any, name: str, batch_size: int) -> Any:
            """As TRL's, without progress bars and a file of what was computed."""
            found: dict[str, list[float]] = {"ref_chosen_logps": [], "ref_rejected_logps": []}
            for start in range(0, len(dataset), batch_size):
                end = min(start + batch_size, len(dataset))
                batch = self.data_collator([dataset[n] for n in range(start, end)])
                batch = {key: value.to(bare.device) for key, value in batch.items()}
                sums: Any = self.compute_ref_log_probs  # not typed
                for key, of_batch in zip(found, sums(bare, batch), strict=True):
                    found[key] += of_batch.double().tolist()
            return Dataset.from_dict({**dataset.to_dict(), **found})

        def compute_loss(self, model: Any, inputs: Any, *given: Any, **more: Any) -> Any:
            general = inputs.pop(_GENERAL, None)
            of_pairs: Any = super().compute_loss  # not typed
            loss = of_pairs(model, inputs, *given, **more)
            return loss if general is None else loss + model(**general, use_cache=False).loss

    table = Dataset.from_dict(
        {
            "prompt_ids": [list(row.prompt) for row in rows],
            "chosen_ids": [list(row.chosen) for row in rows],
            "rejected_ids": [list(row.rejected) for row in rows],
        }
    )
    # Without PEFT's shell TRL takes the adapter for a part of the model, and makes no copy of it:
    # the model itself is its reference before the first step. The parameters are the same objects.
    bare = model.get_base_model() if hasattr(model, "get_base_model") else model

    def make_trainer(settings: dict[str, Any], **more: Any) -> Any:
        trainer = OnTokens(
            model=bare,
            args=DPOConfig(**settings, beta=recipe.beta, precompute_ref_log_probs=True),
            train_dataset=table,
            processing_class=copy.deepcopy(tokenizer),  # TRL gives it a padding token
            **more,
        )
        pairs_alone = trainer.data_collator

        def with_replay(some: list[dict[str, list[int]]]) -> dict[str, Any]:
            batch: dict[str, Any] = pairs_alone(some)
            pieces = replay.due(int(batch["attention_mask"].sum()))
            if pieces:
                batch[_GENERAL] = padded(as_rows(pieces))
            return batch

        trainer.data_collator = with_replay  # the reference was asked about pairs alone
        return trainer

    return train(model, task, make_trainer, progress)
