"""Text written by the base model: cached by model and seed, extended rather than rewritten."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from steep.model import self_text
from steep.model.self_text import write_general_text
from tests.tiny import tiny_model, tiny_tokenizer


class Counting:
    """A model that counts how often it is asked."""

    def __init__(self, model: Any) -> None:
        self.model, self.config = model, model.config
        self.calls = 0

    def parameters(self) -> Any:
        return self.model.parameters()

    def __call__(self, **inputs: Any) -> Any:
        self.calls += 1
        return self.model(**inputs)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return tiny_tokenizer()


@pytest.fixture
def model(tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setenv("STEEP_CACHE", str(tmp_path))
    # A copy in another precision would not be the model that counts.
    monkeypatch.setattr("steep.model.self_text.in_fast_precision", lambda model: model)
    monkeypatch.setattr(self_text, "_LENGTH", 48)
    monkeypatch.setattr(self_text, "_ROWS", 8)
    return Counting(tiny_model("llama", tokenizer))


def _write(model: Any, tokenizer: Any, tokens: int, **changes: Any) -> list[str]:
    given: dict[str, Any] = {"tokens": tokens, "seed": 0, "fingerprint": "tiny", **changes}
    return write_general_text(model, tokenizer, **given)


# Broken by: not reading batches back.
def test_the_second_call_does_not_touch_the_model(model: Counting, tokenizer: Any) -> None:
    state = torch.get_rng_state()
    texts = _write(model, tokenizer, 200)
    assert torch.equal(torch.get_rng_state(), state)
    assert texts
    assert sum(len(tokenizer(t)["input_ids"]) for t in texts) >= 200
    assert all(len(text) > 40 and "<eos>" not in text for text in texts)
    calls = model.calls
    assert calls > 0
    assert _write(model, tokenizer, 200) == texts
    assert model.calls == calls
    assert _write(None, tokenizer, 100) == texts


# Broken by: a seed that doesn't depend on the batch number.
def test_asking_for_more_extends_the_first_texts(model: Counting, tokenizer: Any) -> None:
    few = _write(model, tokenizer, 10)
    more = _write(model, tokenizer, 1500)
    assert len(more) > len(few)
    assert more[: len(few)] == few
    assert len(set(more)) == len(more)


def test_other_models_and_seeds_write_other_texts(model: Counting, tokenizer: Any) -> None:
    first = _write(model, tokenizer, 10)
    assert _write(model, tokenizer, 10, seed=1) != first
    other = Counting(tiny_model("llama", tokenizer, seed=5))
    assert _write(other, tokenizer, 10, fingerprint="other") != first
    assert other.calls > 0


def test_a_damaged_cache_file_is_written_again(
    model: Counting, tokenizer: Any, tmp_path: Path
) -> None:
    texts = _write(model, tokenizer, 10)
    (path,) = tmp_path.rglob("batch-0.json")
    path.write_text("[")
    assert _write(model, tokenizer, 10) == texts


def test_a_model_that_says_nothing_ends_all_the_same(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEEP_CACHE", str(tmp_path))
    silent = tiny_model("llama", tokenizer)
    silent.get_output_embeddings().register_forward_hook(
        lambda _m, _i, logits: torch.full_like(logits, -1e9).index_fill_(
            -1, torch.tensor([tokenizer.eos_token_id]), 0.0
        )
    )
    assert _write(silent, tokenizer, 1000) == []


def test_progress_is_told(model: Counting, tokenizer: Any) -> None:
    said: list[tuple[int, int]] = []
    _write(model, tokenizer, 50, progress=lambda done, total: said.append((done, total)))
    assert said[-1] == (50, 50)


# Broken by: as many tokens for every model (an index beyond the learned positions).
def test_it_writes_no_further_than_the_model_reads(
    tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEEP_CACHE", str(tmp_path))
    monkeypatch.setattr(self_text, "_ROWS", 8)
    model = tiny_model("gpt2", tokenizer)
    assert model.config.n_positions < self_text._LENGTH
    assert write_general_text(model, tokenizer, tokens=50, seed=0, fingerprint="tiny")
