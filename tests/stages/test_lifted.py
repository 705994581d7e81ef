"""Trained beside weights in 4 or 8 bits; judged and exported on the weights as they are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate.state import AcceleratorState
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import steep
from steep.errors import DriftError, RecipeError
from steep.model import quantised
from steep.model.adapters import make_trainable
from steep.model.quantised import quantise
from steep.recipe import load_recipe
from steep.workflow import evaluate, export
from tests.model.test_quantised import needs_bitsandbytes, wide_model
from tests.stages.project import write_project
from tests.tiny import tiny_tokenizer
from tests.training.corpus import TEXTS, make_recipe, train, weights

TRAIN: dict[str, Any] = {"method": "lora", "lora_r": 4, "learning_rate": 1e-2}


@pytest.fixture(autouse=True)
def _a_precision_of_its_own() -> Iterator[None]:
    AcceleratorState._reset_state(True)  # one process has one precision
    yield
    AcceleratorState._reset_state(True)


def project(folder: Path, bits: str, **tables: Any) -> Path:
    """A project whose base is as wide as bitsandbytes' blocks."""
    given = {"data": {"general": "reading"}, "evaluate": {"probes": 0}, "strength": {"scale": 1.0}}
    training = {**TRAIN, "load_in": bits, **tables.pop("train", {})}
    recipe = write_project(folder, train=training, **{**given, **tables})
    tokenizer = AutoTokenizer.from_pretrained(folder / "base")
    wide_model("llama", tokenizer).save_pretrained(folder / "base")
    return recipe


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


# Broken by: judging or exporting the quantised model, its weights unpacked into the merged one.
@needs_bitsandbytes
@pytest.mark.parametrize("bits", ["4bit", pytest.param("8bit", marks=pytest.mark.slow)])
def test_what_is_handed_back_is_the_change_on_the_bases_own_weights(
    bits: str, tmp_path: Path
) -> None:
    recipe, run = project(tmp_path, bits), tmp_path / "run"
    outcome = evaluate(recipe)
    exports = export(recipe)
    base = load_file(tmp_path / "base/model.safetensors")
    merged = load_file(run / exports["merged"] / "model.safetensors")
    adapter = load_file(run / exports["adapter"] / "adapter_model.safetensors")
    scale = 2.0  # of an alpha of 2r
    for name, weight in merged.items():
        place = f"base_model.model.{name.removesuffix('.weight')}"
        change = torch.zeros_like(weight)
        if f"{place}.lora_A.weight" in adapter:
            up, down = adapter[f"{place}.lora_B.weight"], adapter[f"{place}.lora_A.weight"]
            assert float(up.abs().max()) > 0
            change = scale * up @ down
        assert torch.allclose(weight, base[name] + change, atol=1e-6), name
    plain = AutoModelForCausalLM.from_pretrained(run / exports["merged"])
    loaded = AutoPeftModelForCausalLM.from_pretrained(run / exports["adapter"])
    ids = torch.arange(2, 40)[None]
    with torch.inference_mode():
        found, wanted = loaded(input_ids=ids).logits, plain(input_ids=ids).logits
    assert torch.allclose(found, wanted, atol=1e-4)

    apart = read(run / "lifted.json")
    assert apart["load_in"] == bits and apart["kl"] > 0
    assert exports["lifted"]["kl"] == apart["kl"]
    assert exports["parity"]["max_logit_difference"] < 1e-2  # with the model that was judged
    assert any(f"trained beside weights in {bits}" in n for n in outcome.evaluation["notes"])

    # The same again from the checkpoint: the same bits, and nothing is measured twice.
    (run / "exports.json").unlink()
    stamp = (run / "lifted.json").stat().st_mtime_ns
    export(recipe)
    again = load_file(run / exports["merged"] / "model.safetensors")
    assert all(torch.equal(again[name], weight) for name, weight in merged.items())
    assert (run / "lifted.json").stat().st_mtime_ns == stamp

    other = {"4bit": "8bit", "8bit": "4bit"}[bits]
    with pytest.raises(DriftError, match=r"train\.load_in"):
        export(load_recipe(recipe, [f"train.load_in={other}"]))


