"""A model given rows for new tokens, and never fewer than it had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from steep.model.vocabulary import Extension


def grow_model(model: Any, extension: Extension) -> None:
    """Give the model a row for every new token, in place; old rows keep their bits.

    Spare rows of a padded vocabulary are used before any are added, and none is ever taken away. A
    new row of the head is the mean of its sub-tokens' rows, and so is one of the embedding where
    the two are tied: a longer one is predicted everywhere (docs/RESULTS.md has both). Where they
    aren't, the embedding's is scaled to the mean of those rows' norms, because a mean is shorter
    than any token the model knows. A reserved row is the mean of all rows. The head's bias, if it
    has one, grows as its rows do.
    """
    import torch

    rows = int(model.get_input_embeddings().weight.shape[0])
    if extension.rows.stop > rows:
        with torch.random.fork_rng(devices=[]):  # what it draws is written over
            model.resize_token_embeddings(extension.rows.stop, mean_resizing=False)
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings()
    predicts = head is not None and head.weight is embedding
    with torch.no_grad():
        _fill(embedding, extension, _mean if predicts else matched_mean)
        if head is not None and not predicts:
            _fill(head.weight, extension, _mean)
        if getattr(head, "bias", None) is not None:
            _fill(head.bias, extension, _mean)


def _fill(weight: Any, extension: Extension, row: Callable[[Any], Any]) -> None:
    """Put ``row`` of each new token's sub-tokens' rows, shape (pieces, …), in its place."""
    mean = _mean(weight[: extension.rows.start])
    for number, pieces in extension.parts.items():
        weight[number] = row(weight[list(pieces)]) if pieces else mean


def _mean(rows: Any) -> Any:
    return rows.float().mean(dim=0).to(rows.dtype)


def matched_mean(rows: Any) -> Any:
    """The mean of rows, shape (pieces, width), with the mean of their norms; shape (width,)."""
    mean = rows.float().mean(dim=0)
    length = mean.norm()
    wanted = rows.float().norm(dim=1).mean()
    return (mean * (wanted / length) if length > 0 else mean).to(rows.dtype)
