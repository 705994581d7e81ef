"""Write what colleagues load: a PEFT adapter folder, and the merged model's.

Each is written beside its place, read back and compared by ``check``, and only then takes the
place: what isn't the trained model is never there to be taken for it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from steep.durable import new_folder

SHARD_SIZE = "4GB"

Check = Callable[[Path], object]


def save_adapter(model: Any, tokenizer: Any, folder: Path, check: Check | None = None) -> None:
    """Write a PEFT adapter folder (safetensors) with the tokenizer beside it."""
    # What of the embeddings was trained stands in the adapter as a module of its own already.
    options = {"save_embedding_layers": False} if hasattr(model, "peft_config") else {}
    _save(model, tokenizer, folder, check, **options)


def save_merged(model: Any, tokenizer: Any, folder: Path, check: Check | None = None) -> None:
    """Write a plain transformers folder; an adapter is added in fp32 into a copy first."""
    merged = copy.deepcopy(model).merge_and_unload() if hasattr(model, "peft_config") else model
    _save(merged, tokenizer, folder, check, max_shard_size=SHARD_SIZE)


def _save(model: Any, tokenizer: Any, folder: Path, check: Check | None, **options: Any) -> None:
    with new_folder(folder) as target:
        model.save_pretrained(target, safe_serialization=True, **options)
        tokenizer.save_pretrained(target)
        if check is not None:
            check(target)
