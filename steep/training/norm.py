"""Root-mean-square norm in few passes over memory: only its input is kept for the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

Noise = Callable[..., torch.Tensor]
"""Random numbers of a shape, to try a block with."""


class Norm:
    """x / rms(x) · (weight + offset) in fp32; the result is in the products' precision."""

    def __init__(self, module: Any, offset: float, dtype: torch.dtype) -> None:
        self.weight: torch.nn.Parameter = module.weight
        self.offset, self.dtype = offset, dtype
        named = hasattr(module, "variance_epsilon")
        self.epsilon = float(module.variance_epsilon if named else getattr(module, "eps", 0.0))

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        apply: Any = _Norm.apply
        result: torch.Tensor = apply(x, self.weight, self)
        return result

    @property
    def gain(self) -> torch.Tensor:
        """What the normed input is multiplied by [width]."""
        return self.weight + self.offset if self.offset else self.weight

    def normed(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The result for x [..., width], and what its gradient needs."""
        whole = x.float()
        size = torch.linalg.vector_norm(whole, dim=-1, keepdim=True)
        inverse = size.square_().div_(x.shape[-1]).add_(self.epsilon).rsqrt_()
        return (whole * inverse).mul_(self.gain).to(self.dtype), inverse

    def gradients(
        self,
        x: torch.Tensor,
        inverse: torch.Tensor,
        dy: torch.Tensor,
        input_too: bool,
        weight_too: bool,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """Gradients for x and the weight, where wanted."""
        whole, dy = x.float(), dy.float()
        dweight = None
        if weight_too:
            along = (dy * whole).mul_(inverse).reshape(-1, x.shape[-1])
            dweight = along.sum(0).to(self.weight.dtype)
        if not input_too:
            return None, dweight
        dx = dy * self.gain
        along = torch.linalg.vecdot(dx, whole).unsqueeze(-1)
        along *= inverse * inverse / x.shape[-1]
        return dx.addcmul_(whole, along, value=-1).mul_(inverse).to(x.dtype), dweight

    def compare(self, module: Any, noise: Noise) -> tuple[torch.Tensor, torch.Tensor]:
        """(by this block's rule, by the module's own) on the same input."""
        x = noise(3, self.weight.shape[-1])
        rule = x * (x.square().mean(-1, keepdim=True) + self.epsilon).rsqrt() * self.gain
        return rule, module(x)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, norm: Norm) -> torch.Tensor:
        result, inverse = norm.normed(x)
        ctx.save_for_backward(x, inverse)
        ctx.norm = norm
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        x, inverse = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return *ctx.norm.gradients(x, inverse, gradients[0], wanted[0], wanted[1]), None
