"""Documents on disk are those that were put there, and all that is made of them stays the same."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from steep.documents import shelf
from steep.documents.read import collect
from steep.documents.record import Document
from steep.documents.sandbox import found, parent
from steep.documents.shelf import Documents, Shelf, lengths, pick, shelve
from steep.documents.split import split_held_out
from steep.errors import ResourceError

WHOLE = Document(
    "text \ud800 नमस्ते\n\x00", "t", "a.csv", "row 1", (("k", "v"),), ("k",), "hi", "2026-01-02", "MIT", ("x",)
)  # fmt: skip


def documents(count: int) -> list[Document]:
    return [
        Document(f"text {n} " * (n % 7 + 1), f"t{n}", "a.jsonl", f"line {n}") for n in range(count)
    ]


# Broken by: a field left out of _to_bytes; "surrogatepass" left out; ends counted from the file's.
@pytest.mark.parametrize("held", [1, 100, 2**20])
def test_what_was_added_comes_back(held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_HELD_BYTES", held)
    given = [WHOLE, *documents(20)]
    kept = shelve(given)
    assert list(kept) == given and kept == given and kept[3] == given[3] and kept[-1] == given[-1]
    assert kept[2:9:3] == given[2:9:3]
    assert kept != given[1:] and kept != [*given[1:], WHOLE]
    assert lengths(kept).tolist() == [len(d.text) for d in given] == lengths(given).tolist()
    chosen = pick(kept, [5, 0])
    assert isinstance(chosen, Documents) and chosen == [given[5], given[0]]
    assert pick(given, [5, 0]) == (given[5], given[0])
    assert shelve(kept) is kept


def test_views_stay_while_the_shelf_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "_HELD_BYTES", 64)
    given = documents(9)
    mine = Shelf()
    for document in given[:5]:
        mine.add(document)
    before = mine.all()
    assert mine.add(given[5]) == 5
    assert before == given[:5] and len(mine.all()) == 6
    assert Documents(mine, np.array([5, 1])) == [given[5], given[1]]


# Broken by: told_if_full left out at either place; in found.py the files would count as too large.
@pytest.mark.parametrize("place", [shelf, found])
def test_a_full_disk_is_said_and_no_file_blamed(
    place: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, "_HELD_BYTES", 1)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    (tmp_path / "a.txt").write_text("text " * 100)
    with pytest.raises(ResourceError, match=r"gone: No such file.*TMPDIR"):
        collect(tmp_path / "a.txt")


def _corpus(folder: Path) -> Path:
    """Every way documents are cut, copied and left out."""
    head, foot = "Acme GmbH | Internal and confidential", "Home\nProducts\nContact us\nLegal notice"
    for n in range(12):
        own = f"Page {n} tells what no other page tells, number {n} of them. " * 3
        page = f"{head}\n\n{own}\n\nThis paragraph stands in every one of the pages here, word for word, without an end.\n\n{foot}"
        (folder / f"{n}.txt").write_text(page)
    (folder / "copy.txt").write_text((folder / "3.txt").read_text().upper())
    rows = [f'{{"text": "row {n} says {n * n}", "id": "{n}"}}' for n in range(3000)]
    (folder / "rows.jsonl").write_text("\n".join([*rows, "{bad"]))
    (folder / "bad.json").write_bytes(b"\xff\xfe\x00")
    return folder


# Broken by: what is cut put at the end of the order; frames of a file read from where it was left.
@pytest.mark.parametrize("cores", [1, 3])
def test_disk_and_processes_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    paths = str(_corpus(tmp_path))
    usual = collect(paths, repeated_paragraphs="cut")
    assert usual.cut and {d.reason for d in usual.drops} >= {"duplicate", "unreadable file"}
    monkeypatch.setattr(shelf, "_HELD_BYTES", 1)
    monkeypatch.setattr(found, "_HELD_BYTES", 1)
    monkeypatch.setattr(parent, "_BATCH_FILES", 1)
    monkeypatch.setattr(parent, "_cores", lambda: cores)
    spilled = collect(paths, repeated_paragraphs="cut")
    assert spilled == usual
    for one, other in zip(
        (split_held_out(spilled.documents, 0.1, 0)).__dict__.values(),
        (split_held_out(list(usual.documents), 0.1, 0)).__dict__.values(),
        strict=True,
    ):
        assert len(one) and one == other
