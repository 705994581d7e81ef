"""llama.cpp, where it is installed (``steep[gguf]``): its quantiser, and how it reads a file."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from steep.errors import SteepError


def is_installed() -> bool:
    """True if llama-cpp-python can be imported."""
    return importlib.util.find_spec("llama_cpp") is not None


def quantise(source: Path, target: Path) -> None:
    """Make a Q4_K_M file of an F32 one.

    Raises:
        SteepError: llama.cpp couldn't.
    """
    import llama_cpp

    llama_cpp.llama_log_set(_nothing_said(), None)
    options = llama_cpp.llama_model_quantize_default_params()
    options.ftype = llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_K_M
    options.nthread = 1
    failed = llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), options)
    if failed or not target.is_file():
        raise SteepError(f"llama.cpp couldn't quantise {source} (code {failed})")


@cache
def _nothing_said() -> Any:
    """What llama.cpp is to call with its messages; kept, because it calls it later too."""
    import llama_cpp

    return llama_cpp.llama_log_callback(lambda *_: None)


@contextmanager
def opened(path: Path, *, context: int = 64) -> Iterator[LlamaCpp]:
    """A GGUF file opened by llama.cpp, its memory given back after.

    Args:
        context: tokens it may be given at once.
    """
    from llama_cpp import Llama, llama_log_set

    options = {"n_ctx": context, "n_batch": context, "logits_all": True, "verbose": False}
    llama = Llama(str(path), **options)
    llama_log_set(_nothing_said(), None)
    try:
        yield LlamaCpp(llama)
    finally:
        llama.close()


class LlamaCpp:
    """A GGUF file in llama.cpp."""

    def __init__(self, llama: Any) -> None:
        self._llama = llama
        self._adds_bos = bool(llama._model.add_bos_token())

    def encode(self, text: str) -> list[int]:
        """Token ids, special tokens in the text read as such."""
        found: list[int] = self._llama.tokenize(text.encode(), add_bos=self._adds_bos, special=True)
        return found

    def logits(self, ids: Sequence[int]) -> Any:
        """fp32 logits after each of T tokens, shape (T, vocabulary)."""
        self._llama.reset()
        self._llama.eval(list(ids))
        return self._llama.scores[: len(ids)].copy()

    def continue_greedily(self, ids: Sequence[int], count: int) -> list[int]:
        """The ``count`` likeliest next tokens, one after the other."""
        self._llama.reset()
        self._llama.eval(list(ids))
        made: list[int] = []
        for _ in range(count):
            made.append(int(self._llama.scores[self._llama.n_tokens - 1].argmax()))
            self._llama.eval(made[-1:])
        return made
