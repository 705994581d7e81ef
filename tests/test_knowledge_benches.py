"""Benches of what is learned run through on a tiny model; what is there isn't run again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import save_tiny_model

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_cells_are_measured_once_and_kept(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "tiny")
    command = [
        *(sys.executable, str(ROOT / "bench" / "forms.py"), "--out", str(tmp_path / "out")),
        *("--model", str(tmp_path / "tiny"), "--corpus", "ferries", "--size", "10"),
        *("--relations", "2", "--tokens", "2000", "--general", "2", "--probes", "2"),
        *("--cells", "plain", "all", "--set", "train.max_seq_length=96", "train.precision=fp32"),
    ]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = {
        name: json.loads((tmp_path / "out" / "ferries-0" / f"{name}.json").read_text())
        for name in ("base", "plain", "all")
    }
    assert found["plain"]["retell"]["reversed"] == 0 < found["all"]["retell"]["reversed"]
    kinds = found["all"]["trained"]["by_kind"]
    assert kinds.keys() > {"question", "reversed", "record", "restored"}
    assert len(found["base"]["questions"]) == len(found["all"]["questions"])
    for row in ("plain | 0 | ", "all | 0 | ", "question reversed (20)", "general "):
        assert row in first.stdout
    (tmp_path / "tiny" / "model.safetensors").unlink()  # nothing may be trained again
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert again.stdout == first.stdout
    other = subprocess.run([*command, "--probes", "3"], cwd=ROOT, capture_output=True, text=True)
    assert other.returncode == 1 and "give another --out" in other.stderr


@pytest.mark.slow
def test_knowledge_is_timed_and_kept(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "tiny")
    command = [
        *(sys.executable, str(ROOT / "bench" / "knowledge.py"), "--out", str(tmp_path / "out")),
        *("--model", str(tmp_path / "tiny"), "--companies", "12", "13", "--tokens", "3000"),
        *("--cells", "lora", "notebook", "--general", "2"),
        *("--set", "train.max_seq_length=96", "train.precision=fp32"),
    ]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    kept = json.loads((tmp_path / "out" / "12-0" / "lora.json").read_text())
    assert kept["facts"] == 60 and kept["tokens"] >= 3000
    rows = first.stdout.splitlines()
    assert [row.split(" | ")[0] for row in rows] == ["lora"] * 3 + ["notebook"] * 3
    assert "65 facts" in rows[1] and "question new" in rows[1] and "too few sizes" in rows[2]
    (tmp_path / "tiny" / "model.safetensors").unlink()  # nothing may be trained again
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout == first.stdout
