"""Frozen weights in 4 or 8 bits while adapters are trained beside them (QLoRA, arXiv 2305.14314).

The matrices of the linear layers are held in bitsandbytes' NF4 with doubly quantised scales, or in
its int8 with a scale for each row; embeddings, head, norms and biases stay in fp32. Each product
unpacks its matrix, so inputs aren't rounded: LLM.int8 (arXiv 2208.07339) rounds them too, and where
one is large it does so for a whole batch otherwise, which packed documents see of each other.

Only training works on such a model: what it gives is an adapter for the weights in the files.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from steep.errors import ModelError, RecipeError

Bits = Literal["4bit", "8bit"]

# A block's scale is itself held in 8 bits, 256 of them with one in fp32.
BITS_PER_NUMBER: dict[Bits, float] = {"4bit": 4 + 8 / 64 + 32 / (64 * 256), "8bit": 8.0}

_BLOCK = 64  # numbers of a matrix, in order, that share a scale in NF4
# NF4 is a tenth off as a whole, matrices of SmolLM2-135M and of normal numbers alike; with wrong
# scales normal ones were a quarter to a third off.
_FARTHEST = 0.2


def check_quantisable(model: Any, load_in: Bits, device: str) -> None:
    """Find out whether ``quantise`` would refuse; a model without weights will do.

    Raises:
        RecipeError: bitsandbytes isn't there, or can't work on the device or with the model.
    """
    where = f'train.load_in = "{load_in}"'
    if importlib.util.find_spec("bitsandbytes") is None:
        raise RecipeError(
            f'{where} needs bitsandbytes, which isn\'t installed; run: pip install "steep[bits]"'
        )
    if not device.startswith(("cuda", "cpu")):
        raise RecipeError(f"{where}: bitsandbytes can't train on {device}; remove the key")
    if getattr(model.config, "quantization_config", None) is not None:
        raise RecipeError(
            f"{where}: the model's files are quantised already; name the unquantised model"
        )
    wide = [w for n in _places(model) if (w := model.get_submodule(n).in_features) % _BLOCK]
    if load_in == "4bit" and device == "cpu" and wide:
        raise RecipeError(
            f"{where}: on a CPU bitsandbytes unpacks matrices of width {wide[0]} wrongly, as all "
            f'whose width is no multiple of {_BLOCK}; set "8bit" or remove the key'
        )
    if not _places(model):
        raise RecipeError(
            f"{where}: {type(model).__name__} has no linear layers that bitsandbytes knows; "
            "remove the key"
        )


def quantise(model: Any, load_in: Bits) -> Any:
    """The model with its linear layers, all but the head, held in 4 or 8 bits; changed in place.

    One layer after another, so that no more than one stands there twice. Nothing of the model is
    trainable afterwards. Products are taken in fp32 until ``work_in`` says otherwise.

    Raises:
        ModelError: what bitsandbytes makes of a matrix isn't that matrix.
    """
    model.requires_grad_(False)
    held: Callable[[Any], Any] = _in_4_bits if load_in == "4bit" else _in_8_bits
    for name in _places(model):
        layer = model.get_submodule(name)
        parent, _, own = name.rpartition(".")
        made = held(layer)
        if load_in == "4bit" and not _is_near(made.weight, layer.weight):
            raise ModelError(
                f'train.load_in = "4bit": bitsandbytes unpacks {name} wrongly here; set "8bit" or '
                "remove the key"
            )
        setattr(model.get_submodule(parent), own, made)
    # What PEFT goes by when it chooses its kind of adapter.
    setattr(model, f"is_loaded_in_{load_in}", True)
    return model


def is_quantised(model: Any) -> bool:
    """Does any layer hold its weight in fewer bits?"""
    return any(_is_held(module) for module in model.modules())


def work_in(model: Any, dtype: Any) -> None:
    """Have held weights multiplied in a dtype; a model without any is left alone."""
    for module in model.modules():
        if _is_held(module):
            module.compute_dtype = dtype
            if hasattr(module.weight, "quant_state"):  # else it's unpacked in fp32 and then cast
                module.weight.quant_state.dtype = dtype


def _places(model: Any) -> list[str]:
    """Names of the layers to hold in fewer bits."""
    from torch.nn import Linear

    head = model.get_output_embeddings()
    return [n for n, m in model.named_modules() if type(m) is Linear and m is not head]


def _is_near(held: Any, weight: Any) -> bool:
    """Is an NF4 matrix, unpacked, about the one it was made of?"""
    import bitsandbytes

    functional: Any = bitsandbytes.functional
    found = functional.dequantize_4bit(held.data, held.quant_state)
    return bool((found - weight).norm() <= _FARTHEST * weight.norm())


def _is_held(module: Any) -> bool:
    return type(module).__module__.startswith("bitsandbytes.")


def _in_4_bits(layer: Any) -> Any:
    import bitsandbytes
    import torch

    nn: Any = bitsandbytes.nn
    made = nn.Linear4bit(
        layer.in_features,
        layer.out_features,
        layer.bias is not None,
        compute_dtype=torch.float32,
        quant_type="nf4",
        device="meta",
    )
    # Some CPUs would lay the weight out anew, in bf16, when it is first asked without gradients:
    # then a look at the model would change its training.
    made.support_avx512bf16_for_cpu = False
    parameter = partial(nn.Params4bit, quant_type="nf4", compress_statistics=True, module=made)
    return _filled(made, layer, layer.weight.data, parameter)


def _in_8_bits(layer: Any) -> Any:
    import bitsandbytes
    import torch

    from steep.model.int8 import int8_linear

    nn: Any = bitsandbytes.nn
    made = nn.Linear8bitLt(
        layer.in_features,
        layer.out_features,
        layer.bias is not None,
        has_fp16_weights=False,
        device="meta",
    )
    made.compute_dtype = torch.float32
    made.forward = partial(int8_linear, made)
    # A weight that is on a GPU already is taken for one that is quantised.
    parameter = partial(nn.Int8Params, has_fp16_weights=False)
    return _filled(made, layer, layer.weight.data.cpu(), parameter)


def _filled(made: Any, layer: Any, weight: Any, parameter: Callable[..., Any]) -> Any:
    made.weight = parameter(weight, requires_grad=False).to(layer.weight.device)
    made.bias = layer.bias
    return made.train(layer.training)
