"""The user's pairs of sentences in two languages, each with other sentences to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steep.artifact import text_hash
from steep.errors import UserInputError
from steep.proof.questions import read_given

OTHERS = 9
MOST_PAIRS = 100
"""More pairs would add little to what is known and minutes to the evaluation."""


@dataclass(frozen=True)
class Translation:
    """A sentence, its translation, and other sentences of that language."""

    id: str
    source: str
    target: str
    others: tuple[str, ...]


def load_translations(path: str | Path) -> tuple[Translation, ...]:
    """Read pairs, one a line: a sentence, a tab, its translation. Of many, 100 are chosen by hash.

    A sentence that stands in several lines is asked once, with its first translation: another
    would be as right as that one, and may not stand beside it.

    Raises:
        UserInputError: the file is missing or not UTF-8, a line isn't a pair, or there are fewer
            than ten different translations.
    """
    path = Path(path)
    pairs = _chosen(_one_of_each(_pairs(path)))
    targets = sorted({target for _, _, target in pairs})
    if len(targets) <= OTHERS:
        raise UserInputError(
            f"{path}: {len(targets)} different translations; give at least {OTHERS + 1}, so that "
            f"each stands beside {OTHERS} others"
        )
    return tuple(
        Translation(id, source, target, _nearest(target, targets)) for id, source, target in pairs
    )


def _pairs(path: Path) -> list[tuple[str, str, str]]:
    """(id, sentence, translation) of each line that isn't blank."""
    text = read_given(path, "pairs of sentences (TSV)")
    found: list[tuple[str, str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2 or not all(cells):
            filled = sum(map(bool, cells))
            raise UserInputError(
                f"{path} line {number} has {len(cells)} columns, {filled} of them filled; write a "
                "sentence, a tab and its translation"
            )
        found.append((f"line {number}", cells[0], cells[1]))
    return found


def _one_of_each(pairs: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """The first pair of each sentence, whatever its capitals and spaces."""
    first: dict[str, tuple[str, str, str]] = {}
    for pair in pairs:
        first.setdefault(" ".join(pair[1].casefold().split()), pair)
    return list(first.values())


def _chosen(pairs: Sequence[tuple[str, str, str]]) -> list[tuple[str, str, str]]:
    """At most ``MOST_PAIRS``, in their order."""
    ranked = sorted(pairs, key=lambda pair: text_hash("\x1f".join(pair[1:])))
    kept = set(ranked[:MOST_PAIRS])
    return [pair for pair in pairs if pair in kept]


def _nearest(target: str, targets: Sequence[str]) -> tuple[str, ...]:
    """The nine other translations nearest in length: length may not give the answer away."""
    size = len(target.encode("utf-8"))
    others = [other for other in targets if other != target]
    return tuple(sorted(others, key=lambda o: abs(len(o.encode("utf-8")) - size))[:OTHERS])
