"""What ``torch.compile`` does to steep's step: time to compile, and the step's time after it.

The fused step is called as it is and compiled, in turn, on rows of the same lengths and then on
rows of other lengths. Prints one JSON object: seconds of the first compiled step and of
the first on other lengths, the ratio of step times pair by pair, and how far losses are apart.

steep's own autograd functions are left as they are, and what stands between them is compiled; with
``--whole`` they are traced too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from contextlib import nullcontext
from typing import Any

import torch

from steep.model.adapters import make_trainable
from steep.model.load import load_model
from steep.model.precision import bound_product_caches
from steep.planning.child import random_model
from steep.recipe import TrainRecipe
from steep.training.attention import _BucketAttention
from steep.training.cross_entropy import _SummedCrossEntropy as _CrossEntropy
from steep.training.linear import _Product
from steep.training.loss import PackedLoss, Way
from steep.training.mlp import _GatedMLP
from steep.training.norm import _Norm
from steep.training.rotary import _Attention

LENGTHS = ((230, 110, 60, 50, 36, 26), (211, 97, 71, 43, 40, 50))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="smollm2-135m", help="or 'tiny', a random two-layer one")
    parser.add_argument("--method", default="lora", choices=["lora", "full"])
    parser.add_argument("--linear", default="fused", choices=["fused", "stacked", "plain"])
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--whole", action="store_true", help="also trace steep's own gradients")
    options = parser.parse_args()
    bound_product_caches()
    recipe = TrainRecipe(method=options.method, max_steps=1, lora_r=32)
    model = make_trainable(_model(options.model), recipe, 0).train()
    half = options.precision == "bf16"
    dtype = torch.bfloat16 if half else torch.float32
    packed = PackedLoss(model, Way("segments", "chunked", options.linear), dtype)
    if not options.whole:
        for function in (_Product, _Norm, _GatedMLP, _Attention, _BucketAttention, _CrossEntropy):
            function.apply = torch.compiler.disable(function.apply)  # type: ignore[method-assign]
    compiled: Any = torch.compile(packed, dynamic=True)

    def step(loss_of: Any, lengths: tuple[int, ...]) -> tuple[float, float]:
        rows = _rows(lengths, model.config.vocab_size)
        begin = time.perf_counter()
        packed.begin_step()
        with torch.autocast("cpu", dtype=dtype) if half else nullcontext():
            loss = loss_of(rows)
        loss.backward()
        model.zero_grad(set_to_none=True)
        return time.perf_counter() - begin, float(loss.detach())

    step(packed, LENGTHS[0])
    first, _ = step(compiled, LENGTHS[0])
    again, _ = step(compiled, LENGTHS[1])
    ratios, apart = [], []
    for number in range(options.steps):
        (one, loss), (other, same) = (
            step(side, LENGTHS[number % 2]) for side in (packed, compiled)
        )
        ratios.append(one / other)
        apart.append(abs(loss - same) / loss)
    counters = torch._dynamo.utils.counters
    print(
        json.dumps(
            {
                "first_compiled_step_seconds": round(first, 2),
                "first_on_other_lengths_seconds": round(again, 2),
                "plain_step_seconds_last": round(one, 3),
                "speed_ratio_median": round(statistics.median(ratios), 3),
                "speed_ratio_range": [round(min(ratios), 3), round(max(ratios), 3)],
                "losses_apart": max(apart),
                "graphs": counters["stats"]["unique_graphs"],
                "graph_breaks": sum(counters["graph_break"].values()),
            }
        )
    )


def _model(name: str) -> Any:
    if name != "tiny":
        return load_model(name, device="cpu")[0]
    from transformers import LlamaConfig

    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
    return random_model(LlamaConfig(vocab_size=512, num_attention_heads=4, **sizes))


def _rows(lengths: tuple[int, ...], vocabulary: int) -> dict[str, torch.Tensor]:
    """One row of segments of these lengths of random tokens, all of them targets."""
    ids = torch.randint(0, vocabulary, (sum(lengths),), generator=torch.Generator().manual_seed(0))
    segments = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    positions = torch.cat([torch.arange(n) for n in lengths])
    labels = torch.where(positions == 0, -100, ids)
    rows = {"input_ids": ids, "labels": labels, "segments": segments, "position_ids": positions}
    return {name: tensor[None] for name, tensor in rows.items()}


if __name__ == "__main__":
    main()
