"""Rows of a table as a document's text has them: "Model: Vogelsberg; Frame: steel"."""

from __future__ import annotations

import re

_PAIR = re.compile(r"\s*([^:;]{2,40}):\s+([^;\s][^;]*);?\s*$")
_BETWEEN = "; "


def pairs_of(sentence: str) -> list[tuple[str, str]]:
    """The (name, value) pairs of a row, two at least; empty for any other sentence."""
    if _BETWEEN not in sentence:
        return []
    found = [_PAIR.match(part) for part in sentence.split(_BETWEEN)]
    pairs = [
        (pair[1], pair[2].rstrip().removesuffix(".").rstrip()) for pair in found if pair is not None
    ]
    return pairs if len(pairs) == len(found) else []


def names_in(sentence: str) -> list[tuple[int, int]]:
    """Where the names of a row's values stand, as (start, end); empty for any other sentence."""
    places: list[tuple[int, int]] = []
    at = 0
    for part in sentence.split(_BETWEEN) if pairs_of(sentence) else ():
        places.append((at, at + part.index(":")))
        at += len(part) + len(_BETWEEN)
    return places
