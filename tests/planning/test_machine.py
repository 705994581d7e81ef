"""What the machine allows: control groups of both versions, memory of one's own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from steep.planning import machine
from steep.planning.machine import (
    Memory,
    cgroup_memory,
    cpu_quota,
    forget_peak,
    memory,
    peak_resident_bytes,
    resident_bytes,
)


def _files(folder: Path, **content: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in content.items():
        folder.joinpath(name.replace("__", ".")).write_text(text + "\n")


# Broken by: reading the process's own group only (the tightest limit may be its parent's).
def test_limits_of_both_versions_are_read(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("0::/user/job\n")
    root = tmp_path / "new"
    _files(root / "user", memory__max="4000", memory__current="1500")
    _files(root / "user" / "job", memory__max="max", memory__current="10", cpu__max="max 100000")
    _files(root / "user", memory__stat="anon 5\ninactive_file 500", cpu__max="50000 100000")
    assert cgroup_memory(root, own) == (4000, 1000)
    assert cpu_quota(root, own) == 0.5
    own.write_text("5:memory:/job\n4:cpu,cpuacct:/job\n")
    old = tmp_path / "old"
    _files(old / "memory" / "job", memory__limit_in_bytes="900", memory__usage_in_bytes="300")
    _files(old / "cpu" / "job", cpu__cfs_quota_us="150000", cpu__cfs_period_us="100000")
    assert cgroup_memory(old, own) == (900, 300)
    assert cpu_quota(old, own) == 1.5


def test_no_limit_is_none(tmp_path: Path) -> None:
    assert cgroup_memory(tmp_path, tmp_path / "none") == (None, 0)
    assert cpu_quota(tmp_path, tmp_path / "none") is None
    _files(tmp_path, memory__max="max", memory__current="5")
    assert cgroup_memory(tmp_path, tmp_path / "none") == (None, 0)


# Broken by: available = MemAvailable whatever the container allows.
def test_available_memory_respects_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    table = {"MemTotal": 8000, "MemAvailable": 6000, "SwapTotal": 100}
    monkeypatch.setattr(machine, "_meminfo", lambda: table)
    for limit, used, expected in [
        (None, 0, Memory(8000, 6000, None, 100)),
        (9000, 10, Memory(8000, 6000, None, 100)),
        (4000, 1000, Memory(8000, 3000, 4000, 100)),
        (7000, 100, Memory(8000, 6000, 7000, 100)),
        (4000, 5000, Memory(8000, 0, 4000, 100)),
    ]:
        monkeypatch.setattr(machine, "cgroup_memory", lambda found=(limit, used): found)
        assert memory() == expected


def test_this_machine_has_memory_and_a_name() -> None:
    found = memory()
    assert 0 < found.available <= found.total
    assert machine.usable_cpus() >= 1
    assert isinstance(machine.processor(), str)
    assert isinstance(machine.cpu_flags(), tuple)


# Broken by: ru_maxrss, which a child begins at its parent's peak.
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_childs_peak_is_its_own() -> None:
    ballast = b"x" * 300_000_000
    code = "from steep.planning.machine import peak_resident_bytes as p; print(p())"
    root = Path(machine.__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert len(ballast) > int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_peak_is_forgotten() -> None:
    ballast = b"x" * 300_000_000
    high = peak_resident_bytes()
    del ballast
    forget_peak()
    low, now = peak_resident_bytes(), resident_bytes()
    assert now is not None
    assert low < high - 200_000_000
    assert low >= now - 10_000_000
