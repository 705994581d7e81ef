"""A model's shape without its weights: the same configuration with fewer layers."""

from __future__ import annotations

import json
from typing import Any

from steep.model.reach import linear_matrices

# Nothing that a model's size or speed depends on.
_UNRELATED = ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype")

# The deeper of the two truncated models: deep enough that noise doesn't swamp the slope, small
# enough to be made and trained in seconds.
_SHALLOW, _DEEP = 2, 10
_DEEP_BYTES = 2 * 2**30

_ATTENTION = ("full_attention", "sliding_attention", "chunked_attention")
_SHARED = "num_kv_shared_layers"


def shape_of(config: Any) -> dict[str, Any]:
    """A configuration as JSON-able values that another process can build a model from."""
    text = config.to_json_string(use_diff=False)
    values: dict[str, Any] = json.loads(text, object_hook=_number_or_table)
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
    if text.get(_SHARED):
        cut[_SHARED] = _shared(text, layers)
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
    return 4 * int(_empty(shape).num_parameters())


def linear_parameters(shape: dict[str, Any]) -> int:
    """Numbers in the matrices of all linear layers but the head, counted without making them."""
    return sum(matrix.numel() for matrix in linear_matrices(_empty(shape)))


def _empty(shape: dict[str, Any]) -> Any:
    """The model without weights."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config_of(shape))  # type: ignore[no-untyped-call]


def measured_depths(shape: dict[str, Any]) -> tuple[int, ...]:
    """The depths to measure: two, the smaller ones for large layers; one of a one-layer model."""
    depth = depth_of(shape)
    if depth <= _SHALLOW:
        return tuple(range(1, depth + 1))
    kinds = _depth_of_all_kinds(_text(shape), depth)
    first = max(1, kinds)
    if first == depth:
        return (depth,)
    one, two = (weight_bytes(truncated(shape, layers)) for layers in (first, first + 1))
    layer = max(two - one, 1)
    shallow = max(_SHALLOW, kinds)
    deep = min(_DEEP, depth, max(shallow, first + (_DEEP_BYTES - one) // layer))
    if kinds > 1:  # whole rounds of the kinds, where it can be
        deep = max(deep - deep % kinds, min(2 * kinds, depth))
    return (shallow, deep) if deep > shallow else (first, shallow)


def _number_or_table(table: dict[str, Any]) -> Any:
    """transformers writes an infinite number as a table, and doesn't read it back as such here."""
    return float(table["__float__"]) if table.keys() == {"__float__"} else table


def _depth_of_all_kinds(text: dict[str, Any], depth: int) -> int:
    """The fewest layers that have one of each kind among them; 1 if they are too many to measure.

    Hybrid models ask for each kind in every pass. Softmax attention of any reach is one kind.
    """
    lists = [
        ["" if value in _ATTENTION else value for value in values]
        for values in text.values()
        if isinstance(values, list) and len(values) == depth and isinstance(values[0], str)
    ]
    found = max((1 + max(map(kinds.index, kinds)) for kinds in lists), default=1)
    return found if found <= _DEEP else 1


def _shared(text: dict[str, Any], layers: int) -> int:
    """How many of the last layers take keys and values from earlier ones, in a truncated model.

    As large a part as in the whole, and never all layers of a kind.
    """
    kinds = text.get("layer_types") or [""] * layers
    most = text[_SHARED] * layers // int(text[_depth_name(text)])
    fits = (n for n in range(most, 0, -1) if set(kinds[: layers - n]) == set(kinds[:layers]))
    return next(fits, 0)


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
