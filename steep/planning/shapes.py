"""Common shapes of small language models, for saying which of them a machine can train."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CommonShape:
    """A decoder's dimensions, as in a model's config.json.

    Attributes:
        name: a model that has them.
        keys: width of all keys (and of all values): key-value heads times head size.
    """

    name: str
    layers: int
    hidden: int
    intermediate: int
    keys: int
    vocabulary: int
    tied: bool = True

    @property
    def title(self) -> str:
        """The size in parameters and the name, as in "1.2B (Llama-3.2-1B)"."""
        millions = (self.layer_parameters + self.other_parameters) / 1e6
        size = f"{millions:.0f}M" if millions < 999.5 else f"{millions / 1e3:.1f}B"
        return f"{size} ({self.name})"

    @property
    def layer_parameters(self) -> int:
        """Parameters of the linear layers of all decoder layers."""
        attention = 2 * self.hidden * (self.hidden + self.keys)
        return self.layers * (attention + 3 * self.hidden * self.intermediate)

    @property
    def other_parameters(self) -> int:
        """Parameters of the embeddings, of an untied head and of two norms a layer."""
        tables = self.vocabulary * (1 if self.tied else 2)
        return (tables + 2 * self.layers + 1) * self.hidden

    @property
    def kept(self) -> int:
        """Numbers kept for each token for the way back, in proportion."""
        return self.layers * (8 * self.hidden + 4 * self.keys + 4 * self.intermediate)

    def adapter_parameters(self, rank: int) -> int:
        """Parameters of LoRA adapters on all linear layers."""
        pairs = [(self.hidden, self.hidden)] * 2 + [(self.hidden, self.keys)] * 2
        pairs += [(self.hidden, self.intermediate)] * 3
        return self.layers * rank * sum(one + other for one, other in pairs)


COMMON = (
    CommonShape("SmolLM2-135M", 30, 576, 1536, 192, 49152),
    CommonShape("SmolLM2-360M", 32, 960, 2560, 320, 49152),
    CommonShape("Qwen2.5-0.5B", 24, 896, 4864, 128, 151936),
    CommonShape("Llama-3.2-1B", 16, 2048, 8192, 512, 128256),
    CommonShape("SmolLM2-1.7B", 24, 2048, 8192, 2048, 49152),
    CommonShape("Llama-3.2-3B", 28, 3072, 8192, 1024, 128256),
    CommonShape("Mistral-7B", 32, 4096, 14336, 1024, 32000, tied=False),
)
"""From small to large."""


def dimensions(shape: Mapping[str, Any]) -> CommonShape | None:
    """The dimensions of a configuration; None if it doesn't give them under their usual names."""
    text = shape.get("text_config") or shape

    def first(*names: str) -> int | None:
        return next((text[n] for n in names if isinstance(text.get(n), int)), None)

    layers, hidden = first("num_hidden_layers", "n_layer"), first("hidden_size", "n_embd")
    heads, vocabulary = first("num_attention_heads", "n_head"), first("vocab_size")
    if layers is None or hidden is None or heads is None or vocabulary is None:
        return None
    keys = (first("num_key_value_heads") or heads) * (first("head_dim") or hidden // heads)
    inner = first("intermediate_size", "n_inner") or 4 * hidden
    tied = bool(shape.get("tie_word_embeddings", True))
    return CommonShape("measured", layers, hidden, inner, keys, vocabulary, tied)
