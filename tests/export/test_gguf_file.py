"""A GGUF file holds the very model: read back by transformers' own reader it gives its logits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from steep.errors import ModelError
from steep.export.gguf import read as reading
from steep.export.gguf.folder import gguf_names, save_gguf
from steep.export.gguf.read import is_gguf, load_gguf
from steep.export.gguf.write import Kind, check_gguf, write_gguf
from tests.proof.test_turns import chat_tokenizer
from tests.tiny import SIZES, WORDS, random_model, tiny_config, tiny_model, tiny_tokenizer

_LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
_LINEAR = {"rope_type": "linear", "rope_theta": 500.0, "factor": 3.0}


def make_model(name: str, tokenizer: Any) -> Any:
    """A tiny model of a kind, with what its file must not lose."""
    if name == "qwen2":
        from transformers import Qwen2Config

        ids = {"eos_token_id": tokenizer.eos_token_id, "bos_token_id": None}
        model = random_model(Qwen2Config(**SIZES, vocab_size=len(tokenizer), **ids))
        with torch.no_grad():
            for key, weight in model.named_parameters():
                if key.endswith("bias"):
                    weight.normal_(generator=torch.Generator().manual_seed(1))
        return model
    kind, _, special = name.partition(" ")
    config = tiny_config(kind, tokenizer)  # type: ignore[arg-type]
    changes: dict[str, dict[str, Any]] = {
        "untied": {"tie_word_embeddings": False},
        "wide heads": {"head_dim": 16},
        "llama3": {"rope_parameters": _LLAMA3},
        "linear": {"rope_parameters": _LINEAR},
        "narrow": {"n_inner": 48},
    }
    for key, value in changes.get(special, {}).items():
        setattr(config, key, value)
    return random_model(config)


def _names(path: Path) -> dict[str, str]:
    """Names and types of the file's tensors."""
    from gguf import GGUFReader

    return {tensor.name: tensor.tensor_type.name for tensor in GGUFReader(path).tensors}


