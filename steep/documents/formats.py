"""Which reader reads which file, and what a reader yields.

A reader takes a file's decoded text and yields pieces (one per document in the file) and
faults (a document that can't be read, and what to do). Readers that need a parser live in
their own modules and load on first use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import NamedTuple

from steep.documents.encoding import decode
from steep.documents.inflate import inflate


class Piece(NamedTuple):
    """One document of a file, before cleaning.

    ``fields`` are the names and plain values of a record (a row, an object, an XML element),
    ``title_fields`` the names of those that the title says.
    """

    text: str
    title: str | None = None
    locator: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    title_fields: tuple[str, ...] = ()


class Fault(NamedTuple):
    """A document that can't be read.

    ``detail`` says what is wrong and what to do; it continues a sentence that starts with the
    file's name and the locator.
    """

    reason: str
    detail: str
    locator: str = ""


Reader = Callable[[str], Iterator[Piece | Fault]]


def read_plain(text: str) -> Iterator[Piece | Fault]:
    """Plain text is one document as it stands; its lines aren't joined."""
    yield Piece(text)


def _read_markdown(text: str) -> Iterator[Piece | Fault]:
    from steep.documents.markup import read_markdown

    return read_markdown(text)


def _read_html(text: str) -> Iterator[Piece | Fault]:
    from steep.documents.markup import read_html

    return read_html(text)


def _read_csv(text: str) -> Iterator[Piece | Fault]:
    from steep.documents.tables import read_csv

    return read_csv(text)


def _read_tsv(text: str) -> Iterator[Piece | Fault]:
    from steep.documents.tables import read_csv

    return read_csv(text, delimiter="\t")


def _read_json(text: str) -> Iterator[Piece | Fault]:
    from steep.documents.tables import read_json

    return read_json(text)


def _read_jsonl(text: str) -> Iterator[Piece | Fault]:
    from steep.documents.tables import read_jsonl

    return read_jsonl(text)


def _read_xml(text: str) -> Iterator[Piece | Fault]:
    from steep.documents.xml import read_xml

    return read_xml(text)


READERS: dict[str, Reader] = {
    ".md": _read_markdown,
    ".markdown": _read_markdown,
    ".html": _read_html,
    ".htm": _read_html,
    ".txt": read_plain,
    ".text": read_plain,
    ".rst": read_plain,
    "": read_plain,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".json": _read_json,
    ".xml": _read_xml,
}
"""Reader by lower-case suffix; a file without a suffix is plain text."""

COMPRESSED = ".gz"
"""A file of any readable kind may be compressed with gzip, which adds this suffix."""
_DECLARE_ENCODINGS = (".html", ".htm", ".xml")


def stem(name: str) -> str:
    """A file's name without the suffix of its kind, nor that of compression."""
    return PurePath(_uncompressed(name)).stem


def suffix(name: str) -> str:
    """The lower-case suffix that tells a file's kind, with that of compression: ``.txt.gz``."""
    compressed = PurePath(name).suffix.lower() == COMPRESSED
    return PurePath(_uncompressed(name)).suffix.lower() + (COMPRESSED if compressed else "")


def is_supported(name: str) -> bool:
    """True if files of this name can be read."""
    return PurePath(_uncompressed(name)).suffix.lower() in READERS


def supported_suffixes() -> str:
    """The suffixes that can be read, for messages."""
    return " ".join(suffix for suffix in READERS if suffix)


def _uncompressed(name: str) -> str:
    """A file's name without ``.gz``."""
    path = PurePath(name)
    return path.stem if path.suffix.lower() == COMPRESSED else path.name


def read_bytes(name: str, data: bytes) -> Iterator[Piece | Fault]:
    """Yield the pieces and faults of a file's bytes; its name chooses the reader.

    Raises:
        DocumentError: the bytes aren't text (the message continues a sentence that names the
            file).
        KeyError: no reader for this suffix; ask ``is_supported`` first.
    """
    inner = _uncompressed(name)
    kind = PurePath(inner).suffix.lower()
    reader = READERS[kind]
    if inner != PurePath(name).name:
        inflated = inflate(data)
        if isinstance(inflated, str):
            yield Fault("unreadable file", inflated)
            return
        data = inflated
    yield from reader(decode(data, declared=kind in _DECLARE_ENCODINGS))
