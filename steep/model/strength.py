"""How much of what was learned to keep: a point on the line from the base to the trained model.

Going back part of the way loses little of the facts and much of the forgetting (weight-space
ensembles, Wortsman et al. 2022, arXiv 2109.01903; docs/RESULTS.md has it for this model).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def apply_strength(model: Any, strength: float, load_base: Callable[[], Any]) -> None:
    """Move a trained model back toward its base, in place.

    Args:
        model: the trained model, PEFT-wrapped or not.
        strength: 1 keeps the trained weights, 0 would be the base.
        load_base: gives an untouched base model; called only where it is needed.
    """
    import torch

    if strength == 1.0:
        return
    with torch.no_grad():
        if hasattr(model, "peft_config"):
            _scale_adapter(model, strength)
            return
        base = dict(load_base().named_parameters())
        for name, parameter in model.named_parameters():
            parameter.lerp_(base[name].to(parameter.device), 1.0 - strength)


def _scale_adapter(model: Any, strength: float) -> None:
    """B carries the scale of a LoRA product; whole modules meet the original kept beside them."""
    parameters = dict(model.named_parameters())
    for name, parameter in parameters.items():
        if ".lora_B." in name or ".lora_embedding_B." in name:
            parameter.mul_(strength)
        elif ".modules_to_save." in name:
            before, _, after = name.partition(".modules_to_save.")
            original = model.get_parameter(f"{before}.original_module.{after.split('.', 1)[1]}")
            parameter.lerp_(original, 1.0 - strength)
