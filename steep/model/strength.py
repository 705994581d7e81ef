"""How much of what was learned to keep: a point on the line from the base to the trained model.

Going back part of the way loses little of the facts and much of the forgetting (weight-space
ensembles, Wortsman et al. 2022, arXiv 2109.01903; docs/RESULTS.md has it for this model).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class StrengthDial:
    """Turns a trained model to any point between its base (0) and itself (1), exactly each time.

    A LoRA product is carried by its B, and DoRA's magnitudes meet the lengths of the base weight's
    rows; whole modules meet the original kept beside them; after full training every weight meets
    the base model's.
    """

    def __init__(self, model: Any, load_base: Callable[[], Any]) -> None:
        """
        Args:
            model: the trained model, PEFT-wrapped or not; it is changed in place by ``turn``.
            load_base: gives an untouched base model; called only after full training.
        """
        origins = _origins(model, load_base)
        self._ends = [(p, p.detach().clone(), origin) for p, origin in origins]

    def turn(self, strength: float) -> None:
        """Put the weights at ``strength``."""
        import torch

        with torch.no_grad():
            for parameter, tuned, origin in self._ends:
                start = torch.zeros_like(tuned) if origin is None else origin.to(tuned.device)
                torch.lerp(start, tuned, strength, out=parameter.data)


def _origins(model: Any, load_base: Callable[[], Any]) -> list[tuple[Any, Any | None]]:
    """(parameter, what it was before training) of each weight that moves; None is zero."""
    parameters = dict(model.named_parameters())
    if not hasattr(model, "peft_config"):
        base = dict(load_base().named_parameters())
        return [(parameter, base[name].detach()) for name, parameter in parameters.items()]
    found: list[tuple[Any, Any | None]] = []
    for name, parameter in parameters.items():
        if ".lora_B." in name or ".lora_embedding_B." in name:
            found.append((parameter, None))
        elif ".lora_magnitude_vector." in name:
            found.append((parameter, _base_magnitude(model, name)))
        elif ".modules_to_save." in name:
            before, _, after = name.partition(".modules_to_save.")
            original = f"{before}.original_module.{after.split('.', 1)[1]}"
            found.append((parameter, model.get_parameter(original).detach()))
    return found


def _base_magnitude(model: Any, name: str) -> Any:
    """The magnitudes at which a DoRA layer without a product is its base, bit for bit.

    They come from PEFT's own function: it takes the same sums when the layer is called.
    """
    import torch

    layer = model.get_submodule(name.partition(".lora_magnitude_vector.")[0])
    magnitude = model.get_submodule(name.removesuffix(".weight"))
    with torch.no_grad():
        weight = layer.get_base_layer().weight
        return magnitude.get_weight_norm(weight, torch.zeros_like(weight[:1, :1]), 1.0).detach()
