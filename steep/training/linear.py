"""Linear layers as few large products: siblings stacked, adapters beside the weight or merged.

Layers that read the same input (q, k, v; gate and up) become one product with their weights
stacked, and the input is cast to the working precision once. A LoRA layer computes W x + s B A x:
while training, all A x of a stack are one thin product that is kept for the backward pass, s B A x
is added into the layer's part of the output, and a frozen W needs no gradient. For judging,
(W + s B A) is built once and is one product.

Only plain layers take part: one adapter, no dropout, no DoRA, no bias in the adapter. Others keep
their own forward.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

# Siblings that read the same input in the models we know. Being wrong costs nothing but speed:
# a layer that is given another input than its stack's first is computed by itself.
_SIBLINGS = (
    ("q_proj", "k_proj", "v_proj"),
    ("query_proj", "key_proj", "value_proj"),
    ("gate_proj", "up_proj"),
    ("w1", "w3"),
)

# Stacked weights are a second copy: beyond this many parameters memory is worth more than speed.
MOST_COPIED = 2_000_000_000


class FastLinears:
    """Takes over the eligible linear layers of a model between ``install`` and ``remove``."""

    def __init__(self, model: Any, dtype: torch.dtype, *, merge: bool = False) -> None:
        """
        Args:
            model: a transformers model, PEFT-wrapped or not.
            dtype: the working precision of the products.
            merge: build W + s B A. Faster for few tokens at a time; not to be trained through.
        """
        self.dtype = dtype
        found = [Stack(members, dtype, merge) for members in _stacked(model, dtype, merge)]
        size = sum(m.weight.numel() for stack in found if stack.is_copy for m in stack.members)
        self.stacks = found if size <= MOST_COPIED else []
        self._by_layers = {tuple(id(m.module) for m in s.members): s for s in self.stacks}

    def stack_of(self, *layers: Any) -> Stack | None:
        """The stack of exactly these layers in this order, if there is one."""
        return self._by_layers.get(tuple(map(id, layers)))

    def install(self) -> None:
        """Take the layers over; ``rebuild`` has to follow before the model is called."""
        for stack in self.stacks:
            if stack.is_copy or stack.adapted:  # else the layers' own forward is as good
                for place, member in enumerate(stack.members):
                    member.module.forward = partial(stack.output, place)

    def remove(self) -> None:
        """Give the layers their own forward back."""
        for stack in self.stacks:
            for member in stack.members:
                member.module.__dict__.pop("forward", None)

    def forget(self) -> None:
        """Let go of the copies; ``rebuild`` makes them again."""
        for stack in self.stacks:
            stack.forget()

    def rebuild(self) -> None:
        """Bring copies up to date: call it after every change of a parameter."""
        with torch.no_grad():
            for stack in self.stacks:
                stack.rebuild()


@contextmanager
def merged(model: Any, dtype: torch.dtype) -> Iterator[None]:
    """Call the model with its adapters merged inside; its parameters must not change there."""
    fast = FastLinears(model, dtype, merge=True)
    try:
        fast.install()
        fast.rebuild()
        yield
    finally:
        fast.remove()
        fast.forget()


@contextmanager
def without_copies() -> Iterator[None]:
    """Compute as a model does that has more parameters than are copied, however small it is."""
    global MOST_COPIED
    before, MOST_COPIED = MOST_COPIED, 0
    try:
        yield
    finally:
        MOST_COPIED = before


class _Member:
    """One layer: its weight, and its adapter if it has one."""

    def __init__(self, module: Any) -> None:
        self.module = module
        base = module.base_layer if hasattr(module, "base_layer") else module
        self.parameter: torch.nn.Parameter = base.weight
        self.is_turned = type(base) is Conv1D
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
    def weight(self) -> torch.Tensor:
        """[outputs, inputs]; GPT-2's layers keep it the other way round."""
        return self.parameter.t() if self.is_turned else self.parameter

    @property
    def trained(self) -> tuple[torch.nn.Parameter, ...]:
        """What gradients are wanted for, in the order the product returns them."""
        if self.down is not None and self.up is not None:
            return (self.down, self.up)
        return (self.parameter,) if self.bias is None else (self.parameter, self.bias)

    @property
    def is_trained(self) -> bool:
        """True if the weight itself gets a gradient."""
        return self.down is None and self.parameter.requires_grad


