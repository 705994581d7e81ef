"""New tokens: a tokenizer and a model grown together, and never shrunk.

Learned tokens are continued merges (``merges.py``). Words of the user's list become added tokens
that match only as whole words: "TechCorp" is one token, "TechCorpus" is cut as before, and a space
before the word stays a token of its own, so that decoding gives back every byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from steep.errors import ModelError, RecipeError
from steep.model.merges import learn_merges, word_counts

ROWS_MULTIPLE = 64  # matrix sizes that suit every device's tiles


def with_learned(tokenizer: Any, texts: Iterable[str], tokens: int) -> Any:
    """A copy of a byte-level BPE tokenizer with up to ``tokens`` more merges, learned on texts.

    Raises:
        ModelError: the tokenizer is not byte-level BPE.
    """
    from transformers import AutoTokenizer

    with TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        path = Path(folder) / "tokenizer.json"
        saved = json.loads(path.read_text(encoding="utf-8"))
        model = saved["model"]
        if model["type"] != "BPE" or "ByteLevel" not in json.dumps(saved["pre_tokenizer"]):
            raise ModelError(
                "tokens can be learned only behind a byte-level BPE tokenizer; this one is "
                f"{model['type']}: list the words in new_tokens instead"
            )
        cut = tokenizer.backend_tokenizer.model.tokenize
        words: dict[tuple[str, ...], int] = {}
        for word, count in word_counts(tokenizer, texts).items():
            pieces = tuple(token.value for token in cut(word))
            words[pieces] = words.get(pieces, 0) + count
        pairs = learn_merges(words, set(tokenizer.get_vocab()), tokens)
        first = max(tokenizer.get_vocab().values()) + 1
        model["vocab"].update({a + b: first + place for place, (a, b) in enumerate(pairs)})
        listed = not model["merges"] or isinstance(model["merges"][0], list)
        model["merges"] += [[a, b] if listed else f"{a} {b}" for a, b in pairs]
        path.write_text(json.dumps(saved, ensure_ascii=False), encoding="utf-8")
        return AutoTokenizer.from_pretrained(folder)


def add_words(tokenizer: Any, words: Sequence[str]) -> None:
    """Make each word one token, in place; words that are one already are left alone.

    Raises:
        RecipeError: a word with space around it, or one that would not decode to itself.
    """
    from tokenizers import AddedToken

    for word in words:
        if not word or word != word.strip():
            raise RecipeError(f"new_tokens: {word!r} is empty or has space around it: remove it")
        tokenizer.add_tokens(
            [AddedToken(word, single_word=True, lstrip=False, rstrip=False, normalized=False)]
        )
        if tokenizer.decode(tokenizer.encode(word, add_special_tokens=False)) != word:
            raise RecipeError(
                f"new_tokens: {word!r} would not decode to itself with this model's tokenizer: "
                "leave it out and let it be learned from the documents"
            )


def sub_tokens(old: Any, new: Any) -> dict[int, list[int]]:
    """Each new token's id, and the ids that the old tokenizer cuts its text into."""
    before = set(old.get_vocab().values())
    added = new.backend_tokenizer.get_added_tokens_decoder()
    cut = old.backend_tokenizer.model.tokenize
    found = {}
    for token, number in new.get_vocab().items():
        if number not in before:
            if number in added:
                found[number] = old.encode(token, add_special_tokens=False)
            else:
                found[number] = [piece.id for piece in cut(token)]
    return dict(sorted(found.items()))


def grow_model(model: Any, parts: dict[int, list[int]], multiple: int = ROWS_MULTIPLE) -> None:
    """Give the model a row for every new token, in place; old rows keep their bits.

    Spare rows of a padded vocabulary are used before any are added, and none is ever taken away. A
    new row is the mean of its sub-tokens' rows, scaled to the mean of their norms (a plain mean is
    shorter than any token the model knows). A head of its own is treated likewise.
    """
    import torch

    if not parts:
        return
    rows = model.get_input_embeddings().weight.shape[0]
    if max(parts) >= rows:
        wanted = -(-(max(parts) + 1) // multiple) * multiple
        model.resize_token_embeddings(wanted, mean_resizing=False)
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    weights = {id(layer.weight): layer.weight for layer in layers if layer is not None}
    with torch.no_grad():
        for weight in weights.values():
            for number in range(max(rows, max(parts) + 1), weight.shape[0]):
                weight[number] = weight[:rows].mean(dim=0)
            for number, pieces in parts.items():
                weight[number] = matched_mean(weight[pieces])


def matched_mean(rows: Any) -> Any:
    """The mean of rows, shape (pieces, width), with the mean of their norms; shape (width,)."""
    mean = rows.float().mean(dim=0)
    length = mean.norm()
    wanted = rows.float().norm(dim=1).mean()
    return (mean * (wanted / length) if length > 0 else mean).to(rows.dtype)
