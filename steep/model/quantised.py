"""Frozen weights in 4 or 8 bits while adapters are trained beside them (QLoRA, arXiv 2305.14314).

The matrices of the linear layers are held in bitsandbytes' NF4 with doubly quantised scales, or in
its int8 (arXiv 2208.07339); embeddings, head, norms and biases stay in fp32. Only training works
on such a model: what it gives is an adapter for the weights as they are in the files.
"""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from steep.errors import RecipeError

Bits = Literal["4bit", "8bit"]

# bitsandbytes says at every product that its int8 ones are taken of fp16 inputs.
_TALKATIVE = "bitsandbytes.autograd._functions"


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
    if not _places(model):
        raise RecipeError(
            f"{where}: {type(model).__name__} has no linear layers that bitsandbytes knows; "
            "remove the key"
        )


def quantise(model: Any, load_in: Bits) -> Any:
    """The model with its linear layers, all but the head, held in 4 or 8 bits; changed in place.

    One layer after another, so that no more than one stands there twice. Nothing of the model is
    trainable afterwards. Products are taken in fp32 until ``work_in`` says otherwise.
    """
    from torch.nn import Linear

    logging.getLogger(_TALKATIVE).setLevel(logging.ERROR)
    model.requires_grad_(False)
    held: Callable[[Any], Any] = _in_4_bits if load_in == "4bit" else _in_8_bits
    for name in _places(model):
        layer = model.get_submodule(name)
        assert isinstance(layer, Linear)
        parent, _, own = name.rpartition(".")
        setattr(model.get_submodule(parent), own, held(layer))
    # What PEFT goes by when it chooses its kind of adapter.
    setattr(model, f"is_loaded_in_{load_in}", True)
    return model


def is_quantised(model: Any) -> bool:
    """Does any layer hold its weight in fewer bits?"""
    return any(_is_held(module) for module in model.modules())


def work_in(model: Any, dtype: Any) -> None:
    """Have 4-bit weights multiplied in a dtype; another model is left alone.

    int8 products have a precision of their own.
    """
    for module in model.modules():
        if _is_held(module) and hasattr(module.weight, "quant_state"):
            module.compute_dtype = dtype
            module.weight.quant_state.dtype = dtype  # else they'd be unpacked in fp32, then cast


def _places(model: Any) -> list[str]:
    """Names of the layers to hold in fewer bits."""
    from torch.nn import Linear

    head = model.get_output_embeddings()
    return [n for n, m in model.named_modules() if type(m) is Linear and m is not head]


def _is_held(module: Any) -> bool:
    return type(module).__module__.startswith("bitsandbytes.")


def _in_4_bits(layer: Any) -> Any:
    import torch
    from bitsandbytes.nn import Linear4bit, Params4bit

    made = Linear4bit(
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
    weight = partial(Params4bit, quant_type="nf4", compress_statistics=True, module=made)
    return _filled(made, layer, weight)


def _in_8_bits(layer: Any) -> Any:
    from bitsandbytes.nn import Int8Params, Linear8bitLt

    made = Linear8bitLt(
        layer.in_features,
        layer.out_features,
        layer.bias is not None,
        has_fp16_weights=False,
        threshold=6.0,  # of its paper: columns beyond it are multiplied in full
        device="meta",
    )
    return _filled(made, layer, partial(Int8Params, has_fp16_weights=False))


def _filled(made: Any, layer: Any, parameter: Callable[..., Any]) -> Any:
    device = layer.weight.device
    # A weight that is on its device already counts as one that is quantised.
    weight = parameter(layer.weight.data.cpu(), requires_grad=False)
    made.weight = weight.to(device)
    made.bias = layer.bias
    return made.train(layer.training)
