"""What files held when they were read before: one that hasn't changed isn't parsed again.

A file is known by its bytes, by what the user calls it and said about reading it, by the terms, and
by what reads: steep's readers and the versions of all packages that they may use. Only what took
long is kept, sealed, in a folder that nobody else may look into; what is damaged counts as not
there, and what wasn't used for longest goes first.
"""

from __future__ import annotations

import functools
import hashlib
import io
import json
import os
import re
import stat
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

from steep.documents.sandbox.child import Terms, read_body
from steep.documents.sandbox.found import Found

_SLOW_SECONDS = 0.25
_LARGEST_BYTES = 256 * 2**20
_ROOM_BYTES = 2 * 2**30
_HASH_BYTES = 32
_NAME = re.compile(r"[\w.-]+")


@dataclass(frozen=True)
class Known:
    """A file as it is now.

    Attributes:
        key: of what it holds; None for a file that is never kept.
        stamp: size and time of its last change, in bytes and nanoseconds.
    """

    key: str | None = None
    stamp: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Kept:
    """A folder of what files held, read under these terms; without a folder nothing is kept."""

    folder: Path | None
    terms: Terms

    def known(self, path: str, source: str, options: dict[str, str]) -> Known:
        """How a file is known; ``source`` is what the user calls it."""
        reader = _reader() if self.folder is not None else None
        if reader is None:
            return Known()
        try:
            stamp = _stamp(path)
            if stamp is None or not 0 < stamp[0] <= _LARGEST_BYTES:
                return Known()
            with open(path, "rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
        except OSError:
            return Known()  # whoever opens it next will say what is wrong
        parts = [content, source, options, asdict(self.terms), reader]
        return Known(hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest(), stamp)

    def get(self, known: Known) -> Found | None:
        """What a file held; None if that isn't kept."""
        if self.folder is None or known.key is None:
            return None
        place = self.folder / known.key
        try:
            data = place.read_bytes()
            if hashlib.sha256(data[_HASH_BYTES:]).digest() != data[:_HASH_BYTES]:
                return None
            found, stream = Found(), io.BytesIO(data[_HASH_BYTES:])
            while (body := read_body(stream)) is not None:
                found.add(body)
            os.utime(place)
        except (OSError, ValueError, TypeError):
            return None
        return found if found.ended else None

    def put(self, known: Known, path: str, found: Found) -> None:
        """Keep what a file held, if it took long and the file is still what it was.

        A cache that can't be written, or is full, is no reason to stop.
        """
        slow = found.seconds >= _SLOW_SECONDS
        if self.folder is None or known.key is None or not slow or not found.frames_bytes:
            return
        with suppress(OSError):
            if _stamp(path) != known.stamp or found.frames_bytes > _LARGEST_BYTES:
                return
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            frames = found.frames()
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                try:
                    file.write(hashlib.sha256(frames).digest() + frames)
                    file.close()
                    os.replace(file.name, self.folder / known.key)
                except OSError:
                    os.unlink(file.name)
                    raise

    def tidy(self) -> None:
        """Make room: what wasn't used for longest goes, until the rest is within bounds."""
        if self.folder is None:
            return
        with suppress(OSError):
            files = [(entry.stat(), entry.path) for entry in os.scandir(self.folder)]
            room = _ROOM_BYTES
            for status, path in sorted(files, key=lambda file: -file[0].st_mtime_ns):
                room -= status.st_size
                if room < 0:
                    os.unlink(path)


def _stamp(path: str) -> tuple[int, int] | None:
    """Size and time of change of a plain file; None for anything else."""
    status = os.stat(path)
    return (status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None


@functools.cache
def _reader() -> str | None:
    """The hash of what reads; None where it isn't known which packages those are."""
    try:
        needed = metadata.requires("steep") or []
    except metadata.PackageNotFoundError:
        return None
    versions: dict[str, str] = {}
    for name in {found[0] for line in needed if (found := _NAME.match(line))}:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
    hashes = [hashlib.sha256(source.read_bytes()).hexdigest() for source in sources]
    parts = [hashes, sorted(versions.items()), os.name]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
