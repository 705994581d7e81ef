"""What the machine refuses, in words: no disk, no memory, no permission, something in the way.

Whatever was finished is safe when this is said: files are written whole or not at all, so the same
command goes on once there is room again.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from steep.errors import ResourceError, SteepError
from steep.training.stop import Interrupted, StopNow

_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your disk quota is used up",
    errno.EFBIG: "a file may not grow as large as needed here (ulimit -f, or the file system)",
}
_REFUSED = {
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
}
_IN_THE_WAY = {
    errno.EISDIR: "a folder stands where a file belongs",
    errno.ENOTDIR: "a file stands where a folder belongs",
    errno.EEXIST: "a file stands where a folder belongs",
}
# Libraries that write by themselves say the number only in words.
_NUMBER = re.compile(r"\(os error (\d+)\)|\[Errno (\d+)\]")
_NO_MEMORY = re.compile(r"not enough memory|can't allocate memory|cannot allocate memory", re.I)


@contextmanager
def told_plainly(folder: Path) -> Iterator[None]:
    """Turn stops and what the machine refuses into one line that says what is safe.

    Args:
        folder: the run folder.

    Raises:
        Interrupted: a stop signal came.
        ResourceError: disk, memory or permission ran out, or something stands in the way.
    """
    try:
        yield
    except StopNow as stop:
        raise Interrupted(f"stopped; {_safe(folder)}", stop.signal_number) from None
    except SteepError:
        raise
    except Exception as error:
        said = explain(error, folder)
        if said is None:
            raise
        raise ResourceError(said) from error


def explain(error: BaseException, folder: Path) -> str | None:
    """One line for an error that is the machine's, None for any other.

    Looks behind the error too: libraries wrap what the system said.
    """
    seen: BaseException | None = error
    while seen is not None:
        if _is_memory(seen):
            return (
                "out of memory: lower train.per_device_train_batch_size or train.max_seq_length, "
                "or set train.gradient_checkpointing (steep plan says what fits); "
                f"{_safe(folder)}"
            )
        number = _error_number(seen)
        where = getattr(seen, "filename", None) or folder
        if number in _FULL:
            return f"{_FULL[number]} ({_mount(Path(where))}): free some space; {_safe(folder)}"
        if number in _REFUSED:
            return f"{where}: {_REFUSED[number]}; make it writable; {_safe(folder)}"
        target = getattr(seen, "filename2", None) or where  # of a renaming, the new name
        if number in _IN_THE_WAY and Path(target).is_relative_to(folder):
            return f"{target}: {_IN_THE_WAY[number]}; move it away; {_safe(folder)}"
        seen = seen.__cause__ or seen.__context__
    return None


def is_full(error: BaseException) -> bool:
    """True if an error says that there is no more room to write."""
    return _error_number(error) in _FULL


def _safe(folder: Path) -> str:
    return f"all that was finished is safe in {folder}; run the same command again to go on"


def _is_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    return isinstance(error, RuntimeError) and bool(_NO_MEMORY.search(str(error)))


def _error_number(error: BaseException) -> int | None:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _NUMBER.search(str(error))
    return int(found[1] or found[2]) if found else None


def _mount(path: Path) -> str:
    """The mount point that a path is on: what to free."""
    place = path.absolute()
    while not os.path.ismount(place) and place != place.parent:
        place = place.parent
    return str(place)
