"""The optimizers, and what a learning rate means to them.

The rate of a recipe is about how far a weight moves in a step, whichever optimizer it is: AdamW
moves each by the rate times its gradient over the gradient's usual size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from steep.model.adapters import ParameterGroup
from steep.recipe import TrainRecipe

_BETAS = (0.9, 0.95)

# torch's Adafactor multiplies the rate by max(_FLOOR, RMS of the parameter) and keeps it below
# 1 / sqrt(step). Relative steps would leave an adapter's B, which begins at zero, where it is, and
# the ceiling would overrule the schedule. With a floor above any parameter's size, and rates
# divided by it, neither happens: steps are absolute, as AdamW's are, and as with
# scale_parameter=False, relative_step=False in transformers. A power of two divides exactly.
_FLOOR = 2.0**20

# The mean square of gradients below which they are noise: that of AdamW's epsilon, 1e-8. torch's
# default for Adafactor is a mean square of 1e-7, more than a model's gradients clipped to norm 1
# have; below it, every step is blown up to the full size. Its own square has to be a normal fp32.
_NOISE = 1e-16


def make_optimizer(groups: Sequence[ParameterGroup], recipe: TrainRecipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over ``groups``, in their order; ``set_rates`` before each step."""
    if recipe.optim == "adamw":
        return torch.optim.AdamW(
            [
                {"params": [p for _, p in group.parameters], "weight_decay": group.weight_decay}
                for group in groups
            ],
            lr=0.0,
            betas=_BETAS,
            fused=True,
        )
    return torch.optim.Adafactor(
        [
            {
                "params": [p for _, p in group.parameters],
                "weight_decay": group.weight_decay * _FLOOR,  # it multiplies it by the rate
            }
            for group in groups
        ],
        lr=0.0,
        eps=(_NOISE, _FLOOR),
    )


def set_rates(
    optimizer: Any, groups: Sequence[ParameterGroup], factor: float, recipe: TrainRecipe
) -> None:
    """Each group's rate for the coming step: ``factor`` times its peak."""
    unit = 1.0 if recipe.optim == "adamw" else _FLOOR
    for target, group in zip(optimizer.param_groups, groups, strict=True):
        target["lr"] = group.learning_rate * factor / unit
