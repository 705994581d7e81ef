"""Linear layers as few large products: adapters merged into the weight, siblings stacked.

A LoRA layer computes W x + s B A x as three products and two more passes over its output. While
training steps are taken, (W + s B A) is built once per optimizer step and is one product; the
gradients of A and B are exact and need only thin products, and a frozen W needs none. Layers that
read the same input (q, k, v; gate and up) become one product with their weights stacked, and the
input is cast to the working precision once.

Only plain layers take part: one adapter, no dropout, no DoRA, no bias in the adapter. Others keep
their own forward.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

# Siblings that read the same input in the models we know. Being wrong costs nothing but speed:
# a layer that is given another input than its stack's first is computed by itself.
_SIBLINGS = (
    ("q_proj", "k_proj", "v_proj"),
    ("query_proj", "key_proj", "value_proj"),
    ("gate_proj", "up_proj"),
    ("w1", "w3"),
)

# Stacked weights are a second copy: beyond this many parameters memory is worth more than speed.
_MOST_PARAMETERS = 2_000_000_000


class FastLinears:
    """Takes over the eligible linear layers of a model between ``install`` and ``remove``."""

    def __init__(self, model: Any, dtype: torch.dtype) -> None:
        """
        Args:
            model: a transformers model, PEFT-wrapped or not.
            dtype: the working precision of the products.
        """
        self.dtype = dtype
        found = [Stack(members, dtype) for members in _stacked(model, dtype)]
        size = sum(m.weight.numel() for stack in found if stack.is_copy for m in stack.members)
        self.stacks = found if size <= _MOST_PARAMETERS else []
        self._by_layers = {tuple(id(m.module) for m in s.members): s for s in self.stacks}

    def stack_of(self, *layers: Any) -> Stack | None:
        """The stack of exactly these layers in this order, if there is one."""
        return self._by_layers.get(tuple(map(id, layers)))

    def install(self) -> None:
        """Take the layers over; ``rebuild`` has to follow before the model is called."""
        for stack in self.stacks:
            if stack.is_copy:  # else the layers' own forward is as good
                for place, member in enumerate(stack.members):
                    member.module.forward = partial(stack.output, place)

    def remove(self) -> None:
        """Give the layers their own forward back."""
        for stack in self.stacks:
            for member in stack.members:
                member.module.__dict__.pop("forward", None)
            stack.forget()

    def rebuild(self) -> None:
        """Bring the stacked weights up to date: call it after every change of a parameter."""
        with torch.no_grad():
            for stack in self.stacks:
                stack.rebuild()


@contextmanager
def merged(model: Any, dtype: torch.dtype) -> Iterator[None]:
    """Call the model through ``FastLinears`` inside; its parameters must not change there."""
    fast = FastLinears(model, dtype)
    try:
        fast.install()
        fast.rebuild()
        yield
    finally:
        fast.remove()


class _Member:
    """One layer: its weight, and its adapter if it has one."""

    def __init__(self, module: Any) -> None:
        self.module = module
        base = module.base_layer if hasattr(module, "base_layer") else module
        self.weight: torch.nn.Parameter = base.weight
        self.bias: torch.nn.Parameter | None = base.bias
        self.down: torch.nn.Parameter | None = None
        self.up: torch.nn.Parameter | None = None
        self.scale = 1.0
        if base is not module:
            (adapter,) = module.active_adapters
            self.down = module.lora_A[adapter].weight
            self.up = module.lora_B[adapter].weight
            self.scale = float(module.scaling[adapter])

    @property
    def trained(self) -> tuple[torch.nn.Parameter, ...]:
        """What gradients are wanted for, in the order the product returns them."""
        if self.down is not None and self.up is not None:
            return (self.down, self.up)
        return (self.weight,) if self.bias is None else (self.weight, self.bias)


class Stack:
    """Layers that read one input, as one product.

    Attributes:
        members: the layers, in the order of their outputs.
        sizes: the width of each one's output.
        parameters: what gradients are wanted for.
        is_copy: True if their weights are copied, merged or in another precision, behind one
            another; else each layer's own weight is multiplied in turn.
    """

    def __init__(self, members: list[_Member], dtype: torch.dtype) -> None:
        self.members = members
        self.dtype = dtype
        self.sizes = [member.weight.shape[0] for member in members]
        self.parameters = [p for member in members for p in member.trained]
        self.is_copy = any(m.down is not None or m.weight.dtype != dtype for m in members)
        self._weight: torch.Tensor | None = None
        self._bias: torch.Tensor | None = None
        self._input: torch.Tensor | None = None
        self._version = 0
        self._outputs: dict[int, torch.Tensor] = {}

    def rebuild(self) -> None:
        """Bring the copied weights up to date."""
        self._input, self._outputs = None, {}
        if not self.is_copy:
            return
        first = self.members[0].weight
        if self._weight is None:
            shape = (sum(self.sizes), first.shape[1])
            self._weight = torch.empty(shape, dtype=self.dtype, device=first.device)
        for rows, member in zip(torch.split(self._weight, self.sizes), self.members, strict=True):
            if member.down is None or member.up is None:
                rows.copy_(member.weight)
                continue
            if self.dtype == member.weight.dtype:
                torch.addmm(member.weight, member.up, member.down, alpha=member.scale, out=rows)
            else:  # the sum is rounded once
                delta = member.up.to(self.dtype) @ member.down.to(self.dtype)
                rows.copy_(torch.add(member.weight, delta, alpha=member.scale))
        if any(member.bias is not None for member in self.members):
            self._bias = torch.cat(
                [
                    first.new_zeros(size) if member.bias is None else member.bias
                    for size, member in zip(self.sizes, self.members, strict=True)
                ]
            ).to(self.dtype)

    def forget(self) -> None:
        """Let go of the copies and of the last outputs."""
        self._weight = self._bias = self._input = None
        self._outputs = {}

    def output(self, place: int, x: torch.Tensor) -> torch.Tensor:
        """Output of one layer; the siblings' are computed with it and kept for their turn."""
        version = 0 if x.is_inference() else x._version  # inference tensors count no changes
        same = self._input is x and self._version == version
        if not same or place not in self._outputs:
            apply: Any = _Product.apply
            whole = apply(x, self, *self.parameters)
            self._outputs = dict(enumerate(torch.split(whole, self.sizes, -1)))
            self._input, self._version = x, version
        found = self._outputs.pop(place)
        if not self._outputs:
            self._input = None
        return found

    def product(self, x: torch.Tensor) -> torch.Tensor:
        """All outputs [tokens, sum of sizes] for x [tokens, width], both in ``dtype``."""
        if self._weight is not None:
            return torch.nn.functional.linear(x, self._weight, self._bias)
        out = x.new_empty(len(x), sum(self.sizes))
        for part, member in zip(torch.split(out, self.sizes, 1), self.members, strict=True):
            torch.mm(x, member.weight.t(), out=part)
            if member.bias is not None:
                part += member.bias
        return out

    def input_gradient(self, dout: torch.Tensor) -> torch.Tensor:
        """Gradient for x [tokens, width] from that of all outputs."""
        if self._weight is not None:
            return dout @ self._weight
        parts = torch.split(dout, self.sizes, 1)
        dx = parts[0] @ self.members[0].weight
        for part, member in zip(parts[1:], self.members[1:], strict=True):
            dx.addmm_(part, member.weight)
        return dx

    def gradients(self, x: torch.Tensor, dout: torch.Tensor) -> list[torch.Tensor | None]:
        """Gradients of ``parameters`` from input [tokens, width] and output gradient."""
        parts = torch.split(dout, self.sizes, 1)
        adapted = [m for m in self.members if m.down is not None]
        narrow: list[torch.Tensor] = []
        inner: list[torch.Tensor] = []
        if adapted:
            # One product for all A x, and one for all gradients of A.
            downs = torch.cat([m.down for m in adapted if m.down is not None]).to(self.dtype)
            ranks = [len(m.down) for m in adapted if m.down is not None]
            inner = list(torch.split(x @ downs.t(), ranks, 1))
            pulled = [
                part @ (m.up * m.scale).to(self.dtype)
                for part, m in zip(parts, self.members, strict=True)
                if m.up is not None
            ]
            narrow = list(torch.split(torch.cat(pulled, 1).t() @ x, ranks))
        weights: list[torch.Tensor] = []
        if any(p.requires_grad for m in self.members if m.down is None for p in m.trained[:1]):
            weights = list(torch.split(dout.t() @ x, self.sizes))
        found: list[torch.Tensor | None] = []
        for place, (member, part) in enumerate(zip(self.members, parts, strict=True)):
            if member.down is not None:
                found.append(narrow.pop(0).to(member.down.dtype))
                # The wide factor last: its other order runs at half the rate.
                dup = (inner.pop(0).t() @ part).t()
                found.append(dup.to(member.down.dtype) * member.scale)
                continue
            wanted = member.weight.requires_grad
            found.append(weights[place].to(member.weight.dtype) if wanted else None)
            if member.bias is not None:
                wanted = member.bias.requires_grad
                found.append(part.float().sum(0).to(member.bias.dtype) if wanted else None)
        return found


