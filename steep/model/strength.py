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
            found.append((parameter, magnitude_at(model, name, whole=False)))
        elif ".modules_to_save." in name:
            found.append((parameter, original_of(model, name)))
    return found


def original_of(model: Any, name: str) -> Any:
    """What PEFT keeps of a parameter that an adapter trains whole, from before training."""
    before, _, after = name.partition(".modules_to_save.")
    return model.get_parameter(f"{before}.original_module.{after.split('.', 1)[1]}").detach()


def magnitude_at(model: Any, name: str, *, whole: bool = True) -> Any:
    """The magnitudes at which a DoRA layer changes no length: those of its weight's rows, shape
    (rows,), with the product added (``whole``) or without.

    They come from PEFT's own function: it takes the same sums when the layer is called, so that
    without its product such a layer is its base, bit for bit.
    """
    import torch

    before, _, after = name.partition(".lora_magnitude_vector.")
    layer, adapter = model.get_submodule(before), after.split(".")[0]
    magnitude = model.get_submodule(name.removesuffix(".weight"))
    with torch.no_grad():
        weight = layer.get_base_layer().weight
        product, scale = torch.zeros_like(weight[:1, :1]), 1.0
        if whole:
            product = layer.lora_B[adapter].weight @ layer.lora_A[adapter].weight
            scale = layer.scaling[adapter]
        return magnitude.get_weight_norm(weight, product, scale).detach()
