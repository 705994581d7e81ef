"""A model's shape without its weights: the same configuration with fewer layers."""

from __future__ import annotations

import json
from typing import Any

# Nothing that a model's size or speed depends on.
_UNRELATED = ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype")

# The deeper of the two truncated models: deep enough that noise doesn't swamp the slope, small
# enough to be made and trained in seconds.
_SHALLOW, _DEEP = 2, 10
_DEEP_BYTES = 2 * 2**30


def shape_of(config: Any) -> dict[str, Any]:
    """A configuration as JSON-able values that another process can build a model from."""
    values: dict[str, Any] = json.loads(config.to_json_string(use_diff=False))
    return {name: value for name, value in values.items() if name not in _UNRELATED}


def depth_of(shape: dict[str, Any]) -> int:
    """Number of decoder layers.

    Raises:
        ValueError: the configuration doesn't say.
    """
    text = _text(shape)
    return int(text[_depth_name(text)])


def truncated(shape: dict[str, Any], layers: int) -> dict[str, Any]:
    """The same shape with ``layers`` decoder layers; lists with a value per layer are cut too."""
    text = _text(shape)
    name = _depth_name(text)
    depth = int(text[name])
    if not 1 <= layers <= depth:
        raise ValueError(f"{layers} layers of a model that has {depth}")
    cut = {
        key: value[:layers] if isinstance(value, list) and len(value) == depth else value
        for key, value in text.items()
    } | {name: layers}
    if text is shape:
        return cut
    return {key: cut if value is text else value for key, value in shape.items()}


def config_of(shape: dict[str, Any]) -> Any:
    """The transformers configuration of a shape."""
    from transformers import AutoConfig

    values = {name: value for name, value in shape.items() if name != "model_type"}
    return AutoConfig.for_model(str(shape["model_type"]), **values)


def weight_bytes(shape: dict[str, Any]) -> int:
    """fp32 bytes of the weights, counted without making them."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config_of(shape))  # type: ignore[no-untyped-call]
    return 4 * int(model.num_parameters())


def measured_depths(shape: dict[str, Any]) -> tuple[int, ...]:
    """The depths to measure: two, the smaller ones for large layers; one of a one-layer model."""
    depth = depth_of(shape)
    if depth <= _SHALLOW:
        return tuple(range(1, depth + 1))
    one, two = (weight_bytes(truncated(shape, layers)) for layers in (1, 2))
    layer, fixed = max(two - one, 1), 2 * one - two
    deep = min(_DEEP, depth, max(_SHALLOW, (_DEEP_BYTES - fixed) // layer))
    return (_SHALLOW, deep) if deep > _SHALLOW else (1, _SHALLOW)


def _text(shape: dict[str, Any]) -> dict[str, Any]:
    """The part that describes the language model: the whole, or the text part of a larger one."""
    inner = shape.get("text_config")
    return inner if isinstance(inner, dict) else shape


def _depth_name(text: dict[str, Any]) -> str:
    """The configuration's own name for its depth ("n_layer" in GPT-2's)."""
    from transformers import CONFIG_MAPPING

    known = CONFIG_MAPPING[text["model_type"]] if text.get("model_type") in CONFIG_MAPPING else None
    name = getattr(known, "attribute_map", {}).get("num_hidden_layers", "num_hidden_layers")
    if not isinstance(text.get(name), int):
        raise ValueError("the model's configuration doesn't say how many layers it has")
    return str(name)
