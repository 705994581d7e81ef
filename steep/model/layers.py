"""The decoder layers of a model, and which of them a recipe keeps as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from steep.errors import RecipeError


@dataclass(frozen=True)
class DecoderLayers:
    """A model's stack of decoder layers.

    Attributes:
        name: where it stands in the model ("model.layers", in GPT-2 "transformer.h").
        modules: the layers from the input on.
    """

    name: str
    modules: tuple[Any, ...]

    @property
    def own_name(self) -> str:
        """The last part of the name: PEFT's ``layers_pattern``."""
        return self.name.rpartition(".")[2]

    def place_of(self, module_name: str) -> tuple[int, str] | None:
        """(number of its layer, name within the layer) of a module; None if it's in no layer."""
        head, _, rest = module_name.removeprefix(f"{self.name}.").partition(".")
        if not module_name.startswith(f"{self.name}.") or not head.isdigit():
            return None
        return int(head), rest


def decoder_layers(model: Any) -> DecoderLayers:
    """The stack of a transformers model, without PEFT around it.

    Raises:
        RecipeError: no list of modules is as long as the configuration says.
    """
    from torch.nn import ModuleList

    count = model.config.get_text_config().num_hidden_layers
    found = [
        DecoderLayers(name, tuple(module))
        for name, module in model.named_modules()
        if isinstance(module, ModuleList) and len(module) == count
    ]
    if not found:
        raise RecipeError(
            f"train.frozen_layers: no stack of {count} layers found in {type(model).__name__}; "
            "remove the key"
        )
    # Inside a layer there may be lists of the same length (of experts, say): the stack is outside.
    return min(found, key=lambda layers: layers.name.count("."))


def frozen_numbers(asked: Sequence[int], count: int) -> frozenset[int]:
    """The layers to keep, counted from 0; negative numbers count from the end.

    Raises:
        RecipeError: there is no such layer.
    """
    for number in asked:
        if not -count <= number < count:
            raise RecipeError(
                f"train.frozen_layers: there is no layer {number}; the model has {count}, "
                f"0 to {count - 1} (or -{count} to -1)"
            )
    return frozenset(number % count for number in asked)
