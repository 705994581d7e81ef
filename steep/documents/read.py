"""From paths to documents: every file found becomes documents or drops with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from steep.documents import database, formats, hub, paths
from steep.documents.child import Redact, Terms, clean_piece
from steep.documents.deduplicate import deduplicate
from steep.documents.formats import Fault, Marks, Piece
from steep.documents.record import Document, Drop
from steep.documents.sandbox import File, read_files
from steep.errors import DocumentError

TERMS = Terms()


@dataclass(frozen=True)
class Collection:
    """What was read: distinct, clean documents, and everything left out with its reason.

    ``marks`` counts secrets and personal data by kind; the former were blanked.
    """

    documents: tuple[Document, ...]
    drops: tuple[Drop, ...]
    marks: Mapping[str, int] = field(default_factory=dict)


def read_documents(paths: str | Path | Iterable[str | Path]) -> Iterator[Document]:
    """Yield the distinct, clean documents of files, folders and glob patterns.

    Args:
        paths: one path or several: a file; a folder (read with all its folders, in sorted
            order, hidden ones skipped); a glob pattern, with ``**`` for any folders;
            ``hf://owner/name?split=train&field=text``; or a query to a database
            (``sqlite:///kb.db#SELECT title, body FROM pages``). Behind a file, folder or pattern,
            ``?text=body&title=head`` names the fields of tables, and ``?split=blank`` parts
            plain text at blank lines.

    Raises:
        DocumentError: a path doesn't exist, holds nothing readable, or names a broken file;
            before the first document.
    """
    return iter(collect(paths).documents)


def collect(paths: str | Path | Iterable[str | Path], *, redact: Redact = "secrets") -> Collection:
    """Read documents as ``read_documents`` does, and account for everything left out.

    A file the user named must be readable; a bad file found in a folder or by a pattern is a
    drop. A file reached twice is read once.

    Raises:
        DocumentError: as ``read_documents``.
    """
    names = [paths] if isinstance(paths, str | Path) else list(paths)
    if not names:
        raise DocumentError("no documents were named; give at least one file, folder or pattern")
    gathering = _Gathering(replace(TERMS, redact=redact))
    for name in names:
        if hub.is_hub_path(str(name)):
            gathering.add_hub(str(name))
        elif database.is_query(str(name)):
            gathering.add_query(str(name))
        else:
            gathering.add(str(name))
    documents, duplicates = deduplicate(gathering.documents)
    if not documents:
        raise DocumentError(
            f"{', '.join(map(str, names))} holds no readable text"
            f" ({_counts(gathering.drops)}); {formats.advice()}"
        )
    return Collection(documents, (*gathering.drops, *duplicates), dict(gathering.marks))


@dataclass
class _Gathering:
    """Documents and drops so far, and the files already read."""

    terms: Terms
    documents: list[Document] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    marks: Counter[str] = field(default_factory=Counter)
    seen: set[Path] = field(default_factory=set)

    def add(self, name: str) -> None:
        """Add what a path stands for."""
        name, options = paths.split_options(name)
        given = paths.find(name)
        before, dropped_before = len(self.documents), len(self.drops)
        self.drops += given.drops
        files = [(path, source) for path, source in given.files if self._is_new(path)]
        named_as = name if given.kind == "file" else None
        inputs = [File(str(path), source, _size(path), options) for path, source in files]
        with closing(read_files(inputs, self.terms)) as results:
            for (_, source), found in zip(files, results, strict=True):
                self._add_found(found, source, named_as)
        read_before = len(files) < len(given.files)
        if given.kind != "file" and len(self.documents) == before and not read_before:
            raise DocumentError(
                f"{name} holds no readable documents"
                f" ({_counts(self.drops[dropped_before:])}); {formats.advice()}"
            )

    def add_hub(self, name: str) -> None:
        """Add a data set of the Hub."""
        source = name.partition("?")[0]
        for piece in hub.read_hub(name):
            found = clean_piece(piece, PurePosixPath(source).name, self.terms, self.marks)
            self._add_found([found], source, None)

    def add_query(self, name: str) -> None:
        """Add the rows of a query to a database."""
        source = database.source_of(name)
        for piece in database.read_query(name):
            self._add_found([clean_piece(piece, "row", self.terms, self.marks)], source, None)

    def _is_new(self, path: Path) -> bool:
        """True unless the file was read before, under whatever name."""
        real = path.resolve()
        new = real not in self.seen
        self.seen.add(real)
        return new

    def _add_found(
        self, found: Iterable[Piece | Fault | Marks], source: str, named_as: str | None
    ) -> None:
        """Add what a file holds; what is wrong with it is an error if the user named it."""
        for one in found:
            if isinstance(one, Piece):
                self.documents.append(
                    Document(
                        one.text,
                        one.title or "",
                        source,
                        one.locator,
                        one.fields,
                        one.title_fields,
                        one.language,
                        one.date,
                        one.licence,
                    )
                )
            elif isinstance(one, Marks):
                self.marks.update(one.counts)
            elif named_as is None or not one.fatal:
                self.drops.append(Drop(source, one.locator, one.reason, one.detail))
            else:
                place = f"{named_as} {one.locator}".rstrip()
                raise DocumentError(f"{place} {one.detail}")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # opening it will say what is wrong


def _counts(drops: Iterable[Drop]) -> str:
    counts = Counter(drop.reason for drop in drops)
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "no files"
