"""Replay between rows: general text that goes with them, so that answering costs no English."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_LEAST_TOKENS = 64  # what begins in the middle of a text says little before that


class Replay:
    """Gives general text to go with rows by its share of tokens, evenly and for ever.

    Texts come in random order, each once before any comes again, and each in pieces as long as
    what is due.
    """

    def __init__(self, texts: Sequence[Sequence[int]], share: float, seed: int) -> None:
        """
        Args:
            texts: token ids of each; none for no replay.
            share: of all tokens, from 0 to below 1, the rows' prompts included.
        """
        self._texts = [[int(token) for token in text] for text in texts if len(text) > 1]
        self._per_token = share / (1.0 - share) if self._texts else 0.0
        self._rng = random.Random(f"replay:{seed}")
        self._order = self._forever()
        self._left: list[int] = []
        self._owed = 0.0

    def due(self, tokens: int) -> list[list[int]]:
        """Pieces to go with rows of so many tokens; none while fewer than 64 tokens are owed."""
        self._owed += self._per_token * tokens
        pieces: list[list[int]] = []
        while self._owed >= _LEAST_TOKENS:
            if len(self._left) < 2:
                self._left = next(self._order)
            take = int(self._owed)
            piece, self._left = self._left[:take], self._left[take:]
            pieces.append(piece)
            self._owed -= len(piece)
        return pieces

    def _forever(self) -> Iterator[list[int]]:
        while True:
            yield from self._rng.sample(self._texts, len(self._texts))
