"""Files that are either whole or absent: atomic writes, hashes, and stage manifests.

A stage writes its files into a folder and its manifest last. A stage whose manifest holds the
same key (what it was made from) and whose files still hash to what it recorded is skipped.
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from steep import __version__
from steep.durable import write_bytes

SCHEMA = 2
MANIFEST = "manifest.json"
RECIPE = "recipe.toml"
TUNE_FILE, QUESTIONS_FILE = "tune.json", "questions.json"
_SEARCH = re.compile(r"-tune(\.before-\d+)?$")  # also one that was moved aside
# A resolved recipe spells out these among others; one written by hand hardly has them all.
_RESOLVED = {"model", "output_dir", "seed", "data", "train", "retell", "guard", "strength"}


def text_hash(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def file_hash(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def key_of(parts: Mapping[str, Any]) -> str:
    """A stable hash of what a stage is made from (any JSON-able mapping)."""
    return text_hash(json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str))


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all. NaN and infinity are refused: they aren't JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON table whole or not at all, with the hash of its content in it."""
    write_json(path, sealed(value))


def keep_sealed(path: Path, value: Mapping[str, Any]) -> None:
    """Write into the cache: one that can't be written, or is full, is no reason to stop."""
    with suppress(OSError):
        write_sealed(path, value)


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_table(path: Path) -> dict[str, Any]:
    """A JSON file's table; empty if there is none or it is damaged."""
    try:
        found = read_json(path)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """A table with the hash of its content as ``seal``: whoever reads it can tell damage."""
    content = {name: item for name, item in value.items() if name != "seal"}
    return {**content, "seal": key_of(content)}


def is_sealed(value: Mapping[str, Any]) -> bool:
    """True if a table's seal fits its content."""
    return bool(value.get("seal") == sealed(value)["seal"])


def read_sealed(path: Path) -> dict[str, Any]:
    """A sealed JSON file's table; empty if there is none, or it is damaged or has no seal."""
    found = read_table(path)
    return found if is_sealed(found) else {}


def write_manifest(
    folder: Path, stage: str, key: Mapping[str, Any], files: Sequence[str], **facts: Any
) -> None:
    """Seal a stage: record its key and the hash of each file (names relative to ``folder``)."""
    table = {
        "schema": SCHEMA,
        "stage": stage,
        "steep": __version__,
        "key": key_of(key),
        "made_from": dict(key),
        "files": {name: file_hash(folder / name) for name in files},
        **facts,
    }
    write_sealed(folder / MANIFEST, table)


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a stage; None if the stage never finished or its manifest is damaged."""
    return read_sealed(folder / MANIFEST) or None


def is_run(folder: Path) -> bool:
    """True if steep made a folder for a run: it holds a resolved recipe, or prepared data."""
    try:
        resolved = tomllib.loads((folder / RECIPE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        resolved = {}
    return resolved.keys() >= _RESOLVED or read_manifest(folder / "data") is not None


def is_search(folder: Path) -> bool:
    """True if steep made a folder for a search: it has such a name, and a search's files."""
    if _SEARCH.search(folder.name) is None:
        return False
    return any((folder / name).is_file() for name in (TUNE_FILE, QUESTIONS_FILE))


def is_done(folder: Path, key: Mapping[str, Any]) -> bool:
    """True if the stage finished from exactly this key and its files are still what they were."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.get("key") != key_of(key):
        return False
    return is_intact(folder, manifest)


def is_intact(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """True if every file a manifest names exists with the recorded hash."""
    return not damaged_files(folder, manifest.get("files", {}))


def damaged_files(folder: Path, files: Mapping[str, str]) -> dict[str, str]:
    """Which of a manifest's files aren't what was recorded: name and what is wrong with it."""
    found: dict[str, str] = {}
    for name, digest in files.items():
        path = folder / name
        try:
            if not path.is_file():
                found[name] = "is missing"
            elif file_hash(path) != digest:
                found[name] = "was changed or damaged: its hash isn't the one recorded"
        except OSError as error:
            found[name] = f"can't be read: {error.strerror or error}"
    return found
