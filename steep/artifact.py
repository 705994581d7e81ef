"""Files that are either whole or absent: atomic writes, hashes, and stage manifests.

A stage writes its files into a folder and its manifest last. A stage whose manifest holds the
same key (what it was made from) and whose files still hash to what it recorded is skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steep import __version__

SCHEMA = 1


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


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: temporary file, fsync, rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, value: Any) -> None:
    """Write JSON whole or not at all. NaN and infinity are refused: they aren't JSON."""
    write_text(path, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


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


def write_manifest(
    folder: Path, stage: str, key: Mapping[str, Any], files: Sequence[str], **facts: Any
) -> None:
    """Seal a stage: record its key and the hash of each file (names relative to ``folder``)."""
    write_json(
        folder / "manifest.json",
        {
            "schema": SCHEMA,
            "stage": stage,
            "steep": __version__,
            "key": key_of(key),
            "made_from": dict(key),
            "files": {name: file_hash(folder / name) for name in files},
            **facts,
        },
    )


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a stage, or None if the stage never finished."""
    path = folder / "manifest.json"
    if not path.is_file():
        return None
    try:
        manifest = read_json(path)
    except ValueError:
        return None
    return manifest if isinstance(manifest, dict) else None


def is_done(folder: Path, key: Mapping[str, Any]) -> bool:
    """True if the stage finished from exactly this key and its files are still what they were."""
    manifest = read_manifest(folder)
    if manifest is None or manifest.get("key") != key_of(key):
        return False
    return is_intact(folder, manifest)


def is_intact(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """True if every file a manifest names exists with the recorded hash."""
    files: Mapping[str, str] = manifest.get("files", {})
    return all(
        (folder / name).is_file() and file_hash(folder / name) == digest
        for name, digest in files.items()
    )
