"""Files that haven't changed aren't parsed again, and what is kept of them is what parsing gives."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steep.documents.formats import READERS
from steep.documents.read import Collection, collect
from steep.documents.sandbox import kept, parent
from steep.documents.sandbox.child import Terms
from steep.documents.sandbox.kept import Kept
from steep.documents.sandbox.parent import File, read_files


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that children are asked to read, from now on; none is too quick to keep."""
    names: list[str] = []
    ask = parent._Child._ask

    def heard(child: Any, files: Any) -> None:
        names.extend(Path(file.path).name for file in files)
        ask(child, files)

    monkeypatch.setattr(parent._Child, "_ask", heard)
    monkeypatch.setattr(kept, "_SLOW_SECONDS", 0.0)
    monkeypatch.setattr(kept, "_reader", lambda: "this reader")
    return names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "docs" / f"{name}.txt").write_text(
            f"The {name} pier is open. Write to {name}@example.org or use key AKIA{'ABCD' * 4}.\n"
        )
    (tmp_path / "docs" / "d.xml").write_text("<a>\n<b>1</a>")
    return tmp_path / "docs"


def same(one: Collection, other: Collection) -> bool:
    parts = ("drops", "marks", "cleaning")
    assert [*one.documents] == [*other.documents]
    return all(getattr(one, part) == getattr(other, part) for part in parts)


# Broken by: a key of the file's name and time alone; the whole folder read again.
def test_only_a_changed_file_is_read_again(folder: Path, tmp_path: Path, asked: list[str]) -> None:
    plain = collect(folder)
    asked.clear()
    first = collect(folder, kept_in=tmp_path / "kept")
    assert sorted(asked) == ["a.txt", "b.txt", "c.txt", "d.xml"] and same(first, plain)
    asked.clear()
    assert same(collect(folder, kept_in=tmp_path / "kept"), plain) and asked == []
    status = (folder / "b.txt").stat()
    text = (folder / "b.txt").read_text().replace("open", "shut")
    (folder / "b.txt").write_text(text)
    os.utime(folder / "b.txt", ns=(status.st_atime_ns, status.st_mtime_ns))  # as some tools do
    changed = collect(folder, kept_in=tmp_path / "kept")
    assert asked == ["b.txt"] and any("shut" in d.text for d in changed.documents)
    asked.clear()
    (folder / "c.txt").rename(folder / "e.txt")  # its title is made of its name
    renamed = collect(folder, kept_in=tmp_path / "kept")
    assert asked == ["e.txt"] and {d.title for d in renamed.documents} == {"a", "b", "e"}


