"""Loading: local folders, adapters over their base, and clear words for what can't be."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.errors import ModelError
from steep.model.adapters import make_trainable
from steep.model.load import (
    cache_folder,
    check_versions,
    load_model,
    load_tokenizer,
    model_fingerprint,
    parameter_count,
    resolve_model,
    skeleton,
    unloadable,
)
from steep.recipe import TrainRecipe
from tests.tiny import save_tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "base")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("./none", "not a folder"),
        ("/no/such/model", "not a folder"),
        ("smollm2", "smollm2-135m"),
        ("a/b/c", "owner/name"),
        ("", "not a folder|no config"),
    ],
)
def test_what_is_no_model_is_named(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=says) as caught:
        resolve_model(name)
    assert name in str(caught.value)
    assert caught.value.exit_code == 2


def test_folders_and_ids_resolve(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(base.parent)
    assert resolve_model("base") == resolve_model("./base/") == str(base.resolve())
    assert resolve_model("owner/name") == "owner/name"
    with pytest.raises(ModelError, match=r"no config\.json"):
        resolve_model(str(tmp_path))


def test_a_folder_loads_as_model_and_tokenizer(base: Path) -> None:
    model, tokenizer = load_model(str(base), device="cpu")
    assert Path(model.name_or_path) == base.resolve()
    assert model.dtype == torch.float32
    assert not model.training
    assert tokenizer.eos_token == "<eos>"
    assert load_tokenizer(str(base)).get_vocab() == tokenizer.get_vocab()
    assert parameter_count(str(base)) == model.num_parameters()


def test_an_adapter_loads_over_its_base(base: Path, tmp_path: Path) -> None:
    model, tokenizer = load_model(str(base), device="cpu")
    recipe = TrainRecipe(method="lora", lora_r=4, max_steps=1)
    adapted = make_trainable(model, recipe, seed=0)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name:
                parameter.add_(0.1)
    adapted.eval().save_pretrained(tmp_path / "adapter")
    ids = tokenizer("Paris is the capital", return_tensors="pt")["input_ids"]
    loaded, loaded_tokenizer = load_model(str(tmp_path / "adapter"), device="cpu")
    assert loaded_tokenizer.get_vocab() == tokenizer.get_vocab()
    with torch.no_grad():
        assert torch.allclose(loaded(ids).logits, adapted(ids).logits, atol=1e-5)
        assert not torch.allclose(
            loaded(ids).logits, load_model(str(base), device="cpu")[0](ids).logits, atol=1e-2
        )


@pytest.mark.parametrize("damage", ["config", "weights", "pickle only", "no end mark"])
def test_a_broken_folder_is_the_users_error(damage: str, tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    match damage:
        case "config":
            (folder / "config.json").write_text("{}")
        case "weights":
            (folder / "model.safetensors").unlink()
        case "pickle only":
            (folder / "model.safetensors").unlink()
            torch.save({}, folder / "pytorch_model.bin")
        case _:
            tokenizer = tiny_tokenizer()
            tokenizer.eos_token = None
            tokenizer.save_pretrained(folder)
    with pytest.raises(ModelError) as caught:
        load_model(str(folder), device="cpu")
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


# Broken by: what is missing not asked for, or of another shape; tied heads, which stand once, taken
# for missing.
@pytest.mark.parametrize("name", ["lm_head.weight", "model.layers.1.mlp.up_proj.weight"])
@pytest.mark.parametrize("rows", [0, 5])
def test_weights_that_would_be_random_are_refused(name: str, rows: int, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    load_model(str(save_tiny_model(tmp_path / "tied")), device="cpu")
    folder = save_tiny_model(tmp_path / "model", "qwen3")
    weights = load_file(folder / "model.safetensors")
    weight = weights.pop(name)
    if rows:
        weights[name] = weight[:rows].clone()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=rf"lack 1 of the weights .*\({name}\)"):
        load_model(str(folder), device="cpu")


# Broken by: only a configuration that can't be read taken for the user's error.
def test_a_kind_of_model_that_writes_no_text_is_the_users_error(tmp_path: Path) -> None:
    from transformers import T5Config

    T5Config(d_model=8, num_layers=1, num_heads=1, vocab_size=8).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="can't be loaded") as caught:
        skeleton(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_truncated_weights_are_the_users_error(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path / "model")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match="can't be loaded"):
        load_model(str(folder), device="cpu")


# Broken by: a fingerprint of names alone; one of the weights, the configuration and tokenizer.json.
def test_the_fingerprint_follows_content(base: Path, tmp_path: Path) -> None:
    same, other = save_tiny_model(tmp_path / "a"), save_tiny_model(tmp_path / "b", seed=1)
    assert model_fingerprint(str(same)) == model_fingerprint(str(base))
    assert model_fingerprint(str(other)) != model_fingerprint(str(base))
    (same / "README.md").write_text("a card changes nothing")
    assert model_fingerprint(str(same)) == model_fingerprint(str(base))
    (same / "chat_template.jinja").write_text("{{ messages[0].content }}")
    assert model_fingerprint(str(same)) != model_fingerprint(str(base))


@pytest.mark.parametrize(
    ("package", "version"), [("torch", "2.9.1+cpu"), ("transformers", "5.2.0")]
)
def test_known_bad_versions_are_refused(
    package: str, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.metadata.version
    check_versions()
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: version if name == package else real(name)
    )
    with pytest.raises(ModelError, match=f"install {package}"):
        check_versions()


def test_the_cache_is_where_the_user_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STEEP_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("STEEP_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert cache_folder() == tmp_path / "x" / "steep"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path(os.path.expanduser("~")) / ".cache" / "steep"


@pytest.mark.real
def test_the_packaged_model_answers(tmp_path: Path) -> None:
    from steep.proof.answers import test_knowledge

    model, tokenizer = load_model("smollm2-135m", device="cpu")
    assert Path(model.name_or_path).is_dir()
    assert not any(p.suffix == ".bin" for p in Path(model.name_or_path).iterdir())
    answer: Any = test_knowledge(
        model, tokenizer, "What is the capital of France?", max_new_tokens=12, temperature=0.0
    )
    assert "Paris" in answer


# Broken by: the package that fetches kernels left in sight (on a CPU with bf16 instructions).
@pytest.mark.skipif(find_spec("bitsandbytes") is None, reason="needs steep[bits]")
def test_bitsandbytes_is_kept_from_fetching_code(tmp_path: Path) -> None:
    (tmp_path / "kernels.py").write_text("raise SystemExit('fetched')\n", encoding="utf-8")
    code = (
        "import sys\n"
        "from steep.model.load import import_bitsandbytes\n"
        "import_bitsandbytes()\n"
        "assert 'bitsandbytes' in sys.modules and 'kernels' not in sys.modules\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)


def test_what_the_hub_does_not_give_is_one_line_with_what_to_do(tmp_path: Path) -> None:
    said = str(unloadable("owner/name", OSError("no connection.\nSee https://example.org")))
    assert said.startswith("model 'owner/name' can't be loaded: no connection; check its name")
    assert "\n" not in said
    assert str(unloadable(str(tmp_path), OSError("no weights."))).endswith("loaded: no weights")
