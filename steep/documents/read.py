"""From paths to documents: every file found becomes documents or drops with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from steep.documents import formats, hub, paths
from steep.documents.clean import clean_text, clean_title
from steep.documents.deduplicate import deduplicate
from steep.documents.formats import Fault, Piece
from steep.documents.record import Document, Drop
from steep.errors import DocumentError

MAX_FILE_BYTES = 512 * 2**20
MAX_TEXT_CHARACTERS = 50_000_000


@dataclass(frozen=True)
class Collection:
    """What was read: distinct, clean documents, and everything left out with its reason."""

    documents: tuple[Document, ...]
    drops: tuple[Drop, ...]


def read_documents(paths: str | Path | Iterable[str | Path]) -> Iterator[Document]:
    """Yield the distinct, clean documents of files, folders and glob patterns.

    Args:
        paths: one path or several: a file; a folder (read with all its folders, in sorted
            order, hidden ones skipped); a glob pattern, with ``**`` for any folders; or
            ``hf://owner/name?split=train&field=text``.

    Raises:
        DocumentError: a path doesn't exist, holds nothing readable, or names a broken file;
            before the first document.
    """
    return iter(collect(paths).documents)


def collect(paths: str | Path | Iterable[str | Path]) -> Collection:
    """Read documents as ``read_documents`` does, and account for everything left out.

    A file the user named must be readable; a bad file found in a folder or by a pattern is a
    drop. A file reached twice is read once.

    Raises:
        DocumentError: as ``read_documents``.
    """
    names = [paths] if isinstance(paths, str | Path) else list(paths)
    if not names:
        raise DocumentError("no documents were named; give at least one file, folder or pattern")
    gathering = _Gathering()
    for name in names:
        if hub.is_hub_path(str(name)):
            gathering.add_hub(str(name))
        else:
            gathering.add(str(name))
    documents, duplicates = deduplicate(gathering.documents)
    if not documents:
        raise DocumentError(
            f"{', '.join(map(str, names))} holds no readable text"
            f" ({_counts(gathering.drops)}); {_advice()}"
        )
    return Collection(documents, (*gathering.drops, *duplicates))


@dataclass
class _Gathering:
    """Documents and drops so far, and the files already read."""

    documents: list[Document] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    seen: set[Path] = field(default_factory=set)

    def add(self, name: str) -> None:
        """Add what a path stands for."""
        given = paths.find(name)
        before, dropped_before = len(self.documents), len(self.drops)
        self.drops += given.drops
        read_before = False
        for path, source in given.files:
            real = path.resolve()
            if real in self.seen:
                read_before = True
                continue
            self.seen.add(real)
            self._add_file(path, source, name if given.kind == "file" else None)
        if given.kind != "file" and len(self.documents) == before and not read_before:
            raise DocumentError(
                f"{name} holds no readable documents"
                f" ({_counts(self.drops[dropped_before:])}); {_advice()}"
            )

    def add_hub(self, name: str) -> None:
        """Add a data set of the Hub."""
        source = name.partition("?")[0]
        for piece in hub.read_hub(name):
            self._add_piece(piece, source, PurePosixPath(source).name)

    def _add_file(self, path: Path, source: str, named_as: str | None) -> None:
        """Add one file; what is wrong with it is an error if the user named that very file."""
        for piece in self._pieces(path, source):
            if isinstance(piece, Piece):
                self._add_piece(piece, source, formats.stem(path.name))
            elif named_as is None:
                self.drops.append(Drop(source, piece.locator, piece.reason, piece.detail))
            else:
                place = f"{named_as} {piece.locator}".rstrip()
                raise DocumentError(f"{place} {piece.detail}")

    def _pieces(self, path: Path, source: str) -> Iterator[Piece | Fault]:
        """Yield what a file holds; whatever its parser raises becomes a fault."""
        if not formats.is_supported(path.name):
            kind = formats.suffix(path.name)
            yield Fault("unsupported format", f"has an unsupported format ({kind}); {_advice()}")
            return
        try:
            size = path.stat().st_size
            if size > MAX_FILE_BYTES:
                limit = f"{size:,} bytes, more than {MAX_FILE_BYTES:,}; split the file"
                self.drops.append(Drop(source, "", "too large", limit))
                return
            yield from formats.read_bytes(path.name, path.read_bytes())
        except OSError as error:
            detail = f"can't be opened ({error.strerror}); check its permissions"
            yield Fault("unreadable file", detail)
        except DocumentError as error:
            yield Fault("unreadable encoding", str(error))
        except Exception as error:  # a parser broke on a bad file: that file's loss alone
            detail = f"can't be parsed ({type(error).__name__}); convert it or leave it out"
            yield Fault("unreadable file", detail)

    def _add_piece(self, piece: Piece, source: str, name: str) -> None:
        if len(piece.text) > MAX_TEXT_CHARACTERS:
            limit = f"{len(piece.text):,} characters, more than {MAX_TEXT_CHARACTERS:,}"
            self.drops.append(Drop(source, piece.locator, "too large", limit))
            return
        text = clean_text(piece.text)
        if not text:
            self.drops.append(Drop(source, piece.locator, "empty", "no text after cleaning"))
            return
        title = clean_title(piece.title or "") or clean_title(name)
        fields = _clean_fields(piece.fields)
        names = tuple(name for name, _ in fields if name in map(clean_title, piece.title_fields))
        self.documents.append(Document(text, title, source, piece.locator, fields, names))


def _clean_fields(fields: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Fields as one-line names and values, without those that cleaning leaves nothing of."""
    cleaned = ((clean_title(name), clean_title(value)) for name, value in fields)
    return tuple((name, value) for name, value in cleaned if name and value)


def _advice() -> str:
    return f"steep reads {formats.supported_suffixes()} and files without a suffix, also in .gz"


def _counts(drops: Iterable[Drop]) -> str:
    counts = Counter(drop.reason for drop in drops)
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "no files"
