"""A base model is trained and its instruct model is what is judged, tuned on and exported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig

import steep
from steep.errors import ModelError
from steep.model.load import load_model
from steep.proof.seal import tokenizer_hash
from steep.recipe import load_recipe
from steep.stages.base import open_base
from steep.stages.exported import base_of
from steep.workflow import evaluate, export, plan
from tests.stages.project import write_project
from tests.tiny import Kind, random_model, save_tiny_model, tiny_model

TEMPLATE = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}"
ALL = {"scale": 1.0}  # of the change
TRAIN: dict[str, Any] = {"method": "lora", "lora_r": 4, "learning_rate": 1e-2}
EMBEDDINGS = {**TRAIN, "target_modules": ["all-linear", "embed_tokens", "lm_head"]}


def pair(folder: Path, kind: Kind = "llama", **tables: Any) -> Path:
    """A project with ``instruct/`` beside ``base/``: random weights of its own, a chat template."""
    given = {"data": {"general": "reading"}, "evaluate": {"probes": 0}, "strength": ALL}
    recipe = write_project(folder, kind=kind, **{**given, **tables})
    tokenizer = AutoTokenizer.from_pretrained(folder / "base")
    model = tiny_model(kind, tokenizer, seed=5)
    model.generation_config.repetition_penalty = 1.25
    tokenizer.chat_template = TEMPLATE
    model.save_pretrained(folder / "instruct")
    tokenizer.save_pretrained(folder / "instruct")
    return recipe


def grafted(recipe: Path) -> Any:
    return load_recipe(recipe, [f"instruct={recipe.parent / 'instruct'}"])


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


# Seen to fail with the export given the base model.
@pytest.mark.parametrize(
    ("kind", "train"),
    [
        ("llama", EMBEDDINGS),
        pytest.param("qwen3", {"method": "full"}, marks=pytest.mark.slow),
        pytest.param("qwen3", EMBEDDINGS, marks=pytest.mark.slow),
        pytest.param("llama", {"method": "full"}, marks=pytest.mark.slow),
        pytest.param("llama", {**TRAIN, "use_dora": True}, marks=pytest.mark.slow),
    ],
)
def test_the_change_of_a_finished_run_goes_onto_the_instruct_model(
    kind: Kind, train: dict[str, Any], tmp_path: Path
) -> None:
    recipe = pair(tmp_path, kind, train=train)
    run, instruct = tmp_path / "run", tmp_path / "instruct"
    export(recipe)
    checkpoint = (run / "checkpoints/step-3/weights.safetensors").stat().st_mtime_ns
    export(load_recipe(grafted_file(recipe), ["export.gguf=F32"]))
    # Training wasn't done again: naming an instruct model changes nothing of it.
    assert (run / "checkpoints/step-3/weights.safetensors").stat().st_mtime_ns == checkpoint

    before, after = weights(tmp_path / "base"), weights(run / "base_continued_merged")
    theirs, found = weights(instruct), weights(run / "instruct_continued_merged")
    assert found.keys() == theirs.keys()
    if not train.get("use_dora"):
        for name, weight in found.items():
            expected = theirs[name] + (after[name] - before[name])
            assert torch.allclose(weight, expected, atol=1e-5), name
    assert any(not torch.equal(found[name], theirs[name]) for name in found)

    exports = json.loads((run / "exports.json").read_text())
    kinds = {"merged", "F32"} | ({"adapter"} if train["method"] == "lora" else set())
    assert set(exports["figures"]) == kinds
    merged = AutoModelForCausalLM.from_pretrained(run / exports["merged"])
    assert merged.generation_config.repetition_penalty == 1.25
    assert AutoTokenizer.from_pretrained(run / exports["merged"]).chat_template == TEMPLATE
    card = (run / exports["merged"] / "README.md").read_text()
    assert "# instruct, steeped in" in card and "The documents trained base, which" in card
    if train["method"] == "lora":
        adapter = json.loads((run / exports["adapter"] / "adapter_config.json").read_text())
        assert adapter["base_model_name_or_path"] == str(instruct)
        ids = torch.arange(10)[None]
        with torch.inference_mode():
            loaded = load_model(str(run / exports["adapter"]))[0](input_ids=ids).logits
            assert torch.allclose(loaded, merged(input_ids=ids).logits, atol=1e-4)


def grafted_file(recipe: Path) -> Path:
    """The same recipe with its instruct model."""
    path = recipe.with_name("grafted.toml")
    path.write_text(f'instruct = "instruct"\n{recipe.read_text()}')
    return path


# Seen to fail with measure_base given the base model.
def test_the_instruct_model_is_what_the_result_is_compared_with(tmp_path: Path) -> None:
    recipe = pair(tmp_path, strength={"scale": 0.0}, train=TRAIN)
    outcome = evaluate(grafted(recipe))
    moved = [m["name"] for m in outcome.evaluation["measures"] if m["n"] and m["delta"] != 0.0]
    assert moved == []  # without any of the change it is the instruct model, to the last bit
    assert (
        outcome.evaluation["fingerprint"]["base"] == open_base(grafted(recipe))[1].home.fingerprint
    )
    assert "put on instruct, which is the base" in " ".join(outcome.evaluation["notes"])
    assert base_of(tmp_path / "run" / "instruct_continued_merged") is None
    export(grafted(recipe))
    named = base_of(tmp_path / "run" / "instruct_continued_merged")
    assert named == str(tmp_path / "instruct")


# Seen to fail (full) with the dial's other end taken from the base model.
@pytest.mark.slow
@pytest.mark.parametrize("train", [{**TRAIN, "use_dora": True}, {"method": "full"}])
def test_the_strength_is_chosen_from_the_instruct_model(
    train: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("steep.stages.strength._SHARE_OF_BUDGET", -20000.0)
    recipe = pair(tmp_path, train=train, strength={"enabled": True})
    export(grafted(recipe))
    assert json.loads((tmp_path / "run/strength.json").read_text())["strength"] == 0.0
    theirs = weights(tmp_path / "instruct")
    for name, weight in weights(tmp_path / "run/instruct_continued_merged").items():
        assert torch.allclose(weight, theirs[name], atol=1e-6), name


# Seen to fail with the instruct model left as long as it was.
def test_new_tokens_are_grafted_too(tmp_path: Path) -> None:
    words = {"new_tokens": ["TechCorp"], "learned": 10, "first_steps": 1}
    recipe = pair(tmp_path, train=TRAIN, vocabulary=words)
    found = export(grafted(recipe))
    folder = tmp_path / "run" / found["merged"]
    base, instruct = weights(tmp_path / "base"), weights(tmp_path / "instruct")
    made = weights(folder)["model.embed_tokens.weight"]
    old = len(base["model.embed_tokens.weight"])
    # Old rows aren't trained, new ones are the means of the instruct model's and what they learned.
    assert torch.equal(made[:old], instruct["model.embed_tokens.weight"])
    assert len(made) > old
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.chat_template == TEMPLATE
    learned = AutoTokenizer.from_pretrained(tmp_path / "run/data/tokenizer")
    assert tokenizer_hash(tokenizer) == tokenizer_hash(learned)
    assert len(tokenizer("TechCorp", add_special_tokens=False)["input_ids"]) == 1
    (row,) = tokenizer("TechCorp", add_special_tokens=False)["input_ids"]
    parts = AutoTokenizer.from_pretrained(tmp_path / "instruct")("TechCorp")["input_ids"]
    mean = instruct["model.embed_tokens.weight"][parts].mean(0)
    assert float((made[row] - mean).abs().max()) < 0.1 < float(mean.abs().max())


# Seen to fail with check_pair or check_tokens left out of open_base.
@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("same", "is the model itself"),
        ("kind", "it is a qwen3 and the base a llama"),
        ("shape", r"model\.embed_tokens\.weight is 64 x 32 and the base's is \d+ x 32"),
        ("tied", "its head is a matrix of its own and the base's is tied"),
        ("quantised", "is quantised, so nothing can be added"),
        ("missing", "not a folder, not an alias"),
        ("words", "its tokenizer isn't the base model's"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(what: str, said: str, tmp_path: Path) -> None:
    recipe = pair(tmp_path)
    other = tmp_path / "instruct"
    config = json.loads((other / "config.json").read_text())
    if what == "kind":
        save_tiny_model(other, "qwen3")
    elif what == "shape":
        small = LlamaConfig(**{**config, "vocab_size": 64})
        random_model(small).save_pretrained(other)
    elif what == "words":
        tokenizer = AutoTokenizer.from_pretrained(other)
        tokens = [t for t, n in sorted(tokenizer.get_vocab().items(), key=lambda p: p[1])]
        table = json.loads((other / "tokenizer.json").read_text())
        vocabulary = table["model"]["vocab"]
        a, b = tokens[2], tokens[3]
        vocabulary[a], vocabulary[b] = vocabulary[b], vocabulary[a]
        (other / "tokenizer.json").write_text(json.dumps(table))
    elif what in ("tied", "quantised"):
        changed = {"tie_word_embeddings": False}
        if what == "quantised":
            changed = {"quantization_config": {"quant_method": "gptq", "bits": 4}}  # type: ignore[dict-item]
        (other / "config.json").write_text(json.dumps({**config, **changed}))
    named = {"same": "base", "missing": "nowhere"}.get(what, "instruct")
    with pytest.raises(ModelError, match=said) as caught:
        steep.run(load_recipe(recipe, [f"instruct={tmp_path / named}"]))
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_plan_counts_the_graft(tmp_path: Path) -> None:
    recipe = pair(tmp_path, train=TRAIN)
    found = plan(grafted(recipe), quick=True)
    assert found.prediction is not None
    assert "graft" in [time.name for time in found.prediction.times]
    assert "graft" in [peak.name for peak in found.prediction.memory]


# Seen to fail with the template asked of the base model.
@pytest.mark.slow
def test_instructions_are_trained_behind_the_graft(tmp_path: Path) -> None:
    pytest.importorskip("trl")
    later = {"max_steps": 1, "per_device_train_batch_size": 2, "max_length": 128}
    recipe = pair(tmp_path, train=TRAIN, sft=later)
    export(grafted(recipe))
    manifest = json.loads((tmp_path / "run/sft/manifest.json").read_text())
    assert manifest["made_from"]["template"] == TEMPLATE
    assert "instruct" in manifest["made_from"]["trained"]
