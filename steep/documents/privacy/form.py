"""What one kind of secret or personal number looks like in a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple


def _always(match: re.Match[str]) -> bool:
    return True


class Form(NamedTuple):
    """One kind, and how it is found.

    ``within``: pieces of text without one of which there is none (they are looked for first,
    being quick to find); ``sign``: a sign that each of them holds (one sign is found quicker
    still); ``pattern``: its last group that took part, or all of it, is what is blanked;
    ``check``: whether it really is one.
    """

    kind: str
    within: tuple[str, ...]
    pattern: re.Pattern[str]
    check: Callable[[re.Match[str]], bool] = _always
    sign: str = ""

    def may_be_in(self, text: str) -> bool:
        """False if there surely is none; quickly told."""
        if self.sign in text:
            for piece in self.within:
                if piece in text:
                    return True
        return False

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the text holds one, in order and without overlaps."""
        found: list[tuple[int, int]] = []
        end = 0
        for match in self.pattern.finditer(text):
            span = match.span(match.lastindex or 0)
            if span[0] >= end and "[redacted " not in text[slice(*span)] and self.check(match):
                found.append(span)
                end = span[1]
        return found
