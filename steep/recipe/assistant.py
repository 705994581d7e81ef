"""What a recipe says about training behind the documents: instructions, then preferences."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steep.recipe.section import Count, Positive, Section, Share

FROM_DOCUMENTS = "documents"
FROM_ENDPOINT = "endpoint"
MADE_ROWS = (FROM_DOCUMENTS, FROM_ENDPOINT)
"""What ``data`` says where rows are to be made from the documents: by rule, or in other words."""


class RowsRecipe(Section):
    """What both stages have; names as in TRL.

    Attributes:
        data: files of rows (JSONL or a JSON list); "documents": made from them by rule; "endpoint":
            made like that, but with questions and answers in words of ``[rewrite]``'s model.
        learning_rate: the peak; None for the stage's own by method. Embeddings stand to it as they
            do in ``[train]``.
        general_share: share of the tokens that is replay, prompts counted; None for that of
            ``[data]``.
        per_device_train_batch_size: rows, or pairs, a step.
        max_length: tokens a row; longer rows are left out and counted.
    """

    data: str | Annotated[list[str], Field(min_length=1)] = FROM_DOCUMENTS
    max_steps: Count
    learning_rate: Positive | None = None
    general_share: Share | None = None
    per_device_train_batch_size: Count = 4
    max_length: Annotated[int, Field(ge=16)] = 512
    warmup_steps: Annotated[int, Field(ge=0)] = 5

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of ``data``; none where rows are made from the documents."""
        if self.data in MADE_ROWS:
            return ()
        return (self.data,) if isinstance(self.data, str) else tuple(self.data)

    @property
    def asks_endpoint(self) -> bool:
        """Are rows put in a language model's words?"""
        return self.data == FROM_ENDPOINT


class SftRecipe(RowsRecipe):
    """``[sft]``: instructions, trained after the documents."""

    max_steps: Count = 200


class DpoRecipe(RowsRecipe):
    """``[dpo]``: preferences, trained after the instructions, or right after the documents.

    Attributes:
        beta: how dear it is to move away from the model this stage begins with (DPO's beta).
        held_out_share: pairs that are never trained, for ``preference_accuracy``.
    """

    max_steps: Count = 100
    beta: Positive = 0.1
    held_out_share: Annotated[float, Field(ge=0.0, le=0.5)] = 0.1
