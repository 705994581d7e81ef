"""A tokenizer as a GGUF file holds it: tokens, their kinds, merges, and how text is split first.

Only byte-level BPE can be said exactly. llama.cpp knows the first split of a text (the
"pre-tokenizer") by name, so the name must stand for the very pattern that the tokenizer uses; a
pattern without a name is refused. Names and patterns: ``src/llama-vocab.cpp`` of llama.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steep.errors import ModelError

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5

_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
_BYTES = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
_GPT2 = {**_BYTES, "use_regex": True}


@dataclass(frozen=True)
class Splitting:
    """A first split that llama.cpp knows by ``name``.

    Attributes:
        steps: the same as the pre-tokenizers of a tokenizer.json.
        takes_whole: a piece that is a token stays one, whatever the merges say.
    """

    name: str
    steps: tuple[Mapping[str, Any], ...]
    takes_whole: bool = False


def _split(pattern: str) -> dict[str, Any]:
    regex = {"Regex": pattern}
    return {"type": "Split", "pattern": regex, "behavior": "Isolated", "invert": False}


SPLITTINGS = (
    Splitting("gpt-2", (_GPT2,)),
    Splitting("smollm", ({"type": "Digits", "individual_digits": True}, _GPT2)),
    Splitting("llama-bpe", (_split(_LLAMA3), _BYTES), takes_whole=True),
    Splitting("smaug-bpe", (_split(_LLAMA3), _BYTES)),
    Splitting("qwen2", (_split(_QWEN2), _BYTES)),
)


@dataclass(frozen=True)
class Words:
    """What the file says of the tokenizer; ``kinds`` are GGUF's token types, one per token."""

    splitting: Splitting
    tokens: tuple[str, ...]
    kinds: tuple[int, ...]
    merges: tuple[str, ...]
    adds_bos: bool
    adds_eos: bool
    ids: Mapping[str, int]
    chat_template: str | None


def words_of(tokenizer: Any, rows: int, end_of_turn: int | None = None) -> Words:
    """Read a tokenizer of transformers.

    Args:
        rows: of the embedding: a padded vocabulary's spare rows get names that no text has.
        end_of_turn: a token that ends an answer, beside the tokenizer's own end.

    Raises:
        ModelError: llama.cpp would read some text as other tokens.
    """
    raw = json.loads(tokenizer.backend_tokenizer.to_str())
    model = raw["model"]
    splitting = _check(raw)
    tokens = {int(number): token for token, number in model["vocab"].items()}
    kinds = dict.fromkeys(tokens, NORMAL)
    for added in raw["added_tokens"]:
        number = int(added["id"])
        tokens[number] = _checked(added)["content"]
        kinds[number] = CONTROL if added["special"] else USER_DEFINED
    if max(tokens) >= rows:
        raise ModelError(
            f"export.gguf: the tokenizer has {max(tokens) + 1:,} tokens, the model's embedding "
            f"only {rows:,} rows"
        )
    adds_bos, adds_eos = _ends(tokenizer)
    named = {
        "bos": tokenizer.bos_token_id,
        "eos": tokenizer.eos_token_id,
        "eot": end_of_turn,
        "unknown": tokenizer.unk_token_id,
        "padding": tokenizer.pad_token_id,
    }
    merges = (m if isinstance(m, str) else " ".join(m) for m in model["merges"])
    return Words(
        splitting=splitting,
        tokens=tuple(tokens.get(number, f"[PAD{number}]") for number in range(rows)),
        kinds=tuple(kinds.get(number, UNUSED) for number in range(rows)),
        merges=tuple(merges),
        adds_bos=adds_bos,
        adds_eos=adds_eos,
        ids={name: int(number) for name, number in named.items() if number is not None},
        chat_template=_template(tokenizer),
    )


def normal_form(tokenizer: Any) -> str | None:
    """ "NFC" if the tokenizer composes characters first, which llama.cpp leaves to the caller."""
    raw = json.loads(tokenizer.backend_tokenizer.to_str())["normalizer"]
    return None if raw is None else str(raw["type"])


def _check(raw: Mapping[str, Any]) -> Splitting:
    model = raw["model"]
    if model["type"] != "BPE" or model.get("byte_fallback"):
        kind = "BPE with byte fallback" if model["type"] == "BPE" else model["type"]
        raise ModelError(
            f"export.gguf: the tokenizer is {kind}; steep writes byte-level BPE only; "
            "remove export.gguf"
        )
    if raw["normalizer"] not in (None, {"type": "NFC"}):
        raise ModelError(
            "export.gguf: the tokenizer changes text before it splits it "
            f"({raw['normalizer']['type']}), which llama.cpp doesn't; remove export.gguf"
        )
    found = raw["pre_tokenizer"] or {"type": "none"}
    steps = found["pretokenizers"] if found["type"] == "Sequence" else [found]
    takes_whole = bool(model.get("ignore_merges"))
    for known in SPLITTINGS:
        same = len(steps) == len(known.steps) and all(
            all(step.get(name) == value for name, value in wanted.items())
            for step, wanted in zip(steps, known.steps, strict=True)
        )
        if same and takes_whole == known.takes_whole:
            return known
    raise ModelError(
        "export.gguf: the tokenizer splits text in a way that has no name in llama.cpp (known to "
        f"steep: {', '.join(known.name for known in SPLITTINGS)}); remove export.gguf"
    )


def _checked(added: Mapping[str, Any]) -> Mapping[str, Any]:
    """An added token that is found in a text wherever it stands, or a ModelError."""
    for name in ("single_word", "lstrip", "rstrip"):
        if added[name]:
            raise ModelError(
                f"export.gguf: the added token '{added['content']}' has {name} = true, which "
                "llama.cpp can't say; add it without, or remove export.gguf"
            )
    return added


def _ends(tokenizer: Any) -> tuple[bool, bool]:
    """Does the tokenizer put its begin and end tokens around a text?"""
    bare = list(tokenizer("a", add_special_tokens=False)["input_ids"])
    full = list(tokenizer("a")["input_ids"])
    for adds_bos in (False, True):
        for adds_eos in (False, True):
            before = [tokenizer.bos_token_id] if adds_bos else []
            after = [tokenizer.eos_token_id] if adds_eos else []
            if full == before + bare + after:
                return adds_bos, adds_eos
    raise ModelError(
        "export.gguf: the tokenizer puts other tokens around a text than its begin and end; "
        "remove export.gguf"
    )


def _template(tokenizer: Any) -> str | None:
    found = tokenizer.chat_template
    return found.get("default") if isinstance(found, dict) else found
