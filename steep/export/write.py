"""Write what colleagues load: a PEFT adapter folder, and the merged model's.

Each is written beside its place, read back and compared by ``check``, and only then takes the
place: what isn't the trained model is never there to be taken for it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from steep.artifact import read_json, write_json
from steep.durable import new_folder

SHARD_SIZE = "4GB"

Check = Callable[[Path], object]


def save_adapter(model: Any, tokenizer: Any, folder: Path, check: Check | None = None) -> None:
    """Write a PEFT adapter folder (safetensors) with the tokenizer beside it."""
    # What of the embeddings was trained stands in the adapter as a module of its own already.
    options = {"save_embedding_layers": False} if hasattr(model, "peft_config") else {}
    _save(model, tokenizer, folder, check, **options)


def save_merged(
    model: Any,
    tokenizer: Any,
    folder: Path,
    check: Check | None = None,
    *,
    ends: Collection[int] = (),
) -> None:
    """Write a plain transformers folder; an adapter is added in fp32 into a copy first.

    Args:
        ends: tokens at which whoever generates is to stop, beside those the model names itself.
    """
    merged = copy.deepcopy(model).merge_and_unload() if hasattr(model, "peft_config") else model

    def finished(target: Path) -> None:
        _name_ends(target / "generation_config.json", ends)
        if check is not None:
            check(target)

    _save(merged, tokenizer, folder, finished, max_shard_size=SHARD_SIZE)


def _save(model: Any, tokenizer: Any, folder: Path, check: Check | None, **options: Any) -> None:
    with new_folder(folder) as target:
        model.save_pretrained(target, safe_serialization=True, **options)
        tokenizer.save_pretrained(target)
        if check is not None:
            check(target)


def _name_ends(path: Path, ends: Collection[int]) -> None:
    """Add tokens to those that end a text, in a generation_config.json.

    In the file and not in the model: transformers refuses to save a changed configuration that has
    a fault of its own, as some published ones do.
    """
    said = read_json(path) if path.is_file() else {}
    named = said.get("eos_token_id")
    listed = list(named) if isinstance(named, list) else [] if named is None else [named]
    more = sorted(set(ends) - set(listed))
    if said and more:
        # What is taken from the model's configuration would be taken from there again.
        said.pop("_from_model_config", None)
        write_json(path, {**said, "eos_token_id": [*listed, *more]})
