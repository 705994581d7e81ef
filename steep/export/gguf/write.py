"""Write a GGUF file from a plain model and its tokenizer, one tensor in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from steep.durable import fail_point
from steep.errors import ModelError
from steep.export.gguf.layout import Tensor, check_layout, settings, tensors
from steep.export.gguf.words import Words, words_of
from steep.proof.turns import turn_end

Kind = Literal["F32", "F16", "Q8_0", "Q4_K_M"]

_WIDE = "position_embd.weight"  # added to the states as it is: llama.cpp wants it in fp32


def check_gguf(kind: Kind, config: Any, tokenizer: Any) -> None:
    """Find out whether ``write_gguf`` would refuse, before anything is trained.

    Raises:
        ModelError: the model or its tokenizer can't be said in a GGUF, or the quantiser for
            ``kind`` isn't installed.
    """
    from steep.export.gguf.llamacpp import is_installed

    check_layout(config)
    words_of(tokenizer, max(int(config.vocab_size), len(tokenizer)))
    if kind == "Q4_K_M" and not is_installed():
        raise ModelError(
            'export.gguf = "Q4_K_M" needs llama.cpp\'s quantiser; run: pip install '
            '"steep[gguf]", or choose Q8_0'
        )


def write_gguf(model: Any, tokenizer: Any, path: Path, kind: Kind, name: str) -> None:
    """Write a model (without adapters) and its tokenizer as one GGUF file.

    Vectors stay fp32. Rows that don't divide into Q8_0's blocks of 32 are F16 there. Q4_K_M is
    quantised by llama.cpp from an F32 file beside, which is gone afterwards.

    Args:
        name: what the model calls itself in the file.

    Raises:
        ModelError: as ``check_gguf``.
    """
    check_layout(model.config)
    rows = int(model.get_input_embeddings().weight.shape[0])
    words = words_of(tokenizer, rows, _end_of_turn(model, tokenizer))
    if kind != "Q4_K_M":
        _write(model, words, path, kind, name)
        return
    from steep.export.gguf.llamacpp import quantise

    whole = path.with_name(f"{path.stem}-F32.gguf")
    _write(model, words, whole, "F32", name)
    fail_point(f"{path.name}: before quantising")
    quantise(whole, path)
    whole.unlink()


def _write(model: Any, words: Words, path: Path, kind: Kind, name: str) -> None:
    from gguf import GGMLQuantizationType, GGUFWriter, LlamaFileType, quantize

    config = model.config
    writer = GGUFWriter(path, arch=str(config.model_type))
    try:
        writer.add_type("model")
        writer.add_name(name)
        file_type = {"F32": "ALL_F32", "F16": "MOSTLY_F16", "Q8_0": "MOSTLY_Q8_0"}[kind]
        writer.add_file_type(LlamaFileType[file_type])
        writer.add_quantization_version(2)
        for key, value in settings(config):
            add = {int: writer.add_uint32, float: writer.add_float32, str: writer.add_string}
            add[type(value)](f"{config.model_type}.{key}", value)  # type: ignore[operator]
        _add_words(writer, words)
        written: Sequence[Tensor] = tuple(tensors(model))
        types = [GGMLQuantizationType[_type(tensor, kind)] for tensor in written]
        for tensor, of_type in zip(written, types, strict=True):
            _add_info(writer, tensor, of_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        fail_point(f"{path.name}: settings written")
        for place, (tensor, of_type) in enumerate(zip(written, types, strict=True)):
            with _told_why(path):
                writer.write_tensor_data(quantize(tensor.values(), of_type))
            if place == len(written) // 2:
                fail_point(f"{path.name}: half of the weights written")
    finally:
        writer.close()


@contextmanager
def _told_why(path: Path) -> Iterator[None]:
    """Have the system say why nothing more could be written: numpy keeps that to itself."""
    try:
        yield
    except OSError as error:
        if error.errno is None:
            with path.open("ab", buffering=0) as stream:
                stream.write(bytes(1_000_000))
        raise


def _add_words(writer: Any, words: Words) -> None:
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(words.splitting.name)
    writer.add_token_list(list(words.tokens))
    writer.add_token_types(list(words.kinds))
    writer.add_token_merges(list(words.merges))
    writer.add_add_bos_token(words.adds_bos)
    writer.add_add_eos_token(words.adds_eos)
    writer.add_add_space_prefix(False)
    add = {
        "bos": writer.add_bos_token_id,
        "eos": writer.add_eos_token_id,
        "eot": writer.add_eot_token_id,
        "unknown": writer.add_unk_token_id,
        "padding": writer.add_pad_token_id,
    }
    for name, number in words.ids.items():
        add[name](number)
    if words.chat_template:
        writer.add_chat_template(words.chat_template)


def _add_info(writer: Any, tensor: Tensor, of_type: Any) -> None:
    import numpy as np
    from gguf import GGML_QUANT_SIZES

    elements, size = GGML_QUANT_SIZES[of_type]
    count = int(np.prod(tensor.shape))
    writer.add_tensor_info(
        tensor.name, tensor.shape, np.dtype(np.float32), count // elements * size, of_type
    )


def _type(tensor: Tensor, kind: Kind) -> str:
    """The GGML type of one tensor in a file of this kind."""
    if kind == "F32" or len(tensor.shape) < 2 or tensor.name == _WIDE:
        return "F32"
    return "F16" if kind == "F16" or tensor.shape[-1] % 32 else "Q8_0"


def _end_of_turn(model: Any, tokenizer: Any) -> int | None:
    """A token beside the tokenizer's own end at which the model stops: the template's, if there is
    one."""
    from steep.proof.generation import end_tokens

    others = end_tokens(model, tokenizer) - {tokenizer.eos_token_id}
    end = turn_end(tokenizer)
    return end if end in others else min(others, default=None)
