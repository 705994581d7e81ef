"""From paths to documents: every file found becomes documents or drops with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from steep.documents import formats
from steep.documents.cleaning.tally import Tally, balance
from steep.documents.deduplicate import deduplicate
from steep.documents.files import paths
from steep.documents.formats import Fault, Marks, Piece
from steep.documents.privacy import identifiers
from steep.documents.record import Document, Drop
from steep.documents.repeats import cut_repeats
from steep.documents.sandbox.child import Redact, Terms, clean_piece
from steep.documents.sandbox.parent import File, read_files
from steep.documents.shelf import Shelf, lengths, pick
from steep.documents.tables import database, hub
from steep.errors import DocumentError

TERMS = Terms()

Repeated = Literal["keep", "cut"]


@dataclass(frozen=True)
class Collection:
    """What was read: distinct, clean documents, and everything left out with its reason.

    Attributes:
        marks: secrets and personal data by kind; the former were blanked.
        cleaning: the books of cleaning, in characters (``steep.documents.cleaning.tally``).
        repeats: paragraphs that stand in several documents, counted.
        cut: by document id the repeated lines and paragraphs that were cut from it.
    """

    documents: Sequence[Document]
    drops: tuple[Drop, ...]
    marks: Mapping[str, int] = field(default_factory=dict)
    cleaning: Mapping[str, Any] = field(default_factory=dict)
    repeats: Mapping[str, int] = field(default_factory=dict)
    cut: Mapping[str, list[str]] = field(default_factory=dict)


def read_documents(paths: str | Path | Iterable[str | Path]) -> Iterator[Document]:
    """Yield the distinct, clean documents of files, folders and glob patterns.

    Args:
        paths: one path or several: a file; a folder (read with all its folders, in sorted
            order, hidden ones skipped); a glob pattern, with ``**`` for any folders;
            ``hf://owner/name?split=train&field=text``; or a query to a database
            (``sqlite:///kb.db#SELECT title, body FROM pages``). Behind a file, folder or pattern,
            ``?text=body&title=head`` names the fields of tables (``?header=none``: they have no
            header), and ``?split=blank`` or
            ``?split=dated`` parts plain text at blank lines, or at its dated entries. Runs of
            steep's below a folder are left out.

    Raises:
        DocumentError: a path doesn't exist, holds nothing readable, or names a broken file;
            before the first document.
    """
    return iter(collect(paths).documents)


def collect(
    paths: str | Path | Iterable[str | Path],
    *,
    redact: Redact = "secrets",
    repeated_lines: Repeated = "cut",
    repeated_paragraphs: Repeated = "keep",
    drop_flagged: Sequence[str] = (),
    kept_in: Path | None = None,
) -> Collection:
    """Read documents as ``read_documents`` does, and account for everything left out.

    A file the user named must be readable; a bad file found in a folder or by a pattern is a
    drop. A file reached twice is read once. ``repeated_lines`` are menus, letterheads and footers
    that many documents share, ``repeated_paragraphs`` those of several documents; what is cut stays
    in the first document that has it. Documents with one of the flags ``drop_flagged`` are drops.
    ``kept_in`` is a folder of what files held before (see ``sandbox.kept``).

    Raises:
        DocumentError: as ``read_documents``.
    """
    names = [paths] if isinstance(paths, str | Path) else list(paths)
    if not names:
        raise DocumentError("no documents were named; give at least one file, folder or pattern")
    if redact == "presidio":
        identifiers.check_installed()
    gathering = _Gathering(replace(TERMS, redact=redact), kept_in)
    tally = gathering.tally
    for name in names:
        if hub.is_hub_path(str(name)):
            gathering.add_hub(str(name))
        elif database.is_query(str(name)):
            gathering.add_query(str(name))
        else:
            gathering.add(str(name))
    found = gathering.shelf.all()
    documents, duplicates = deduplicate(found)
    tally.cleaning["copies"] += _characters(found) - _characters(documents)
    documents, poor = _without_flagged(documents, drop_flagged)
    tally.cleaning["left out"] += _characters(poor)
    repeats = cut_repeats(
        documents, lines=repeated_lines == "cut", paragraphs=repeated_paragraphs == "cut"
    )
    tally.cleaning.update(repeats.counts)
    if not repeats.documents:
        raise DocumentError(
            f"{', '.join(map(str, names))} holds no readable text"
            f" ({_counts(gathering.drops)}); {formats.advice()}"
        )
    return Collection(
        repeats.documents,
        (*gathering.drops, *duplicates, *map(_poor_drop, poor), *repeats.drops),
        dict(tally.privacy),
        balance(tally.cleaning, _characters(repeats.documents)),
        repeats.found,
        repeats.cut,
    )


def texts_before_cleaning(
    names: Iterable[str | Path], documents: Iterable[Document]
) -> dict[str, str]:
    """By document id what its reader made of it, for documents from files (not the Hub's)."""
    wanted = {(document.source, document.locator): document.id for document in documents}
    sources = {source for source, _ in wanted}
    found: dict[str, str] = {}
    for name in map(str, names):
        if hub.is_hub_path(name) or database.is_query(name):
            continue
        name, options = paths.split_options(name)
        files = [
            File(str(path), source, _size(path), options)
            for path, source in paths.find(name).files
            if source in sources
        ]
        with closing(read_files(files, replace(TERMS, clean=False))) as results:
            for file, pieces in zip(files, results, strict=True):
                for piece in pieces:
                    place = (file.source, piece.locator) if isinstance(piece, Piece) else None
                    if isinstance(piece, Piece) and place in wanted:
                        found.setdefault(wanted[place], piece.text)
    return found


@dataclass
class _Gathering:
    """Documents and drops so far, and the files already read."""

    terms: Terms
    kept_in: Path | None = None
    shelf: Shelf = field(default_factory=Shelf)
    drops: list[Drop] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    seen: set[Path] = field(default_factory=set)

    def add(self, name: str) -> None:
        """Add what a path stands for."""
        name, options = paths.split_options(name)
        given = paths.find(name)
        before, dropped_before = len(self.shelf), len(self.drops)
        self.drops += given.drops
        files = [(path, source) for path, source in given.files if self._is_new(path)]
        named_as = name if given.kind == "file" else None
        inputs = [File(str(path), source, _size(path), options) for path, source in files]
        with closing(read_files(inputs, self.terms, self.kept_in)) as results:
            for (_, source), found in zip(files, results, strict=True):
                self._add_found(found, source, named_as)
        read_before = len(files) < len(given.files)
        if given.kind != "file" and len(self.shelf) == before and not read_before:
            raise DocumentError(
                f"{name} holds no readable documents"
                f" ({_counts(self.drops[dropped_before:])}); {formats.advice()}"
            )

    def add_hub(self, name: str) -> None:
        """Add a data set of the Hub."""
        source = name.partition("?")[0]
        for piece in hub.read_hub(name):
            found = clean_piece(piece, PurePosixPath(source).name, self.terms, self.tally)
            self._add_found([found], source, None)

    def add_query(self, name: str) -> None:
        """Add the rows of a query to a database."""
        source = database.source_of(name)
        for piece in database.read_query(name):
            self._add_found([clean_piece(piece, "row", self.terms, self.tally)], source, None)

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
                self.shelf.add(
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
                        one.flags,
                    )
                )
            elif isinstance(one, Marks):
                self.tally.privacy.update(one.privacy)
                self.tally.cleaning.update(one.cleaning)
            elif named_as is None or not one.fatal:
                self.drops.append(Drop(source, one.locator, one.reason, one.detail))
            else:
                place = f"{named_as} {one.locator}".rstrip()
                raise DocumentError(f"{place} {one.detail}")


def _without_flagged(
    documents: Sequence[Document], flags: Sequence[str]
) -> tuple[Sequence[Document], Sequence[Document]]:
    """Documents without any of these flags, and those with one."""
    if not flags:
        return documents, ()
    sound = [set(flags).isdisjoint(document.flags) for document in documents]
    good = (index for index, is_sound in enumerate(sound) if is_sound)
    poor = (index for index, is_sound in enumerate(sound) if not is_sound)
    return pick(documents, good), pick(documents, poor)


def _poor_drop(document: Document) -> Drop:
    return Drop(document.source, document.locator, "poor text", ", ".join(document.flags))


def _characters(documents: Sequence[Document]) -> int:
    return int(lengths(documents).sum())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # opening it will say what is wrong


def _counts(drops: Iterable[Drop]) -> str:
    counts = Counter(drop.reason for drop in drops)
    return ", ".join(f"{count} {reason}" for reason, count in counts.items()) or "no files"
