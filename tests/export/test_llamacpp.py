"""GGUF files in llama.cpp itself, which shares no code with the writer or the other reader."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import AddedToken

from steep.export.gguf.llamacpp import opened
from steep.export.gguf.write import Kind, write_gguf
from steep.export.parity import Reader, check_parity, compare, trained_reader
from steep.model.load import load_model
from steep.proof.questions import validation_texts
from tests.export.test_gguf_file import make_model
from tests.export.test_gguf_words import RULES
from tests.tiny import tiny_model, tiny_tokenizer

pytest.importorskip("llama_cpp")
pytestmark = pytest.mark.slow


# Broken by: interleaved() left out; a pre-tokenizer's name that stands for another rule.
@pytest.mark.parametrize(
    "name", ["llama", "llama untied", "llama llama3", "llama linear", "qwen2", "qwen3", "gpt2"]
)
@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0", "Q4_K_M"])
def test_tiny_models_of_every_kind(name: str, kind: Kind, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens(["TechCorp", AddedToken("CloudAI", normalized=False)])
    model = make_model(name, tokenizer)
    trained = trained_reader(model, tokenizer, validation_texts())
    path = tmp_path / "model.gguf"
    write_gguf(model, tokenizer, path, kind, "tiny")
    with opened(path) as found:
        parity = compare(trained, Reader("llama.cpp", found.logits, found.encode))
    print(name, kind, parity.in_words())
    if kind == "Q4_K_M":  # of matrices this small little is left
        assert parity.equal_strings == parity.strings
        return
    check_parity(parity, kind if kind != "F32" else "F16", str(path))


@pytest.mark.parametrize("rule", [*RULES, "llama-bpe"])
def test_every_split_has_its_name(rule: str, tmp_path: Path) -> None:
    from steep.export.strings import strings

    tokenizer = tiny_tokenizer()
    tokenizer.backend_tokenizer.pre_tokenizer = RULES.get(rule, RULES["smaug-bpe"])
    tokenizer.backend_tokenizer.model.ignore_merges = rule == "llama-bpe"
    path = tmp_path / "model.gguf"
    write_gguf(tiny_model("llama", tokenizer), tokenizer, path, "Q8_0", "tiny")
    with opened(path) as found:
        wrong = [t for t in strings() if found.encode(t) != tokenizer(t)["input_ids"]]
    assert not wrong


@pytest.mark.real
@pytest.mark.parametrize("kind", ["F32", "F16", "Q8_0", "Q4_K_M"])
def test_smollm2(kind: Kind, tmp_path: Path) -> None:
    """Twenty prompts of 32 tokens; free to go on, llama.cpp says the 32 tokens that follow.

    Where the trained model's two likeliest tokens are nearly as likely, rounding to F16 may turn
    them round, and from there on it is another text: such a place, and only such, may end it.
    """
    model, tokenizer = load_model("smollm2-135m", device="cpu")
    trained = trained_reader(model, tokenizer, validation_texts())
    path = tmp_path / "model.gguf"
    write_gguf(model, tokenizer, path, kind, "smollm2")
    with opened(path) as found:
        parity = compare(trained, Reader("llama.cpp", found.logits, found.encode))
        print(kind, parity.in_words())
        check_parity(parity, kind if kind != "F32" else "F16", str(path))
        if kind in ("F32", "F16"):
            for row in trained.rows:
                said = found.continue_greedily(row[:32], 32)
                equal = next((n for n in range(32) if said[n] != row[32 + n]), 32)
                print(equal, end=" ")
                if equal < 30:
                    first, second = trained.reader.logits(row)[31 + equal].topk(2).values.tolist()
                    print(f"(lead {first - second:.3f})", end=" ")
                    assert kind == "F16" and first - second < 2 * parity.max_logit_difference
