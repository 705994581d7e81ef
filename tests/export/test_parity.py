"""Parity: figures that see each way an export goes wrong, and the refusal beyond tolerance."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from steep.errors import SteepError
from steep.export.parity import (
    TOLERANCES,
    Parity,
    Written,
    check_parity,
    compare,
    reader_of,
    trained_reader,
)
from tests.tiny import tiny_model, tiny_tokenizer

TEXTS = [f"The quick brown fox {n} jumps over the lazy dog. " * 8 for n in range(20)]
SAME = Parity(0.0, 0.0, 1.0, 20.0, 20.0, 1000, 1000, "transformers")


def test_the_same_model_has_no_difference() -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    trained = trained_reader(model, tokenizer, TEXTS)
    assert len(trained.rows) == 20
    assert {len(row) for row in trained.rows} == {64}
    found = compare(trained, reader_of(copy.deepcopy(model), tokenizer))
    assert found.max_logit_difference == 0.0
    assert found.kl == pytest.approx(0.0, abs=1e-12)
    assert found.greedy_agreement == 1.0
    assert found.perplexity == found.trained_perplexity
    assert (found.equal_strings, found.strings) == (1000, 1000)
    check_parity(found, "merged", "here")


# The prompts are the texts' own beginnings, and what follows is what the model would say.
def test_the_trained_model_continues_the_prompts() -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    trained = trained_reader(model, tokenizer, TEXTS)
    row = trained.rows[3]
    assert list(row[:32]) == tokenizer(TEXTS[3])["input_ids"][:32]
    said = model.generate(
        torch.tensor([row[:32]]), max_new_tokens=32, min_new_tokens=32, do_sample=False,
        suppress_tokens=None, eos_token_id=None,
    )  # fmt: skip
    assert said[0].tolist() == list(row)


def _scaled(model: Any) -> None:
    model.model.layers[1].mlp.down_proj.weight.data.mul_(1.05)


def _one_row(model: Any) -> None:
    model.lm_head.weight.data[7] += 0.5


@pytest.mark.parametrize("spoil", [_scaled, _one_row])
def test_a_change_of_weights_is_seen(spoil: Callable[[Any], None]) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    trained = trained_reader(model, tokenizer, TEXTS)
    other = copy.deepcopy(model)
    spoil(other)
    found = compare(trained, reader_of(other, tokenizer))
    assert found.max_logit_difference > 1e-2
    assert found.kl > 1e-5
    with pytest.raises(SteepError, match="KL"):
        check_parity(found, "merged", "here")


# Broken by: comparing ids of the prompts only.
def test_a_lost_token_is_seen() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["TechCorp"])
    model = tiny_model("llama", tokenizer)
    trained = trained_reader(model, tokenizer, TEXTS)
    found = compare(trained, reader_of(model, tiny_tokenizer()))
    assert found.kl == pytest.approx(0.0, abs=1e-12)
    assert found.equal_strings < 1000
    with pytest.raises(SteepError, match="equal token ids"):
        check_parity(found, "Q8_0", "here")


def test_vocabularies_of_other_sizes_are_refused() -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    trained = trained_reader(model, tokenizer, TEXTS)
    tokenizer.add_tokens(["TechCorp"])
    with pytest.raises(SteepError, match="logits of shape"):
        compare(trained, reader_of(tiny_model("llama", tokenizer), tokenizer))


@pytest.mark.parametrize("what", list(TOLERANCES))
@pytest.mark.parametrize(
    "change",
    [
        {"max_logit_difference": float("nan"), "kl": float("nan")},
        {"kl": 0.6},
        {"greedy_agreement": 0.5, "kl": 0.6},
        {"perplexity": 27.0},
        {"perplexity": float("nan")},
        {"equal_strings": 999},
    ],
)
def test_beyond_tolerance_is_refused(what: Written, change: dict[str, Any]) -> None:
    check_parity(SAME, what, "here")
    with pytest.raises(SteepError, match="here isn't the trained model and was not kept"):
        check_parity(replace(SAME, **change), what, "here")
