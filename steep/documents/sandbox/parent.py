"""Foreign files are parsed in child processes that can be lost without losing the run.

A child reads many files (a process for each would cost more than parsing it); one that crashes,
hangs or grows beyond its limits is replaced, and the file it was at is left out as a whole.
``subprocess`` starts them, so that scripts need no main guard and notebooks work.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from steep.documents.formats import Fault
from steep.documents.sandbox.child import OUT_OF_MEMORY, Terms, read_body, read_frame, write_frame
from steep.documents.sandbox.found import Found
from steep.documents.sandbox.kept import Kept
from steep.errors import DocumentError

_BATCH_FILES = 32
_BATCH_BYTES = 4 * 2**20
_BATCHES_AHEAD = 4
"""Batches that may be read before the first of them is taken, per child."""
_MOST_CHILDREN = 16
_KEPT = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "SYSTEMROOT", "LD_LIBRARY_PATH", "TZ", "PYTHONHOME")
"""Environment variables a child gets: those that hold keys and passwords aren't among them."""


class File(NamedTuple):
    """A file to open, what the user would call it (its end tells its kind), and its bytes.

    ``options`` is what the user said about reading it.
    """

    path: str
    source: str
    size: int
    options: dict[str, str] = {}  # noqa: RUF012  # never changed


def read_files(
    files: Sequence[File], terms: Terms, kept_in: Path | None = None
) -> Generator[Found, None, None]:
    """Yield what each file holds, in the order of the files.

    Args:
        kept_in: a folder of what files held before; those that haven't changed aren't parsed.

    Raises:
        DocumentError: no child process could be started.
    """
    batches = _in_batches(files)
    children = min(len(batches), _cores(), _MOST_CHILDREN)
    work = _Work(deque(enumerate(batches)), children * _BATCHES_AHEAD)
    kept = Kept(kept_in, terms)
    threads = [
        threading.Thread(target=_serve, args=(work, kept), daemon=True) for _ in range(children)
    ]
    for thread in threads:
        thread.start()
    try:
        for number in range(len(batches)):
            yield from work.take(number)
    finally:
        work.stop()
        for thread in threads:
            thread.join()
        kept.tidy()


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1


def _in_batches(files: Sequence[File]) -> list[list[File]]:
    batches: list[list[File]] = []
    size = _BATCH_BYTES
    for file in files:
        if size >= _BATCH_BYTES or len(batches[-1]) >= _BATCH_FILES:
            batches.append([])
            size = 0
        batches[-1].append(file)
        size += file.size
    return batches


@dataclass
class _Work:
    """What the threads share: batches to read, and results by number."""

    waiting: deque[tuple[int, list[File]]]
    ahead: int
    done: dict[int, list[Found]] = field(default_factory=dict)
    taken: int = 0
    error: BaseException | None = None
    stopped: bool = False
    children: set[_Child] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def next(self) -> tuple[int, list[File]] | None:
        """The next batch, once it isn't too far ahead of what was taken; None at the end."""
        with self.changed:
            self.changed.wait_for(
                lambda: (
                    self.stopped or not self.waiting or self.waiting[0][0] < self.taken + self.ahead
                )
            )
            return None if self.stopped or not self.waiting else self.waiting.popleft()

    def put(self, number: int, found: list[Found]) -> None:
        """Hand in what a batch holds."""
        with self.changed:
            self.done[number] = found
            self.changed.notify_all()

    def take(self, number: int) -> list[Found]:
        """Wait for a batch's result."""
        with self.changed:
            self.changed.wait_for(lambda: number in self.done or self.error is not None)
            if self.error is not None:
                raise self.error
            self.taken = number + 1
            self.changed.notify_all()
            return self.done.pop(number)

    def fail(self, error: BaseException) -> None:
        """Hand an error to whoever waits for results."""
        with self.changed:
            self.error = error
            self.changed.notify_all()

    def stop(self) -> None:
        """End all threads, and the children they wait for."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()
            for child in self.children:
                child.kill()


def _serve(work: _Work, kept: Kept) -> None:
    """One thread: its child reads, batch after batch, what isn't known already."""
    child: _Child | None = None
    try:
        while (batch := work.next()) is not None:
            number, files = batch
            known = [kept.known(file.path, file.source, file.options) for file in files]
            found = [kept.get(one) for one in known]
            while (left := [n for n, one in enumerate(found) if one is None]) and not work.stopped:
                if child is None:
                    child = _Child(kept.terms)
                    with work.changed:
                        work.children.add(child)
                results = child.read([files[n] for n in left])
                if child.loss is not None:
                    results.append(Found(child.loss))
                    with work.changed:
                        work.children.discard(child)
                    child.close()
                    child = None
                for n, result in zip(left, results, strict=False):  # the rest comes in another turn
                    found[n] = result
                    kept.put(known[n], files[n].path, result)
            work.put(number, [one for one in found if one is not None])
    except BaseException as error:
        work.fail(error)
    finally:
        if child is not None:
            child.close()


