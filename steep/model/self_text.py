"""General text written by the base model itself: rehearsal material when the user has none.

What a model writes freely is a sample of what it knows; rehearsing it keeps that in place
nearly as well as the original data would (arXiv 2403.01244).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from steep.artifact import keep_sealed, key_of, read_sealed
from steep.model.load import cache_folder
from steep.model.precision import in_fast_precision

_ROWS = 64
_LENGTH = 192
_VERSION = 2


def write_general_text(
    model: Any,
    tokenizer: Any,
    *,
    tokens: int,
    seed: int,
    fingerprint: str,
    temperature: float = 1.0,
    progress: Callable[[int, int], None] | None = None,
) -> list[str]:
    """Sample at least ``tokens`` tokens of text from the model, cached by model and seed.

    Texts come in batches of 64, each batch a pure function of (model, seed, batch number), so
    asking for more later extends what is there.

    Args:
        progress: called with (tokens so far, tokens wanted).
    """
    key = {"model": fingerprint, "seed": seed, "temperature": temperature, "version": _VERSION}
    folder = cache_folder() / "self_text" / key_of(key)[:16]
    texts: list[str] = []
    sampler: Any = None
    written = 0
    number = 0
    while written < tokens:
        batch = _read_batch(folder / f"batch-{number}.json")
        if batch is None:
            sampler = sampler or in_fast_precision(model)
            batch = _sample_batch(sampler, tokenizer, temperature, seed + 1_000_003 * number)
            keep_sealed(folder / f"batch-{number}.json", {"texts": batch})
        texts.extend(batch)
        written += sum(len(tokenizer(text, verbose=False)["input_ids"]) for text in batch)
        number += 1
        if progress is not None:
            progress(min(written, tokens), tokens)
        if number > 20 + tokens // _LENGTH:
            break
    return texts


def _read_batch(path: Path) -> list[str] | None:
    batch = read_sealed(path).get("texts")
    return batch if isinstance(batch, list) else None


def _sample_batch(model: Any, tokenizer: Any, temperature: float, seed: int) -> list[str]:
    """64 texts of at most 192 tokens, sampled from the start token on; shorter if it reads less."""
    import torch
    from transformers import DynamicCache

    longest = min(_LENGTH, getattr(model.config, "max_position_embeddings", None) or _LENGTH)
    device = next(model.parameters()).device
    generator = torch.Generator(device="cpu").manual_seed(seed)
    eos = tokenizer.eos_token_id
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else eos
    ids = torch.full((_ROWS, 1), start)
    open_rows = torch.ones(_ROWS, dtype=torch.bool)
    columns = []
    cache = DynamicCache()
    with torch.inference_mode():
        for _ in range(longest):
            output = model(input_ids=ids.to(device), past_key_values=cache, use_cache=True)
            logits = output.logits[:, -1].float().cpu() / temperature
            ids = torch.multinomial(torch.softmax(logits, dim=-1), 1, generator=generator)
            open_rows &= ids[:, 0] != eos
            ids = torch.where(open_rows[:, None], ids, eos)
            columns.append(ids)
            if not bool(open_rows.any()):
                break
    rows = torch.cat(columns, dim=1).tolist()
    texts = [
        tokenizer.decode([i for i in row if i != eos], skip_special_tokens=True) for row in rows
    ]
    return [text.strip() for text in texts if len(text.strip()) > 40]
