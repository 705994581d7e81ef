"""A child process that fails is told of, and none is left behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from steep.errors import PlanningError
from steep.planning.process import Child


def _module(folder: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> str:
    (folder / "failing_child.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return "failing_child"


# Broken by: check=True in run_child, or not looking at the return code.
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("raise MemoryError('no memory left')", "no memory left"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9"),
        ("raise SystemExit(3)", "no reason"),
        ("import time; time.sleep(60)", "longer than"),
    ],
)
def test_a_child_that_fails_is_told_of(
    code: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = _module(tmp_path, monkeypatch, code)
    with Child(module) as child, pytest.raises(PlanningError, match=says):
        child.ask("", 1.0 if "sleep" in code else 60.0)


def test_it_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Child(_module(tmp_path, monkeypatch, "print(input()[::-1])")) as child:
        assert child.ask("abc") == "cba\n"


# Broken by: leaving out _end in __exit__.
def test_one_that_was_never_asked_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import os, pathlib; pathlib.Path('pid').write_text(str(os.getpid())); input()"
    monkeypatch.chdir(tmp_path)
    with Child(_module(tmp_path, monkeypatch, code)):
        while not (written := Path("pid")).is_file() or not written.read_text():
            time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(int(written.read_text()), 0)
