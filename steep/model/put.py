"""Ways to put tokens into a tokenizer: into its tokenizer.json, or beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from steep.errors import ModelError
from steep.model.merges import join

Saved = dict[str, Any]
"""The content of a tokenizer.json."""
_EDGE = r"[\p{L}\p{M}\p{N}_]"  # what a word goes on with


def cut_of(tokenizer: Any, piece: str) -> list[int]:
    """The ids of the tokens that a piece of text is cut into."""
    return [token.id for token in tokenizer.backend_tokenizer.model.tokenize(piece)]


def top(tokenizer: Any) -> int:
    """The largest id."""
    return int(max(tokenizer.get_vocab().values()))


def put_whole(saved: Saved, by: Any, pieces: Iterable[str]) -> None:
    """Tokens without merges, taken where a piece of text is exactly that; merges never give them.

    Raises:
        ModelError: an old token is reached by no merge, and would be found then.
    """
    added = {token["content"] for token in saved["added_tokens"]}
    if not saved["model"].get("ignore_merges"):
        for token, number in saved["model"]["vocab"].items():
            if token not in added and cut_of(by, token) != [number]:
                raise ModelError(
                    "vocabulary.whole_words: this tokenizer has tokens that its merges don't "
                    "reach, and old text would change; set it to false"
                )
    saved["model"]["ignore_merges"] = True
    _put_tokens(saved, pieces)


def put_merged(saved: Saved, by: Any, pieces: Iterable[str]) -> None:
    """Tokens that the last merges give, from left to right over what the pieces are cut into."""
    pairs: list[tuple[str, str]] = []
    for piece in pieces:
        cut = [token.value for token in by.backend_tokenizer.model.tokenize(piece)]
        for pair in pairs:
            cut = join(cut, pair)
        while len(cut) > 1:
            pairs.append((cut[0], cut[1]))
            cut = join(cut, pairs[-1])  # wherever the two stand, as the tokenizer will
    put_merges(saved, pairs)


def put_merges(saved: Saved, pairs: Sequence[tuple[str, str]]) -> None:
    """Merges behind those that are there, and the tokens they give."""
    model = saved["model"]
    _put_tokens(saved, [a + b for a, b in pairs])
    listed = not model["merges"] or isinstance(model["merges"][0], list)
    model["merges"] += [[a, b] if listed else f"{a} {b}" for a, b in pairs]


def _put_tokens(saved: Saved, tokens: Iterable[str]) -> None:
    vocabulary = saved["model"]["vocab"]
    added = [int(token["id"]) for token in saved["added_tokens"]]
    number = max([*vocabulary.values(), *added]) + 1
    for token in dict.fromkeys(tokens):
        if token not in vocabulary:
            vocabulary[token] = number
            number += 1


def split_at(saved: Saved, words: Iterable[str]) -> None:
    """Have words be pieces of their own, with the space before them, where they are whole words.

    Patterns as Llama 3's and Qwen's take a mark and the letters behind it together: "(TechCorp".
    """
    longest_first = sorted(words, key=len, reverse=True)
    either = "|".join(re.escape(word) for word in longest_first)
    regex = {"Regex": rf"(?: |(?<!{_EDGE}))(?:{either})(?!{_EDGE})"}
    split = {"type": "Split", "pattern": regex, "behavior": "Isolated", "invert": False}
    before = saved["pre_tokenizer"]
    steps = before["pretokenizers"] if before["type"] == "Sequence" else [before]
    saved["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": [split, *steps]}


def add_apart(tokenizer: Any, words: Mapping[str, bool]) -> None:
    """Words that splitting tears, such as COVID-19: they are found before text is split.

    Args:
        words: each with whether it is only to be found as a whole word.
    """
    from tokenizers import AddedToken

    known = tokenizer.get_vocab()
    tokenizer.add_tokens(
        [
            AddedToken(word, single_word=alone, lstrip=False, rstrip=False, normalized=False)
            for word, alone in words.items()
            if word not in known
        ]
    )


def reserve(tokenizer: Any, length: int) -> None:
    """Add tokens that stand in no text, up to ``length`` ids."""
    from tokenizers import AddedToken

    first = top(tokenizer) + 1
    tokenizer.add_tokens(
        [
            AddedToken(f"<|reserved_{number}|>", special=True, normalized=False)
            for number in range(first, length)
        ],
        special_tokens=True,
    )