# Broken by: interleaved() left out, or over all heads at once for keys; head_dim not written; the
# frequency base or a scaling left out; gpt2's matrices not turned; biases left out.
@pytest.mark.parametrize(
    "name",
    ["llama", "llama untied", "llama wide heads", "llama llama3", "llama linear", "qwen2", "qwen3",
     "qwen3 wide heads", "gpt2", "gpt2 narrow"],
)  # fmt: skip
def test_the_file_gives_the_models_logits(name: str, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    model = make_model(name, tokenizer)
    check_gguf("F32", model.config, tokenizer)
    path = tmp_path / "model.gguf"
    write_gguf(model, tokenizer, path, "F32", "tiny")
    assert is_gguf(path)
    read, words = load_gguf(path)
    ids = torch.tensor([tokenizer(WORDS)["input_ids"][:100]])
    with torch.inference_mode():
        difference = (model(ids).logits - read(ids).logits).abs().max()
    assert float(difference) < 1e-4
    assert words.eos_token_id == tokenizer.eos_token_id
    assert ("output.weight" in _names(path)) == (not model.config.tie_word_embeddings)


# Broken by: writing the head whenever the state has one.
def test_a_tied_head_is_written_once(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    write_gguf(model, tokenizer, tmp_path / "tied.gguf", "F32", "tiny")
    assert "output.weight" not in _names(tmp_path / "tied.gguf")
    apart = torch.nn.Parameter(model.lm_head.weight.detach() + 1.0)
    model.lm_head.weight = apart  # what a merge that unties leaves: the values decide
    write_gguf(model, tokenizer, tmp_path / "apart.gguf", "F32", "tiny")
    read, _ = load_gguf(tmp_path / "apart.gguf")
    assert torch.equal(read.lm_head.weight, apart)
    assert not torch.equal(read.lm_head.weight, read.model.embed_tokens.weight)


# Broken by: quantising vectors, or rows that blocks of 32 don't divide.
@pytest.mark.parametrize(("kind", "inner"), [("F16", 64), ("Q8_0", 64), ("Q8_0", 72)])
def test_what_is_rounded(kind: Kind, inner: int, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    config = tiny_config("llama", tokenizer)
    config.intermediate_size = inner
    model = random_model(config)
    path = tmp_path / "model.gguf"
    write_gguf(model, tokenizer, path, kind, "tiny")
    types = _names(path)
    assert types["blk.0.attn_norm.weight"] == types["output_norm.weight"] == "F32"
    assert types["token_embd.weight"] == types["blk.1.ffn_gate.weight"] == kind
    assert types["blk.1.ffn_down.weight"] == ("F16" if inner % 32 else kind)
    read, _ = load_gguf(path)
    for name, weight in model.named_parameters():
        bound = {"F16": 2**-11, "Q8_0": 1 / 250}[kind] * float(weight.detach().abs().max())
        assert float((read.get_parameter(name) - weight).abs().max()) <= bound


# Broken by: taking the tokens of vocab alone.
def test_added_tokens_and_spare_rows_are_in_the_file(tmp_path: Path) -> None:
    from gguf import GGUFReader

    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["TechCorp", "CloudAI"])
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>"]})
    model = tiny_model("llama", tokenizer)
    model.resize_token_embeddings(len(tokenizer) + 5)
    path = tmp_path / "model.gguf"
    write_gguf(model, tokenizer, path, "F32", "tiny")
    reader = GGUFReader(path)
    tokens = reader.get_field("tokenizer.ggml.tokens").contents()  # type: ignore[union-attr]
    kinds = reader.get_field("tokenizer.ggml.token_type").contents()  # type: ignore[union-attr]
    assert tokens[-8:-5] == ["TechCorp", "CloudAI", "<|turn|>"]
    assert kinds[-8:] == [4, 4, 3, 5, 5, 5, 5, 5]
    assert len(set(tokens)) == len(tokens) == model.config.vocab_size
    read, words = load_gguf(path)
    text = "<|turn|>Is TechCorp in CloudAITechCorp?<eos>"
    assert words(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert read.get_input_embeddings().weight.shape[0] == len(tokenizer) + 5


# Broken by: the least of the other ends, whatever the template says.
def test_the_end_of_a_turn_is_the_templates(tmp_path: Path) -> None:
    from gguf import GGUFReader

    tokenizer = chat_tokenizer()
    model = tiny_model("llama", tokenizer)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id, 1, 2]
    path = tmp_path / "model.gguf"
    write_gguf(model, tokenizer, path, "F32", "tiny")
    field = GGUFReader(path).get_field("tokenizer.ggml.eot_token_id")
    assert field is not None
    assert field.contents() == tokenizer.convert_tokens_to_ids("<|im_end|>")


def test_a_tokenizer_with_more_tokens_than_rows_is_refused(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    tokenizer.add_tokens(["TechCorp"])
    with pytest.raises(ModelError, match="only 353 rows"):
        write_gguf(model, tokenizer, tmp_path / "model.gguf", "F32", "tiny")


@pytest.mark.parametrize(
    ("kind", "changes", "says"),
    [
        ("gemma", {}, "steep writes GGUF for llama, qwen2, qwen3, gpt2 models"),
        ("llama", {"hidden_act": "gelu"}, "hidden_act = gelu"),
        ("llama", {"attention_bias": True}, "attention_bias = True"),
        ("llama", {"rope_parameters": {"rope_type": "yarn", "rope_theta": 1e4}}, "'yarn'"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx"),
    ],
)
def test_a_model_that_a_file_cannot_describe_is_refused(
    kind: Any, changes: dict[str, Any], says: str
) -> None:
    tokenizer = tiny_tokenizer()
    config = tiny_config(kind, tokenizer)
    for name, value in changes.items():
        setattr(config, name, value)
    with pytest.raises(ModelError, match=says) as caught:
        check_gguf("F16", config, tokenizer)
    assert "remove export.gguf" in str(caught.value)


def test_the_quantiser_is_asked_for_before_anything_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tokenizer = tiny_tokenizer()
    monkeypatch.setattr("steep.export.gguf.llamacpp.is_installed", lambda: False)
    with pytest.raises(ModelError, match=r"steep\[gguf\]"):
        check_gguf("Q4_K_M", tiny_config("llama", tokenizer), tokenizer)


# Broken by: check called behind new_folder's block.
def test_what_a_check_refuses_is_never_there(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    folder, name = gguf_names("model_merged", "F16")
    assert (folder, name) == ("model_merged_gguf", "model_merged-F16.gguf")
    seen: list[bool] = []
    save_gguf(model, tokenizer, tmp_path / folder, name, "F16", lambda p: seen.append(is_gguf(p)))
    assert sorted(p.name for p in (tmp_path / folder).iterdir()) == ["Modelfile", name]
    before = (tmp_path / folder / name).read_bytes()

    def refuse(_: Path) -> None:
        raise ModelError("no")

    with pytest.raises(ModelError):
        save_gguf(
            tiny_model("llama", tokenizer, 1), tokenizer, tmp_path / folder, name, "F16", refuse
        )
    assert (tmp_path / folder / name).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [folder]
    assert seen == [True]


def is_one_clear_line(said: str, path: Path) -> bool:
    """What, where and what to do, each once."""
    begins = said.startswith(f"GGUF file {path} can't be loaded: ")
    ends = said.endswith("; make it again (steep export RECIPE), or ask it in llama.cpp or Ollama")
    return begins and ends and "\n" not in said and ".;" not in said


# Broken by: errors of other classes let through; the line cut behind the reason.
@pytest.mark.parametrize("data", [b"", b"GGUF", b"GGUF\x03\x00\x00\x00" + b"\xff" * 64, b"text"])
def test_a_broken_file_is_refused_in_one_line(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(data)
    with pytest.raises(ModelError) as caught:
        load_gguf(path)
    assert is_one_clear_line(str(caught.value), path)


# Broken by: a refusal of the tokenizer's that doesn't name the file; fields taken to be there.
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"model": "llama"}, "its tokenizer is 'llama'"),
        ({"pre": "odd"}, "split by 'odd'"),
        ({"tokens": None}, "there is no tokenizer.ggml.tokens"),
        ({"eos_token_id": 10**6}, "damaged"),
    ],
)
def test_a_file_of_another_kind_is_refused_in_one_line(
    changes: dict[str, Any], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tiny_tokenizer()
    path = tmp_path / "model.gguf"
    write_gguf(tiny_model("llama", tokenizer), tokenizer, path, "F32", "tiny")
    field = reading._field
    monkeypatch.setattr(reading, "_field", lambda r, name: changes.get(name, field(r, name)))
    with pytest.raises(ModelError, match=says) as caught:
        load_gguf(path)
    assert is_one_clear_line(str(caught.value), path)


def test_half_of_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    path = tmp_path / "model.gguf"
    write_gguf(tiny_model("llama", tokenizer), tokenizer, path, "F32", "tiny")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError) as caught:
        load_gguf(path)
    assert is_one_clear_line(str(caught.value), path)
