"""Tokens on disk: one end mark a document, no token lost, each a target once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steep.corpus.piece import Piece
from steep.corpus.shards import (
    Shards,
    build_shards,
    encode,
    load_shards,
    refuse_unknown,
    save_shards,
)
from steep.errors import ModelError
from tests.tiny import tiny_tokenizer

LONG = " ".join(f"word{n} is {n * 7919 % 1000} and so on." for n in range(700))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer([LONG[:4000]])


def _pieces(*texts: str) -> list[Piece]:
    return [Piece("document", f"d{n}", text, (n,)) for n, text in enumerate(texts)]


def _whole(shards: Shards, owner: int) -> list[int]:
    """A piece's tokens put together again from its segments, each overlap left out."""
    segments = [shards.segment(int(i)) for i in np.flatnonzero(shards.owners == owner)]
    return [*segments[0], *(int(t) for segment in segments[1:] for t in segment[1:])]


# Broken by: no eos in encode, or eos added per segment.
def test_exactly_one_end_mark_a_document(tokenizer: Any) -> None:
    texts = ["One.\n\nTwo.", "a\nb\nc", LONG, "हिन्दी"]
    shards = build_shards(_pieces(*texts), tokenizer, 64)
    for owner, text in enumerate(texts):
        ids = _whole(shards, owner)
        assert ids.count(tokenizer.eos_token_id) == 1
        assert ids[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(ids[:-1]) == text


# Broken by: split_special_tokens=False.
@pytest.mark.parametrize("text", ["a <eos> b", "<eos>", "x<pad><eos>y"])
def test_special_tokens_spelled_out_are_plain_text(tokenizer: Any, text: str) -> None:
    (ids,) = encode([text], tokenizer)
    assert ids[:-1].count(tokenizer.eos_token_id) == 0
    assert tokenizer.pad_token_id not in ids
    assert tokenizer.decode(ids[:-1]) == text
    # and the tokenizer itself is left as it was
    assert tokenizer("<eos>")["input_ids"] == [tokenizer.eos_token_id]


# Broken by: range(0, max_seq_length, …) in build_shards, or a stride of max_seq_length.
@pytest.mark.parametrize("max_seq_length", [16, 64, 127])
def test_every_token_of_a_long_document_is_there_and_a_target_once(
    tokenizer: Any, max_seq_length: int
) -> None:
    (ids,) = encode([LONG], tokenizer)
    assert len(ids) > 5000
    shards = build_shards(_pieces(LONG), tokenizer, max_seq_length)
    assert _whole(shards, 0) == ids
    assert shards.lengths.max() <= max_seq_length
    assert shards.lengths.min() >= 2
    targets = [int(t) for i in range(len(shards.starts)) for t in shards.segment(i)[1:]]
    assert targets == ids[1:]


# Broken by: range(0, len(ids), …) in build_shards.
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_no_segment_without_a_target(tokenizer: Any, extra: int) -> None:
    """Lengths just at, under and over a multiple of the stride leave no lone token."""
    base = "a" * 200
    (ids,) = encode([base], tokenizer)
    assert (len(ids) - 1) % 4 == 0
    length = (len(ids) - 1) // 4 + 1 + extra
    shards = build_shards(_pieces(base), tokenizer, length)
    assert shards.lengths.min() >= 2
    assert int((shards.lengths - 1).sum()) == len(ids) - 1


def test_a_start_token_only_if_it_is_the_tokenizers_habit(tokenizer: Any) -> None:
    from tokenizers.processors import TemplateProcessing

    (plain,) = encode(["abc"], tokenizer)
    habit = tiny_tokenizer([LONG[:4000]])
    habit.add_special_tokens({"bos_token": "<bos>"})
    assert encode(["abc"], habit) == [plain]
    habit.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", habit.bos_token_id)]
    )
    assert encode(["abc"], habit) == [[habit.bos_token_id, *plain]]


