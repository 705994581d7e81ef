"""Is continued pre-training the right tool here? Four measurements, each with its sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steep.corpus.exposures import ENOUGH_EXPOSURES, FEW_EXPOSURES, FEW_WORDINGS
from steep.documents.record import Document
from steep.wording import counted

FEW_TOKENS = 2_000
"""Less than this fits into a prompt whole, where any model reads it without an error; a step of
training sees a thousand tokens, and too few facts are in it to measure what was learned."""

MOSTLY = 0.5
"""From this share of the text on, the documents are examples of behaviour."""

_ASKS = "instruction|prompt|question|query|input|problem"
_ANSWERS = "output|completion|response|answer|chosen|solution"
_RECORD = re.compile(rf"\A\W*(?:{_ASKS})\s*:.*?\b(?:{_ANSWERS})\s*:", re.IGNORECASE | re.DOTALL)
_MESSAGES = re.compile(
    r"\b(?:messages|conversations?|turns|dialog(?:ue)?)\s+\d+\s+(?:role|from|speaker|content|value)\s*:",
    re.IGNORECASE,
)
_TURN = re.compile(
    r"^\W{0,3}(user|human|customer|q|question|assistant|ai|bot|agent|a|answer)\W{0,3}:",
    re.IGNORECASE,
)
_ASKING_TURNS = frozenset({"user", "human", "customer", "q", "question"})
_FEWEST_TURNS = 2  # questions in one text, each with its answer, before it is a dialogue


@dataclass(frozen=True)
class Advice:
    """One piece of advice: what it is about, and a sentence with the numbers behind it."""

    about: Literal[
        "behaviour",
        "little text",
        "known text",
        "replay",
        "exposures",
        "wordings",
        "rewriting",
        "rows",
        "context",
        "warm-up",
    ]
    text: str


@dataclass(frozen=True)
class Predicted:
    """How well the base model predicts the domain and general text, in bits per byte."""

    domain: float
    general: float
    tokens: int


def on_behaviour(documents: Sequence[Document]) -> Advice | None:
    """Documents that are mostly instructions with answers, or dialogues."""
    examples = [d for d in documents if is_example(d.text) or _is_chat(d)]
    characters = sum(len(document.text) for document in documents)
    share = sum(len(document.text) for document in examples) / max(1, characters)
    if share <= MOSTLY:
        return None
    return Advice(
        "behaviour",
        f"{len(examples):,} of {len(documents):,} documents ({share:.0%} of the text) are "
        "instructions with answers or dialogues: if the model is to behave like them, "
        "instruction fine-tuning (SFT) on these records is the tool; continued pre-training "
        "teaches what texts say",
    )


def _is_chat(document: Document) -> bool:
    """Is a record a list of turns?"""
    return any(_MESSAGES.search(f"{name}:") for name, _ in document.fields)


def is_example(text: str) -> bool:
    """Is a text an instruction with its answer, or a dialogue of at least two questions?"""
    start = text[:4000]
    if _RECORD.match(start) or _MESSAGES.search(start):
        return True
    lines = [line for line in text.splitlines() if line.strip()]
    turns = [found[1].lower() for line in lines if (found := _TURN.match(line))]
    asked = sum(turn in _ASKING_TURNS for turn in turns)
    return min(asked, len(turns) - asked) >= _FEWEST_TURNS and 2 * len(turns) >= len(lines)


def on_little_text(tokens: int, context_tokens: int | None) -> Advice | None:
    """Documents of so few tokens that there is little to train on."""
    if tokens >= FEW_TOKENS:
        return None
    roomy = context_tokens is not None and context_tokens >= FEW_TOKENS
    room = f" (this model reads {context_tokens:,} tokens at once)" if roomy else ""
    return Advice(
        "little text",
        f"the documents hold {tokens:,} tokens; fewer than {FEW_TOKENS:,} fit into a prompt "
        f"whole{room}, where a model reads them without an error, and hold too few facts to "
        "measure what was learned: put them into the prompt, or add documents",
    )


def on_known_text(found: Predicted | None) -> Advice | None:
    """Text that the base model predicts as well as general text."""
    if found is None or found.domain > found.general:
        return None
    return Advice(
        "known text",
        f"the base model predicts your text at {found.domain:.2f} bits per byte and general text "
        f"at {found.general:.2f} (a sample of {found.tokens:,} tokens): your text is no harder "
        "than what the model knows, so there may be little to learn; ask it first with steep ask",
    )


def on_exposures(
    median: float | None,
    steps: int,
    enough: tuple[str, float] | None,
    seconds: float | None,
) -> Advice | None:
    """A budget that shows the median fact fewer than 20 times.

    Args:
        median: times the median fact is met; None if no facts were found.
        enough: the budget under which it is met often enough, as key and value; None where
            each stage of a curriculum has its own.
        seconds: of training under that budget; None if nothing was measured.
    """
    if median is None or median >= FEW_EXPOSURES:
        return None
    change = "give its stages larger budgets"
    if enough is not None:
        key, value = enough
        change = f"train.{key} = {value} would give {ENOUGH_EXPOSURES}"
        if seconds is not None:
            change += f" (about {minutes(seconds)} of training here)"
    return Advice(
        "exposures",
        f"in {counted(steps, 'step')} half of the facts are met at most "
        f"{counted(median, 'time')}, and {FEW_EXPOSURES} are usually needed: {change}",
    )


def on_wordings(facts: int, few: int) -> Advice | None:
    """Facts of which most stand in fewer than three wordings.

    Args:
        facts: how many were found.
        few: how many of them stand in fewer.
    """
    if few <= MOSTLY * facts:
        return None
    return Advice(
        "wordings",
        f"{few:,} of {facts:,} facts stand in fewer than {FEW_WORDINGS} wordings, and what is met "
        f"in few wordings is recited rather than known: set retell.coverage = {FEW_WORDINGS}, or "
        "add documents that say the same in other words",
    )


def minutes(seconds: float) -> str:
    """A duration as a person would say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
