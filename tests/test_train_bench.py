"""``bench/train.py`` beside LitGPT: it trains what the others train, or nothing is compared.

LitGPT needs an environment of its own (``bench/README.md``). The tests that call it run where
``STEEP_RIVAL_PYTHON`` names that environment's Python.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, LlamaConfig

from tests.tiny import tiny_tokenizer

sys.path.append(str(Path(__file__).parents[1] / "bench"))
from train import check_same_work

ROOT = Path(__file__).parents[1]
RIVAL = os.environ.get("STEEP_RIVAL_PYTHON", "")
needs_rival = pytest.mark.skipif(not RIVAL, reason="STEEP_RIVAL_PYTHON names no Python")
TRAINER = {"first_loss": 3.0, "trainable": 100.0}


# Broken by: comparing a loss with itself only; `<=` for all but NaN; no look at counts.
@pytest.mark.parametrize(
    ("rival", "said"),
    [
        ({"first_loss": 3.0002}, "first losses on the same rows differ"),
        ({"first_loss": 2.9998}, "first losses on the same rows differ"),
        ({"first_loss": float("nan")}, "first losses on the same rows differ"),
        ({"trainable": 101.0}, "trainer 100, litgpt pretrain 101"),
    ],
)
def test_a_rival_that_trains_something_else_stops_the_bench(
    rival: dict[str, float], said: str
) -> None:
    turns = {"steep": [{"tokens_per_second": 1.0}], "trainer": [TRAINER]}
    check_same_work(turns | {"litgpt pretrain": [TRAINER | {"first_loss": 3.00005}]}, 1e-4)
    with pytest.raises(SystemExit, match=said):
        check_same_work(turns | {"litgpt pretrain": [TRAINER, TRAINER | rival]}, 1e-4)


# Broken by: looking at the counts of every side.
def test_a_rival_that_cannot_tie_may_train_more() -> None:
    turns = {"trainer": [TRAINER], "litgpt finetune_full": [TRAINER | {"trainable": 150.0}]}
    check_same_work(turns, 1e-4)


def _model(folder: Path, layers: int = 2) -> Any:
    """SmolLM2-135M with few layers and words, its random weights wide enough to tell by."""
    tokenizer = tiny_tokenizer()
    config = LlamaConfig(
        hidden_size=576,
        intermediate_size=1536,
        num_hidden_layers=layers,
        num_attention_heads=9,
        num_key_value_heads=3,
        max_position_embeddings=1024,
        vocab_size=len(tokenizer),
        rope_parameters={"rope_type": "default", "rope_theta": 100000.0},
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        initializer_range=0.06,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return model


def _litgpt(folder: Path, *arguments: str) -> str:
    command = [RIVAL, str(ROOT / "bench" / "train_litgpt.py"), f"--folder={folder}", *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment["CUDA_VISIBLE_DEVICES"] = ""
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


# Broken by: another `rope_base` in `convert`; the last token of a row counted in `_collate`; 1e-9
# for LEARNING_RATE; lora_head=True; no `tie_embeddings` for pretrain.
@needs_rival
def test_litgpt_begins_where_transformers_does_and_learns(tmp_path: Path) -> None:
    model = _model(tmp_path / "model")
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, model.config.vocab_size, (2, 128), generator=generator)
    steps = 6
    save_file({"rows": rows.repeat(steps + 2, 1)}, tmp_path / "rows.safetensors")
    parameters = model.num_parameters()
    (tmp_path / "inputs.json").write_text(json.dumps({"parameters": parameters}))
    _litgpt(tmp_path, "--convert")
    with torch.no_grad():
        expected = float(model(input_ids=rows, labels=rows).loss)
    head = model.lm_head.weight.numel()
    layer = sum(
        r * 32 for m in model.model.layers[0].modules()
        if isinstance(m, torch.nn.Linear) for r in m.weight.shape
    )  # fmt: skip
    counts = {"finetune_lora": 2 * layer, "finetune_full": parameters + head}
    counts["pretrain"] = parameters
    for command, trainable in counts.items():
        found = json.loads(_litgpt(tmp_path, f"--command={command}", f"--steps={steps}"))
        assert found["first_loss"] == pytest.approx(expected, abs=1e-4), command
        assert found["last_loss"] < expected - 0.02, command
        assert found["trainable"] == trainable, command


# Broken by: rows that the Trainer shuffles.
@needs_rival
def test_the_bench_puts_litgpt_beside_the_others(tmp_path: Path) -> None:
    _model(tmp_path / "model", layers=1)
    command = [sys.executable, str(ROOT / "bench" / "train.py"), "--rounds=1", "--steps=1"]
    command += [f"--model={tmp_path / 'model'}", f"--rival-python={RIVAL}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert [(row[0].strip("| "), row[2]) for row in rows] == [
        ("lora", "steep"),
        ("lora", "trainer"),
        ("lora", "litgpt finetune_lora"),
        ("full", "steep"),
        ("full", "trainer"),
        ("full", "litgpt pretrain"),
        ("full", "litgpt finetune_full"),
    ]
    assert all("steep has " in row[-1] for row in rows if "litgpt" in row[2])
