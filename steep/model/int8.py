"""A product with a frozen matrix that is held in int8."""

from __future__ import annotations

from typing import Any

import torch

_TOP = 127.0  # what the largest number of a row is held as


def int8_linear(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """Output of a bitsandbytes layer [..., outputs] for x [..., inputs], in the dtype of x.

    Multiplied in ``layer.compute_dtype``. The unpacked matrix isn't kept for the backward pass.
    """
    weight = layer.weight
    apply: Any = _Product.apply
    with torch.autocast(x.device.type, enabled=False):
        out: torch.Tensor = apply(x.to(layer.compute_dtype), weight.CB, weight.SCB)
        if layer.bias is not None:
            out = out + layer.bias.to(out.dtype)
        return out.to(x.dtype)


class _Product(torch.autograd.Function):
    """x times a matrix of int8 codes [outputs, inputs] and a scale for each row [outputs]."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, codes: torch.Tensor, scales: torch.Tensor
    ) -> torch.Tensor:
        ctx.codes, ctx.scales = codes, scales
        return torch.nn.functional.linear(x, _unpacked(codes, scales, x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (dout,) = gradients
        return dout @ _unpacked(ctx.codes, ctx.scales, dout.dtype), None, None


def _unpacked(codes: torch.Tensor, scales: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return codes.to(dtype) * (scales / _TOP).to(dtype)[:, None]