class _Child:
    """One reading process.

    Attributes:
        loss: why it was lost at the file after those whose results ``read`` returned, or None.
    """

    def __init__(self, terms: Terms) -> None:
        """Start it and wait until it has confined itself.

        Raises:
            DocumentError: it can't be started.
        """
        self.loss: Fault | None = None
        self._terms = terms
        self._silent: int | None = None  # seconds; None while nothing is asked
        self._too_slow = False
        self._is_strange = False
        paths = [str(Path(__file__).parents[3]), *(os.path.abspath(p) for p in sys.path)]
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-P", "-B", "-m", "steep.documents.sandbox.child"]
        try:
            self._process = subprocess.Popen(
                [*command, str(terms.memory_bytes), terms.redact],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=os.path.abspath(os.sep),
                start_new_session=True,  # Ctrl-C is for us; we end the children
            )
        except OSError as error:
            raise DocumentError(
                f"no process to read documents could be started ({error})"
            ) from error
        self._requests = cast(BinaryIO, self._process.stdin)
        self._answers = cast(BinaryIO, self._process.stdout)
        self._complaints = cast(BinaryIO, self._process.stderr)
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        if read_frame(self._answers) != ["ready"]:
            said = self._complaints.read().decode("utf-8", "replace").strip().splitlines()
            self.close()
            reason = said[-1][:300] if said else "no reason given"
            raise DocumentError(f"no process to read documents could be started ({reason})")

    def read(self, files: Sequence[File]) -> list[Found]:
        """What each file holds, as far as it came."""
        results: list[Found] = []
        current = Found()
        self._silent = 0
        began = time.monotonic()
        self._ask(files)
        while len(results) < len(files) and (body := self._next()) is not None:
            self._silent = 0
            try:
                current.add(body)
            except (ValueError, TypeError, AttributeError, RecursionError):
                self._is_strange = True
                self.kill()
                break
            if current.characters > self._terms.output_characters:
                limit = f"holds over {current.characters:,} characters; split it"
                self.loss = Fault("too large", limit)
                return results
            if current.ended:
                current.seconds, began = time.monotonic() - began, time.monotonic()
                results.append(current)
                current = Found()
        self._silent = None
        if len(results) < len(files):
            self.loss = self._why()
        return results

    def _ask(self, files: Sequence[File]) -> None:
        """Send a request; a child that is gone will be found to say nothing."""
        request = [[file.path, file.source, file.options] for file in files]
        with contextlib.suppress(OSError, ValueError):
            write_frame(self._requests, {"files": request, "terms": asdict(self._terms)})

    def _next(self) -> bytes | None:
        """The next frame; None from a child that is gone."""
        try:
            return read_body(self._answers)
        except (OSError, ValueError):  # closed on either side
            return None

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """End it and free what it held."""
        self._ended.set()
        self.kill()
        for stream in (self._requests, self._answers, self._complaints):
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()

    def _watch(self) -> None:
        """Count seconds of silence; one at a time, so that being stopped itself doesn't count."""
        while not self._ended.wait(1.0):
            if self._silent is None:
                continue
            self._silent += 1
            if self._silent > self._terms.silent_seconds:
                self._too_slow = True
                self.kill()
                return

    def _why(self) -> Fault:
        """What a lost child says about the file it was at."""
        self._ended.set()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        code = self._process.returncode
        terms = self._terms
        if self._is_strange:
            detail = "made the process that parsed it write nonsense; convert it or leave it out"
            return Fault("broke its reader", detail)
        if self._too_slow:
            limit = f"took over {terms.silent_seconds} s without a document; split it"
            return Fault("too slow", limit)
        if code == -getattr(signal, "SIGXCPU", 0):
            limit = f"took over {terms.processor_seconds} s of processor time; split it"
            return Fault("too slow", limit)
        if code in (OUT_OF_MEMORY, -getattr(signal, "SIGKILL", 9)):
            limit = f"needs over {terms.memory_bytes / 2**30:.1f} GiB to be parsed; split it"
            return Fault("too large", limit)
        said = f"signal {-code}" if code is not None and code < 0 else f"code {code}"
        detail = f"ended the process that parsed it ({said}); convert it or leave it out"
        return Fault("broke its reader", detail)
