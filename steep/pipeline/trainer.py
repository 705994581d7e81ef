"""What TRL's trainers have in common here: their settings, the optimizer, what comes out.

What is trained is what continued pre-training trained: the same adapter (already turned to its
strength) or the same full weights. So there is one adapter at the end, merged = base + that
adapter, and nothing has to be composed.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from steep.errors import TrainingAlarm, UserInputError
from steep.model.adapters import quiet_libraries
from steep.progress import Progress
from steep.recipe import RowsRecipe, TrainRecipe
from steep.training.rates import warmup_within

IGNORED = -100
"""The label of a token that the loss passes over."""


@dataclass(frozen=True)
class Task:
    """One stage of training behind the documents.

    Attributes:
        name: the recipe's table.
        recipe: what it says.
        train: the resolved ``[train]``, for the groups of parameters and their rates.
        rates: the peak by method, where the recipe leaves it open.
    """

    name: str
    recipe: RowsRecipe
    train: TrainRecipe
    rates: Mapping[str, float]
    seed: int


def check_installed(name: str) -> None:
    """Find out before any work whether TRL is there.

    Raises:
        UserInputError: it isn't.
    """
    if find_spec("trl") is None:
        raise UserInputError(f'[{name}] needs TRL; install it: pip install "steep[sft]"')


def train(
    model: Any, task: Task, make_trainer: Callable[..., Any], progress: Progress
) -> tuple[dict[str, Any], list[float]]:
    """Train a model's trainable parameters in fp32 by one of TRL's trainers.

    Args:
        model: changed in place, and patched by TRL: throw it away afterwards.
        make_trainer: gets the settings that all trainers share, and the trainer's ``optimizers``
            and ``callbacks``, and gives the trainer.

    Returns:
        The trained parameters by name, on the CPU; and the loss of each step.

    Raises:
        TrainingAlarm: a weight isn't finite.
    """
    from transformers import PrinterCallback, TrainerCallback

    recipe = task.recipe

    class Told(TrainerCallback):  # type: ignore[misc, unused-ignore]
        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            if "loss" in (logs or {}):
                progress.at(state.global_step, recipe.max_steps, f"loss {float(logs['loss']):.3f}")

    with tempfile.TemporaryDirectory() as nowhere, _own_randomness(), quiet_libraries():
        trainer = make_trainer(
            _settings(model, task, nowhere),
            optimizers=(_optimizer(model, task), None),
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
            f"[{task.name}] gave weights that aren't finite; lower {task.name}.learning_rate",
            step=len(losses),
            is_good=False,
        )
    return weights, losses


def _settings(model: Any, task: Task, folder: str) -> dict[str, Any]:
    recipe = task.recipe
    return {
        "output_dir": folder,
        "max_steps": recipe.max_steps,
        "per_device_train_batch_size": recipe.per_device_train_batch_size,
        "warmup_steps": warmup_within(recipe.warmup_steps, recipe.max_steps),
        "max_length": recipe.max_length,
        "lr_scheduler_type": "linear",
        "max_grad_norm": 1.0,
        "seed": task.seed,
        "use_cpu": model.device.type == "cpu",
        "bf16": False,
        "fp16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "logging_steps": 1,
        "report_to": [],
        "disable_tqdm": True,
        "remove_unused_columns": False,
    }


def _optimizer(model: Any, task: Task) -> Any:
    import torch

    from steep.model.adapters import parameter_groups

    peak = task.recipe.learning_rate or task.rates[task.train.method]
    share = peak / (task.train.learning_rate or peak)
    groups = [
        {
            "params": [parameter for _, parameter in group.parameters],
            "lr": group.learning_rate * share,
            "weight_decay": group.weight_decay,
        }
        for group in parameter_groups(model, task.train)
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
