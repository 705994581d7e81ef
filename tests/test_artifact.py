"""Files are whole or absent; a stage's manifest tells whether it is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from steep.artifact import (
    file_hash,
    is_done,
    key_of,
    read_json,
    read_manifest,
    text_hash,
    write_json,
    write_manifest,
    write_text,
)

KEY = {"seed": 1, "documents": ["a", "b"]}


def _sealed(folder: Path) -> Path:
    write_text(folder / "data.txt", "tokens")
    write_manifest(folder, "prepare", KEY, ["data.txt"], count=2)
    return folder


def test_text_is_written_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.txt"
    write_text(path, "naïve हिन्दी\n")
    write_text(path, "second")
    assert path.read_text(encoding="utf-8") == "second"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


# Broken by: opening ``path`` itself for writing.
def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text(encoding="utf-8") == "old"


# Broken by: allow_nan=True.
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_json_refuses_what_is_not_json(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "x.json", {"loss": value})
    assert not (tmp_path / "x.json").exists()


def test_json_round_trip(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"b": [1, None], "a": "é"})
    assert read_json(tmp_path / "x.json") == {"b": [1, None], "a": "é"}


# Broken by: sort_keys=False.
def test_keys_depend_on_content_not_order() -> None:
    assert key_of({"a": 1, "b": [2]}) == key_of({"b": [2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2})
    assert key_of({"a": 1}) != key_of({"a": "1"})


def test_hashes_agree(tmp_path: Path) -> None:
    write_text(tmp_path / "x", "é")
    assert file_hash(tmp_path / "x") == text_hash("é")
    text_hash("\ud800")  # a lone surrogate has a hash too


def test_a_sealed_stage_is_done(tmp_path: Path) -> None:
    assert not is_done(tmp_path, KEY)
    manifest = read_manifest(_sealed(tmp_path))
    assert manifest is not None
    assert manifest["count"] == 2
    assert manifest["stage"] == "prepare"
    assert is_done(tmp_path, KEY)


# Broken by: is_done that compares keys only.
@pytest.mark.parametrize("change", ["key", "bytes", "missing", "half", "not a mapping"])
def test_a_changed_stage_is_not_done(tmp_path: Path, change: str) -> None:
    _sealed(tmp_path)
    key = dict(KEY)
    match change:
        case "key":
            key["seed"] = 2
        case "bytes":
            (tmp_path / "data.txt").write_text("tokenz")
        case "missing":
            (tmp_path / "data.txt").unlink()
        case "half":
            text = (tmp_path / "manifest.json").read_text()
            (tmp_path / "manifest.json").write_text(text[: len(text) // 2])
        case _:
            (tmp_path / "manifest.json").write_text("[]")
    assert not is_done(tmp_path, key)
