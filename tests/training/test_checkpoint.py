"""Checkpoints: whole or absent, verified before use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from steep.training.checkpoint import (
    Checkpoint,
    checkpoint_at,
    checkpoints,
    load_checkpoint,
    load_weights,
    newest_checkpoint,
    save_checkpoint,
)

KEY = {"seed": 0}


def _trained(
    steps: int, seed: int = 0, optim: str = "adamw"
) -> tuple[dict[str, Any], torch.optim.Optimizer]:
    """A small network some steps into training, and its optimizer."""
    generator = torch.Generator().manual_seed(seed)
    parameters = {
        "a.weight": torch.nn.Parameter(torch.randn(4, 3, generator=generator)),
        "a.bias": torch.nn.Parameter(torch.randn(4, generator=generator)),
    }
    optimizer: torch.optim.Optimizer
    if optim == "adamw":
        optimizer = torch.optim.AdamW(parameters.values(), lr=0.1, fused=True)
    else:
        optimizer = torch.optim.Adafactor(parameters.values(), lr=0.1)
    for _ in range(steps):
        _step(parameters, optimizer)
    return parameters, optimizer


def _step(parameters: dict[str, Any], optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad()
    torch.stack([p.square().sum() for p in parameters.values()]).sum().backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def _save(folder: Path, *steps: int, key: dict[str, Any] = KEY) -> None:
    for step in steps:
        save_checkpoint(folder, step, key, *_trained(step))


def _flip(path: Path, at: int = -3) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(bytes(raw))


# Broken by: leaving exp_avg_sq, col_var, variance or step out of load_checkpoint.
@pytest.mark.parametrize("optim", ["adamw", "adafactor"])
def test_what_was_saved_comes_back_bit_for_bit(optim: str, tmp_path: Path) -> None:
    parameters, optimizer = _trained(3, optim=optim)
    saved = save_checkpoint(tmp_path, 3, KEY, parameters, optimizer)
    fresh, fresh_optimizer = _trained(0, seed=9, optim=optim)
    load_checkpoint(saved, fresh, fresh_optimizer)
    for _ in range(2):
        for name in parameters:
            assert torch.equal(parameters[name], fresh[name])
        _step(parameters, optimizer)
        _step(fresh, fresh_optimizer)


# Broken by: casting what is loaded to the parameter's type, or keeping only 1-d and 2-d tensors.
def test_state_of_any_kind_of_tensor_keeps_its_kind(tmp_path: Path) -> None:
    parameters, optimizer = _trained(1, optim="adafactor")
    odd = {
        "count": torch.tensor(7),
        "seen": torch.tensor([True, False]),
        "half": torch.tensor([1.5], dtype=torch.bfloat16),
    }
    weight = parameters["a.weight"]
    optimizer.state[weight] |= odd
    before = dict(optimizer.state[weight])
    assert before["step"].ndim == 0
    saved = save_checkpoint(tmp_path, 1, KEY, parameters, optimizer)
    fresh, fresh_optimizer = _trained(0, optim="adafactor")
    load_checkpoint(saved, fresh, fresh_optimizer)
    after = fresh_optimizer.state[fresh["a.weight"]]
    assert after.keys() == before.keys()
    for field, value in before.items():
        assert after[field].dtype == value.dtype
        assert torch.equal(after[field], value)


# Broken by: leaving out what isn't a tensor without a word.
def test_state_that_would_be_lost_is_refused(tmp_path: Path) -> None:
    parameters, optimizer = _trained(1)
    optimizer.state[parameters["a.weight"]]["count"] = 7
    with pytest.raises(TypeError, match="count"):
        save_checkpoint(tmp_path, 1, KEY, parameters, optimizer)


# Broken by: dropping is_intact in newest_checkpoint.
@pytest.mark.parametrize("name", ["weights.safetensors", "optimizer.safetensors"])
@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    tmp_path: Path, name: str, damage: str
) -> None:
    _save(tmp_path, 1, 2)
    path = tmp_path / "step-2" / name
    match damage:
        case "flipped":
            _flip(path)
        case "truncated":
            path.write_bytes(path.read_bytes()[:-1])
        case _:
            path.unlink()
    assert newest_checkpoint(tmp_path, KEY) == Checkpoint(tmp_path / "step-1", 1)


@pytest.mark.parametrize("manifest", [None, "", "{", "[]", "{}", '{"stage": "checkpoint"}'])
def test_a_half_written_checkpoint_is_ignored(tmp_path: Path, manifest: str | None) -> None:
    _save(tmp_path, 1, 2)
    path = tmp_path / "step-2" / "manifest.json"
    path.unlink() if manifest is None else path.write_text(manifest)
    found = newest_checkpoint(tmp_path, KEY)
    assert found is not None
    assert found.step == 1


def test_other_things_in_the_folder_are_ignored(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path / "none", KEY) is None
    _save(tmp_path, 1)
    (tmp_path / "step-1").rename(tmp_path / ".step-1.99.tmp")
    (tmp_path / "step-x").mkdir()
    (tmp_path / "step-7").mkdir()
    (tmp_path / "notes.txt").write_text("mine")
    assert newest_checkpoint(tmp_path, KEY) is None
    _save(tmp_path, 2)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt", "step-2", "step-7", "step-x"]


# Broken by: dropping the key comparison.
def test_a_checkpoint_of_another_run_is_ignored(tmp_path: Path) -> None:
    _save(tmp_path, 1)
    _save(tmp_path, 5, key={"seed": 1})
    found = newest_checkpoint(tmp_path, KEY)
    assert found is not None
    assert found.step == 1


# Broken by: _KEEP = 3.
def test_only_the_last_two_are_kept(tmp_path: Path) -> None:
    _save(tmp_path, 2, 4, 6, 8)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-6", "step-8"]


# Broken by: keeping what the newest needs and not what the one before it does.
def test_what_a_kept_one_needs_is_kept_too(tmp_path: Path) -> None:
    for step, needs in ((2, []), (4, [2]), (6, [2]), (8, [6]), (10, []), (12, [])):
        save_checkpoint(tmp_path, step, KEY, *_trained(step), needs=needs)
        if step == 8:
            assert sorted(found.step for found in checkpoints(tmp_path)) == [2, 6, 8]
        if step == 10:
            assert sorted(found.step for found in checkpoints(tmp_path)) == [6, 8, 10]
    assert sorted(found.step for found in checkpoints(tmp_path)) == [10, 12]
    assert checkpoint_at(tmp_path, 10, KEY) == Checkpoint(tmp_path / "step-10", 10)
    assert checkpoint_at(tmp_path, 10, {"seed": 1}) is None
    assert checkpoint_at(tmp_path, 8, KEY) is None


# Broken by: counting folders without a manifest in _steps.
def test_a_half_written_one_is_not_counted_among_the_two(tmp_path: Path) -> None:
    _save(tmp_path, 2, 4)
    (tmp_path / "step-4" / "manifest.json").unlink()
    _save(tmp_path, 6)
    (tmp_path / "step-6" / "weights.safetensors").unlink()
    assert newest_checkpoint(tmp_path, KEY) == Checkpoint(tmp_path / "step-2", 2)


# Broken by: pruning by number alone (then two damaged ones outrank every new one).
def test_damaged_newer_checkpoints_never_crowd_out_new_work(tmp_path: Path) -> None:
    _save(tmp_path, 4, 6)
    for step in (4, 6):
        _flip(tmp_path / f"step-{step}" / "weights.safetensors")
    assert newest_checkpoint(tmp_path, KEY) is None
    _save(tmp_path, 1, 2)
    assert newest_checkpoint(tmp_path, KEY) == Checkpoint(tmp_path / "step-2", 2)
    _save(tmp_path, 3, 4)
    assert newest_checkpoint(tmp_path, KEY) == Checkpoint(tmp_path / "step-4", 4)
    assert (tmp_path / "step-3").is_dir()
    assert not (tmp_path / "step-2").exists()


def test_saving_a_step_again_replaces_it(tmp_path: Path) -> None:
    _save(tmp_path, 2)
    _flip(tmp_path / "step-2" / "weights.safetensors")
    _save(tmp_path, 2)
    assert newest_checkpoint(tmp_path, KEY) == Checkpoint(tmp_path / "step-2", 2)


# Broken by: strict=False, i.e. loading the names that are there.
def test_other_parameters_are_refused(tmp_path: Path) -> None:
    saved = save_checkpoint(tmp_path, 1, KEY, *_trained(1))
    parameters, _ = _trained(0)
    with pytest.raises(ValueError, match=r"b\.weight"):
        load_weights(saved, {**parameters, "b.weight": torch.nn.Parameter(torch.zeros(1))})
    with pytest.raises(ValueError, match=r"a\.bias"):
        load_weights(saved, {"a.weight": parameters["a.weight"]})


def test_only_safetensors_and_json(tmp_path: Path) -> None:
    _save(tmp_path, 1)
    names = sorted(p.name for p in (tmp_path / "step-1").iterdir())
    files = ["metrics.jsonl", "optimizer.safetensors", "state.json", "weights.safetensors"]
    assert names == sorted([*files, "manifest.json"])
    manifest = json.loads((tmp_path / "step-1" / "manifest.json").read_text())
    assert sorted(manifest["files"]) == files
    assert manifest["step"] == 1