# Broken by: firsts of 1 everywhere.
@pytest.mark.parametrize("max_seq_length", [16, 32, 64, 512])
def test_a_prompt_is_context_and_its_answer_the_target(tokenizer: Any, max_seq_length: int) -> None:
    piece = Piece("cloze", "d", " a word and another", (1,), LONG[:90])
    shards = build_shards([piece], tokenizer, max_seq_length)
    assert (shards.targets() > 0).all()  # a segment of prompt alone would train nothing
    parts = [
        int(t) for i, first in enumerate(shards.firsts) for t in shards.segment(i)[int(first) :]
    ]
    (answer,) = encode([piece.text], tokenizer)
    assert parts == answer
    if max_seq_length == 512:
        (prompt,) = encode([piece.prompt], tokenizer)
        assert shards.segment(0).tolist() == [*prompt[:-1], *answer]


def test_nothing_gives_nothing(tokenizer: Any) -> None:
    assert encode([], tokenizer) == []
    shards = build_shards([], tokenizer, 64)
    assert len(shards.tokens) == 0
    assert len(shards.is_general()) == 0


def test_shards_read_back_bit_for_bit(tokenizer: Any, tmp_path: Path) -> None:
    pieces: Sequence[Piece] = [*_pieces("One.", LONG), Piece("general", "g", "General text.")]
    pieces = [*pieces, Piece("cloze", "d1", " four", (1,), "Two and two are")]
    shards = build_shards(pieces, tokenizer, 32)
    save_shards(shards, tmp_path)
    back = load_shards(tmp_path)
    for name in ("tokens", "starts", "lengths", "owners", "firsts"):
        ours, theirs = getattr(shards, name), getattr(back, name)
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    assert back.pieces == shards.pieces
    assert all(piece.text == "" for piece in back.pieces)
    assert back.is_general().sum() == np.sum(shards.owners == 2)


# Broken by: asking the tokenizer's inner object without looking whether its class does the same, or
# looking at an empty text, as a document's prompt is.
def test_a_class_with_habits_of_its_own_keeps_them(
    tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["The quick brown fox", "jumps over", "the lazy dog."]
    call = type(tokenizer).__call__

    def shouting(self: Any, texts: Any, **options: Any) -> Any:
        return call(self, [text.upper() for text in texts], **options)

    plain = encode(texts, tokenizer)
    monkeypatch.setattr(type(tokenizer), "__call__", shouting)
    monkeypatch.setattr("steep.corpus.shards._start", lambda _: [])
    loud = encode(texts, tokenizer)
    assert loud != plain
    assert [tokenizer.decode(ids[:-1]) for ids in loud] == [text.upper() for text in texts]
    pieces = [Piece("document", "d", "First."), Piece("cloze", "d", " fox", prompt="The quick")]
    shards = build_shards(pieces, tokenizer, 64)
    assert tokenizer.decode(shards.segment(1)[:-1]) == "THE QUICK FOX"


# Broken by: counting replay's tokens; taking GPT-2's unknown token, which ends its texts, for one.
def test_documents_in_letters_without_tokens_are_refused() -> None:
    from tests.model.test_vocabulary import pieces_of_words

    words = pieces_of_words("first")
    words.add_special_tokens({"eos_token": "<eos>"})
    known = [Piece("text", "a", "the quick fox in Paris"), Piece("general", "g", "हिन्दी " * 99)]
    refuse_unknown(build_shards(known, words, 64), words)
    foreign = [*known, Piece("text", "b", "हिन्दी भाषा " * 9)]
    with pytest.raises(ModelError, match=r"no tokens for the letters of your documents: \d\d%"):
        refuse_unknown(build_shards(foreign, words, 64), words)
    ends = tiny_tokenizer()
    ends.unk_token = ends.eos_token
    refuse_unknown(build_shards([Piece("text", "a", "x")], ends, 64), ends)
