"""Power cuts: what is on disk then is only what was flushed, and names may be old or new.

A little disk of its own is kept beside the real one: ``os.fsync`` on a file copies its bytes there,
``os.fsync`` on a folder copies its names. At every moment of writing (the fail-points) the worst
that a power cut may leave is put together from it and looked at. The order of calls is checked too.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from steep import durable
from steep.artifact import write_text
from steep.training.checkpoint import checkpoints, save_checkpoint

KEY = {"seed": 0}


class Disk:
    """What is surely on disk of a folder: names by folder, bytes by inode."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bytes: dict[int, bytes] = {}
        self.names: dict[int, dict[str, int]] = {}
        self.calls: list[str] = []
        self.all_is_flushed()

    def all_is_flushed(self) -> None:
        """Begin with everything that is there."""
        for where, _, _ in os.walk(self.root):
            self._folder(Path(where))
            for entry in os.scandir(where):
                if entry.is_file():
                    self.bytes[entry.inode()] = Path(entry.path).read_bytes()

    def fsync(self, handle: int) -> None:
        """Stands in for os.fsync."""
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        if path.is_dir():
            self._folder(path)
        else:
            self.bytes[path.stat().st_ino] = path.read_bytes()
        self.calls.append(f"flush {self._name(path)}")

    def rename(self, source: Path, target: Path) -> None:
        self.calls.append(f"rename {self._name(Path(source))} to {self._name(Path(target))}")

    def after_power_cut(self, place: Path) -> Path:
        """Put together what may be left: every name that isn't surely gone, bytes if flushed."""
        shutil.rmtree(place, ignore_errors=True)
        self._left(self.root.stat().st_ino, place)
        return place

    def _left(self, inode: int, place: Path) -> None:
        place.mkdir(parents=True)
        for name, child in self.names[inode].items():
            if child in self.names:
                self._left(child, place / name)
            elif child in self.bytes:
                (place / name).write_bytes(self.bytes[child])
            else:
                (place / name).write_bytes(b"")

    def _folder(self, path: Path) -> None:
        self.names[path.stat().st_ino] = {entry.name: entry.inode() for entry in os.scandir(path)}

    def _name(self, path: Path) -> str:
        parts = [_plain(part) for part in path.relative_to(self.root.parent).parts]
        return "/".join(parts)


def _plain(part: str) -> str:
    """ ".step-6.123.tmp" is "step-6*" """
    return f"{part[1:].rsplit('.', 2)[0]}*" if part.endswith(".tmp") else part


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    folder = tmp_path / "run"
    (folder / "checkpoints").mkdir(parents=True)
    for step in (2, 4):
        _save(folder, step)
    made = Disk(folder)
    monkeypatch.setattr(durable.os, "fsync", made.fsync)
    replace, rename = Path.replace, Path.rename
    for name, real in (("replace", replace), ("rename", rename)):

        def recorded(self: Path, target: Path, real: Callable[..., Path] = real) -> Path:
            made.rename(self, target)
            return real(self, target)

        monkeypatch.setattr(Path, name, recorded)
    return made


def _save(folder: Path, step: int) -> None:
    parameters = {"w": torch.nn.Parameter(torch.full((4, 3), float(step)))}
    optimizer = torch.optim.AdamW(parameters.values(), lr=0.1)
    parameters["w"].grad = torch.ones(4, 3)
    optimizer.step()
    save_checkpoint(folder / "checkpoints", step, KEY, parameters, optimizer, metrics="{}\n")


# Broken by: leaving out the flush of the files, of the manifest or of the checkpoints' folder, or
# removing older checkpoints before the name of the new one is flushed.
def test_a_power_cut_at_any_moment_of_saving_leaves_a_whole_checkpoint(
    disk: Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def look(_name: str) -> None:
        left = disk.after_power_cut(tmp_path / "left")
        newest = next(checkpoints(left / "checkpoints"), None)
        assert newest is not None, disk.calls
        seen.append(newest.step)

    for module in ("steep.durable", "steep.training.checkpoint"):
        monkeypatch.setattr(f"{module}.fail_point", look)
    _save(disk.root, 6)
    look("done")
    assert len(seen) > 20
    assert seen[-1] == 6
    assert seen == sorted(seen)


# Broken by: any other order of the protocol, the manifest before what it names above all.
def test_the_order_of_saving(disk: Disk) -> None:
    _save(disk.root, 6)
    where, there = "run/checkpoints/step-6*", "run/checkpoints/step-6"
    files = ["weights.safetensors", "optimizer.safetensors"]
    expected = [f"flush {where}/{name}" for name in files]
    for name in ("metrics.jsonl", "state.json", "manifest.json"):
        expected += [
            f"flush {where}/{name}*",
            f"rename {where}/{name}* to {where}/{name}",
            f"flush {where}",
        ]
    found = [call for call in disk.calls if not call.startswith(f"rename {where} ")]
    assert found[: len(expected)] == expected
    moved = disk.calls.index(f"rename {where} to {there}")
    assert disk.calls[moved - 1] == f"flush {where}"
    assert disk.calls[moved + 1] == "flush run/checkpoints"
    assert not [call for call in disk.calls[moved + 1 :] if "rename" in call]


# Broken by: dropping the flush of the file, or of the folder, in write_bytes.
def test_a_file_that_was_written_is_there_after_a_power_cut(disk: Disk, tmp_path: Path) -> None:
    write_text(disk.root / "new folder" / "file.txt", "text")
    left = disk.after_power_cut(tmp_path / "left")
    assert (left / "new folder" / "file.txt").read_text() == "text"
    assert disk.calls[-3:] == [
        "flush run/new folder/file.txt*",
        "rename run/new folder/file.txt* to run/new folder/file.txt",
        "flush run/new folder",
    ]
