"""What this machine is: processor, memory and its limits, and what a process has used of it."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")

# What decides how fast a CPU multiplies, as Linux names it.
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "amx_tile", "asimd", "bf16")


@dataclass(frozen=True)
class Memory:
    """Memory of a machine or a GPU, in bytes.

    Attributes:
        total: what is built in.
        available: what a new process may still take, limits included.
        limit: what the container allows; None without a limit.
        swap: swap space.
    """

    total: int
    available: int
    limit: int | None = None
    swap: int = 0


def processor() -> str:
    """The CPU's own name."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            names = (line.split(":", 1)[1].strip() for line in stream if "model name" in line)
            return next(names, platform.processor())
    except OSError:
        return platform.processor() or platform.machine()


def cpu_flags() -> tuple[str, ...]:
    """Those of the CPU's instruction sets that matter here; empty where the system doesn't say."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ()
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    here = set(found[1].split()) if found else set()
    return tuple(flag for flag in _FLAGS if flag in here)


def usable_cpus() -> int:
    """CPUs this process may run on: the affinity mask, where there is one."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(root: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")) -> float | None:
    """CPUs' worth of time that the container allows; None without a limit."""
    quotas = []
    for folder in _cgroup_folders(root, own, "cpu"):
        allowed, _, period = (_read(folder / "cpu.max") or "max").partition(" ")
        if allowed.isdigit():
            quotas.append(int(allowed) / int(period or 100_000))
        old, period = _read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us") or ""
        if old and old.isdigit():
            quotas.append(int(old) / int(period or 100_000))
    return min(quotas, default=None)


def memory(device: str = "cpu") -> Memory:
    """Memory of the device that trains: the GPU's, else the machine's within its limits."""
    if device.startswith("cuda"):
        import torch

        free, total = torch.cuda.mem_get_info()
        return Memory(int(total), int(free))
    table = _meminfo()
    if not table:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return Memory(size, size // 2)
    total, available = table["MemTotal"], table.get("MemAvailable", table["MemTotal"])
    limit, used = cgroup_memory()
    if limit is None or limit >= total:
        return Memory(total, available, None, table.get("SwapTotal", 0))
    return Memory(total, min(available, max(0, limit - used)), limit, table.get("SwapTotal", 0))


def cgroup_memory(
    root: Path = _CGROUPS, own: Path = Path("/proc/self/cgroup")
) -> tuple[int | None, int]:
    """(bytes the container allows, bytes of it in use that can't be given back).

    The tightest limit on the way from this process's group to the root counts; both versions of
    control groups are read. Without a limit it is (None, 0).
    """
    found: list[tuple[int, int]] = []
    for folder in _cgroup_folders(root, own, "memory"):
        for limit_name, used_name in (
            ("memory.max", "memory.current"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes"),
        ):
            limit, used = _read(folder / limit_name), _read(folder / used_name)
            if limit and limit.isdigit() and used and used.isdigit():
                found.append((int(limit), max(0, int(used) - _cached(folder))))
    return min(found, key=lambda pair: pair[0] - pair[1], default=(None, 0))


def resident_bytes() -> int | None:
    """Memory this process holds now; None where the system doesn't say."""
    return _status("VmRSS")


def peak_resident_bytes() -> int:
    """Most memory this process has held since it began, or since ``forget_peak``.

    ``getrusage`` won't do in a child: on Linux its count begins at the parent's peak.
    """
    found = _status("VmHWM")
    if found is not None:
        return found
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


def forget_peak() -> None:
    """Let ``peak_resident_bytes`` begin again; elsewhere than on Linux it goes on as it was."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _status(name: str) -> int | None:
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(rf"^{name}:\s+(\d+) kB$", text, re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _meminfo() -> dict[str, int]:
    try:
        text = Path("/proc/meminfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    rows = re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
    return {name: int(size) * 1024 for name, size in rows}


def _cgroup_folders(root: Path, own: Path, controller: str) -> list[Path]:
    """Folders of this process's control groups, from its own up to the root."""
    folders: list[Path] = []
    for line in (_read(own) or "").splitlines():
        _, names, path = [*line.split(":", 2), "", ""][:3]
        if names and controller not in names.split(","):
            continue
        base = root / controller if names else root
        parts = [part for part in path.split("/") if part not in ("", "..")]
        folders += [base.joinpath(*parts[:n]) for n in range(len(parts), -1, -1)]
    return [*folders, root, root / controller]


def _cached(folder: Path) -> int:
    """Page cache that the kernel drops first."""
    found = re.search(
        r"^(?:total_)?inactive_file (\d+)$", _read(folder / "memory.stat") or "", re.M
    )
    return int(found[1]) if found else 0


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError:
        return None
