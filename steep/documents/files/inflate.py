"""gzip, bzip2, xz and zstd, inflated with their size counted on the way.

A small file can't fill the memory: every read asks for a bounded part, and what came out is
counted against the file's size.
"""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import zlib
from collections.abc import Callable
from typing import Any, BinaryIO, cast

from steep.documents.files.entry import Budget, UnreadableError

_BUFFER_BYTES = 2**18
_MAX_WINDOW_BYTES = 2**27
"""The most memory zstd may be told to keep: ``zstd --long=27``."""


def _zstd(stream: Any) -> Any:
    zstandard = importlib.import_module("zstandard")
    reader = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES)
    return reader.stream_reader(stream, read_across_frames=True)


_OPENERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    ".gz": ("gzip", lambda stream: gzip.GzipFile(fileobj=stream, mode="rb")),
    ".bz2": ("bzip2", bz2.BZ2File),
    ".xz": ("xz", lzma.LZMAFile),
    ".zst": ("zstd", _zstd),
}
COMPRESSED = tuple(_OPENERS)
"""Suffixes that compression adds to a file of any kind."""
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError)


def inflated(stream: BinaryIO, suffix: str, budget: Budget) -> BinaryIO:
    """A stream of what a compressed stream holds, its checksums verified.

    Reading it raises ``UnreadableError`` where the data is broken, ends early or is a bomb, and
    where zstd's package is missing.
    """
    name, opener = _OPENERS[suffix]
    counted = _Counted(lambda: opener(stream), name, budget)
    return cast(BinaryIO, io.BufferedReader(counted, _BUFFER_BYTES))


class _Counted(io.RawIOBase):
    """Counts what a decompressor gives and turns whatever it raises into one error."""

    def __init__(self, opener: Callable[[], Any], name: str, budget: Budget) -> None:
        super().__init__()
        self._opener = opener
        self._inner: Any = None
        self._name = name
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            if self._inner is None:  # opened late, so that whatever is wrong is said in one place
                self._inner = self._opener()
            part = self._inner.read(len(buffer))
        except ModuleNotFoundError as error:
            detail = f"needs the package {error.name}; run pip install 'steep[zstd]'"
            raise UnreadableError("missing reader", detail) from None
        except EOFError:
            raise UnreadableError(
                "unreadable file",
                f"is a {self._name} file that ends too early; fetch or compress it again",
            ) from None
        except Exception as error:
            if not isinstance(error, _BROKEN) and type(error).__name__ != "ZstdError":
                raise
            raise UnreadableError(
                "unreadable file",
                f"is not a readable {self._name} file ({' '.join(str(error).split())});"
                " fetch or compress it again",
            ) from error
        self._budget.spend(len(part))
        buffer[: len(part)] = part
        return len(part)
