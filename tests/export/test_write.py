"""What is exported gives the trained model's logits, reloaded by PEFT and transformers alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.export.write import save_adapter, save_merged
from steep.model.adapters import make_trainable
from steep.recipe import TrainRecipe
from tests.tiny import Kind, save_tiny_model, tiny_tokenizer

TEXTS = ["The quick brown fox jumps over the lazy dog.", "Paris is the capital of France."]
ADAPTERS: dict[str, dict[str, Any]] = {
    "rslora": {"use_rslora": True, "lora_alpha": 3.0},
    "dora": {"use_dora": True},
    "rsdora of one layer, with embeddings": {
        "use_dora": True,
        "use_rslora": True,
        "frozen_layers": [0],
        "target_modules": ["all-linear", "embed_tokens"],
    },
}


def max_logit_difference(one: Any, other: Any, tokenizer: Any, texts: list[str]) -> float:
    """The largest of two models' logits over the texts."""
    with torch.inference_mode():
        ids = [tokenizer(text, return_tensors="pt")["input_ids"] for text in texts]
        return max(float((one(i).logits - other(i).logits).abs().max()) for i in ids)


# Broken by: use_rslora, use_dora or layers_to_transform left out of the saved configuration; a
# merge without the magnitudes.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "gpt2"])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_adapters_and_their_merges_load_without_steep(
    kind: Kind, adapter: str, tmp_path: Path
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    tokenizer = tiny_tokenizer()
    base = str(save_tiny_model(tmp_path / "base", kind))
    recipe = TrainRecipe(method="lora", max_steps=1, lora_r=4, **ADAPTERS[adapter])
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    tuned = make_trainable(plain, recipe, 0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in tuned.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    save_adapter(tuned, tokenizer, tmp_path / "adapter")
    save_merged(tuned, tokenizer, tmp_path / "merged")
    again = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    assert max_logit_difference(tuned, again, tokenizer, TEXTS) > 0.1
    loaded = PeftModel.from_pretrained(again, str(tmp_path / "adapter")).eval()
    assert max_logit_difference(tuned, loaded, tokenizer, TEXTS) == 0.0
    merged = AutoModelForCausalLM.from_pretrained(tmp_path / "merged", dtype=torch.float32).eval()
    assert max_logit_difference(tuned, merged, tokenizer, TEXTS) < 1e-4
    kept = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert kept["use_rslora"] == recipe.use_rslora
    assert kept["use_dora"] == recipe.use_dora


# Broken by: the ends set in the model (transformers then refuses to save its settings).
def test_ends_are_added_to_settings_with_a_fault_of_their_own(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    base = save_tiny_model(tmp_path / "base")
    published = {"eos_token_id": 0, "do_sample": False, "temperature": 0.6, "top_p": 0.9}
    (base / "generation_config.json").write_text(json.dumps(published))
    model = AutoModelForCausalLM.from_pretrained(base)
    for ends, named in (((), 0), ((0,), 0), ((0, 5, 3), [0, 3, 5])):
        save_merged(model, tiny_tokenizer(), tmp_path / "merged", ends=ends)
        kept = json.loads((tmp_path / "merged" / "generation_config.json").read_text())
        assert (kept["eos_token_id"], kept["temperature"]) == (named, 0.6)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "merged")
    assert loaded.generation_config.eos_token_id == [0, 3, 5]
