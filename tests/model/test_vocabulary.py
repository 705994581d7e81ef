"""Grown vocabularies: exact round trips, reachable tokens, old rows untouched."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.errors import RecipeError
from steep.model.vocabulary import add_words, grow_model, sub_tokens, with_learned
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = ["नमस्ते दुनिया, यह एक परीक्षण है।", "मरहबा مرحبا بالعالم", "zebra zebras zebraic"] * 3


def grown(words: tuple[str, ...] = ("TechCorp",)) -> tuple[Any, Any]:
    old = tiny_tokenizer()
    new = with_learned(old, TEXTS, 60)
    add_words(new, words)
    return old, new


def ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


def test_ten_thousand_strings_survive_a_round_trip() -> None:
    _, new = grown()
    draw = random.Random(0)
    alphabet = [*"aeTc \n\t.,0é\u0301\u200d\u200fहिन्दी مرحبا中😀", "TechCorp", " TechCorp", "zebra"]
    for _ in range(10_000):
        text = "".join(draw.choices(alphabet, k=draw.randrange(24)))
        assert new.decode(ids(new, text), clean_up_tokenization_spaces=False) == text


def test_every_new_token_is_reached() -> None:
    # Seen to fail with the merges left out of tokenizer.json.
    old, new = grown()
    parts = sub_tokens(old, new)
    assert len(parts) > 40
    cut = new.backend_tokenizer.model.tokenize
    added = new.backend_tokenizer.get_added_tokens_decoder()
    for number in parts:
        token = new.convert_ids_to_tokens(number)
        assert number in added or [piece.id for piece in cut(token)] == [number]


def test_a_word_is_one_token_and_is_not_cut_out_of_longer_ones() -> None:
    # Seen to fail with single_word=False.
    old, new = grown()
    number = new.convert_tokens_to_ids("TechCorp")
    assert ids(new, "TechCorp") == [number]
    assert number in ids(new, "at TechCorp, then")
    assert ids(new, "TechCorpus") == ids(old, "TechCorpus")


def test_a_word_that_would_not_decode_is_refused() -> None:
    with pytest.raises(RecipeError, match="new_tokens"):
        grown((" TechCorp",))


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
def test_old_rows_keep_their_bits_and_new_ones_have_their_parts_norm(kind: Any) -> None:
    # Seen to fail with plain means.
    old, new = grown()
    parts = sub_tokens(old, new)
    model = tiny_model(kind, old)
    before = model.get_input_embeddings().weight.detach().clone()
    head = model.get_output_embeddings().weight.detach().clone()
    grow_model(model, parts)
    after = model.get_input_embeddings().weight
    assert after.shape[0] % 64 == 0
    assert torch.equal(after[: len(old)], before[: len(old)])
    assert torch.equal(model.get_output_embeddings().weight[: len(old)], head[: len(old)])
    for number, pieces in parts.items():
        assert torch.isclose(after[number].norm(), before[pieces].norm(dim=1).mean(), rtol=1e-4)


def test_a_padded_vocabulary_is_never_shrunk() -> None:
    # Seen to fail with a resize to the tokenizer's length.
    old, new = grown()
    model = tiny_model("llama", old)
    model.resize_token_embeddings(1024, mean_resizing=False)
    before = model.get_input_embeddings().weight.detach().clone()
    grow_model(model, sub_tokens(old, new))
    after = model.get_input_embeddings().weight
    assert after.shape[0] == 1024
    assert torch.equal(after[len(new) :], before[len(new) :])


def test_a_saved_model_and_tokenizer_come_back_the_same(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    old, new = grown()
    model = tiny_model("llama", old)
    grow_model(model, sub_tokens(old, new))
    model.save_pretrained(tmp_path)
    new.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    tokens = ids(AutoTokenizer.from_pretrained(tmp_path), "at TechCorp नमस्ते")
    assert tokens == ids(new, "at TechCorp नमस्ते")
    with torch.no_grad():
        row = torch.tensor([tokens])
        assert torch.equal(again(row).logits, model(row).logits)
