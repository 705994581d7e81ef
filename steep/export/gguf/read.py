"""Read a GGUF file back without llama.cpp: the model by transformers, the tokenizer by its rules.

transformers' own reader dequantises the weights and undoes llama.cpp's layout: code that shares
nothing with the writer. What it doesn't read is taken from the file here, never from the model
that was written.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from steep.errors import ModelError
from steep.export.gguf.words import CONTROL, SPLITTINGS, USER_DEFINED


def is_gguf(path: Path) -> bool:
    """True for a file that begins as GGUF files do."""
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"GGUF"
    except OSError:
        return False


def load_gguf(path: Path) -> tuple[Any, Any]:
    """(model, tokenizer) of a GGUF file, the model in fp32 and in evaluation mode.

    Raises:
        ModelError: it can't be read.
    """
    from gguf import GGUFReader

    try:
        reader = GGUFReader(path)
        model = _model(path, reader)
        return model.eval(), _tokenizer(reader)
    except MemoryError:  # says nothing of the file
        raise
    except Exception as error:  # of three libraries, which raise all kinds
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ModelError:
    """What to raise, in one line, for a file that can't be read."""
    said = " ".join(str(error).split("\n\n")[0].split()).rstrip(".")
    if not isinstance(error, (OSError, ValueError, ModelError, RuntimeError)):
        # They speak of the reader's own variables.
        said = f"it is damaged, or of a kind that isn't read here ({type(error).__name__}: {said})"
    return ModelError(
        f"GGUF file {path} can't be loaded: {said or type(error).__name__}; make it again (steep "
        "export RECIPE), or ask it in llama.cpp or Ollama"
    )


def _model(path: Path, reader: Any) -> Any:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    where = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    config = _complete(AutoConfig.from_pretrained(**where), reader)
    # The reader draws a bar of its own on stderr, whatever was asked for.
    with contextlib.redirect_stderr(io.StringIO()):
        model = AutoModelForCausalLM.from_pretrained(**where, config=config, dtype=torch.float32)
    factors = next((t.data for t in reader.tensors if t.name == "rope_freqs.weight"), None)
    if factors is not None:
        model.model.rotary_emb.inv_freq.div_(torch.tensor(factors))
    return model


def _complete(config: Any, reader: Any) -> Any:
    """The configuration with what the file says and transformers' reader leaves out."""
    kind = str(_value(reader, "general.architecture"))

    def setting(name: str) -> Any:
        return _value(reader, f"{kind}.{name}")

    if kind == "gpt2":
        config.n_positions = setting("context_length")
        config.n_inner = setting("feed_forward_length")
        return config
    width = setting("attention.key_length")
    if width is not None:
        config.head_dim = width
    if setting("rope.scaling.type") == "linear":
        factor = float(setting("rope.scaling.factor"))
        config.rope_parameters = {
            **config.rope_parameters, "rope_type": "linear", "factor": factor
        }  # fmt: skip
    return config


def _tokenizer(reader: Any) -> Any:
    """The tokenizer as llama.cpp reads it from the file."""
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

    if _field(reader, "model") != "gpt2":
        raise ModelError(
            f"its tokenizer is '{_field(reader, 'model')}'; steep reads byte-level BPE only"
        )
    known = {splitting.name: splitting for splitting in SPLITTINGS}
    splitting = known.get(str(_field(reader, "pre")))
    if splitting is None:
        raise ModelError(
            f"its text is split by '{_field(reader, 'pre')}', which steep doesn't know "
            f"(only {', '.join(known)})"
        )
    tokens, kinds, merges = (_needed(reader, name) for name in ("tokens", "token_type", "merges"))
    added = [
        {"id": number, "content": tokens[number], "special": kind == CONTROL, "normalized": False,
         "single_word": False, "lstrip": False, "rstrip": False}
        for number, kind in enumerate(kinds)
        if kind in (CONTROL, USER_DEFINED)
    ]  # fmt: skip
    bytes_ = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    steps = [{"trim_offsets": True, **step} for step in splitting.steps]
    raw = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "post_processor": None,
        "decoder": {**bytes_, "use_regex": True},
        "model": {
            "type": "BPE",
            "vocab": {token: number for number, token in enumerate(tokens)},
            "merges": merges,
            "ignore_merges": splitting.takes_whole,
        },
    }
    named = {name: _field(reader, f"{name}_token_id") for name in ("bos", "eos")}
    found = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=Tokenizer.from_str(json.dumps(raw)),
        **{f"{name}_token": tokens[n] for name, n in named.items() if n is not None},
    )
    found.chat_template = _value(reader, "tokenizer.chat_template")
    _add_ends(found, reader)
    return found


def _add_ends(tokenizer: Any, reader: Any) -> None:
    """Have begin and end put around a text, if the file says so."""
    from tokenizers.processors import TemplateProcessing

    adds = [name for name in ("bos", "eos") if _field(reader, f"add_{name}_token")]
    if not adds:
        return
    ends = {name: getattr(tokenizer, f"{name}_token") for name in adds}
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=" ".join([*(ends[n] for n in adds if n == "bos"), "$A",
                         *(ends[n] for n in adds if n == "eos")]),
        special_tokens=[(ends[n], getattr(tokenizer, f"{n}_token_id")) for n in adds],
    )  # fmt: skip


def _needed(reader: Any, name: str) -> Any:
    found = _field(reader, name)
    if found is None:
        raise ModelError(f"its tokenizer is incomplete, there is no tokenizer.ggml.{name}")
    return found


def _field(reader: Any, name: str) -> Any:
    return _value(reader, f"tokenizer.ggml.{name}")


def _value(reader: Any, key: str) -> Any:
    field = reader.get_field(key)
    return None if field is None else field.contents()
