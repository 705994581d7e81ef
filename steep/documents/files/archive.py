"""zip and tar: their members, counted while inflating; nothing is ever written to disk.

Members that would leave the folder they are unpacked in, and links and devices, are refused:
an archive that holds one was made by mistake or with intent, and is reported either way.
"""

from __future__ import annotations

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO, Any, BinaryIO, cast

from steep.documents import formats
from steep.documents.files.entry import MAX_DEPTH, Budget, Entry, UnreadableError
from steep.documents.formats import Fault, Piece

_MAX_MEMBERS = 1_000_000
_BROKEN = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError)


def read_zip(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the documents of a zip's members, located by the member's name."""
    archive = open_zip(entry)
    for info in sorted(archive.infolist(), key=lambda info: info.filename):
        if info.is_dir() or _is_hidden(info.filename):
            continue
        kind = "link" if (info.external_attr >> 28) == 0o12 else ""
        if fault := _refused(info.filename, kind):
            yield fault
            continue
        try:
            member = archive.open(info)
        except (RuntimeError, NotImplementedError, *_BROKEN) as error:
            yield _broken(info.filename, error)
            continue
        with member:
            yield from _read_member(entry, info.filename, member)


def read_tar(entry: Entry) -> Iterator[Piece | Fault]:
    """Yield the documents of a tar's members in its order, located by the member's name."""
    try:
        with tarfile.open(fileobj=cast(IO[bytes], entry), mode="r|") as archive:
            for count, info in enumerate(archive):
                if count > _MAX_MEMBERS:
                    raise UnreadableError("too large", f"has over {_MAX_MEMBERS:,} members")
                if info.isdir() or _is_hidden(info.name):
                    continue
                kind = "" if info.isreg() else "link" if info.issym() or info.islnk() else "device"
                if fault := _refused(info.name, kind):
                    yield fault
                elif (member := archive.extractfile(info)) is not None:
                    yield from _read_member(entry, info.name, member)
                archive.members = []  # type: ignore[attr-defined]  # else all are remembered
    except _BROKEN as error:
        said = " ".join(str(error).split())
        yield Fault("unreadable file", f"is not a readable tar file ({said}); fetch it again")


def open_zip(entry: Entry) -> zipfile.ZipFile:
    """A zip archive, also one that is a document (DOCX, EPUB).

    Raises:
        UnreadableError: it isn't one, or has more members than any honest archive.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(entry.data()))
    except (*_BROKEN, ValueError, NotImplementedError) as error:
        said = " ".join(str(error).split())
        detail = f"is not a readable zip file ({said}); fetch or save it again"
        raise UnreadableError("unreadable file", detail) from error
    if len(archive.infolist()) > _MAX_MEMBERS:
        raise UnreadableError("too large", f"has over {_MAX_MEMBERS:,} members; split it")
    return archive


def read_part(archive: zipfile.ZipFile, name: str, entry: Entry) -> bytes:
    """One member of a document that is a zip, counted.

    Raises:
        KeyError: there is no such member.
        UnreadableError: it is broken, encrypted or too large.
    """
    try:
        with archive.open(name) as member:
            stream = cast(BinaryIO, io.BufferedReader(_Counted(member, entry.budget)))
            return Entry(name, stream, entry.budget, max_bytes=entry.max_bytes).data()
    except (RuntimeError, NotImplementedError, *_BROKEN) as error:
        detail = f"can't be unpacked ({' '.join(str(error).split())}); save it again"
        raise UnreadableError("unreadable file", detail) from error


def _read_member(entry: Entry, name: str, member: Any) -> Iterator[Piece | Fault]:
    if entry.depth >= MAX_DEPTH:
        limit = f"lies in more than {MAX_DEPTH} archives; unpack it"
        yield Fault("too large", limit, formats.readable(name), fatal=False)
        return
    stream = cast(BinaryIO, io.BufferedReader(_Counted(member, entry.budget)))
    path = PurePosixPath(name)
    try:
        inner = formats.open_entry(
            path.name,
            stream,
            entry.budget,
            depth=entry.depth + 1,
            max_bytes=entry.max_bytes,
            path=formats.readable(name),
            options=entry.options,
        )
        for found in formats.read_entry(inner):
            locator = f"{formats.readable(name)} {found.locator}".rstrip()
            if isinstance(found, Piece) and not found.title:
                found = found._replace(title=formats.stem(path.name))
            elif isinstance(found, Fault):
                found = found._replace(fatal=False)
            yield found._replace(locator=locator)
    except _BROKEN as error:
        yield _broken(name, error)


def _refused(name: str, kind: str) -> Fault | None:
    """What is wrong with a member's name or kind, if anything."""
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        kind = "path that leaves its folder"
    if not kind:
        return None
    detail = f"is a {kind} inside an archive, which is refused; leave it out of the archive"
    return Fault("refused member", detail, formats.readable(name), fatal=False)


def _broken(name: str, error: Exception) -> Fault:
    said = " ".join(str(error).split()) or type(error).__name__
    detail = f"can't be unpacked ({said}); unpack it yourself or leave it out"
    return Fault("unreadable file", detail, formats.readable(name), fatal=False)


def _is_hidden(name: str) -> bool:
    """True for what a folder's reader would pass over too: hidden files, and Mac's shadows."""
    return any(
        (part.startswith(".") and part not in (".", "..")) or part == "__MACOSX"
        for part in name.replace("\\", "/").split("/")
    )


class _Counted(io.RawIOBase):
    """Counts what a member gives against the budget of the outermost file."""

    def __init__(self, inner: Any, budget: Budget) -> None:
        super().__init__()
        self._inner = inner
        self._budget = budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part = self._inner.read(len(buffer))
        self._budget.spend(len(part))
        buffer[: len(part)] = part
        return len(part)
