"""Checkpoints: whole or absent, verified before use, safetensors and JSON only.

Written into a temporary folder, flushed to disk, sealed by a manifest with every file's hash
written last, then renamed. Resume takes the newest one that verifies.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from steep.artifact import is_intact, read_manifest, write_manifest

_KEEP = 2
_WEIGHTS = "weights.safetensors"
_OPTIMIZER = "optimizer.safetensors"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk: ``step`` optimizer steps are done."""

    folder: Path
    step: int


def save_checkpoint(
    folder: Path,
    step: int,
    key: Mapping[str, Any],
    parameters: Mapping[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
) -> Checkpoint:
    """Write ``folder/step-N`` and prune older ones, once the new one verifies.

    Args:
        key: what the run is made from; a checkpoint of another key is never resumed.
        parameters: the trainable parameters by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".step-{step}.{os.getpid()}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    save_file({n: p.detach().contiguous() for n, p in parameters.items()}, temporary / _WEIGHTS)
    save_file(_optimizer_tensors(parameters, optimizer), temporary / _OPTIMIZER)
    for name in (_WEIGHTS, _OPTIMIZER):
        _flush(temporary / name)
    write_manifest(temporary, "checkpoint", key, [_WEIGHTS, _OPTIMIZER], step=step)
    target = folder / f"step-{step}"
    shutil.rmtree(target, ignore_errors=True)
    temporary.rename(target)
    _flush(folder)
    _prune(folder, step)
    return Checkpoint(target, step)


def newest_checkpoint(folder: Path, key: Mapping[str, Any]) -> Checkpoint | None:
    """The newest checkpoint of this run that verifies, or None."""
    from steep.artifact import key_of

    for step in sorted(_steps(folder), reverse=True):
        candidate = folder / f"step-{step}"
        manifest = read_manifest(candidate)
        if manifest and manifest.get("key") == key_of(key) and is_intact(candidate, manifest):
            return Checkpoint(candidate, step)
    return None


def load_checkpoint(
    checkpoint: Checkpoint,
    parameters: Mapping[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Put weights and optimizer state back, bit for bit; every name must match.

    Raises:
        ValueError: names or shapes differ from the model's.
    """
    load_weights(checkpoint, parameters)
    found: dict[str, dict[str, torch.Tensor]] = {name: {} for name in parameters}
    for place, value in load_file(checkpoint.folder / _OPTIMIZER).items():
        name, _, field = place.rpartition("|")
        found[name][field] = value
    for name, parameter in parameters.items():
        optimizer.state[parameter] = {
            field: value.to("cpu" if field == "step" else parameter.device)
            for field, value in found[name].items()
        }


def load_weights(checkpoint: Checkpoint, parameters: Mapping[str, torch.nn.Parameter]) -> None:
    """Put the trainable weights back, bit for bit.

    Raises:
        ValueError: names or shapes differ from the model's.
    """
    weights = load_file(checkpoint.folder / _WEIGHTS)
    if weights.keys() != parameters.keys():
        odd = sorted(weights.keys() ^ parameters.keys())[:3]
        raise ValueError(f"{checkpoint.folder}: parameters differ from the model's: {odd}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(weights[name])


def _optimizer_tensors(
    parameters: Mapping[str, torch.Tensor], optimizer: torch.optim.Optimizer
) -> dict[str, torch.Tensor]:
    """Whatever the optimizer keeps for each parameter, under "parameter|field".

    Raises:
        TypeError: it keeps something that isn't a tensor and would be lost.
    """
    found: dict[str, torch.Tensor] = {}
    for name, parameter in parameters.items():
        for field, value in optimizer.state.get(parameter, {}).items():
            if not isinstance(value, torch.Tensor):
                raise TypeError(f"the optimizer's {field} is no tensor but {type(value).__name__}")
            found[f"{name}|{field}"] = value.detach().contiguous()
    return found


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _prune(folder: Path, newest: int) -> None:
    manifest = read_manifest(folder / f"step-{newest}")
    if manifest is None or not is_intact(folder / f"step-{newest}", manifest):
        return
    # A higher number is damaged or another run's: it must not crowd out what was just written.
    ours = sorted((step for step in _steps(folder) if step <= newest), reverse=True)
    for step in ours[_KEEP:]:
        shutil.rmtree(folder / f"step-{step}", ignore_errors=True)
    for leftover in folder.glob(".step-*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)


def _steps(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir() if (entry / "manifest.json").is_file())
    return [int(n.removeprefix("step-")) for n in names if n.removeprefix("step-").isdigit()]
