"""Every named moment of writing, hit in turn: what was safe stays safe, and the work goes on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.artifact import write_json, write_text
from steep.durable import FAIL_ONCE, FAILED, fail_point, new_folder, remove_leftovers
from steep.training.checkpoint import checkpoints, load_checkpoint, save_checkpoint
from tests.crash.harness import Chain, assert_same, in_child

KEY = {"seed": 0}


def _state(step: int) -> tuple[dict[str, torch.nn.Parameter], torch.optim.Optimizer]:
    """Parameters and optimizer that say which step they are of."""
    parameters = {"w": torch.nn.Parameter(torch.full((4, 3), float(step)))}
    optimizer = torch.optim.AdamW(parameters.values(), lr=0.1)
    parameters["w"].grad = torch.ones(4, 3)
    optimizer.step()
    return parameters, optimizer


def _points(folder: Path, work: Callable[[], object], before: Callable[[], object]) -> list[str]:
    """End a child at each moment of ``work`` in turn, ``before`` setting the scene each time."""
    listed = folder / "points.txt"
    listed.write_text("")
    for _ in range(200):
        before()
        ended = in_child(work, folder / "log.txt", environment={FAIL_ONCE: str(listed)})
        if ended.code == 0:
            return listed.read_text().splitlines()
        assert ended.code == FAILED, ended.said
    raise AssertionError("never done")


# Broken by: removing older checkpoints before the new one is in place, writing into step-N itself,
# or taking a folder for a checkpoint without looking at its manifest.
def test_at_every_moment_of_saving_there_is_a_whole_checkpoint(tmp_path: Path) -> None:
    safe, folder = tmp_path / "safe", tmp_path / "checkpoints"
    for step in (2, 4):
        save_checkpoint(safe, step, KEY, *_state(step))
    found: list[int] = []

    def scene() -> None:
        if folder.exists():
            _is_whole(folder, found)
            shutil.rmtree(folder)
        shutil.copytree(safe, folder)

    points = _points(tmp_path, lambda: save_checkpoint(folder, 6, KEY, *_state(6)), scene)
    assert _steps(folder) == [4, 6]
    assert len(points) >= 20
    assert found == sorted(found)  # once the new one counts, it counts at all later moments
    assert set(found) == {4, 6}


def _is_whole(folder: Path, found: list[int]) -> None:
    newest = next(checkpoints(folder))
    parameters, optimizer = _state(0)
    load_checkpoint(newest, parameters, optimizer)
    expected, _ = _state(newest.step)
    assert torch.equal(parameters["w"], expected["w"])
    found.append(newest.step)
    save_checkpoint(folder, 8, KEY, *_state(8))  # and the next one is saved, leftovers or not
    assert next(checkpoints(folder)).step == 8
    assert not [path.name for path in folder.iterdir() if path.name.endswith(".tmp")]


def _steps(folder: Path) -> list[int]:
    return sorted(found.step for found in checkpoints(folder))


# Broken by: opening the file itself for writing.
def test_at_every_moment_a_file_is_the_old_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "there" / "file.json"
    seen: set[str] = set()

    def scene() -> None:
        if path.exists():
            seen.add(path.read_text())
        remove_leftovers(tmp_path)
        write_text(path, "old")

    points = _points(tmp_path, lambda: write_json(path, "new"), scene)
    assert points == [f"file.json: {at}" for at in ("begun", "written", "flushed", "renamed")]
    assert seen == {"old", '"new"\n'}
    assert path.read_text() == '"new"\n'


# Broken by: deleting the folder that is there before the new one is written.
def test_at_every_moment_a_folder_is_the_old_or_the_new_one_or_absent(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    seen: list[Any] = []

    def write(text: str) -> None:
        with new_folder(folder) as target:
            (target / "a").write_text(text)
            (target / "b").write_text(text)

    def scene() -> None:
        texts = {path.read_text() for path in folder.glob("*")}
        assert len(texts) <= 1
        seen.append(texts.pop() if texts else None)
        remove_leftovers(tmp_path)
        write("old")

    points = _points(tmp_path, lambda: write("new"), scene)
    assert [point.partition(": ")[2] for point in points] == [
        "begun", "written", "flushed", "old one aside", "renamed",
    ]  # fmt: skip
    # None: before the first time, and between the two renames.
    assert seen == [None, "old", "old", "old", None, "new"]
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


# Broken by: writing the GGUF in its own place, or its check behind the rename.
def test_at_every_moment_of_writing_a_gguf_there_is_the_old_one_or_the_new(tmp_path: Path) -> None:
    from steep.export.gguf.folder import save_gguf
    from steep.export.gguf.read import load_gguf
    from tests.tiny import tiny_model, tiny_tokenizer

    tokenizer = tiny_tokenizer()
    old, new = (tiny_model("llama", tokenizer, seed) for seed in (0, 1))
    folder = tmp_path / "merged_gguf"
    seen: list[int | None] = []

    def write(model: Any) -> None:
        save_gguf(model, tokenizer, folder, "m-F32.gguf", "F32", lambda path: load_gguf(path))

    def scene() -> None:
        if folder.exists():
            model, _ = load_gguf(folder / "m-F32.gguf")
            assert (folder / "Modelfile").is_file()
            row = model.model.embed_tokens.weight[5]
            same = [torch.equal(row, one.model.embed_tokens.weight[5]) for one in (old, new)]
            seen.append(same.index(True))
        remove_leftovers(tmp_path)
        write(old)

    points = _points(tmp_path, lambda: write(new), scene)
    assert "m-F32.gguf: settings written" in points
    assert "m-F32.gguf: half of the weights written" in points
    assert seen == sorted(seen)
    assert set(seen) == {0, 1}


def test_without_the_variable_a_point_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FAIL_ONCE, raising=False)
    fail_point("anything")


# Broken by: any of what the tests above name, in any stage.
@pytest.mark.slow
def test_a_whole_run_ended_at_every_moment_of_writing(whole: Chain, tmp_path: Path) -> None:
    chain = Chain(whole.recipe, tmp_path)
    newest = 0
    for _ in range(400):
        ended = chain.go_on(fail=True)
        assert chain.newest_step() >= newest
        newest = chain.newest_step()
        if ended.code != FAILED:
            break
    assert ended.code in (0, 3), ended.said
    points = (tmp_path / "points.txt").read_text().splitlines()
    assert len(points) > 80
    assert_same(chain, whole)
