"""One process per run folder: a lock that a dead process can't hold, whatever killed it.

The kernel's record lock is the proof of life: it goes with the process that took it (children
don't inherit it), and containers of one machine share it. Who holds it stands in the file, to be
told to the user, and to decide where the kernel's word isn't enough: on file systems that other
machines mount too, or that know no locks. A lock is taken over on proof of death, never on doubt.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from steep.durable import make_folder
from steep.errors import BusyError

LOCK_FILE = ".lock"

# Mounted by one machine at a time, so that the kernel's word on a lock is the last.
_LOCAL = {"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "tmpfs", "overlay", "apfs", "hfs"}

_held: dict[str, int] = {}  # folders locked by this process: path and process id
_held_guard = threading.Lock()

KernelSays = Literal["granted", "refused", "unknown"]


@dataclass(frozen=True)
class Holder:
    """Which process holds a lock, so exactly that no later one is taken for it.

    Attributes:
        started: the process's start in clock ticks since boot; None where that isn't known.
        boot: the kernel's random id of this boot; None where there is none.
        space: the container's space of process ids.
        since: when the lock was taken, for people.
    """

    pid: int
    started: int | None
    boot: str | None
    space: str | None
    host: str
    since: str


class RunLock:
    """Holds a run folder, making it if absent; a context manager.

    Raises:
        BusyError: another process, or another thread of this one, is working in the folder.
        OSError: the folder can't be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = ""
        self._handle: int | None = None

    def __enter__(self) -> RunLock:
        make_folder(self._folder)
        self._name = str(self._folder.resolve())
        with _held_guard:
            if _held.get(self._name) == os.getpid():
                raise _busy(self._folder, me())
            self._handle = self._locked()
            _held[self._name] = os.getpid()
        return self

    def __exit__(self, *_: object) -> None:
        """Free the folder; the file stays, empty: deleting it would race with who opens it."""
        if self._handle is None:
            return
        with _held_guard:
            os.ftruncate(self._handle, 0)
            os.close(self._handle)
            self._handle = None
            del _held[self._name]

    def _locked(self) -> int:
        while True:
            handle = os.open(self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                says = _ask_kernel(handle)
                holder = _read(handle)
                if not may_take(says, holder, me(), is_local=_is_local(self._folder)):
                    raise _busy(self._folder, holder)
                if _is_still_there(handle, self._folder / LOCK_FILE):
                    os.ftruncate(handle, 0)
                    os.pwrite(handle, json.dumps(asdict(me())).encode(), 0)
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # the folder was moved aside meanwhile: this is another run's file


def may_take(says: KernelSays, holder: Holder | None, mine: Holder, *, is_local: bool) -> bool:
    """Is the one who wrote its name into the lock file surely gone (or nobody there)?

    Args:
        says: the kernel's answer when asked for the lock.
        is_local: the file system can be mounted by this machine only.
    """
    if says == "refused":
        return False
    if holder is None:
        return True
    same_boot = holder.boot is not None and holder.boot == mine.boot
    rebooted = holder.host == mine.host and not same_boot and holder.boot is not None
    if says == "granted":
        return is_local or same_boot or holder.host == mine.host
    if same_boot and holder.space == mine.space:
        return not _is_alive(holder)
    return rebooted


def me() -> Holder:
    """This process."""
    pid = os.getpid()
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return Holder(pid, _started(pid), _boot(), _space(), socket.gethostname(), since)


def _ask_kernel(handle: int) -> KernelSays:
    try:
        import fcntl
    except ImportError:  # Windows
        return "unknown"
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return "refused" if error.errno in (errno.EACCES, errno.EAGAIN) else "unknown"
    return "granted"


def _read(handle: int) -> Holder | None:
    """Who wrote itself into the file; None if it is empty or unreadable."""
    try:
        return Holder(**json.loads(os.pread(handle, 4096, 0)))
    except (ValueError, TypeError):
        return None


def _is_still_there(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _is_alive(holder: Holder) -> bool:
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    started = _started(holder.pid)
    return started is None or holder.started is None or started == holder.started


def _started(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(fields.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _boot() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None


def _space() -> str | None:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return None


def _is_local(folder: Path) -> bool:
    """True if the folder's file system is known to be mounted by this machine only."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    where = folder.resolve()
    best, kind = "", ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = left.split()[4].replace("\\040", " ")
        if where.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind in _LOCAL


def _busy(folder: Path, holder: Holder | None) -> BusyError:
    if holder is None:
        who = "another process"
    elif holder.host == socket.gethostname():
        who = f"process {holder.pid} since {holder.since}"
    else:
        who = f"process {holder.pid} on {holder.host} since {holder.since}"
    return BusyError(
        f"{folder} is in use by {who}; wait for it, stop it, or set another output_dir (if it is "
        f"surely gone, delete {folder / LOCK_FILE})"
    )
