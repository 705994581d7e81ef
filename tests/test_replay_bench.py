"""The bench of replay runs through on a tiny model, and what is there isn't run again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tiny import save_tiny_model

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_replay_cells_are_measured_once_and_kept(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "tiny")
    command = [
        *(sys.executable, str(ROOT / "bench" / "replay.py"), "--out", str(tmp_path / "out")),
        *("--model", str(tmp_path / "tiny"), "--corpus", "ferries", "--size", "10"),
        *("--relations", "2", "--passes", "0.5", "--general", "4"),
        *("--cells", "none", "reading", "reading + kl"),
        *("--set", "train.max_seq_length=96", "train.precision=fp32"),
    ]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    folder = tmp_path / "out" / "ferries-0"
    found = {
        name: json.loads((folder / f"{name}.json").read_text())
        for name in ("base", "none", "reading", "reading + kl")
    }
    assert found["none"]["trained"]["general_share"] == 0.0
    assert found["reading"]["trained"]["general_share"] == pytest.approx(0.2, abs=0.05)
    documents = [found[name]["trained"]["by_kind"]["document"] for name in ("none", "reading")]
    assert documents[0] == pytest.approx(documents[1], rel=0.1)  # the same passes
    metrics = {
        name: (folder / "runs" / name / "metrics.jsonl").read_text()
        for name in ("reading", "reading + kl")
    }
    assert '"kl"' in metrics["reading + kl"] and '"kl"' not in metrics["reading"]
    for row in ("none | 0 | general", "reading + kl | 0 | general", "removed ", "control ("):
        assert row in first.stdout
    (tmp_path / "tiny" / "model.safetensors").unlink()  # nothing may be trained again
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert again.stdout == first.stdout


def test_removed_is_the_part_of_the_rise_that_is_gone() -> None:
    sys.path.insert(0, str(ROOT / "bench"))
    try:
        from replay import removed
    finally:
        sys.path.pop(0)
    base = [[10.0, 5], [20.0, 5], [30.0, 5]]
    none = [[20.0, 5], [30.0, 5], [40.0, 5]]
    cell = [[12.0, 5], [23.0, 5], [31.0, 5]]
    part, low, high = removed(base, none, cell)
    assert part == pytest.approx(1 - 6 / 30)
    assert low < part < high
    assert removed(base, none, none)[0] == 0.0
    assert removed(base, none, base) == (1.0, 1.0, 1.0)
