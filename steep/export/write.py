"""Write what colleagues load: a PEFT adapter, and the merged model; check both before done."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from steep.durable import new_folder
from steep.errors import SteepError

# Merged in fp32 and saved in fp32, so only the order of additions differs.
TOLERANCE = 1e-3


def save_adapter(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a PEFT adapter folder (safetensors) with the tokenizer beside it."""
    _save(model, tokenizer, folder)


def save_merged(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write a plain transformers folder; an adapter is added in fp32 into a copy first."""
    merged = copy.deepcopy(model).merge_and_unload() if hasattr(model, "peft_config") else model
    _save(merged, tokenizer, folder)


def max_logit_difference(one: Any, other: Any, tokenizer: Any, texts: list[str]) -> float:
    """Largest absolute difference of two models' logits over the texts' first 64 tokens."""
    import torch

    worst = 0.0
    with torch.inference_mode():
        for text in texts:
            ids = tokenizer(text, return_tensors="pt", truncation=True, max_length=64)["input_ids"]
            left = one(input_ids=ids.to(one.device)).logits.float().cpu()
            right = other(input_ids=ids.to(other.device)).logits.float().cpu()
            if left.shape != right.shape:
                raise SteepError(f"logits of shape {left.shape} and {right.shape} at export")
            worst = max(worst, float((left - right).abs().max()))
    return worst


def check_parity(worst: float, what: str) -> None:
    """Refuse an export whose logits are not the trained model's.

    Raises:
        SteepError: beyond tolerance.
    """
    if not worst <= TOLERANCE:
        raise SteepError(
            f"{what} gives other logits than the trained model (largest difference {worst:.2g}, "
            f"allowed {TOLERANCE:g}); it is kept for inspection but must not be used"
        )


def _save(model: Any, tokenizer: Any, folder: Path) -> None:
    with new_folder(folder) as target:
        model.save_pretrained(target, safe_serialization=True)
        tokenizer.save_pretrained(target)