# Broken by: terms, options or the reader left out of the key.
@pytest.mark.parametrize(
    "change",
    [
        lambda patch: {"redact": "personal"},
        lambda patch: patch.setattr(kept, "_reader", lambda: "another") or {},
    ],
)
def test_what_is_read_in_another_way_is_read_again(
    change: Callable[[pytest.MonkeyPatch], Any],
    folder: Path,
    tmp_path: Path,
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    collect(folder, kept_in=tmp_path / "kept")
    asked.clear()
    given = change(monkeypatch)
    assert same(collect(folder, kept_in=tmp_path / "kept", **given), collect(folder, **given))
    assert sorted(asked)[0] == "a.txt" and len(asked) == 8


def test_options_make_another_file_of_it(folder: Path, tmp_path: Path, asked: list[str]) -> None:
    (folder / "n.txt").write_text("One.\n\nTwo.\n")
    whole = collect(folder / "n.txt", kept_in=tmp_path / "kept")
    parted = collect(f"{folder / 'n.txt'}?split=blank", kept_in=tmp_path / "kept")
    assert [len(whole.documents), len(parted.documents)] == [1, 2]
    assert asked == ["n.txt", "n.txt"]


# Broken by: the seal not looked at; an entry that ends early.
@pytest.mark.parametrize(
    "damage",
    [lambda d: d[:-3], lambda d: d[:40] + b"x" + d[41:], lambda d: d.replace(b"pier", b"bier")],
)
def test_a_damaged_entry_counts_as_none(
    damage: Callable[[bytes], bytes], folder: Path, tmp_path: Path, asked: list[str]
) -> None:
    plain = collect(folder, kept_in=tmp_path / "kept")
    for place in (tmp_path / "kept").iterdir():
        place.write_bytes(damage(place.read_bytes()))
    asked.clear()
    assert same(collect(folder, kept_in=tmp_path / "kept"), plain)
    assert {"a.txt", "b.txt", "c.txt"} <= set(asked)


# Broken by: what a file held before it changed kept for what it holds now.
def test_a_file_that_changes_meanwhile_is_not_kept(
    folder: Path, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = parent._Child._ask

    def changing(child: Any, files: Any) -> None:
        (folder / "a.txt").write_text("Now the pier is shut.")
        ask(child, files)

    monkeypatch.setattr(parent._Child, "_ask", changing)
    collect(folder, kept_in=tmp_path / "kept")
    assert len(list((tmp_path / "kept").iterdir())) == 3


# Broken by: keeping what a lost child leaves; keeping what was quick.
def test_what_is_quick_or_lost_is_not_kept(
    folder: Path, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parent._Child, "_next", lambda child: None)
    (found,) = read_files([File(str(folder / "a.txt"), "a.txt", 9)], Terms(), tmp_path / "kept")
    assert [one.reason for one in found] == ["broke its reader"]  # type: ignore[union-attr]
    monkeypatch.undo()
    monkeypatch.setattr(kept, "_reader", lambda: "this reader")
    monkeypatch.setattr(kept, "_SLOW_SECONDS", 100.0)
    collect(folder, kept_in=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


# Broken by: the newest going first; entries that others may read.
def test_what_was_used_last_stays(
    folder: Path, tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(folder, kept_in=tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_mode & 0o77 == 0
    for place in (tmp_path / "kept").iterdir():
        os.utime(place, (1, 1))
    collect(folder / "b.txt", kept_in=tmp_path / "kept")  # another name: read, and the newest
    size = max(place.stat().st_size for place in (tmp_path / "kept").iterdir())
    monkeypatch.setattr(kept, "_ROOM_BYTES", size)
    Kept(tmp_path / "kept", Terms()).tidy()
    assert len(list((tmp_path / "kept").iterdir())) == 1
    asked.clear()
    collect(folder / "b.txt", kept_in=tmp_path / "kept")
    assert asked == []


def test_without_room_nothing_is_kept_and_nothing_lost(
    folder: Path, tmp_path: Path, asked: list[str]
) -> None:
    (tmp_path / "file").write_text("in the way")
    assert same(collect(folder, kept_in=tmp_path / "file"), collect(folder))


def test_the_reader_is_its_code_and_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {"lxml": "6", "steep": "0"}
    monkeypatch.setattr(
        kept.metadata, "requires", lambda name: ["lxml>=5,<7", "rapidocr>=3; extra"]
    )

    def version(name: str) -> str:
        if name not in versions:
            raise kept.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(kept.metadata, "version", version)
    found = set()
    for changed in ({}, {"lxml": "7"}, {"rapidocr": "3"}, {}):
        versions |= changed
        kept._reader.cache_clear()
        found.add(kept._reader())
    kept._reader.cache_clear()
    assert len(found) == 3 and None not in found


# Broken by: the modules beside kept.py alone, or those of one folder and none below it.
def test_all_code_that_reads_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: set[Path] = set()
    real = Path.read_bytes

    def counting(path: Path) -> bytes:
        counted.add(path)
        return real(path)

    monkeypatch.setattr(kept.metadata, "requires", lambda name: [])
    monkeypatch.setattr(Path, "read_bytes", counting)
    kept._reader.cache_clear()
    assert kept._reader() is not None
    kept._reader.cache_clear()
    readers = {f"steep.documents.{reader.module}" for reader in READERS.values()}
    names = {"steep.documents.formats", "steep.documents.cleaning.clean", *readers}
    places = {Path(str(importlib.import_module(name).__file__)) for name in names}
    assert len(places) > 10 and places <= counted


def test_special_files_have_no_key(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "empty.txt").touch()
    known = replace(Kept(tmp_path, Terms())).known
    for name in ("pipe.txt", "empty.txt", "absent.txt"):
        assert known(str(tmp_path / name), name, {}).key is None
