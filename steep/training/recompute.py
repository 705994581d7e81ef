"""Gradient checkpointing: activations computed again in the backward pass instead of kept."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from steep.training.loss import PackedLoss


@contextmanager
def recomputing(packed: PackedLoss, wanted: bool) -> Iterator[None]:
    """Inside, the model of ``packed`` keeps only what enters each layer, if wanted.

    Losses and gradients are the same. Only training mode is touched, and afterwards the model is
    as it was.
    """
    if not wanted:
        yield
        return

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        # The loss has given the model its own attention back when the layers run again.
        return nullcontext(), packed.attention()

    options = {"use_reentrant": False, "context_fn": contexts}
    model: Any = packed.inner
    # transformers renames these methods; the old names are there in all versions allowed here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
    # transformers also makes the embeddings' output require a gradient, which only reentrant
    # checkpointing needs, and would leave it so.
    if getattr(model, "_require_grads_hook", None) is not None:
        model.disable_input_require_grads()
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            model.gradient_checkpointing_disable()
