"""How well the base model knows text like the documents already, for a plan's advice."""

from __future__ import annotations

import random
from collections.abc import Sequence
from statistics import median
from typing import Any

from steep.documents.record import Document
from steep.planning.advice import Predicted
from steep.planning.workload import tokens_of
from steep.progress import Progress
from steep.proof.questions import general_texts
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.inputs import Inputs

_SAMPLED_TOKENS = 3_000  # of the domain, and as many of general text


def base_on_such_text(recipe: Recipe, inputs: Inputs, base: Base, progress: Progress) -> Predicted:
    """Bits per byte of the base model on a sample of the documents and of general text."""
    from steep.proof.perplexity import bits_per_byte
    from steep.proof.scorer import Scorer

    progress.stage("Asking the base model how well it knows such text")
    general = [text for _, text in general_texts()]
    size = round(median(len(text) for text in general))
    rng = random.Random(recipe.seed)
    rng.shuffle(general)
    samples = [
        first_tokens(texts, base.tokenizer, _SAMPLED_TOKENS)
        for texts in (passages(inputs.split.trained, size, rng), general)
    ]
    scorer = Scorer(base.model, base.tokenizer)
    domain, other = (scorer.score_texts(texts) for texts in samples)
    tokens = sum(score.tokens for score in (*domain, *other))
    return Predicted(bits_per_byte(domain), bits_per_byte(other), tokens)


def passages(documents: Sequence[Document], size: int, rng: random.Random) -> list[str]:
    """The documents in passages of ``size`` characters, in random order.

    Of the size of the general texts they are held against: a longer text is easier to predict.
    """
    found = [
        document.text[start : start + size]
        for document in documents
        for start in range(0, max(1, len(document.text) - size // 2), size)
    ]
    rng.shuffle(found)
    return found


def first_tokens(texts: Sequence[str], tokenizer: Any, most: int) -> list[str]:
    """Texts from the beginning of a list, of at most ``most`` tokens together; at least one."""
    chosen: list[str] = []
    for text in texts:
        most -= tokens_of([text], tokenizer)
        if chosen and most < 0:
            break
        chosen.append(text)
    return chosen
