"""Running what a model wrote against its tests, in a child process with limits.

This is a guard against accidents, not a wall: a program may still read files and use the network
of the account that runs it. Benchmarks get here only by an explicit flag.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SECONDS = 10.0
_MEMORY_BYTES = 4 * 2**30
_FILE_BYTES = 16 * 2**20

# MultiPL-E's names of languages that run without being compiled, and the command for each.
INTERPRETERS = {
    "sh": "bash",
    "js": "node",
    "lua": "lua",
    "pl": "perl",
    "rb": "ruby",
    "php": "php",
    "r": "Rscript",
    "jl": "julia",
    "py": sys.executable,
}


def can_run(language: str) -> bool:
    """Is there an interpreter for this language (by MultiPL-E's name) on this machine?"""
    return shutil.which(INTERPRETERS.get(language, "")) is not None


def passes(program: str, language: str, *, seconds: float = SECONDS) -> bool:
    """True if the program ends by itself, in time and with exit status 0."""
    with tempfile.TemporaryDirectory(prefix="steep-code-") as folder:
        file = Path(folder) / f"program.{language}"
        file.write_text(program, encoding="utf-8", errors="replace")
        command = shutil.which(INTERPRETERS[language])
        assert command is not None
        child = subprocess.Popen(
            [command, str(file)],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "HOME": folder, "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lambda: _limit(seconds),
        )
        try:
            return child.wait(timeout=seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            _end(child)


def _limit(seconds: float) -> None:
    """In the child, before the program: no more time, memory or disk than a test needs."""
    for kind, most in (
        (resource.RLIMIT_CPU, int(seconds) + 1),
        (resource.RLIMIT_AS, _MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
