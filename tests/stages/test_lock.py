"""One process per run folder; a lock left by a dead one never stands in the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, replace
from pathlib import Path

import pytest

import steep
from steep.errors import BusyError
from steep.stages.lock import LOCK_FILE, Holder, KernelSays, RunLock, may_take, me
from tests.crash.harness import Acts, Ended, in_child
from tests.stages.project import write_project

HOLDS = """
import sys, time
from pathlib import Path
from steep.stages.lock import RunLock
with RunLock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


# Broken by: _ask_kernel returning "granted" whatever the kernel says.
def test_another_process_is_refused_until_the_holder_is_gone(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(BusyError) as caught, RunLock(tmp_path):
            pass
        assert caught.value.exit_code == 2
        assert f"process {holder.pid}" in str(caught.value)
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == holder.pid  # left behind
    with RunLock(tmp_path):
        assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == os.getpid()
    assert (tmp_path / LOCK_FILE).read_text() == ""


# Broken by: leaving _held out (the kernel gives one process the same lock twice).
def test_one_process_may_come_again_but_not_twice_at_a_time(tmp_path: Path) -> None:
    refused: list[BaseException] = []

    def other_thread() -> None:
        try:
            with RunLock(tmp_path / "." / "run"):
                pass
        except BusyError as error:
            refused.append(error)

    for _ in range(2):
        with RunLock(tmp_path / "run"):
            thread = threading.Thread(target=other_thread)
            thread.start()
            thread.join()
    assert len(refused) == 2
    with RunLock(tmp_path / "other"), RunLock(tmp_path / "run"):
        pass


# Broken by: a lock that children inherit, or that a child of a fork takes for its own.
def test_a_child_has_no_part_in_the_lock(tmp_path: Path) -> None:
    with RunLock(tmp_path):
        pid = os.fork()
        if pid == 0:
            try:
                with RunLock(tmp_path):
                    os._exit(1)
            except BusyError:
                os._exit(0)
            finally:
                os._exit(2)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert json.loads((tmp_path / LOCK_FILE).read_text())["pid"] == os.getpid()


def test_an_error_inside_frees_the_folder(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), RunLock(tmp_path):
        raise ZeroDivisionError
    with RunLock(tmp_path):
        pass


@pytest.mark.parametrize("left", ["", "{", "[]", '{"pid": 1}', "\x00" * 40])
def test_a_damaged_lock_file_is_no_obstacle(left: str, tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text(left)
    with RunLock(tmp_path):
        pass


def test_a_folder_moved_aside_is_held_no_more_under_its_old_name(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with RunLock(run):
        run.rename(tmp_path / "aside")
        with pytest.raises(BusyError), RunLock(run):
            pass
    with RunLock(run):
        pass


MINE = Holder(100, 5000, "boot-a", "pid:[1]", "host", "now")
GONE = replace(MINE, pid=2**22 + 1)


# Broken by: taking a process id alone for the process, or a lock over on doubt.
@pytest.mark.parametrize(
    ("says", "holder", "is_local", "may"),
    [
        ("refused", None, True, False),
        ("granted", None, False, True),
        ("unknown", None, False, True),
        # The kernel freed it: whoever held it on this machine is gone, in whatever container.
        ("granted", replace(MINE, space="pid:[2]", host="other"), False, True),
        ("granted", replace(MINE, boot="boot-b"), False, True),  # rebooted
        ("granted", replace(MINE, boot="boot-b", host="other"), True, True),  # a disk of ours alone
        ("granted", replace(MINE, boot="boot-b", host="other"), False, False),  # on a shared disk
        # No locks on this file system: the process itself is looked for.
        ("unknown", GONE, False, True),
        ("unknown", replace(MINE, space="pid:[2]"), False, False),
        ("unknown", replace(MINE, boot="boot-b"), False, True),
        ("unknown", replace(MINE, boot="boot-b", host="other"), True, False),
    ],
)
def test_taken_over_on_proof_of_death_only(
    says: KernelSays, holder: Holder | None, is_local: bool, may: bool
) -> None:
    assert may_take(says, holder, MINE, is_local=is_local) is may


# Broken by: comparing process ids without their start.
def test_a_process_id_used_again_is_another_process() -> None:
    here = me()
    assert not may_take("unknown", here, here, is_local=True)
    if here.started is not None:
        assert may_take("unknown", replace(here, started=here.started - 1), here, is_local=True)
    assert asdict(here)["pid"] == os.getpid()


# Broken by: any public function that works without the lock.
def test_a_run_is_refused_while_another_works_in_its_folder(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, data={"general_share": 0.0})
    ended: list[Ended] = []

    def meanwhile() -> None:
        for work in (steep.prepare, steep.run, steep.train):
            with pytest.raises(BusyError):
                work(recipe)
            ended.append(in_child(lambda work=work: work(recipe), tmp_path / "log.txt"))

    steep.prepare(recipe, progress=Acts("Retelling", meanwhile))
    assert [one.code for one in ended] == [2, 2, 2]
    assert all("is in use by process" in one.said for one in ended)
    assert (tmp_path / "run" / "data" / "manifest.json").is_file()
    steep.prepare(recipe)
