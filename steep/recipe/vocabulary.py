"""``[vocabulary]``: words and pieces of words that become tokens of their own."""

from __future__ import annotations

import unicodedata
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from steep.recipe.section import Count, Positive, Section

OF_TRAINING = {"first_steps", "learning_rate"}
"""Keys that say how the tokens are trained, not what they are."""

SHARE_OF_ENTRIES = 0.06
"""The new rows' default rate, of the root mean square of the embedding's entries: what a step may
add to one. docs/RESULTS.md has other shares."""


class VocabularyRecipe(Section):
    """``[vocabulary]``: tokens added to the model's own; ``steep vocab`` says if they would help.

    Attributes:
        new_tokens: words that are to be one token each, in Unicode NFC as documents are.
        learned: tokens to learn from the documents by continued byte-pair encoding, at most.
        whole_words: a word of ``new_tokens`` is never taken out of a longer word, unless it is in a
            script that is written without spaces (or Hangul, where particles follow a noun
            directly). None is true, but false with ``export.gguf``: llama.cpp can't say it.
        join_marks: where tokens are learned, vowel signs and other marks stay with their letters,
            without which Hindi words fall apart. None as for ``whole_words``.
        pad_to_multiple_of: the model's rows, if any are added; that suits a device's tiles.
        first_steps: of the training, in which the new rows alone are trained.
        learning_rate: the new rows' peak rate. None is ``SHARE_OF_ENTRIES`` of what the embedding's
            entries measure: a row begins as a mean of others and has far to go, while
            ``train.embedding_learning_rate`` suits rows that are only to be adjusted. At 0 of that
            the new rows stay still too.
    """

    new_tokens: list[str] = []
    learned: Annotated[int, Field(ge=0, le=200_000)] = 0
    whole_words: bool | None = None
    join_marks: bool | None = None
    pad_to_multiple_of: Count = 64
    first_steps: Annotated[int, Field(ge=0)] = 0
    learning_rate: Positive | None = None

    @field_validator("new_tokens")
    @classmethod
    def composed(cls, words: list[str]) -> list[str]:
        """Words in the letters (NFC) that documents are read in."""
        return [unicodedata.normalize("NFC", word) for word in words]

    @model_validator(mode="after")
    def something_to_add(self) -> VocabularyRecipe:
        """Refuse a table that adds nothing, an empty word, or one twice."""
        if not self.new_tokens and not self.learned:
            raise ValueError("nothing is added; set new_tokens or learned, or remove the table")
        for word in self.new_tokens:
            if not word or word != word.strip():
                raise ValueError(f"new_tokens has {word!r}: empty or with space around; remove it")
        twice = {word for word in self.new_tokens if self.new_tokens.count(word) > 1}
        if twice:
            raise ValueError(f"new_tokens has '{min(twice)}' twice; keep one")
        return self