# Seen to fail with the instruct model quantised as the base is.
@needs_bitsandbytes
@pytest.mark.slow
def test_the_change_goes_on_to_the_instruct_model_as_it_is(tmp_path: Path) -> None:
    recipe = project(tmp_path, "4bit")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "base")
    wide_model("llama", tokenizer, seed=5).save_pretrained(tmp_path / "instruct")
    tokenizer.save_pretrained(tmp_path / "instruct")
    exports = export(load_recipe(recipe, [f"instruct={tmp_path / 'instruct'}"]))
    merged = load_file(tmp_path / "run" / exports["merged"] / "model.safetensors")
    theirs = load_file(tmp_path / "instruct/model.safetensors")
    assert merged.keys() == theirs.keys()
    off = max(float((merged[name] - weight).abs().max()) for name, weight in theirs.items())
    assert 0 < off < 0.05  # what three steps change; in 4 bits it would be ten times as much
    assert exports["parity"]["max_logit_difference"] < 1e-2


# Broken by: growing after quantising, or leaving what is trained whole behind when lifting.
@needs_bitsandbytes
@pytest.mark.slow
def test_trained_embeddings_and_new_tokens_are_lifted_too(tmp_path: Path) -> None:
    words = {"new_tokens": ["TechCorp"], "first_steps": 1}
    modules = {"target_modules": ["all-linear", "embed_tokens", "lm_head"]}
    recipe = project(tmp_path, "4bit", vocabulary=words, train=modules)
    exports = export(recipe)
    merged = load_file(tmp_path / "run" / exports["merged"] / "model.safetensors")
    base = load_file(tmp_path / "base/model.safetensors")
    name = "model.embed_tokens.weight"
    old = len(base[name])
    assert len(merged[name]) > old
    assert not torch.equal(merged[name][:old], base[name])
    assert exports["parity"]["max_logit_difference"] < 1e-2


# Broken by: rounding another way when it is quantised again.
@needs_bitsandbytes
@pytest.mark.parametrize(
    ("bits", "precision"),
    [
        ("4bit", "bf16"),
        ("8bit", "fp32"),
        pytest.param("4bit", "fp32", marks=pytest.mark.slow),
        pytest.param("8bit", "bf16", marks=pytest.mark.slow),
    ],
)
def test_a_stopped_run_ends_with_the_same_bits(bits: Any, precision: Any, tmp_path: Path) -> None:
    recipe = make_recipe(method="lora", load_in=bits, save_steps=2, lora_dropout=0.1)
    tokenizer = tiny_tokenizer(TEXTS)

    def begun() -> Any:
        return make_trainable(quantise(wide_model("llama", tokenizer), bits), recipe, 0)

    def trained(model: Any) -> dict[str, Any]:
        return {n: w for n, w in weights(model).items() if ".lora_" in n}

    whole = begun()
    train(whole, recipe, tmp_path / "a", precision=precision)

    class Stop(Exception):
        pass

    def stop(metrics: Any) -> None:
        if metrics.step == 4:
            raise Stop

    with pytest.raises(Stop):
        train(begun(), recipe, tmp_path / "b", precision=precision, on_step=stop)
    rest = begun()
    training, _ = train(rest, recipe, tmp_path / "b", precision=precision)
    assert training.first_step == 2
    expected = trained(whole)
    assert expected and all(torch.equal(w, expected[n]) for n, w in trained(rest).items())


# Broken by: the check left out of open_base.
def test_without_bitsandbytes_nothing_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantised.importlib.util, "find_spec", lambda _: None)
    recipe = write_project(tmp_path, train={**TRAIN, "load_in": "4bit"})
    with pytest.raises(RecipeError, match=r"steep\[bits\]"):
        steep.run(recipe)
    assert not (tmp_path / "run").exists()
