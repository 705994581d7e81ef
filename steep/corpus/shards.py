"""Token shards: every piece as tokens, cut into segments that fit a row, in one safetensors file.

A piece longer than a row becomes several segments. Each later one begins with the last token of
the one before, as context only, so that every token but a piece's first is a target exactly once.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from steep.artifact import read_json, write_json
from steep.corpus.piece import Piece
from steep.errors import ModelError

TOKENS_FILE = "tokens.safetensors"
PIECES_FILE = "pieces.json"

Ints = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.int32]

_MOST_UNKNOWN = 0.05  # of the documents' tokens; less are rare signs
_AT_ONCE = 1000
"""Pieces tokenised together: enough to keep all cores busy, few enough to be small in memory."""


@dataclass(frozen=True)
class Shards:
    """All training tokens of a run.

    Attributes:
        tokens: int32 [total], the segments one after another.
        starts: int64 [segments], where each segment begins in ``tokens``.
        lengths: int64 [segments], tokens per segment (at least 2, at most ``max_seq_length``).
        owners: int64 [segments], index of the piece in ``pieces``.
        firsts: int64 [segments], the first token of the segment that is a target (at least 1).
        pieces: the pieces, their text left out.
    """

    tokens: Tokens
    starts: Ints
    lengths: Ints
    owners: Ints
    firsts: Ints
    pieces: tuple[Piece, ...]

    def segment(self, index: int) -> Tokens:
        """Token ids of one segment."""
        start = int(self.starts[index])
        return self.tokens[start : start + int(self.lengths[index])]

    def targets(self) -> Ints:
        """int64 [segments]: target tokens per segment."""
        return self.lengths - self.firsts

    def is_general(self) -> npt.NDArray[np.bool_]:
        """bool [segments]: which segments are replay."""
        kinds = np.array([piece.kind == "general" for piece in self.pieces], dtype=bool)
        return kinds[self.owners] if len(self.owners) else np.zeros(0, dtype=bool)


def encode(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    """Token ids of whole documents: BOS only if the tokenizer's own habit, exactly one EOS.

    Special tokens spelled out inside a text are encoded as plain text, never as the token.
    """
    start = _start(tokenizer)
    return [[*start, *ids, tokenizer.eos_token_id] for ids in _bare(texts, tokenizer)]


def _encode_pieces(
    pieces: Iterable[Piece], tokenizer: Any
) -> Iterator[tuple[Piece, list[int], int]]:
    """Each piece with its token ids and its first target; a prompt's tokens are no targets."""
    start = len(_start(tokenizer))
    left = iter(pieces)
    while some := list(islice(left, _AT_ONCE)):
        prompts = _bare([piece.prompt for piece in some], tokenizer)
        whole = encode([piece.text for piece in some], tokenizer)
        for piece, prompt, ids in zip(some, prompts, whole, strict=True):
            first = start + len(prompt) if prompt else 1
            yield piece, [*ids[:start], *prompt, *ids[start:]], first


def _bare(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    if not texts:
        return []
    backend = getattr(tokenizer, "backend_tokenizer", None)
    tried = [next(filter(None, texts), "")]  # an empty one, as most prompts are, tells nothing
    found = _ids_alone(tried, backend) if backend is not None else []
    if found != _by_call(tried, tokenizer):  # a class with habits of its own
        return _by_call(texts, tokenizer)
    return _ids_alone(texts, backend)


def _by_call(texts: Sequence[str], tokenizer: Any) -> list[list[int]]:
    encoded = tokenizer(
        list(texts), add_special_tokens=False, split_special_tokens=True, verbose=False
    )
    return [list(ids) for ids in encoded["input_ids"]]


def _ids_alone(texts: Sequence[str], backend: Any) -> list[list[int]]:
    """As ``_by_call``, by a tokenizers object that needn't also note where each token stood."""
    backend.no_truncation()
    backend.no_padding()
    before = backend.encode_special_tokens
    backend.encode_special_tokens = True
    try:
        encoded = backend.encode_batch_fast(list(texts), add_special_tokens=False)
    finally:
        backend.encode_special_tokens = before
    return [encoding.ids for encoding in encoded]


def _start(tokenizer: Any) -> list[int]:
    return [tokenizer.bos_token_id] if _adds_bos(tokenizer) else []


def _adds_bos(tokenizer: Any) -> bool:
    if tokenizer.bos_token_id is None:
        return False
    ids = tokenizer("a", add_special_tokens=True)["input_ids"]
    return bool(ids) and ids[0] == tokenizer.bos_token_id


def build_shards(pieces: Iterable[Piece], tokenizer: Any, max_seq_length: int) -> Shards:
    """Tokenise pieces and cut them into segments of at most ``max_seq_length`` tokens.

    Pieces may come one by one; only their tokens are kept, not their texts.
    """
    flat = array("i")
    starts, lengths, owners, firsts = array("q"), array("q"), array("q"), array("q")
    bare: list[Piece] = []
    for owner, (piece, ids, first) in enumerate(_encode_pieces(pieces, tokenizer)):
        bare.append(replace(piece, text="", prompt=""))
        for begin in range(0, max(1, len(ids) - 1), max_seq_length - 1):
            segment = ids[begin : begin + max_seq_length]
            if first - begin >= len(segment):  # nothing but prompt: no target to train
                continue
            firsts.append(max(1, first - begin))
            starts.append(len(flat))
            lengths.append(len(segment))
            owners.append(owner)
            flat.extend(segment)
    return Shards(
        np.asarray(flat, dtype=np.int32),  # the very memory, no copy
        np.asarray(starts, dtype=np.int64),
        np.asarray(lengths, dtype=np.int64),
        np.asarray(owners, dtype=np.int64),
        np.asarray(firsts, dtype=np.int64),
        tuple(bare),
    )


def refuse_unknown(shards: Shards, tokenizer: Any) -> None:
    """Refuse documents that the tokenizer has no tokens for: there'd be nothing to learn.

    Raises:
        ModelError: too much of the documents is its unknown token.
    """
    unknown = tokenizer.unk_token_id
    if unknown is None or unknown == tokenizer.eos_token_id:  # GPT-2's, which reads every byte
        return
    own = ~shards.is_general()
    of_own = np.repeat(own, shards.lengths)
    share = float((shards.tokens[of_own] == unknown).mean()) if of_own.any() else 0.0
    if share > _MOST_UNKNOWN:
        raise ModelError(
            f"model: its tokenizer has no tokens for the letters of your documents: {share:.0%} of "
            "them become its unknown token, of which nothing can be learned; choose a model whose "
            "tokenizer reads any text"
        )


def save_shards(shards: Shards, folder: Path) -> None:
    """Write the shards' two files into ``folder``."""
    save_file(
        {
            "tokens": shards.tokens,
            "starts": shards.starts,
            "lengths": shards.lengths,
            "owners": shards.owners,
            "firsts": shards.firsts,
        },
        folder / TOKENS_FILE,
    )
    write_json(folder / PIECES_FILE, [[p.kind, p.document, list(p.facts)] for p in shards.pieces])


def load_shards(folder: Path) -> Shards:
    """Read what ``save_shards`` wrote."""
    arrays = load_file(folder / TOKENS_FILE)
    pieces = tuple(
        Piece(kind, document, "", tuple(facts))
        for kind, document, facts in read_json(folder / PIECES_FILE)
    )
    return Shards(
        arrays["tokens"],
        arrays["starts"],
        arrays["lengths"],
        arrays["owners"],
        arrays["firsts"],
        pieces,
    )
