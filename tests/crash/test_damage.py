"""Files cut short, flipped, emptied, swapped or gone: noticed, and never resumed from."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.training.checkpoint import (
    checkpoints,
    damaged_checkpoints,
    newest_checkpoint,
    save_checkpoint,
)
from tests.training.corpus import KEY, make_model, make_recipe, train, weights

FILES = [
    "manifest.json",
    "metrics.jsonl",
    "optimizer.safetensors",
    "state.json",
    "weights.safetensors",
]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-2])


def _halve(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[: len(raw) // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _grow(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" x")


def _zero(path: Path) -> None:
    """As file systems leave a file whose length was written and whose bytes weren't."""
    path.write_bytes(bytes(len(path.read_bytes())))


def _flip(at: float) -> Callable[[Path], None]:
    def flip(path: Path) -> None:
        raw = bytearray(path.read_bytes())
        raw[int(at * (len(raw) - 1))] ^= 4
        path.write_bytes(bytes(raw))

    return flip


KINDS: dict[str, Callable[[Path], None]] = {
    "end cut": _cut,
    "half cut": _halve,
    "empty": _empty,
    "grown": _grow,
    "zeros": _zero,
    "first byte flipped": _flip(0.0),
    "middle flipped": _flip(0.5),
    "end flipped": _flip(0.97),
    "missing": Path.unlink,
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run of six steps with checkpoints of steps 4 and 6, and its final weights."""
    folder = tmp_path_factory.mktemp("trained")
    recipe = make_recipe(save_steps=2)
    model = make_model("llama", recipe)
    train(model, recipe, folder)
    return folder, weights(model)


# Broken by: leaving any file out of the manifest, or a manifest without a seal of its own.
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_damaged_file_is_noticed_and_the_one_before_taken(
    kind: str, name: str, trained: tuple[Path, Any], tmp_path: Path
) -> None:
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    folder = tmp_path / "checkpoints"
    KINDS[kind](folder / "step-6" / name)
    found = newest_checkpoint(folder, KEY)
    assert found is not None
    assert found.step == 4
    assert [one.step for one in checkpoints(folder)] == [4]
    if (folder / "step-6" / "manifest.json").is_file():
        assert list(damaged_checkpoints(folder)) == ["step-6"]


# Broken by: a manifest whose seal leaves some of it out.
def test_no_single_bit_of_a_manifest_can_flip_unseen(
    trained: tuple[Path, Any], tmp_path: Path
) -> None:
    shutil.copytree(trained[0] / "checkpoints" / "step-6", tmp_path / "step-6")
    path = tmp_path / "step-6" / "manifest.json"
    raw = path.read_bytes()
    for bit in range(0, 8 * len(raw), 7):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(changed))
        assert list(checkpoints(tmp_path)) == [], bit


@pytest.mark.parametrize("names", [["weights.safetensors"], FILES])
def test_training_goes_on_from_the_one_before_to_the_same_bits(
    names: list[str], trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    for name in names:
        _flip(0.5)(tmp_path / "checkpoints" / "step-6" / name)
    recipe = make_recipe(save_steps=2)
    model = make_model("llama", recipe)
    training, _ = train(model, recipe, tmp_path)
    assert training.first_step == 4
    assert all(torch.equal(trained[1][name], p) for name, p in weights(model).items())
    assert [one.step for one in checkpoints(tmp_path / "checkpoints")] == [6, 4]


def test_with_all_damaged_training_starts_over(trained: tuple[Path, Any], tmp_path: Path) -> None:
    shutil.copytree(trained[0], tmp_path, dirs_exist_ok=True)
    for step in (4, 6):
        _zero(tmp_path / "checkpoints" / f"step-{step}" / "weights.safetensors")
    recipe = make_recipe(save_steps=2)
    model = make_model("llama", recipe)
    training, _ = train(model, recipe, tmp_path)
    assert training.first_step == 0
    assert all(torch.equal(trained[1][name], p) for name, p in weights(model).items())


@pytest.mark.parametrize(
    "manifest",
    [
        '{"files": []}',
        '{"files": {"weights.safetensors": 3}}',
        '{"step": "six"}',
        '{"seal": null}',
        '"step"',
        "9",
        "\udcff",
    ],
)
def test_no_manifest_makes_looking_raise(manifest: str, tmp_path: Path) -> None:
    parameters = {"w": torch.nn.Parameter(torch.ones(2))}
    optimizer = torch.optim.SGD(parameters.values(), lr=0.1)
    save_checkpoint(tmp_path, 1, KEY, parameters, optimizer)
    path = tmp_path / "step-1" / "manifest.json"
    path.write_bytes(manifest.encode("utf-8", "surrogateescape"))
    assert newest_checkpoint(tmp_path, KEY) is None
    assert list(damaged_checkpoints(tmp_path)) == ["step-1"]
