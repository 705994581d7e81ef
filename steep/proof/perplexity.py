"""Perplexity and bits per byte: how well a model predicts texts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from steep.errors import UserInputError

if TYPE_CHECKING:
    from steep.proof.scorer import TextScore

MAX_NATS = 700.0
"""exp(709) is the largest number a float holds; a worse loss than this is cut here."""


def evaluate_perplexity(model: Any, tokenizer: Any, texts: Sequence[str] | str) -> float:
    """Perplexity of a model on texts: exp of nats per predicted token, over all texts together.

    Long texts are scored whole, in windows of at most 1024 tokens; no text is cut off.

    Raises:
        UserInputError: the texts hold no token to predict.
    """
    from steep.proof.scorer import Scorer

    found = [texts] if isinstance(texts, str) else list(texts)
    scores = Scorer(model, tokenizer).score_texts(found)
    return perplexity(scores)


def perplexity(scores: Sequence[TextScore]) -> float:
    """exp of nats per predicted token.

    Raises:
        UserInputError: there is no token to predict.
    """
    tokens = sum(score.tokens for score in scores)
    if tokens == 0:
        raise UserInputError(
            f"the {len(scores)} texts hold no token to predict; give at least one text of two words"
        )
    return math.exp(min(sum(score.nats for score in scores) / tokens, MAX_NATS))


def bits_per_byte(scores: Sequence[TextScore]) -> float:
    """Bits needed for each UTF-8 byte; comparable between tokenizers, unlike perplexity.

    Raises:
        UserInputError: the texts are empty.
    """
    size = sum(score.bytes for score in scores)
    if size == 0:
        raise UserInputError(f"the {len(scores)} texts are empty; give at least one with words")
    return sum(score.nats for score in scores) / (math.log(2) * size)
