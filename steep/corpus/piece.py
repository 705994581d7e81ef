"""A piece: one stretch of training text, with where it came from and which facts it states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PieceKind = Literal[
    "document",
    "permuted",
    "cloze",
    "question",
    "reversed",
    "record",
    "restored",
    "rewritten",
    "general",
]


@dataclass(frozen=True)
class Piece:
    """One training text, a document of its own to the model (it never sees another piece).

    Attributes:
        kind: the document itself, a retelling of it, or general text for replay.
        document: id of the document it was made from.
        text: the text; the end-of-text token is added when it is tokenised.
        prompt: what stands before the text as context only; none of it is a target.
        facts: hashes of the (subject, value) pairs it states, so that packing can keep two
            forms of one fact out of the same window.
        wordings: for each of ``facts`` the hash of the wording it is stated in; a fact stands
            there once for each. Empty where wordings aren't told apart: then the piece is one.
    """

    kind: PieceKind
    document: str
    text: str
    facts: tuple[int, ...] = ()
    prompt: str = ""
    wordings: tuple[int, ...] = ()
