"""The teaching notebook: its sections, its size, and that it runs from top to bottom."""

from __future__ import annotations

import importlib.util
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.tiny import tiny_model, tiny_tokenizer

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / "notebooks" / "continued_pretraining.ipynb"
SECTIONS = [
    "1. What continued pre-training is",
    "2. Make a corpus",
    "3. Configure",
    "4. Train",
    "5. Test knowledge before and after",
    "6. Perplexity",
    "7. The verdict",
    "8. Save and load",
    "9. Where to go next",
]


def _cells(kind: str) -> list[dict[str, Any]]:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == kind]


def test_the_sections_come_in_the_promised_order() -> None:
    lines = [line for cell in _cells("markdown") for line in "".join(cell["source"]).split("\n")]
    assert [line[3:] for line in lines if line.startswith("## ")] == SECTIONS


def test_it_is_short_and_has_no_stored_outputs() -> None:
    code = _cells("code")
    assert len(code) + len(_cells("markdown")) <= 25
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_it_uses_only_the_public_names_of_steep() -> None:
    import steep

    code = "\n".join("".join(cell["source"]) for cell in _cells("code"))
    assert not re.search(r"\b(?:from steep|import steep\.)", code)
    used = set(re.findall(r"(?<![\w\"'/-])steep\.(\w+)", code))
    assert used <= set(steep.__all__)
    assert {"run", "test_knowledge", "evaluate_accuracy", "evaluate_perplexity"} <= used


@contextmanager
def _one_processor() -> Iterator[None]:
    """Keep this process, and those it starts, on one processor (where the system can)."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize("method", ["lora", pytest.param("full", marks=pytest.mark.slow)])
def test_it_runs_from_top_to_bottom(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [name for name in ("nbclient", "ipykernel") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed; pip install 'steep[notebook]'")
    import nbformat
    from nbclient import NotebookClient

    tokenizer = tiny_tokenizer()
    tiny_model("llama", tokenizer).save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    work = tmp_path / "work"
    work.mkdir()
    settings = {
        "STEEP_NOTEBOOK_MODEL": tmp_path / "model",
        "STEEP_NOTEBOOK_METHOD": method,
        "STEEP_NOTEBOOK_STEPS": 2,
        "STEEP_NOTEBOOK_LENGTH": 128,
        "STEEP_NOTEBOOK_COMPANIES": 12,
        "STEEP_CACHE": tmp_path / "cache",
        "PYTHONPATH": ROOT,
        "IPYTHONDIR": tmp_path / "ipython",
        "HF_HUB_OFFLINE": 1,
        "OMP_NUM_THREADS": 1,
    }
    monkeypatch.delenv("STEEP_NOTEBOOK_FOLDER", raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        resources={"metadata": {"path": str(work)}},
    )
    with _one_processor():  # for tiny matrices a second thread only waits
        client.execute()  # raises with the cell and its traceback

    printed = "".join(
        output.get("text", "")
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
    )
    run = work / "steep-notebook" / f"run-{method}-2"
    evaluation = json.loads((run / "evaluation.json").read_text(encoding="utf-8"))
    assert evaluation["verdict"] in printed
    assert "fact_accuracy" in printed and "Pellwick Bakery" in printed
    assert (run / "merged" / "model.safetensors").is_file()
    assert (run / "adapter").is_dir() == (method == "lora")
    assert ("there is no adapter" in printed) == (method == "full")
    assert [path.name for path in work.iterdir()] == ["steep-notebook"]
