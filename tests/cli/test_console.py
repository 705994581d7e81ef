"""What the console says where nobody watches."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from steep.cli import console


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> console.Console:
    """A console, heard by capsys, in whose stage 20 seconds pass before each word."""
    now = iter([0.0, 0.0, 20.0, 40.0, 60.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    begun = console.Console()
    begun.stage("Work")
    return begun


# Broken by: a time left worked out from nothing done.
def test_time_left_is_only_said_once_something_is_done(
    shown: console.Console, capsys: pytest.CaptureFixture[str]
) -> None:
    for done in range(3):
        shown.at(done, 4, f"part {done}")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["0/4", "part", "0"],
        ["1/4", "part", "1", "2:00", "left"],
        ["2/4", "part", "2", "1:00", "left"],
    ]


# Broken by: steps of an earlier command taken for done in this one's time.
def test_time_left_of_resumed_work_counts_from_where_it_went_on(
    shown: console.Console, capsys: pytest.CaptureFixture[str]
) -> None:
    for done in (901, 902, 903):
        shown.at(done, 1000, "part")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split()[2:] for line in lines[1:]] == [[], ["32:40", "left"], ["32:20", "left"]]


# Broken by: no "if sys.stdout is None" in say; no "except BrokenPipeError" (exit code 1, a bug's).
@pytest.mark.parametrize(("closed", "code"), [("reader", 141), ("stdout", 0)])
def test_nobody_has_to_read_the_result(closed: str, code: int) -> None:
    words = "from steep.cli.console import say; say('x' * 100_000)"
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as gone:
        done = subprocess.run(
            ["sh", "-c", 'exec "$0" -c "$1"' + (" >&-" if closed == "stdout" else ""),
             sys.executable, words],
            stdout=gone, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, b"")


# Broken by: streams left as they are (UnicodeEncodeError, after the whole run).
def test_a_terminal_of_few_characters_ends_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from steep.cli.main import main; main()", "compare", "--help"],
        capture_output=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\\u20" in done.stdout
