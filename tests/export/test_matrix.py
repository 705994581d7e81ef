"""Merge parity: tied or not, embeddings trained or not, vocabulary extended or not, each method.

All folders are loaded in one fresh process that can't import steep, and give the logits of the
model that was trained.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.export.gguf.read import load_gguf
from steep.export.gguf.write import write_gguf
from steep.export.write import save_adapter, save_merged
from steep.model.adapters import make_trainable
from steep.recipe import TrainRecipe
from tests.tiny import random_model, tiny_config, tiny_tokenizer

METHODS: dict[str, dict[str, Any]] = {
    "lora": {"method": "lora", "lora_r": 4},
    "dora": {"method": "lora", "lora_r": 4, "use_dora": True},
    "full": {"method": "full"},
}
CASES = [
    f"{head} {embeddings} {words} {method}"
    for head, embeddings, words, method in itertools.product(
        ("tied", "untied"), ("matrices", "embeddings"), ("plain", "extended"), METHODS
    )
]
FEW = [
    "tied embeddings extended lora",
    "tied matrices plain dora",
    "tied embeddings extended full",
    "untied embeddings extended dora",
    "untied matrices plain full",
]
TEXT = "TechCorp and the quick brown fox founded CloudAI in 1987."

LOADER = """
import json, sys, torch
from pathlib import Path
sys.modules["steep"] = None  # as if it weren't installed
from transformers import AutoModelForCausalLM, AutoTokenizer
from peft import AutoPeftModelForCausalLM
found = {}
for folder in sorted(Path(sys.argv[1]).iterdir()):
    for kind, load in (("merged", AutoModelForCausalLM), ("adapter", AutoPeftModelForCausalLM)):
        if (folder / kind).is_dir():
            model = load.from_pretrained(folder / kind, dtype=torch.float32).eval()
            tokenizer = AutoTokenizer.from_pretrained(folder / kind)
            ids = tokenizer(sys.argv[2], return_tensors="pt")["input_ids"]
            with torch.inference_mode():
                logits = model(input_ids=ids).logits[0]
            found[f"{folder.name}/{kind}"] = (ids[0].tolist(), logits.tolist())
print(json.dumps(found))
"""


def _trained(case: str, folder: Path) -> tuple[Any, Any]:
    """A model that was trained the case's way, as far as its weights know: all moved at random."""
    head, embeddings, words, method = case.split()
    tokenizer = tiny_tokenizer()
    config = tiny_config("llama", tokenizer)
    config.tie_word_embeddings = head == "tied"
    base = random_model(config)
    if words == "extended":
        tokenizer.add_tokens(["TechCorp", "CloudAI"])
        base.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    base.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    base.config._name_or_path = base.name_or_path = str(folder)
    targets = ["all-linear"] + (["embed_tokens", "lm_head"] if embeddings == "embeddings" else [])
    recipe = TrainRecipe(**{"max_steps": 1, "target_modules": targets, **METHODS[method]})
    model = make_trainable(base, recipe, 0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            is_embedding = "embed_tokens" in name or "lm_head" in name
            if method == "full" and is_embedding and embeddings == "matrices":
                continue
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model, tokenizer


# Broken by: the scale applied twice, merging before the vocabulary is extended, or a tied head
# whose trained embedding is saved beside the old one.
@pytest.mark.parametrize("cases", [FEW, pytest.param(CASES, marks=pytest.mark.slow)])
def test_combinations_load_elsewhere_with_the_same_logits(cases: list[str], tmp_path: Path) -> None:
    expected: dict[str, tuple[list[int], torch.Tensor]] = {}
    for case in cases:
        name = case.replace(" ", "-")
        model, tokenizer = _trained(case, tmp_path / "bases" / name)
        folder = tmp_path / "exports" / name
        ids = tokenizer(TEXT)["input_ids"]
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([ids])).logits[0]
        save_merged(model, tokenizer, folder / "merged")
        expected[f"{name}/merged"] = (ids, logits)
        if not case.endswith("full"):
            save_adapter(model, tokenizer, folder / "adapter")
            expected[f"{name}/adapter"] = (ids, logits)
        from transformers import AutoModelForCausalLM

        merged = AutoModelForCausalLM.from_pretrained(folder / "merged", dtype=torch.float32)
        write_gguf(merged, tokenizer, folder / "model.gguf", "F32", "tiny")
        read, words = load_gguf(folder / "model.gguf")
        assert words(TEXT)["input_ids"] == ids, case
        with torch.inference_mode():
            found = read(torch.tensor([ids])).logits[0]
        assert float((found - logits).abs().max()) < 1e-4, case
        again = AutoModelForCausalLM.from_pretrained(tmp_path / "bases" / name, dtype=torch.float32)
        with torch.inference_mode():
            moved = (again(torch.tensor([ids])).logits[0] - logits).abs().max()
        assert float(moved) > 0.1, case  # else the comparisons above would say nothing
    assert len(expected) == len(cases) + sum(not case.endswith("full") for case in cases)
    for name, (ids, logits) in _elsewhere(tmp_path / "exports").items():
        right, wanted = expected.pop(name)
        assert ids == right, name
        assert float((torch.tensor(logits) - wanted).abs().max()) < 1e-4, name
    assert not expected


def _elsewhere(folder: Path) -> dict[str, tuple[list[int], list[list[float]]]]:
    """What a process without steep finds in the folders: token ids and logits."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-I", "-c", LOADER, str(folder), TEXT],
        cwd=folder,
        env={**environment, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, tuple[list[int], list[list[float]]]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("size", ["20KB", "4GB"])
def test_a_large_model_is_saved_in_shards(
    size: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoModelForCausalLM

    monkeypatch.setattr("steep.export.write.SHARD_SIZE", size)
    tokenizer = tiny_tokenizer()
    model = random_model(tiny_config("qwen3", tokenizer))
    save_merged(model, tokenizer, tmp_path / "merged")
    assert (len(list((tmp_path / "merged").glob("*.safetensors"))) > 1) == (size == "20KB")
    again = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32)
    for name, weight in model.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name]), name
