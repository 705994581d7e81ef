"""Under which licence a base model stands, as far as its own files say."""

from __future__ import annotations

import re
from pathlib import Path

from steep.model.load import PACKAGED, packaged_file

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{1,40}")
_LINE = re.compile(r"^license:\s*[\"']?([^\"'\n]+?)[\"']?\s*$", re.MULTILINE)


def licence_of(name: str, path: str) -> str | None:
    """An identifier such as "apache-2.0"; None if nothing says so.

    Args:
        name: the model as in the recipe: a packaged one's GGUF names its licence.
        path: its resolved folder, whose README.md may name it at the top.
    """
    found = _of_gguf(packaged_file(name)) if name in PACKAGED else _of_card(Path(path))
    return found if found and _NAME.fullmatch(found) else None


def _of_card(folder: Path) -> str | None:
    try:
        text = (folder / "README.md").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    parts = text.split("---\n", 2)
    line = _LINE.search(parts[1]) if len(parts) == 3 and not parts[0] else None
    return line[1] if line else None


def _of_gguf(path: Path) -> str | None:
    from gguf import GGUFReader

    field = GGUFReader(path).get_field("general.license")
    return None if field is None else str(field.contents())