class _Product(torch.autograd.Function):
    """x [..., width] times a stack; gradients for x and the stack's parameters."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, stack: Stack, *_: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(stack.dtype)
        ctx.save_for_backward(flat)
        ctx.stack, ctx.shape, ctx.dtype = stack, x.shape, x.dtype
        return stack.product(flat).view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        (dout,) = gradients
        (flat,) = ctx.saved_tensors
        stack: Stack = ctx.stack
        dout = dout.reshape(len(flat), -1).to(stack.dtype)
        dx = None
        if ctx.needs_input_grad[0]:
            dx = stack.input_gradient(dout).view(ctx.shape).to(ctx.dtype)
        return dx, None, *stack.gradients(flat, dout)


def _stacked(model: Any, dtype: torch.dtype) -> Iterable[list[_Member]]:
    """Eligible layers, siblings together."""
    layers = {name: m for name, m in model.named_modules() if _is_eligible(m)}
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    head = inner.get_output_embeddings()
    taken: set[str] = set()
    for name, module in layers.items():
        parent, _, own = name.rpartition(".")
        if name in taken or module is head or _is_inside_adapter(name):
            continue
        siblings = next((names for names in _SIBLINGS if own in names), (own,))
        found = [f"{parent}.{n}" for n in siblings if f"{parent}.{n}" in layers]
        taken.update(found)
        members = [_Member(layers[n]) for n in found]
        adapted = any(m.down is not None for m in members)
        if not (adapted and _is_exact_in(dtype, members[0].weight)):
            yield members


def _is_exact_in(dtype: torch.dtype, weight: torch.Tensor) -> bool:
    """True for weights of a half-precision checkpoint, worked with in half precision.

    Rounding W + s B A to the grid that W itself lies on would swallow a small change whole; off
    the grid it survives on average.
    """
    if dtype == weight.dtype:
        return False
    return bool((weight.to(dtype).to(weight.dtype) == weight).all())


def _is_inside_adapter(name: str) -> bool:
    """Parts of a PEFT layer are its own business."""
    own = name.rpartition(".")[2]
    return own in ("base_layer", "original_module") or any(
        part in name for part in (".lora_", ".modules_to_save.")
    )


def _is_eligible(module: Any) -> bool:
    """A plain linear layer, or PEFT's plain LoRA around one."""
    if type(module) is torch.nn.Linear:
        return True
    from peft.tuners.lora.layer import Linear

    if type(module) is not Linear or type(module.base_layer) is not torch.nn.Linear:
        return False
    if module.disable_adapters or module.merged or len(module.active_adapters) != 1:
        return False
    (adapter,) = module.active_adapters
    frozen = [p for p in (module.base_layer.weight, module.base_layer.bias) if p is not None]
    return (
        adapter in module.lora_A
        and not any(p.requires_grad for p in frozen)
        and adapter not in module.lora_variant
        and isinstance(module.lora_dropout[adapter], torch.nn.Identity)
        and module.lora_B[adapter].bias is None
    )
