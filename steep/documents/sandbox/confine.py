"""What the reading process takes from itself before it sees a foreign file.

On Linux the kernel keeps it to no network, bounded memory and processor time, and no files
written; elsewhere as much of that as there is. Everywhere Python's own audit events refuse to
connect, to start programs, to change files, and to open files other than the one being read
and the libraries.
"""

from __future__ import annotations

import contextlib
import os
import site
import sys
import sysconfig
from pathlib import Path
from typing import Any

_NEW_USERS = 0x10000000  # CLONE_NEWUSER
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_REFUSED = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.startfile",
    "os.system",
    "os.kill",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.truncate",
    "shutil.",
    "ftplib.",
    "http.",
    "smtplib.",
    "urllib.",
    "webbrowser.",
)
_SYSTEM = ("/dev/null", "/dev/urandom", "/etc/mime.types", "/etc/localtime", "/usr/share/zoneinfo")


class Confinement:
    """Keeps this process to one file at a time."""

    def __init__(self, memory_bytes: int) -> None:
        """Take away everything but reading; it can't be undone."""
        self._allowed: str | None = None
        self._libraries = _library_folders()
        _leave_network()
        _limit("RLIMIT_AS", memory_bytes)
        _limit("RLIMIT_FSIZE", 0)
        _limit("RLIMIT_CORE", 0)
        sys.dont_write_bytecode = True
        sys.addaudithook(self._audit)

    def allow(self, path: str) -> None:
        """The one file that may be opened from now on."""
        self._allowed = path

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            self._audit_open(arguments[0], arguments[1], arguments[2])
        elif event.startswith(_REFUSED):
            raise PermissionError(f"a document's reader may not do this: {event}")

    def _audit_open(self, path: Any, mode: Any, flags: Any) -> None:
        if isinstance(path, int):
            return
        writes = (isinstance(mode, str) and set(mode) & set("wax+")) or (
            isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        )
        name = os.fsdecode(path)
        if not writes and (name == self._allowed or name.startswith(_SYSTEM)):
            return
        real = os.path.realpath(name)
        if writes or not real.startswith(self._libraries):
            raise PermissionError("a document's reader may not open other files")


def allow_seconds(seconds: int) -> None:
    """Give the process so many more seconds of processor time, after which it is ended."""
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _limit(name: str, value: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource

        kind = getattr(resource, name)
        _, hard = resource.getrlimit(kind)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _leave_network() -> None:
    """Move into a network of its own, without any connection, where the system allows it."""
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_NEW_NETWORK) != 0:
            libc.unshare(_NEW_USERS | _NEW_NETWORK)


def _library_folders() -> tuple[str, ...]:
    """Where Python and its packages are: what a lazy import may still open."""
    folders = {
        *sysconfig.get_paths().values(),
        *site.getsitepackages(),
        *(path for path in sys.path if path),
        str(Path(__file__).parents[3] / "steep"),
    }
    own = os.path.realpath(os.getcwd())
    real = {os.path.realpath(folder) for folder in folders}
    # The user's folder may be on the path, but isn't a library for that.
    return tuple(f"{folder}{os.sep}" for folder in real if folder not in (own, os.sep))