class Stack:
    """Layers that read one input, as one product.

    Attributes:
        members: the layers, in the order of their outputs.
        sizes: the width of each one's output.
        parameters: what gradients are wanted for.
        adapted: the layers whose adapter is computed beside the weight.
        is_copy: True if their weights are copied, merged or in another precision, behind one
            another; else each layer's own weight is multiplied in turn.
    """

    def __init__(self, members: list[_Member], dtype: torch.dtype, merge: bool) -> None:
        self.members = members
        self.dtype = dtype
        self.sizes = [member.weight.shape[0] for member in members]
        adapted = [m for m in members if m.down is not None]
        self.adapted = [] if merge else adapted
        self._merged = adapted if merge else []
        self.parameters = [] if self._merged else [p for m in members for p in m.trained]
        self.is_copy = bool(self._merged) or any(m.weight.dtype != dtype for m in members)
        self._weight: torch.Tensor | None = None
        self._bias: torch.Tensor | None = None
        self._downs: torch.Tensor | None = None
        self._ups: list[torch.Tensor] = []
        self._input: torch.Tensor | None = None
        self._version = 0
        self._outputs: dict[int, torch.Tensor] = {}

    def rebuild(self) -> None:
        """Bring the copies up to date."""
        self._input, self._outputs = None, {}
        if self.adapted:
            downs = (m.down.to(self.dtype) for m in self.adapted if m.down is not None)
            self._downs = torch.cat(tuple(downs))
            self._ups = [(m.up * m.scale).to(self.dtype) for m in self.adapted if m.up is not None]
        fixed = not self._merged and not any(m.is_trained for m in self.members)
        if self.is_copy and not (fixed and self._weight is not None):
            self._copy()

    def _copy(self) -> None:
        first = self.members[0].weight
        if self._weight is None:
            shape = (sum(self.sizes), first.shape[1])
            self._weight = torch.empty(shape, dtype=self.dtype, device=first.device)
        for rows, member in zip(torch.split(self._weight, self.sizes), self.members, strict=True):
            if member.down is None or member.up is None or not self._merged:
                rows.copy_(member.weight)
            else:  # the sum is rounded once
                delta = member.up @ member.down
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
        self._weight = self._bias = self._downs = self._input = None
        self._ups, self._outputs = [], {}

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

    def product(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Outputs and what the gradients need of the adapters, for x [tokens, width].

        Returns:
            [tokens, sum of sizes], and every A x [tokens, sum of ranks] (None without adapters);
            all in ``dtype``, like x.
        """
        if self._weight is not None:
            out = torch.nn.functional.linear(x, self._weight, self._bias)
        else:
            out = x.new_empty(len(x), sum(self.sizes))
            for part, member in zip(torch.split(out, self.sizes, 1), self.members, strict=True):
                torch.mm(x, member.weight.t(), out=part)
                if member.bias is not None:
                    part += member.bias
        if self._downs is None:
            return out, None
        inner = x @ self._downs.t()
        narrow = torch.split(inner, [up.shape[1] for up in self._ups], 1)
        for part, up, low in zip(self._of_adapted(out), self._ups, narrow, strict=True):
            part.addmm_(low, up.t())
        return out, inner

    def gradients(
        self, x: torch.Tensor, inner: torch.Tensor | None, dout: torch.Tensor, input_too: bool
    ) -> tuple[torch.Tensor | None, list[torch.Tensor | None]]:
        """Gradients for x, if wanted, and of ``parameters``, from that of all outputs.

        ``inner`` is what ``product`` gave for x.
        """
        dx = self._input_gradient(dout) if input_too else None
        of_adapters: list[torch.Tensor] = []
        if inner is not None and self._downs is not None:
            parts = self._of_adapted(dout)
            pulled = torch.cat([part @ up for part, up in zip(parts, self._ups, strict=True)], 1)
            if dx is not None:
                dx.addmm_(pulled, self._downs)
            ranks = [up.shape[1] for up in self._ups]
            ddowns = torch.split(pulled.t() @ x, ranks)
            for member, part, ddown, low in zip(
                self.adapted, parts, ddowns, torch.split(inner, ranks, 1), strict=True
            ):
                assert member.down is not None
                # The wide factor last: the other order runs at half the rate.
                dup = (low.t() @ part).t().to(member.down.dtype) * member.scale
                of_adapters += [ddown.to(member.down.dtype), dup]
        if self._merged:
            return dx, []
        wanted = any(m.is_trained for m in self.members)
        dweights = torch.split(dout.t() @ x, self.sizes) if wanted else ()
        found: list[torch.Tensor | None] = []
        for place, (member, part) in enumerate(
            zip(self.members, torch.split(dout, self.sizes, 1), strict=True)
        ):
            if member.down is not None:
                found += of_adapters[:2]
                del of_adapters[:2]
                continue
            weight, bias = member.parameter, member.bias
            dweight = dweights[place].to(weight.dtype) if weight.requires_grad else None
            found.append(dweight.t() if dweight is not None and member.is_turned else dweight)
            if bias is not None:
                dbias = part.float().sum(0).to(bias.dtype) if bias.requires_grad else None
                found.append(dbias)
        return dx, found

    def _input_gradient(self, dout: torch.Tensor) -> torch.Tensor:
        """What the weights alone make of it."""
        if self._weight is not None:
            return dout @ self._weight
        parts = torch.split(dout, self.sizes, 1)
        dx = parts[0] @ self.members[0].weight
        for part, member in zip(parts[1:], self.members[1:], strict=True):
            dx.addmm_(part, member.weight)
        return dx

    def _of_adapted(self, whole: torch.Tensor) -> list[torch.Tensor]:
        """The parts of [tokens, sum of sizes] that belong to adapted layers."""
        parts = zip(torch.split(whole, self.sizes, 1), self.members, strict=True)
        return [part for part, member in parts if member.down is not None]


class _Product(torch.autograd.Function):
    """x [..., width] times a stack; gradients for x and the stack's parameters."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, stack: Stack, *_: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, x.shape[-1]).to(stack.dtype)
        out, inner = stack.product(flat)
        ctx.save_for_backward(flat, inner)
        ctx.stack, ctx.shape, ctx.dtype = stack, x.shape, x.dtype
        return out.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        flat, inner = ctx.saved_tensors
        dout = gradients[0].reshape(len(flat), -1).to(flat.dtype)
        dx, found = ctx.stack.gradients(flat, inner, dout, ctx.needs_input_grad[0])
        return None if dx is None else dx.view(ctx.shape).to(ctx.dtype), None, *found


def _stacked(model: Any, dtype: torch.dtype, merge: bool) -> Iterable[list[_Member]]:
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
        adapted = merge and any(m.down is not None for m in members)
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
    plain = (torch.nn.Linear, Conv1D)
    if type(module) in plain:
        return True
    from peft.tuners.lora.layer import Linear

    if type(module) is not Linear or type(module.base_layer) not in plain:
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
