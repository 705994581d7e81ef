"""The blocks of a layer in few passes over memory, with hand-written gradients.

On a CPU a pass over a layer's activations costs as much as a thin product, and autograd makes many
of them: it keeps every intermediate result and hands each gradient on in a tensor of its own. Here
a norm keeps its input alone; a gated MLP keeps its input and the stacked output of gate and up;
attention goes from the stacked q, k and v through rotation and segments to the output projection
in one step, and writes its three gradients into one tensor.

A block takes part only if its own forward gives the same numbers on random input.
"""

from __future__ import annotations

from typing import Any

import torch

from steep.training.linear import FastLinears
from steep.training.mlp import ACTIVATIONS, GatedMLP
from steep.training.norm import Norm
from steep.training.rotary import Attention

Block = Norm | GatedMLP | Attention

# How far a block's result may be from its own forward's on random input (fp32, relative to the
# largest number of each token's).
_PROBE_TOLERANCE = 1e-5

_MLP_PARTS = {"gate_proj", "up_proj", "down_proj"}
_ATTENTION_PARTS = {"q_proj", "k_proj", "v_proj", "o_proj"}
_HEAD_NORMS = {"q_norm", "k_norm"}


class FusedBlocks:
    """Takes over the norms, gated MLPs and attentions it knows, between install and remove."""

    def __init__(self, model: Any, linears: FastLinears) -> None:
        """
        Args:
            model: a transformers model, PEFT-wrapped or not.
            linears: the same model's; the caller keeps it installed and up to date.
        """
        self.blocks: list[tuple[Any, Block]] = []
        for module in model.modules():
            fits = (b for b in _candidates(module, linears) if _agrees(module, b))
            if (block := next(fits, None)) is not None:
                self.blocks.append((module, block))

    def install(self) -> None:
        """Take the blocks over."""
        for module, block in self.blocks:
            module.forward = block

    def remove(self) -> None:
        """Give the blocks their own forward back."""
        for module, _ in self.blocks:
            module.__dict__.pop("forward", None)


def _candidates(module: Any, linears: FastLinears) -> list[Block]:
    """What may take a module's place, by the names of its parts."""
    if type(module).__name__.endswith("RMSNorm") and getattr(module, "weight", None) is not None:
        return [Norm(module, offset, linears.dtype) for offset in (0.0, 1.0)]
    if next(module.parameters(recurse=False), None) is not None or _drops(module):
        return []
    parts = {name for name, child in module.named_children() if [*child.parameters()]}
    if parts == _MLP_PARTS:
        first = linears.stack_of(module.gate_proj, module.up_proj)
        second = linears.stack_of(module.down_proj)
        return [GatedMLP(first, second, name) for name in ACTIVATIONS] if first and second else []
    is_attention = hasattr(module, "head_dim") and hasattr(module, "config")
    if is_attention and parts - _HEAD_NORMS == _ATTENTION_PARTS:
        first = linears.stack_of(module.q_proj, module.k_proj, module.v_proj)
        second = linears.stack_of(module.o_proj)
        norms = _head_norms(module, parts & _HEAD_NORMS, linears.dtype)
        return [Attention(module, first, second, pair) for pair in norms if first and second]
    return []


def _drops(module: Any) -> bool:
    """Does it drop anything while training? Not of attention's weights, which a block looks after.

    The comparison, without dropout, wouldn't notice.
    """
    own = vars(module).items()
    rates = [value for name, value in own if "drop" in name and name != "attention_dropout"]
    rates += [part.p for part in module.modules() if isinstance(part, torch.nn.Dropout)]
    return any(isinstance(rate, float) and rate > 0 for rate in rates)


def _head_norms(module: Any, parts: set[str], dtype: torch.dtype) -> list[tuple[Norm, ...]]:
    """What may norm each head's query and key before they are rotated."""
    if not parts:
        return [()]
    whole = (getattr(module, name) for name in ("q_norm", "k_norm") if name in parts)
    weights = [norm for norm in whole if tuple(norm.weight.shape) == (module.head_dim,)]
    if len(weights) != len(_HEAD_NORMS):
        return []
    return [tuple(Norm(norm, offset, dtype) for norm in weights) for offset in (0.0, 1.0)]


def _agrees(module: Any, block: Block) -> bool:
    """Does the module's own forward compute what the block would?"""
    generator = torch.Generator().manual_seed(0)
    device = next(module.parameters()).device

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    try:
        with torch.no_grad():
            found, expected = block.compare(module, noise)
        off, size = (found - expected).abs().amax(-1), expected.abs().amax(-1)
        return bool((off <= _PROBE_TOLERANCE * size).all())
    except (AttributeError, TypeError, ValueError, RuntimeError, KeyError):
        return False
