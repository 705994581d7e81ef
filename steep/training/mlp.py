"""A gated MLP in one step: its input and the stacked output of gate and up are kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F

from steep.training.linear import Stack
from steep.training.norm import Noise


def _silu_backward(dy: torch.Tensor, x: torch.Tensor, out: torch.Tensor) -> None:
    torch.ops.aten.silu_backward.grad_input(dy, x, grad_input=out)


def _gelu_backward(kind: str) -> Callable[[torch.Tensor, torch.Tensor, torch.Tensor], None]:
    def backward(dy: torch.Tensor, x: torch.Tensor, out: torch.Tensor) -> None:
        torch.ops.aten.gelu_backward.grad_input(dy, x, approximate=kind, grad_input=out)

    return backward


# Name: (function, its gradient from that of its result and its input, written to the third).
ACTIVATIONS: dict[str, tuple[Any, Any]] = {
    "silu": (F.silu, _silu_backward),
    "gelu_tanh": (partial(F.gelu, approximate="tanh"), _gelu_backward("tanh")),
    "gelu": (F.gelu, _gelu_backward("none")),
}


class GatedMLP:
    """down(act(gate(x)) · up(x)), from the stack of gate and up and that of down."""

    def __init__(self, first: Stack, second: Stack, activation: str) -> None:
        self.first, self.second = first, second
        self.act, self.act_backward = ACTIVATIONS[activation]

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        apply: Any = _GatedMLP.apply
        result: torch.Tensor = apply(x, self, *self.first.parameters, *self.second.parameters)
        return result

    def compare(self, module: Any, noise: Noise) -> tuple[torch.Tensor, torch.Tensor]:
        """(by this block's rule, by the module's own) on the same input."""
        # Some activations are alike for small inputs, some for large ones.
        x = noise(4, self.first.members[0].weight.shape[1])
        x *= torch.tensor([[0.1], [1.0], [4.0], [16.0]], device=x.device)
        return module.down_proj(self.act(module.gate_proj(x)) * module.up_proj(x)), module(x)


class _GatedMLP(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, mlp: GatedMLP, *_: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(mlp.first.dtype)
        both, first_inner = mlp.first.product(flat)
        gate, up = both.chunk(2, 1)
        out, second_inner = mlp.second.product(mlp.act(gate).mul_(up))
        ctx.save_for_backward(flat, both, first_inner, second_inner)
        ctx.mlp, ctx.shape, ctx.dtype = mlp, x.shape, x.dtype
        return out.view(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        flat, both, first_inner, second_inner = ctx.saved_tensors
        mlp: GatedMLP = ctx.mlp
        first, second = mlp.first, mlp.second
        dout = gradients[0].reshape(flat.shape).to(second.dtype)
        gate, up = both.chunk(2, 1)
        active = mlp.act(gate)
        dhidden, of_second = second.gradients(active * up, second_inner, dout, True)
        assert dhidden is not None
        dboth = torch.empty_like(both)
        dgate, dup = dboth.chunk(2, 1)
        torch.mul(dhidden, active, out=dup)
        mlp.act_backward(dhidden.mul_(up), gate, dgate)
        dx, of_first = first.gradients(flat, first_inner, dboth, ctx.needs_input_grad[0])
        return shaped(dx, ctx), None, *of_first, *of_second


def shaped(dx: torch.Tensor | None, ctx: Any) -> torch.Tensor | None:
    """A gradient in the shape and dtype of the input."""
    return None if dx is None else dx.view(ctx.shape).to(ctx.dtype)
