"""Documents on disk: a sequence of them that takes some bytes of memory for each.

A corpus may be larger than memory, so documents that were read stand in a temporary file, and
what is held is where each begins. ``Documents`` is a sequence like any other: it makes a
``Document`` anew whenever one is asked for, so take each once, and keep what you need of it.
"""

from __future__ import annotations

import json
import tempfile
import threading
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import BinaryIO, cast, overload

import numpy as np
import numpy.typing as npt

from steep.documents.record import Document
from steep.documents.spill import told_if_full

_HELD_BYTES = 2**20
"""Bytes that wait in memory to be written together; fewer never touch the disk."""

Places = npt.NDArray[np.int64]


class Shelf:
    """A temporary file that documents are added to; it is gone with the last that refers to it."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        self._written = 0
        self._waiting = bytearray()
        self._ends = array("Q", [0])
        self._characters = array("Q")
        self._lock = threading.Lock()  # a file has one position

    def __del__(self) -> None:
        if self._file is not None:
            self._file.close()

    def __len__(self) -> int:
        return len(self._characters)

    def add(self, document: Document) -> int:
        """Put a document at the end, and return its place.

        Raises:
            ResourceError: the disk is full.
        """
        self._waiting += _to_bytes(document)
        self._ends.append(self._written + len(self._waiting))
        self._characters.append(len(document.text))
        if len(self._waiting) >= _HELD_BYTES:
            self._write()
        return len(self) - 1

    def get(self, place: int) -> Document:
        """The document at a place."""
        start, end = self._ends[place], self._ends[place + 1]
        if start >= self._written:
            return _from_bytes(self._waiting[start - self._written : end - self._written])
        file = cast(BinaryIO, self._file)
        with self._lock:
            file.seek(start)
            return _from_bytes(file.read(end - start))

    def characters(self, places: Places) -> Places:
        """int64: how long the texts at these places are."""
        return np.array(self._characters, dtype=np.int64)[places]

    def all(self) -> Documents:
        """Every document added so far, in order."""
        return Documents(self, np.arange(len(self), dtype=np.int64))

    def _write(self) -> None:
        with told_if_full(), self._lock:
            if self._file is None:
                file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  # closed with the shelf
                self._file = cast(BinaryIO, file)
            self._file.seek(self._written)
            left = memoryview(self._waiting)
            while left:
                left = left[self._file.write(left) :]
        self._written += len(self._waiting)
        self._waiting = bytearray()


class Documents(Sequence[Document]):
    """Some of a shelf's documents, in their own order."""

    def __init__(self, shelf: Shelf, places: Places) -> None:
        self.shelf = shelf
        self.places = places

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> Document: ...

    @overload
    def __getitem__(self, index: slice) -> Documents: ...

    def __getitem__(self, index: int | slice) -> Document | Documents:
        if isinstance(index, slice):
            return Documents(self.shelf, self.places[index])
        return self.shelf.get(int(self.places[index]))

    def __iter__(self) -> Iterator[Document]:
        return (self.shelf.get(int(place)) for place in self.places)

    def __eq__(self, other: object) -> bool:
        """True for any sequence of equal documents."""
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]  # as of lists


def shelve(documents: Iterable[Document]) -> Documents:
    """Documents put on a shelf, unless they stand on one."""
    if isinstance(documents, Documents):
        return documents
    shelf = Shelf()
    for document in documents:
        shelf.add(document)
    return shelf.all()


def pick(documents: Sequence[Document], indices: Iterable[int]) -> Sequence[Document]:
    """Those of the documents with these indices; they stay where they are kept."""
    if isinstance(documents, Documents):
        return Documents(documents.shelf, documents.places[np.fromiter(indices, dtype=np.int64)])
    return tuple(documents[index] for index in indices)


def lengths(documents: Sequence[Document]) -> Places:
    """int64 [documents]: characters of their texts; those on a shelf aren't read for it."""
    if isinstance(documents, Documents):
        return documents.shelf.characters(documents.places)
    return np.fromiter((len(document.text) for document in documents), dtype=np.int64)


def _to_bytes(document: Document) -> bytes:
    row = [
        document.text,
        document.title,
        document.source,
        document.locator,
        document.fields,
        document.title_fields,
        document.language,
        document.date,
        document.licence,
        document.flags,
    ]
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _from_bytes(data: bytes | bytearray) -> Document:
    row = json.loads(data.decode("utf-8", "surrogatepass"))
    text, title, source, locator, fields, title_fields, language, date, licence, flags = row
    return Document(
        text,
        title,
        source,
        locator,
        tuple((name, value) for name, value in fields),
        tuple(title_fields),
        language,
        date,
        licence,
        tuple(flags),
    )
