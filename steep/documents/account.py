"""What a collection holds, in figures for the ledger and the report."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any

from steep.documents.formats import suffix
from steep.documents.read import Collection

UNKNOWN = "unknown"
_LENGTHS = (0, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000)
"""Characters at which a bin of the histogram begins."""


def account(collection: Collection) -> dict[str, Any]:
    """Documents and characters by kind of file, languages, lengths, flags, what cleaning did.

    A bin of ``lengths`` counts the documents of at least its first and at most its second number
    of characters (none: no end), ``[first, second, documents]``.
    """
    documents = collection.documents
    kinds: Counter[str] = Counter()
    characters: Counter[str] = Counter()
    for document in documents:
        kind = _kind(document.source)
        kinds[kind] += 1
        characters[kind] += len(document.text)
    return {
        "by_kind": {
            kind: {"documents": count, "characters": characters[kind]}
            for kind, count in kinds.most_common()
        },
        "lengths": _bins([len(document.text) for document in documents]),
        "by_language": dict(Counter(d.language or UNKNOWN for d in documents).most_common()),
        "dated": sum(bool(d.date) for d in documents),
        "flags": dict(Counter(flag for d in documents for flag in d.flags).most_common()),
        "flagged": sum(bool(d.flags) for d in documents),
        "cleaning": dict(collection.cleaning),
        "repeated_paragraphs": dict(collection.repeats),
    }


def _kind(source: str) -> str:
    if "://" in source:
        return source.partition("://")[0]
    return suffix(source).lstrip(".") or "no suffix"


def _bins(sizes: Sequence[int]) -> list[list[int | None]]:
    counts = Counter(bisect_right(_LENGTHS, size) - 1 for size in sizes)
    ends = [*(first - 1 for first in _LENGTHS[1:]), None]
    return [
        [first, end, counts[number]]
        for number, (first, end) in enumerate(zip(_LENGTHS, ends, strict=True))
    ]
