"""What cleaning did, in characters: every one read is kept or counted as taken out, with why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steep.errors import LedgerError

READ = "read"
REASONS = ("left out", "line breaks", "repair", "redaction", "copies", "repeated")
"""Why characters aren't in a document any more. "repair" and "redaction" may add some (below
zero); "left out" are texts that are empty or too large."""
LINES_JOINED, WORDS_MENDED = "lines joined", "words mended"
LINES_CUT, PARAGRAPHS_CUT = "repeated lines cut", "repeated paragraphs cut"
EVENTS = (LINES_JOINED, WORDS_MENDED, LINES_CUT, PARAGRAPHS_CUT)


@dataclass
class Tally:
    """What was found in texts, and what was done to them."""

    privacy: Counter[str] = field(default_factory=Counter)
    cleaning: Counter[str] = field(default_factory=Counter)

    def took(self, reason: str, before: str, after: str) -> str:
        """Count what a step of cleaning took out, and return what it left."""
        self.cleaning[reason] += len(before) - len(after)
        return after


def characters_kept(cleaning: Mapping[str, int]) -> int:
    """What must be left, by the books."""
    return cleaning.get(READ, 0) - sum(cleaning.get(reason, 0) for reason in REASONS)


def balance(cleaning: Mapping[str, int], kept: int) -> dict[str, Any]:
    """The books of cleaning, in characters, with ``kept`` of them in documents.

    Raises:
        LedgerError: they don't add up.
    """
    taken = {reason: cleaning.get(reason, 0) for reason in REASONS}
    read = cleaning.get(READ, 0)
    if characters_kept(cleaning) != kept:
        raise LedgerError(
            f"{read:,} characters were read, but {kept:,} kept and {sum(taken.values()):,} taken "
            "out; this is a bug in steep"
        )
    return {
        "characters_read": read,
        "characters_kept": kept,
        "taken_out": taken,
        **{name.replace(" ", "_"): cleaning.get(name, 0) for name in EVENTS},
    }


def add_books(books: Sequence[Mapping[str, Any]], kept: int) -> dict[str, Any]:
    """The books of several readings as one; a text that two of them kept is a copy in the second.

    Raises:
        LedgerError: they don't add up.
    """
    sums: Counter[str] = Counter()
    for one in books:
        sums[READ] += one["characters_read"]
        sums.update(one["taken_out"])
        sums.update({name: one[name.replace(" ", "_")] for name in EVENTS})
    sums["copies"] += characters_kept(sums) - kept
    return balance(sums, kept)
