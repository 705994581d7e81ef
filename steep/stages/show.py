"""A look at documents before training: what was cleaned away, and what would be trained."""

from __future__ import annotations

import difflib
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from steep.corpus.retell import retell
from steep.documents.read import texts_before_cleaning
from steep.documents.record import Document
from steep.recipe import Recipe
from steep.stages.inputs import read_inputs

_MOST_WORDS = 4_000
"""Compared of either text; what cleaning does shows in as many."""


@dataclass(frozen=True)
class Change:
    """Words that cleaning took out and put in their place, and what stood before them."""

    before: str
    removed: str
    added: str


@dataclass(frozen=True)
class Look:
    """One document as it would be trained.

    Attributes:
        document: after cleaning.
        lines_joined: line breaks fewer than before; None where the file can't be read again (a
            data set of the Hub, a database).
        changes: words taken out or changed, in order.
        cut: lines and paragraphs left to the first document that has them.
        forms: the first of each kind of retelling, by its kind.
    """

    document: Document
    lines_joined: int | None
    changes: tuple[Change, ...]
    cut: tuple[str, ...]
    forms: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """As ``steep prepare --show --json`` prints it."""
        return asdict(self)


def look(recipe: Recipe, count: int) -> list[Look]:
    """Look at so many documents that would be trained, drawn by the recipe's seed; writes nothing.

    Raises:
        UserInputError: the recipe's paths can't be used as they are.
    """
    inputs = read_inputs(recipe)
    trained = inputs.split.trained
    drawn = random.Random(f"{recipe.seed} show").sample(
        range(len(trained)), min(count, len(trained))
    )
    shown = [trained[index] for index in sorted(drawn)]
    names = [*(recipe.data.domain or ()), *(n for s in recipe.train.stages for n in s.domain)]
    before = texts_before_cleaning(names, shown)
    cut = inputs.collection.cut
    return [_look(recipe, d, before.get(d.id), cut.get(d.id, ())) for d in shown]


def _look(recipe: Recipe, document: Document, before: str | None, cut: Sequence[str]) -> Look:
    pieces = retell([document], recipe.retell, random.Random(recipe.seed))
    forms: dict[str, str] = {piece.kind: piece.prompt + piece.text for piece in reversed(pieces)}
    forms.pop("document", None)
    if before is None:
        return Look(document, None, (), tuple(cut), forms)
    joined = max(0, before.count("\n") - document.text.count("\n"))
    return Look(document, joined, tuple(_changes(before, document.text)), tuple(cut), forms)


def _changes(before: str, after: str) -> list[Change]:
    old, new = before.split()[:_MOST_WORDS], after.split()[:_MOST_WORDS]
    found = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    if len(old) == len(new) == _MOST_WORDS and found[-1][0] != "equal":
        found.pop()  # where one of the texts was broken off
    return [
        Change(" ".join(old[max(0, i - 4) : i]), " ".join(old[i:j]), " ".join(new[k:m]))
        for kind, i, j, k, m in found
        if kind != "equal"
    ]
