"""Files and folders that survive: whole or absent, whatever ends the process or the power.

The order is always the same: write beside the place, flush the bytes to disk, rename into place,
flush the folder that holds the name. A rename alone is no promise: after a power cut the name may
point to bytes that were never written, or still be the old one.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

FAIL_ONCE = "STEEP_FAIL_ONCE"
FAILED = 99  # the exit code of a process that a fail-point ended

_NO_SYNC = (errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.EOPNOTSUPP)
_LEFTOVER = re.compile(r"\..+\.\d+\.tmp")


def fail_point(name: str) -> None:
    """A named moment of writing at which a test may end the process, as a power cut would.

    Nothing happens unless ``$STEEP_FAIL_ONCE`` names a file: then the process ends at the first
    moment that the file doesn't list yet, and the moment is added to it.
    """
    listed = os.environ.get(FAIL_ONCE)
    if listed is None:
        return
    with open(listed, "a+", encoding="utf-8") as stream:
        stream.seek(0)
        if name in stream.read().splitlines():
            return
        stream.write(name + "\n")
    os._exit(FAILED)


def flush(path: Path) -> None:
    """Have a file's bytes, or a folder's names, on disk before going on."""
    if path.is_dir() and os.name == "nt":  # a folder can't be opened there
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        _full_sync(handle)
    except OSError as error:
        # Some shares and FUSE file systems flush files alone: then names are as safe as they get.
        if not (error.errno in _NO_SYNC and path.is_dir()):
            raise
    finally:
        os.close(handle)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, each name flushed to disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        flush(folder.parent)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; on disk when this returns."""
    with new_file(path) as stream:
        stream.write(data)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes its place when the block ends; as ``write_bytes`` does."""
    make_folder(path.parent)
    temporary = _beside(path)
    try:
        with temporary.open("wb") as stream:
            fail_point(f"{path.name}: begun")
            yield stream
            stream.flush()
            fail_point(f"{path.name}: written")
            _full_sync(stream.fileno())
        fail_point(f"{path.name}: flushed")
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    fail_point(f"{path.name}: renamed")
    flush(path.parent)


@contextmanager
def new_folder(target: Path, *, is_shared: bool = False) -> Iterator[Path]:
    """A folder to write into; it takes ``target``'s place when the block ends, whole or not at all.

    What stood there before is gone then. If the block raises, nothing has changed.

    Args:
        is_shared: other processes may be making the very same folder: the first one stays.
    """
    make_folder(target.parent)
    temporary = _beside(target)
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    try:
        fail_point(f"{target.name}/: begun")
        yield temporary
        fail_point(f"{target.name}/: written")
        flush_files(temporary)
        fail_point(f"{target.name}/: flushed")
        if not (is_shared and target.exists()):
            _put(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def flush_files(folder: Path) -> None:
    """Flush every file in a folder, and the names of all."""
    for where, _, names in os.walk(folder):
        for name in names:
            flush(Path(where, name))
        flush(Path(where))


def remove_leftovers(folder: Path, *, older_than_seconds: float = 0.0) -> None:
    """Delete what interrupted writing left in a folder and below it.

    Where other processes may be writing too, an age tells what nobody is at any more.
    """
    newest = time.time() - older_than_seconds
    for where, folders, names in os.walk(folder):
        for name in [name for name in [*folders, *names] if _LEFTOVER.fullmatch(name)]:
            path = Path(where, name)
            with suppress(OSError):
                if path.lstat().st_mtime > newest:
                    continue
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink()
        folders[:] = [name for name in folders if not _LEFTOVER.fullmatch(name)]


def _put(temporary: Path, target: Path) -> None:
    """Rename into place; what stood there steps aside first, as names of folders can't be taken."""
    aside = None
    if target.exists():
        aside = target.with_name(f".{target.name}-old.{os.getpid()}.tmp")
        shutil.rmtree(aside, ignore_errors=True)
        target.rename(aside)
        fail_point(f"{target.name}/: old one aside")
    temporary.rename(target)
    fail_point(f"{target.name}/: renamed")
    flush(target.parent)
    if aside is not None:
        shutil.rmtree(aside, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _full_sync(handle: int) -> None:
    """fsync; on a Mac that alone leaves the bytes in the drive's own memory."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(handle, fcntl.F_FULLFSYNC)  # type: ignore[attr-defined, unused-ignore]
        return
    os.fsync(handle)
