"""Tiny random models and a tiny tokenizer for tests: no downloads, milliseconds to build."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

Kind = Literal["llama", "qwen3", "gpt2", "gemma"]

SIZES: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
WORDS = (
    "The quick brown fox jumps over the lazy dog. Question: Who founded the company in 1987? "
    "Answer: Paris is the capital of France, and London is the capital of England."
)


def tiny_tokenizer(texts: Iterable[str] | None = None) -> Any:
    """A byte-level BPE tokenizer of at most 384 tokens: any text survives a round trip.

    ``<eos>`` is 0 and ``<pad>`` 1; nothing is added around a text.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=384,
        special_tokens=["<eos>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator([WORDS, *(texts or [])], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<eos>", pad_token="<pad>")


def tiny_model(kind: Kind, tokenizer: Any, seed: int = 0) -> Any:
    """A random two-layer model in fp32 and evaluation mode.

    "llama" has grouped-query attention and a tied head, "qwen3" norms queries and keys, "gpt2"
    has learned positions, "gemma" scales its embeddings. Weights are drawn wide, so that
    different inputs give clearly different predictions.
    """
    return random_model(tiny_config(kind, tokenizer), seed)


def random_model(config: Any, seed: int = 0, **options: Any) -> Any:
    """A model of any configuration with random, wide weights, in fp32 and evaluation mode.

    The global random state is left alone; torch is set to one thread, because for tiny matrices a
    second one only waits. ``options`` go to transformers.
    """
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.float32, **options)
        for name, weight in model.named_parameters():
            if weight.dim() > 1:
                torch.nn.init.normal_(weight, std=0.2)
            elif "norm" not in name and "ln_" not in name:
                torch.nn.init.normal_(weight, std=0.02)
    return model.eval()


def tiny_config(kind: Kind, tokenizer: Any) -> Any:
    from transformers import GemmaConfig, GPT2Config, LlamaConfig, Qwen3Config

    common: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    if kind == "gpt2":
        return GPT2Config(n_embd=32, n_layer=2, n_head=4, n_positions=128, **common)
    if kind == "llama":
        return LlamaConfig(tie_word_embeddings=True, **SIZES, **common)
    if kind == "qwen3":
        return Qwen3Config(head_dim=8, tie_word_embeddings=False, **SIZES, **common)
    return GemmaConfig(head_dim=8, tie_word_embeddings=True, **SIZES, **common)


def save_tiny_model(
    folder: Path, kind: Kind = "llama", texts: Iterable[str] | None = None, seed: int = 0
) -> Path:
    """Write a tiny model and its tokenizer as a plain transformers folder."""
    tokenizer = tiny_tokenizer(texts)
    tiny_model(kind, tokenizer, seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
