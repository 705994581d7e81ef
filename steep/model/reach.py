"""Which weights of a model adapters may stand on, and which of them they reach."""

from __future__ import annotations

import copy
import warnings
from typing import Any

from steep.errors import RecipeError

# Own names of layers, by type of model, whose mixers read their weights and not what they give: an
# adapter would never be heard. PEFT refuses it for "out_proj".
_READ_PAST = {
    "falcon_h1": ("out_proj",),
    "falcon_mamba": ("dt_proj", "out_proj"),
    "jamba": ("dt_proj",),
    "mamba": ("dt_proj", "out_proj"),
    "mamba2": ("out_proj",),
    "nemotron_h": ("out_proj",),
}

_MOST = 0.5  # adapters on less of the weights than this are worth a word


def linear_layers(model: Any) -> list[str]:
    """Whole names of the linear layers that may be adapted: all but the head and ``left_out``."""
    barred = set(left_out(model))
    return [name for name in _linear(model) if name not in barred]


def linear_matrices(model: Any) -> list[Any]:
    """The weights of all linear layers but the head."""
    return [layer.weight for layer in _linear(model).values()]


def left_out(model: Any) -> list[str]:
    """Whole names of the linear layers, beside the head, that can't or needn't have an adapter.

    Layers that don't give one vector of their outputs (routers, say, which give a choice of
    experts too), those whose weight is read past their own forward, and those that read images or
    sound.
    """
    outside = {id(module) for module in _beside_text(model)}
    past = _READ_PAST.get(model.config.model_type, ())
    return [
        name
        for name, module in _linear(model).items()
        if id(module) in outside or name.rpartition(".")[2] in past or not _gives_a_vector(module)
    ]


def beside_text(model: Any) -> list[Any]:
    """The parameters of a model that reads more than text which only the rest of it needs."""
    own = {id(p) for part in _text_parts(model) for p in part.parameters()}
    return [parameter for parameter in model.parameters() if id(parameter) not in own]


def adapted_weights(model: Any, config: Any) -> frozenset[str]:
    """Names of the weights that PEFT puts adapters on, tried on a copy without weights.

    It alone knows: in some mixtures of experts it adds the stacked weights of all experts.

    Raises:
        RecipeError: it refuses.
    """
    from peft import get_peft_model
    from peft.tuners.tuners_utils import BaseTunerLayer

    empty = copy.deepcopy(model).to("meta")
    names = {id(parameter): name for name, parameter in empty.named_parameters()}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the real one says it too
            tried = get_peft_model(empty, config, low_cpu_mem_usage=True)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise RecipeError(
            f"train.method: PEFT can't put these adapters on a {type(model).__name__} "
            f'({" ".join(str(error).split())}); change them, or set method = "full"'
        ) from error
    layers = (module for module in tried.modules() if isinstance(module, BaseTunerLayer))
    weights = (
        getattr(layer.get_base_layer(), getattr(layer, "parameter_name", "weight"))
        for layer in layers
    )
    return frozenset(names[id(weight)] for weight in weights)


def has_stacks(model: Any) -> bool:
    """Does it hold weights of more than two dimensions, as of stacked experts?"""
    return any(parameter.dim() > 2 for parameter in model.parameters())


def reach_warning(model: Any, config: Any) -> str | None:
    """What to know where adapters reach less than half of the weights; None where they don't."""
    from torch.nn import Embedding

    if not has_stacks(model):
        return None
    adapted = adapted_weights(model, config)
    beside = {id(parameter) for parameter in beside_text(model)}
    tables = [m for m in model.modules() if isinstance(m, Embedding)]
    tables += [model.get_output_embeddings()]
    beside |= {id(p) for table in tables if table is not None for p in table.parameters()}
    sizes = {
        name: parameter.numel()
        for name, parameter in model.named_parameters()
        if parameter.dim() > 1 and id(parameter) not in beside
    }
    share = sum(size for name, size in sizes.items() if name in adapted) / sum(sizes.values())
    if share >= _MOST:
        return None
    return (
        f"adapters reach only {share:.0%} of the weights in the layers of a "
        f"{type(model).__name__}, because the rest don't stand in linear layers, as those of "
        'stacked experts; train.method = "full" trains all of them'
    )


def _linear(model: Any) -> dict[str, Any]:
    """The linear layers but the head, by name; GPT-2's are called Conv1D."""
    from torch.nn import Linear
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, Linear | Conv1D) and module is not head
    }


def _gives_a_vector(layer: Any) -> bool:
    """Is what a layer gives one vector of its outputs? Known of all but a model's own classes."""
    import torch

    if not type(layer).__module__.startswith("transformers.models."):
        return True
    try:
        with torch.no_grad():
            found = layer(layer.weight.new_zeros(1, layer.in_features))
    except (RuntimeError, ValueError, TypeError, IndexError):
        return False
    return isinstance(found, torch.Tensor) and found.shape == (1, layer.out_features)


def _text_parts(model: Any) -> list[Any]:
    """The modules that read and write text: of most models the whole."""
    if model.config.get_text_config() is model.config:
        return [model]
    decoder, embedding = model.get_decoder(), model.get_input_embeddings()
    if all(module is not embedding for module in decoder.modules()):
        return [model]
    head = model.get_output_embeddings()
    return [decoder] if head is None else [decoder, head]


def _beside_text(model: Any) -> list[Any]:
    own = {id(module) for part in _text_parts(model) for module in part.modules()}
    return [module for module in model.modules() if id(module) not in own]
