"""The blocks of a layer in few passes over memory, with hand-written gradients.

On a CPU a pass over a layer's activations costs as much as a thin product, and autograd makes many
of them: it keeps every intermediate result and hands each gradient on in a tensor of its own. Here
a norm keeps its input alone; a gated MLP keeps its input and the stacked output of gate and up;
attention goes from the stacked q, k and v through rotation and segments to the output projection
in one step, and writes its three gradients into one tensor.

A block takes part only if its own forward gives the same numbers on random input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F

from steep.training import attention
from steep.training.linear import FastLinears, Stack

# How far a block's result may be from its own forward's on random input (fp32, relative).
_PROBE_TOLERANCE = 1e-5

_MLP_PARTS = {"gate_proj", "up_proj", "down_proj"}
_ATTENTION_PARTS = {"q_proj", "k_proj", "v_proj", "o_proj"}


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
    if type(module).__name__.endswith("RMSNorm") and hasattr(module, "weight"):
        return [Norm(module, offset, linears.dtype) for offset in (0.0, 1.0)]
    if next(module.parameters(recurse=False), None) is not None:
        return []
    parts = {name for name, child in module.named_children() if [*child.parameters()]}
    if parts == _MLP_PARTS:
        first = linears.stack_of(module.gate_proj, module.up_proj)
        second = linears.stack_of(module.down_proj)
        return [GatedMLP(first, second)] if first and second else []
    if parts == _ATTENTION_PARTS and hasattr(module, "head_dim") and hasattr(module, "config"):
        first = linears.stack_of(module.q_proj, module.k_proj, module.v_proj)
        second = linears.stack_of(module.o_proj)
        return [Attention(module, first, second)] if first and second else []
    return []


def _agrees(module: Any, block: Block) -> bool:
    """Does the module's own forward compute what the block would?"""
    generator = torch.Generator().manual_seed(0)
    device = next(module.parameters()).device

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator).to(device)

    try:
        with torch.no_grad():
            found, expected = block.compare(module, noise)
        return bool((found - expected).abs().max() <= _PROBE_TOLERANCE * expected.abs().max())
    except (AttributeError, TypeError, ValueError, RuntimeError, KeyError):
        return False


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

    def compare(self, module: Any, noise: Noise) -> tuple[torch.Tensor, torch.Tensor]:
        """(by this block's rule, by the module's own) on the same input."""
        x = noise(3, self.weight.shape[-1])
        rule = x * (x.square().mean(-1, keepdim=True) + self.epsilon).rsqrt() * self.gain
        return rule, module(x)


class _Norm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, norm: Norm) -> torch.Tensor:
        whole = x.float()
        size = torch.linalg.vector_norm(whole, dim=-1, keepdim=True)
        inverse = size.square_().div_(x.shape[-1]).add_(norm.epsilon).rsqrt_()
        ctx.save_for_backward(x, inverse, weight)
        ctx.norm = norm
        result: torch.Tensor = (whole * inverse).mul_(norm.gain).to(norm.dtype)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        x, inverse, weight = ctx.saved_tensors
        whole, dy = x.float(), gradients[0].float()
        dweight = None
        if ctx.needs_input_grad[1]:
            along = (dy * whole).mul_(inverse).reshape(-1, x.shape[-1])
            dweight = along.sum(0).to(weight.dtype)
        if not ctx.needs_input_grad[0]:
            return None, dweight, None
        dx = dy * ctx.norm.gain
        along = torch.linalg.vecdot(dx, whole).unsqueeze(-1)
        along *= inverse * inverse / x.shape[-1]
        return dx.addcmul_(whole, along, value=-1).mul_(inverse).to(x.dtype), dweight, None


class GatedMLP:
    """down(silu(gate(x)) · up(x)), from the stack of gate and up and that of down."""

    def __init__(self, first: Stack, second: Stack) -> None:
        self.first, self.second = first, second

    def __call__(self, x: torch.Tensor) -> torch.Tensor:
        apply: Any = _GatedMLP.apply
        result: torch.Tensor = apply(x, self, *self.first.parameters, *self.second.parameters)
        return result

    def compare(self, module: Any, noise: Noise) -> tuple[torch.Tensor, torch.Tensor]:
        """(by this block's rule, by the module's own) on the same input."""
        x = noise(3, self.first.members[0].weight.shape[1])
        return module.down_proj(F.silu(module.gate_proj(x)) * module.up_proj(x)), module(x)


