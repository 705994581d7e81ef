"""What a recipe says about training behind the documents: instructions."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steep.recipe.section import Count, Positive, Section


class SftRecipe(Section):
    """``[sft]``: instructions, trained after the documents; names as in TRL.

    Attributes:
        data: files of instruction rows (JSONL or a JSON list).
        learning_rate: the peak; None for 2e-4 with adapters and 2e-5 for every weight. Embeddings
            stand to it as they do in ``[train]``.
        max_length: tokens a row; longer rows are left out and counted.
    """

    data: str | Annotated[list[str], Field(min_length=1)]
    max_steps: Count = 200
    learning_rate: Positive | None = None
    per_device_train_batch_size: Count = 4
    max_length: Annotated[int, Field(ge=16)] = 512
    warmup_steps: Annotated[int, Field(ge=0)] = 5

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of ``data``."""
        return (self.data,) if isinstance(self.data, str) else tuple(self.data)
