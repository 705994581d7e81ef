"""A tokenizer in a GGUF: split by the same rule, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from steep.errors import ModelError
from steep.export.gguf.read import load_gguf
from steep.export.gguf.words import words_of
from steep.export.gguf.write import write_gguf
from steep.export.strings import COUNT, strings
from tests.tiny import tiny_model, tiny_tokenizer

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
BYTES = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
SPLIT = pre_tokenizers.ByteLevel(add_prefix_space=False)


def _by(pattern: str) -> Any:
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), BYTES])


RULES: dict[str, Any] = {
    "gpt-2": SPLIT,
    "smollm": pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), SPLIT]),
    "qwen2": _by(QWEN2),
    "smaug-bpe": _by(LLAMA3),
}


# Broken by: a pattern under another's name in SPLITTINGS.
@pytest.mark.parametrize("name", RULES)
def test_the_split_is_named_and_gives_equal_ids(name: str, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = RULES[name]
    path = tmp_path / "model.gguf"
    write_gguf(tiny_model("llama", tokenizer), tokenizer, path, "Q8_0", "tiny")
    assert words_of(tokenizer, len(tokenizer)).splitting.name == name
    _, read = load_gguf(path)
    for text in strings():
        assert read(text)["input_ids"] == tokenizer(text)["input_ids"], text


def test_the_strings_are_a_thousand_and_tell_rules_apart() -> None:
    texts = strings(["TechCorp"])
    assert len(texts) == COUNT
    assert texts == strings(["TechCorp"])
    assert sum("TechCorp" in text for text in texts) > 50
    found = set()
    for rule in RULES.values():
        tokenizer = tiny_tokenizer([" 12 345 6789" * 9, "\n\n x", "don'T"])
        tokenizer.backend_tokenizer.pre_tokenizer = rule
        found.add(str(tokenizer(texts)["input_ids"]))
    assert len(found) == len(RULES)


@pytest.mark.parametrize("ends", ["", "bos", "eos", "bos eos"])
def test_begin_and_end_are_put_around_as_before(ends: str, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_special_tokens({"bos_token": "<bos>"})
    form = " ".join(["<bos>"] * ("bos" in ends) + ["$A"] + ["<eos>"] * ("eos" in ends))
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=form, special_tokens=[("<bos>", tokenizer.bos_token_id), ("<eos>", 0)]
    )
    words = words_of(tokenizer, len(tokenizer))
    assert (words.adds_bos, words.adds_eos) == ("bos" in ends, "eos" in ends)
    path = tmp_path / "model.gguf"
    write_gguf(tiny_model("llama", tokenizer), tokenizer, path, "Q8_0", "tiny")
    _, read = load_gguf(path)
    assert read("The fox")["input_ids"] == tokenizer("The fox")["input_ids"]


def test_other_tokens_around_a_text_are_refused() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <pad>", special_tokens=[("<pad>", 1)]
    )
    with pytest.raises(ModelError, match="other tokens around"):
        words_of(tokenizer, len(tokenizer))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"pre_tokenizer": pre_tokenizers.Whitespace()}, "no name in llama.cpp"),
        ({"pre_tokenizer": pre_tokenizers.ByteLevel(add_prefix_space=True)}, "no name in llama"),
        ({"pre_tokenizer": _by(r"\p{L}+")}, "no name in llama.cpp"),
        ({"normalizer": normalizers.Lowercase()}, "Lowercase"),
    ],
)
def test_what_llama_cpp_would_read_otherwise_is_refused(change: dict[str, Any], says: str) -> None:
    tokenizer = tiny_tokenizer()
    for name, value in change.items():
        setattr(tokenizer.backend_tokenizer, name, value)
    with pytest.raises(ModelError, match=says):
        words_of(tokenizer, len(tokenizer))


@pytest.mark.parametrize("option", ["single_word", "lstrip", "rstrip"])
def test_added_tokens_with_conditions_are_refused(option: str) -> None:
    from tokenizers import AddedToken

    tokenizer = tiny_tokenizer()
    options: dict[str, Any] = {option: True}
    tokenizer.add_tokens([AddedToken("TechCorp", **options)])
    with pytest.raises(ModelError, match=f"'TechCorp' has {option}"):
        words_of(tokenizer, len(tokenizer))


def test_other_kinds_of_tokenizer_are_refused() -> None:
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.WordLevel({"a": 0, "<eos>": 1}, unk_token="<eos>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>")
    with pytest.raises(ModelError, match="WordLevel"):
        words_of(tokenizer, 2)