class _GatedMLP(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, mlp: GatedMLP, *_: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(mlp.first.dtype)
        both, first_inner = mlp.first.product(flat)
        gate, up = both.chunk(2, 1)
        out, second_inner = mlp.second.product(F.silu(gate).mul_(up))
        ctx.save_for_backward(flat, both, first_inner, second_inner)
        ctx.mlp, ctx.shape, ctx.dtype = mlp, x.shape, x.dtype
        return out.view(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        flat, both, first_inner, second_inner = ctx.saved_tensors
        first, second = ctx.mlp.first, ctx.mlp.second
        dout = gradients[0].reshape(flat.shape).to(second.dtype)
        gate, up = both.chunk(2, 1)
        active = F.silu(gate)
        dhidden, of_second = second.gradients(active * up, second_inner, dout, True)
        assert dhidden is not None
        dboth = torch.empty_like(both)
        dgate, dup = dboth.chunk(2, 1)
        torch.mul(dhidden, active, out=dup)
        torch.ops.aten.silu_backward.grad_input(dhidden.mul_(up), gate, grad_input=dgate)
        dx, of_first = first.gradients(flat, first_inner, dboth, ctx.needs_input_grad[0])
        return _shaped(dx, ctx), None, *of_first, *of_second


class Attention:
    """o(attention within segments of rotated q(x), k(x) and of v(x))."""

    def __init__(self, module: Any, first: Stack, second: Stack) -> None:
        self.module, self.first, self.second = module, first, second
        self.width = int(module.head_dim)
        self.heads, self.key_heads, _ = (size // self.width for size in first.sizes)
        self.scale = self.width**-0.5
        self.window: int | None = None

    def __call__(
        self,
        hidden_states: torch.Tensor,
        position_embeddings: tuple[torch.Tensor, torch.Tensor] | None = None,
        attention_mask: torch.Tensor | None = None,
        segment_layout: attention.Layout | None = None,
        **options: Any,
    ) -> tuple[torch.Tensor, None]:
        """What the module's own forward gives, or that forward where this can't."""
        dropout = self.module.training and getattr(self.module, "attention_dropout", 0.0)
        if (
            segment_layout is None
            or position_embeddings is None
            or attention_mask is not None
            or dropout
            or position_embeddings[0].shape[-1] != self.width
            or any(attention.is_left_to_kernel(bucket, self.window) for bucket in segment_layout)
        ):
            found: tuple[torch.Tensor, None] = type(self.module).forward(
                self.module,
                hidden_states,
                position_embeddings=position_embeddings,
                attention_mask=attention_mask,
                segment_layout=segment_layout,
                **options,
            )
            return found
        apply: Any = _Attention.apply
        parameters = (*self.first.parameters, *self.second.parameters)
        out = apply(hidden_states, self, position_embeddings, segment_layout, *parameters)
        return out, None

    def mix(
        self, z: torch.Tensor, angles: tuple[torch.Tensor, torch.Tensor], layout: attention.Layout
    ) -> tuple[torch.Tensor, list[tuple[torch.Tensor, ...]]]:
        """Attention of stacked q, k, v [tokens, width of all]; also what its gradient needs."""
        z = z.view(len(z), -1, self.width)
        turned = rotate(z[:, : self.heads + self.key_heads], *angles)
        parts, kept, begin = [], [], 0
        for bucket in layout:
            here = slice(begin, begin + bucket.tokens)
            q = bucket.pad(turned[here], slice(self.heads))
            k = bucket.pad(turned[here], slice(self.heads, None))
            v = bucket.pad(z[here], slice(self.heads + self.key_heads, None))
            out, needed = attention.attend(q, k, v, self.scale, self.window)
            parts.append(bucket.unpad(out, self.heads))
            kept.append(needed)
            begin += bucket.tokens
        return torch.cat(parts).view(len(z), -1), kept

    def compare(self, module: Any, noise: Noise) -> tuple[torch.Tensor, torch.Tensor]:
        """(by this block's rule, by the module's own) on the same input.

        What the module asks of its attention, scale and window, is noted on the way.
        """
        x = noise(1, 5, self.first.members[0].weight.shape[1])
        turn = noise(1, 5, self.width // 2).repeat(1, 1, 2)
        angles = (turn.cos(), turn.sin())
        layout = attention.layout_of([2, 3], x.device)

        def ask(module: Any, q: Any, k: Any, v: Any, mask: Any, **options: Any) -> Any:
            attention.refuse_unsupported(module, options.get("dropout", 0.0), options)
            self.scale, self.window = options["scaling"], options.get("sliding_window")
            return attention.segment_attention(module, q, k, v, mask, **options)

        with attention.by_segments(module, ask):
            (expected, _) = module(
                x, position_embeddings=angles, attention_mask=None, segment_layout=layout
            )
        z = torch.cat([module.q_proj(x), module.k_proj(x), module.v_proj(x)], -1)[0]
        return module.o_proj(self.mix(z, angles, layout)[0])[None], expected


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        block: Attention,
        angles: tuple[torch.Tensor, torch.Tensor],
        layout: attention.Layout,
        *_: torch.Tensor,
    ) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(block.first.dtype)
        z, first_inner = block.first.product(flat)
        mixed, kept = block.mix(z, angles, layout)
        out, second_inner = block.second.product(mixed)
        flattened = (tensor for needed in kept for tensor in needed)
        ctx.save_for_backward(flat, first_inner, mixed, second_inner, *flattened)
        ctx.block, ctx.angles, ctx.layout = block, angles, layout
        ctx.counts = [len(needed) for needed in kept]
        ctx.shape, ctx.dtype = x.shape, x.dtype
        return out.view(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        flat, first_inner, mixed, second_inner, *rest = ctx.saved_tensors
        block: Attention = ctx.block
        first, second, heads = block.first, block.second, block.heads
        rotated = heads + block.key_heads
        dout = gradients[0].reshape(len(flat), -1).to(second.dtype)
        dmixed, of_second = second.gradients(mixed, second_inner, dout, True)
        assert dmixed is not None
        dmixed = dmixed.view(len(flat), heads, block.width)
        dz = mixed.new_empty(len(flat), rotated + block.key_heads, block.width)
        begin = 0
        for bucket, count in zip(ctx.layout, ctx.counts, strict=True):
            here = slice(begin, begin + bucket.tokens)
            kept, rest = rest[:count], rest[count:]
            gradient = bucket.clear_padding(bucket.pad(dmixed[here]))
            dq, dk, dv = attention.attend_backward(gradient, kept, block.scale, block.window)
            dz[here, :heads] = bucket.unpad(dq, heads)
            dz[here, heads:rotated] = bucket.unpad(dk, block.key_heads)
            dz[here, rotated:] = bucket.unpad(dv, block.key_heads)
            begin += bucket.tokens
        cos, sin = ctx.angles
        back = -sin.roll(block.width // 2, -1)
        dz[:, :rotated] = rotate(dz[:, :rotated], cos, back)
        dz = dz.view(len(flat), -1)
        dx, of_first = first.gradients(flat, first_inner, dz, ctx.needs_input_grad[0])
        return _shaped(dx, ctx), None, None, None, *of_first, *of_second


def _shaped(dx: torch.Tensor | None, ctx: Any) -> torch.Tensor | None:
    """A gradient in the shape and dtype of the input."""
    return None if dx is None else dx.view(ctx.shape).to(ctx.dtype)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions: [tokens, heads, width] turned, each half by the other.

    (x₁, x₂) becomes (x₁ cos₁ - x₂ sin₁, x₂ cos₂ + x₁ sin₂). With sin replaced by its negative,
    halves exchanged, it takes the gradient back. In fp32; the result has x's dtype.

    Args:
        cos: [1, tokens, width], like ``sin``.
    """
    half = x.shape[-1] // 2
    whole = x.float()
    turned = whole * cos[0, :, None]
    turned[..., :half].addcmul_(whole[..., half:], sin[0, :, None, :half], value=-1)
    turned[..., half:].addcmul_(whole[..., :half], sin[0, :, None, half:])
    return turned.to(x.dtype)


Block = Norm | GatedMLP | Attention
Noise = Callable[..., torch.Tensor]
