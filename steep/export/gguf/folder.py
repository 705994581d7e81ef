"""The folder of a GGUF export: the file, and the Modelfile that Ollama makes a model from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from steep.artifact import write_text
from steep.durable import new_folder
from steep.export.gguf.modelfile import modelfile
from steep.export.gguf.write import Kind, write_gguf


def gguf_names(merged: str, kind: Kind) -> tuple[str, str]:
    """(folder, file in it) of a run's GGUF export, by its merged folder's name."""
    return f"{merged}_gguf", f"{Path(merged).name}-{kind}.gguf"


def save_gguf(
    model: Any,
    tokenizer: Any,
    folder: Path,
    name: str,
    kind: Kind,
    check: Callable[[Path], object] | None = None,
) -> None:
    """Write a model without adapters as ``folder/name`` and a ``Modelfile``.

    Args:
        check: looks at the file before the folder takes its place, and may raise.
    """
    with new_folder(folder) as target:
        write_gguf(model, tokenizer, target / name, kind, Path(name).stem)
        if check is not None:
            check(target / name)
        write_text(target / "Modelfile", modelfile(name, tokenizer))
