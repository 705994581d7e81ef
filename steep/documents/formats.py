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


class Piece(NamedTuple):
    """One document of a file, before cleaning."""

    text: str
    title: str | None = None
    locator: str = ""


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
}
"""Reader by lower-case suffix; a file without a suffix is plain text."""


def is_supported(name: str) -> bool:
    """True if files of this name can be read."""
    return PurePath(name).suffix.lower() in READERS


def supported_suffixes() -> str:
    """The suffixes that can be read, for messages."""
    return " ".join(suffix for suffix in READERS if suffix)


def read_bytes(name: str, data: bytes) -> Iterator[Piece | Fault]:
    """Yield the pieces and faults of a file's bytes; its name chooses the reader.

    Raises:
        DocumentError: the bytes aren't text (the message continues a sentence that names the
            file).
        KeyError: no reader for this suffix; ask ``is_supported`` first.
    """
    suffix = PurePath(name).suffix.lower()
    reader = READERS[suffix]
    yield from reader(decode(data, declared=suffix in (".html", ".htm")))
