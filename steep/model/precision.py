"""Choose the arithmetic: bf16 only where this machine is measurably faster with it."""

from __future__ import annotations

import time
from typing import Any, Literal

Precision = Literal["fp32", "bf16", "fp16"]

# bf16 on a CPU without bf16 instructions is tens of times slower; with them, over 2x faster.
BF16_WORTH_IT = 1.4
_SIZE = 768
_KEPT_PRODUCTS = "128"


def bound_product_caches() -> None:
    """Keep what oneDNN remembers small; call it before the first product.

    It compiles a product for each shape it meets and keeps 1,024 of them in each of two caches.
    The rows of no two steps are equally long, so in bf16 that grows by more than a gigabyte in
    the first few hundred steps. A micro-batch has some thirty shapes, the same in every layer.
    """
    import os

    for name in ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY"):
        os.environ.setdefault(name, _KEPT_PRODUCTS)


def choose_precision(asked: Literal["auto", "fp32", "bf16", "fp16"], device: str) -> Precision:
    """The precision to train in; weights and optimizer state stay fp32 in every case.

    "auto" takes bf16 on a GPU that has it (fp16 on one that hasn't, such as a T4), fp32 on MPS,
    and on a CPU times a bf16 product against an fp32 one.
    """
    import torch

    if asked != "auto":
        return asked
    if device.startswith("cuda"):
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"
    if device != "cpu":
        return "fp32"
    rates = matmul_rates()
    return "bf16" if rates["bf16"] > BF16_WORTH_IT * rates["fp32"] else "fp32"


def matmul_rates() -> dict[str, float]:
    """GFLOP/s of a square product on the CPU in fp32 and bf16."""
    operations = 2.0 * _SIZE**3 / 1e9
    names: tuple[Precision, ...] = ("fp32", "bf16")
    return {name: operations / _matmul_seconds(name) for name in names}


def dtype_of(precision: Precision) -> Any:
    """The torch dtype of a precision's products."""
    import torch

    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def working_in(precision: Precision, device: str) -> Any:
    """A context in which products are taken in a precision; in fp32 it changes nothing."""
    import torch

    half = None if precision == "fp32" else dtype_of(precision)
    return torch.autocast(device, dtype=half, enabled=half is not None)


def in_fast_precision(model: Any) -> Any:
    """The model for sampling: a bf16 copy where this machine is faster with it, else itself."""
    import copy

    import torch

    if choose_precision("auto", str(model.device)) != "bf16":
        return model
    return copy.deepcopy(model).to(torch.bfloat16)


def _matmul_seconds(precision: Precision) -> float:
    """Best of a few timings of one square product (seconds)."""
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a = torch.ones(_SIZE, _SIZE, dtype=dtype)
    best = float("inf")
    for _ in range(4):
        begin = time.perf_counter()
        torch.nn.functional.linear(a, a)
        seconds = time.perf_counter() - begin
        best = min(best, seconds)
        if seconds > 1.0:
            break
    return best
