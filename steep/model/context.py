"""How many tokens at once a model was made for, and whether it can read more of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steep.errors import RecipeError


def check_length(model: Any, key: str, asked: int) -> None:
    """Find out whether a model can read rows of ``asked`` tokens; one without weights will do.

    Args:
        key: what the recipe calls it.

    Raises:
        RecipeError: its positions are rows of a table, and the table has fewer.
    """
    known = _positions_in_a_table(model)
    if known is not None and asked > known:
        raise RecipeError(
            f"{key} = {asked}: the model has no more than {known} positions; set {known} or less"
        )


def length_warning(config: Any, key: str, asked: int) -> str | None:
    """What to know of rows longer than a model was made for; None where they aren't."""
    known = made_for(config)
    if known is None or asked <= known:
        return None
    return (
        f"{key} = {asked}: the model was made for {known:,} tokens at once, and what stands beyond "
        f"them in a row is predicted badly; set {known} or less, or scale its positions "
        "(rope_scaling in its config.json)"
    )


def made_for(config: Any) -> int | None:
    """Tokens at once that a model's configuration is meant for; None where it doesn't say.

    Rotary positions that are scaled reach further than the model's own training did: by their
    factor, from the length that they name or, without one, from the model's.
    """
    text = config.get_text_config()
    known: int | None = getattr(text, "max_position_embeddings", None)
    if known is None:
        return None
    reach = [int(float(scaled["factor"]) * first) for scaled, first in _scalings(text, known)]
    return max(known, *reach) if reach else known


def turning_lengths(text: Any) -> list[int]:
    """Lengths beyond which a text configuration's model computes otherwise than below them.

    There a window or a chunk ends what a token sees, and some rotary positions turn at other rates
    in all rows that stand beside a long one.
    """
    found = [getattr(text, name, None) for name in ("sliding_window", "attention_chunk_size")]
    for table in _rotary_tables(text):
        if table.get("rope_type") in ("dynamic", "longrope"):
            found.append(table.get("original_max_position_embeddings"))
            found.append(getattr(text, "max_position_embeddings", None))
    return [length for length in found if isinstance(length, int)]


def _scalings(text: Any, known: int) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each way in which rotary positions are scaled, and the length that its factor is of."""
    for table in _rotary_tables(text):
        if not table.get("factor"):
            continue
        first = table.get("original_max_position_embeddings")
        # Layers of a kind may reach less far than the model does.
        if first or table is getattr(text, "rope_parameters", None):
            yield table, int(first or known)


def _rotary_tables(text: Any) -> list[Mapping[str, Any]]:
    """How positions are rotated: in one way, or in one for each kind of layer."""
    given = getattr(text, "rope_parameters", None) or {}
    by_kind = [table for table in given.values() if isinstance(table, Mapping)]
    return by_kind or [given]


def _positions_in_a_table(model: Any) -> int | None:
    """How many tokens a model can read at all; None where positions aren't rows of a table."""
    from torch import nn

    known: int | None = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if known is None:
        return None
    words = model.get_input_embeddings()
    tables = [m.weight for m in model.modules() if isinstance(m, nn.Embedding) and m is not words]
    # Sines are kept as buffers. Some tables have a few rows more than positions, for padding.
    tables += [buffer for buffer in model.buffers() if buffer.ndim == 2]
    found = any(0 <= table.shape[0] - known < 8 for table in tables)
    return known if found else None
