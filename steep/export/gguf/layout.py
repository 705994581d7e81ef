"""How a model's weights and settings are laid out in a GGUF file.

The keys and tensor names are GGUF's own (``gguf.constants``). What a model does beyond what the
file format and llama.cpp can say is refused: such a file would load, and babble.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from steep.errors import ModelError

Array = NDArray[np.float32]

ARCHITECTURES = ("llama", "qwen2", "qwen3", "gpt2")
"""Model types that steep writes; GGUF has the same names for them."""

# Settings that change the computation in ways a GGUF of these architectures can't say.
_EXPECTED: dict[str, dict[str, Any]] = {
    "llama": {"hidden_act": "silu", "attention_bias": False, "mlp_bias": False},
    "qwen2": {"hidden_act": "silu", "use_sliding_window": False},
    "qwen3": {"hidden_act": "silu", "attention_bias": False, "use_sliding_window": False},
    "gpt2": {
        "activation_function": "gelu_new",
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "add_cross_attention": False,
    },
}
_ROPES = ("default", "linear", "llama3")
_GPT2_TRANSPOSED = ("c_attn.weight", "c_proj.weight", "c_fc.weight")


@dataclass(frozen=True)
class Tensor:
    """One tensor of the file: its GGUF name, its shape, and the values when they are wanted."""

    name: str
    shape: tuple[int, ...]
    source: Any
    change: str | None
    heads: int

    def values(self) -> Array:
        """fp32 values of shape ``shape``, in the order that llama.cpp expects."""
        found: Array = self.source.detach().float().cpu().numpy()
        if self.change == "transpose":
            found = found.T
        elif self.change == "rope":
            found = interleaved(found, self.heads)
        return np.ascontiguousarray(found)


def check_layout(config: Any) -> None:
    """Refuse a model whose computation a GGUF of its architecture can't describe.

    Raises:
        ModelError: an unknown architecture, or a setting that llama.cpp has no word for.
    """
    kind = str(config.model_type)
    if kind not in ARCHITECTURES:
        raise ModelError(
            f"export.gguf: steep writes GGUF for {', '.join(ARCHITECTURES)} models, and this one "
            f"is {kind}; remove export.gguf (the merged folder can be converted by other tools)"
        )
    for name, expected in _EXPECTED[kind].items():
        found = getattr(config, name, expected)
        if found != expected:
            raise ModelError(
                f"export.gguf: the model has {name} = {found}, which a {kind} GGUF can't say "
                f"(only {expected}); remove export.gguf"
            )
    rope = _rope(config)
    if kind != "gpt2" and rope["rope_type"] not in _ROPES:
        raise ModelError(
            f"export.gguf: the model scales its positions by '{rope['rope_type']}', and steep "
            f"writes {', '.join(_ROPES)}; remove export.gguf"
        )


def settings(config: Any) -> Iterator[tuple[str, int | float | str]]:
    """Key and value of every setting, without the architecture's name before it."""
    if config.model_type == "gpt2":
        yield "context_length", int(config.n_positions)
        yield "embedding_length", int(config.n_embd)
        yield "block_count", int(config.n_layer)
        yield "feed_forward_length", int(config.n_inner or 4 * config.n_embd)
        yield "attention.head_count", int(config.n_head)
        yield "attention.layer_norm_epsilon", float(config.layer_norm_epsilon)
        return
    width = head_width(config)
    yield "vocab_size", int(config.vocab_size)
    yield "context_length", int(config.max_position_embeddings)
    yield "embedding_length", int(config.hidden_size)
    yield "block_count", int(config.num_hidden_layers)
    yield "feed_forward_length", int(config.intermediate_size)
    yield "attention.head_count", int(config.num_attention_heads)
    yield "attention.head_count_kv", int(config.num_key_value_heads)
    yield "attention.key_length", width
    yield "attention.value_length", width
    yield "attention.layer_norm_rms_epsilon", float(config.rms_norm_eps)
    yield "rope.dimension_count", width
    rope = _rope(config)
    yield "rope.freq_base", float(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        yield "rope.scaling.type", "linear"
        yield "rope.scaling.factor", float(rope["factor"])


def tensors(model: Any) -> Iterator[Tensor]:
    """Every tensor of a plain transformers model; a head that is the embedding stands once.

    Raises:
        ModelError: a weight that GGUF has no name for.
    """
    import torch
    from gguf import MODEL_ARCH, get_tensor_name_map

    config = model.config
    kind = str(config.model_type)
    layers = int(config.num_hidden_layers)
    names = get_tensor_name_map(MODEL_ARCH[kind.upper()], layers)
    head = model.get_output_embeddings()
    is_tied = head is None or head.weight is model.get_input_embeddings().weight
    for name, weight in model.state_dict().items():
        if is_tied and name == "lm_head.weight":
            continue
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise ModelError(f"export.gguf: GGUF has no name for the weight '{name}'")
        change, heads = _change(kind, name, config)
        shape = tuple(weight.shape[::-1] if change == "transpose" else weight.shape)
        yield Tensor(found, shape, weight, change, heads)
    if kind == "llama" and _rope(config)["rope_type"] == "llama3":
        factors = torch.from_numpy(llama3_factors(_rope(config), head_width(config)))
        yield Tensor("rope_freqs.weight", tuple(factors.shape), factors, None, 0)


def head_width(config: Any) -> int:
    """Dimensions of one attention head."""
    own = getattr(config, "head_dim", None)
    return int(own or config.hidden_size // config.num_attention_heads)


def interleaved(weight: Array, heads: int) -> Array:
    """Rows of a query or key matrix, from halves that turn together to neighbours that do.

    transformers turns dimension i of a head with i + half; llama.cpp's llama turns 2i with 2i + 1.
    Both are the same model if the rows are put in the other order.
    """
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def llama3_factors(rope: Mapping[str, Any], width: int) -> Array:
    """What each rotary frequency is divided by, shape (width / 2,).

    Long wavelengths are stretched by the factor, short ones left, between them a ramp (the
    Llama 3.1 model card's scaling, as transformers computes it).
    """
    frequencies = float(rope["rope_theta"]) ** (-np.arange(0, width, 2, dtype=np.float64) / width)
    wavelengths = 2 * math.pi / frequencies
    context = float(rope["original_max_position_embeddings"])
    low, high = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    ramp = np.clip((context / wavelengths - low) / (high - low), 0.0, 1.0)
    factors: Array = (1 / ((1 - ramp) / float(rope["factor"]) + ramp)).astype(np.float32)
    return factors


def _rope(config: Any) -> dict[str, Any]:
    return {"rope_type": "default", **(getattr(config, "rope_parameters", None) or {})}


def _change(kind: str, name: str, config: Any) -> tuple[str | None, int]:
    """What is done to a weight's values, and for how many heads."""
    if kind == "llama" and name.endswith("q_proj.weight"):
        return "rope", int(config.num_attention_heads)
    if kind == "llama" and name.endswith("k_proj.weight"):
        return "rope", int(config.num_key_value_heads)
    if kind == "gpt2" and name.endswith(_GPT2_TRANSPOSED):
        return "transpose", 0
    return None, 0
