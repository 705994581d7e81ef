"""Instruction tuning by TRL's trainer, on from the very model that was evaluated.

What is trained is what continued pre-training trained: the same adapter (already turned to its
strength) or the same full weights. So there is one adapter at the end, merged = base + that
adapter, and nothing has to be composed.
"""

from __future__ import annotations

import copy
import random
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from steep.errors import TrainingAlarm, UserInputError
from steep.pipeline.chat import Row
from steep.pipeline.rows import Conversation, read_conversations
from steep.progress import Progress
from steep.recipe import SftRecipe, TrainRecipe

_RATES = {"full": 2e-5, "lora": 2e-4}  # TRL's documentation, "PEFT Integration", its table of rates
_IGNORED = -100


def check_sft(recipe: SftRecipe) -> None:
    """Find out before any work whether it can be done.

    Raises:
        UserInputError: TRL isn't installed, or a file holds a row that isn't one.
    """
    if find_spec("trl") is None:
        raise UserInputError('[sft] needs TRL; install it: pip install "steep[sft]"')
    read_rows(recipe)


def read_rows(recipe: SftRecipe) -> list[Conversation]:
    """The rows of all files of ``data``, in order.

    Raises:
        UserInputError: a file can't be read, or a row isn't one.
    """
    return [row for name in recipe.files for row in read_conversations(Path(name))]


def tune(
    model: Any,
    rows: Sequence[Row],
    tokenizer: Any,
    recipe: SftRecipe,
    train: TrainRecipe,
    seed: int,
    progress: Progress,
) -> tuple[dict[str, Any], list[float]]:
    """Train a model's trainable parameters on rows, in fp32.

    Args:
        model: changed in place, and patched by TRL: throw it away afterwards.
        train: the resolved ``[train]``, for the groups of parameters and their rates.

    Returns:
        The trained parameters by name, on the CPU; and the loss of each step, nats per target.

    Raises:
        TrainingAlarm: a loss or a weight isn't finite.
    """
    from datasets import Dataset
    from transformers import PrinterCallback, TrainerCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    class Told(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" in (logs or {}):
                progress.at(state.global_step, recipe.max_steps, f"loss {float(logs['loss']):.3f}")

    table = Dataset.from_dict(
        {
            "input_ids": [list(row.ids) for row in rows],
            "labels": [labels_of(row) for row in rows],
        }
    )
    with tempfile.TemporaryDirectory() as nowhere, _own_randomness():
        config = SFTConfig(
            output_dir=nowhere,
            max_steps=recipe.max_steps,
            per_device_train_batch_size=recipe.per_device_train_batch_size,
            warmup_steps=recipe.warmup_steps,
            max_length=recipe.max_length,
            lr_scheduler_type="linear",
            max_grad_norm=1.0,
            seed=seed,
            use_cpu=model.device.type == "cpu",
            bf16=False,
            fp16=False,
            gradient_checkpointing=False,
            save_strategy="no",
            logging_steps=1,
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataset_kwargs={"skip_prepare_dataset": True},
        )
        trainer = SFTTrainer(
            model=model,
            args=config,
            train_dataset=table,
            processing_class=copy.deepcopy(tokenizer),  # TRL gives it a padding token
            data_collator=_padded,
            optimizers=(_optimizer(model, recipe, train), None),
            callbacks=[Told()],
        )
        trainer.remove_callback(PrinterCallback)  # standard output is the command line's
        trainer.train()
    losses = [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry]
    weights = {
        name: parameter.detach().cpu().contiguous().clone()
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    if not all(bool(weight.isfinite().all()) for weight in weights.values()):
        raise TrainingAlarm(
            "instruction tuning gave weights that aren't finite; lower sft.learning_rate",
            step=len(losses),
            is_good=False,
        )
    return weights, losses


def labels_of(row: Row) -> list[int]:
    """The row's tokens where they are targets, else what the loss passes over."""
    return [
        token if target else _IGNORED for token, target in zip(row.ids, row.is_target, strict=True)
    ]


def _padded(rows: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
    """A batch, padded on the right; what pads is neither seen nor a target."""
    import torch

    longest = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, by: int) -> Any:
        return torch.tensor([row[name] + [by] * (longest - len(row[name])) for row in rows])

    lengths = torch.tensor([[len(row["input_ids"])] for row in rows])
    return {
        "input_ids": filled("input_ids", 0),
        "labels": filled("labels", _IGNORED),
        "attention_mask": (torch.arange(longest)[None] < lengths).long(),
    }


def _optimizer(model: Any, recipe: SftRecipe, train: TrainRecipe) -> Any:
    import torch

    from steep.model.adapters import parameter_groups

    peak = recipe.learning_rate or _RATES["full" if train.method == "full" else "lora"]
    share = peak / (train.learning_rate or peak)
    groups = [
        {
            "params": [parameter for _, parameter in group.parameters],
            "lr": group.learning_rate * share,
            "weight_decay": group.weight_decay,
        }
        for group in parameter_groups(model, train)
    ]
    return torch.optim.AdamW(groups)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """TRL seeds the global generators; they are put back as they were."""
    import numpy as np
    import torch

    plain, arrays = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng():
            yield
    finally:
        random.setstate(plain)
        np.random.set_state(arrays)
