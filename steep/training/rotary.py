"""Attention with rotary positions in one step, from its input to its output projection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from steep.training import attention
from steep.training.linear import Stack
from steep.training.mlp import shaped
from steep.training.norm import Noise, Norm


class Attention:
    """o(attention within segments of rotated q(x), k(x) and of v(x)); q and k may be normed."""

    def __init__(
        self, module: Any, first: Stack, second: Stack, norms: tuple[Norm, ...] = ()
    ) -> None:
        """
        Args:
            norms: of each head's query and of its key, or none.
        """
        self.module, self.first, self.second, self.norms = module, first, second, norms
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
        weights = (norm.weight for norm in self.norms)
        parameters = (*self.first.parameters, *self.second.parameters, *weights)
        out = apply(hidden_states, self, position_embeddings, segment_layout, *parameters)
        return out, None

    def mix(
        self, z: torch.Tensor, angles: tuple[torch.Tensor, torch.Tensor], layout: attention.Layout
    ) -> tuple[torch.Tensor, list[tuple[torch.Tensor, ...]], tuple[torch.Tensor, ...]]:
        """Attention of stacked q, k, v [tokens, width of all].

        Also what its gradient needs, of each bucket and of the norms.
        """
        z = z.view(len(z), -1, self.width)
        straight = z[:, : self.heads + self.key_heads]
        inverses: tuple[torch.Tensor, ...] = ()
        if self.norms:
            parts = torch.split(straight, [self.heads, self.key_heads], 1)
            found = [norm.normed(part) for norm, part in zip(self.norms, parts, strict=True)]
            straight = torch.cat([part for part, _ in found], 1)
            inverses = tuple(inverse for _, inverse in found)
        turned = rotate(straight, *angles)
        mixed, kept, begin = [], [], 0
        for bucket in layout:
            here = slice(begin, begin + bucket.tokens)
            q = bucket.pad(turned[here], slice(self.heads))
            k = bucket.pad(turned[here], slice(self.heads, None))
            v = bucket.pad(z[here], slice(self.heads + self.key_heads, None))
            out, needed = attention.attend(q, k, v, self.scale, self.window)
            mixed.append(bucket.unpad(out, self.heads))
            kept.append(needed)
            begin += bucket.tokens
        return torch.cat(mixed).view(len(z), -1), kept, inverses

    def norm_gradients(
        self,
        z: torch.Tensor,
        inverses: tuple[torch.Tensor, ...],
        dz: torch.Tensor,
        wanted: Sequence[bool],
    ) -> list[torch.Tensor | None]:
        """Take the gradient of normed q and k in ``dz`` back to z, in place; the norms' own."""
        if not self.norms:
            return []
        z = z.view(len(z), -1, self.width)
        found, begin = [], 0
        for norm, inverse, weight_too in zip(self.norms, inverses, wanted, strict=True):
            here = slice(begin, begin + inverse.shape[1])
            dx, dweight = norm.gradients(z[:, here], inverse, dz[:, here], True, weight_too)
            assert dx is not None
            dz[:, here] = dx
            found.append(dweight)
            begin = here.stop
        return found

    def compare(self, module: Any, noise: Noise) -> tuple[torch.Tensor, torch.Tensor]:
        """(by this block's rule, by the module's own) on the same input.

        What the module asks of its attention, scale and window, is noted on the way.
        """
        x = noise(1, 5, self.first.members[0].weight.shape[1])
        turn = noise(1, 5, self.width // 2).repeat(1, 1, 2)
        angles = (turn.cos(), turn.sin())
        layout = attention.layout_of([2, 3], x.device)

        def ask(module: Any, q: Any, k: Any, v: Any, mask: Any, **options: Any) -> Any:
            attention.refuse_unsupported(module, options)
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
        mixed, kept, inverses = block.mix(z, angles, layout)
        out, second_inner = block.second.product(mixed)
        flattened = (tensor for needed in kept for tensor in needed)
        of_norms = (z, *inverses) if inverses else ()
        ctx.save_for_backward(flat, first_inner, mixed, second_inner, *of_norms, *flattened)
        ctx.block, ctx.angles, ctx.layout = block, angles, layout
        ctx.counts = [len(needed) for needed in kept]
        ctx.shape, ctx.dtype = x.shape, x.dtype
        return out.view(x.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        flat, first_inner, mixed, second_inner, *rest = ctx.saved_tensors
        block: Attention = ctx.block
        first, second, heads = block.first, block.second, block.heads
        z, *inverses = [rest.pop(0) for _ in range(1 + len(block.norms))] if block.norms else [flat]
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
        wanted = ctx.needs_input_grad[len(ctx.needs_input_grad) - len(block.norms) :]
        of_norms = block.norm_gradients(z, tuple(inverses), dz, wanted)
        dz = dz.view(len(flat), -1)
        dx, of_first = first.gradients(flat, first_inner, dz, ctx.needs_input_grad[0])
        return shaped(dx, ctx), None, None, None, *of_first, *of_second, *of_norms


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
