"""Checkpoints: whole or absent, verified before use, safetensors and JSON only.

Written into a temporary folder, flushed to disk, sealed by a manifest with every file's hash
written last, then renamed and the name flushed. Older ones go only once the new one verifies.
Resume takes the newest one that verifies.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as a_field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from steep.artifact import (
    MANIFEST,
    damaged_files,
    key_of,
    read_manifest,
    read_table,
    write_json,
    write_manifest,
    write_text,
)
from steep.durable import fail_point, flush, new_folder, remove_leftovers

_KEEP = 2
_WEIGHTS = "weights.safetensors"
_OPTIMIZER = "optimizer.safetensors"
_STATE = "state.json"
_METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk: ``step`` optimizer steps are done.

    Attributes:
        key: hash of what it was made from.
        accepted: changes that the user accepted on the way here, oldest first.
    """

    folder: Path
    step: int
    key: str = a_field(default="", compare=False)
    accepted: tuple[Mapping[str, Any], ...] = a_field(default=(), compare=False)

    @property
    def state(self) -> dict[str, Any]:
        """What the loop's watchers (alarms, guard) wanted kept, by their names."""
        return read_table(self.folder / _STATE)

    @property
    def metrics(self) -> str:
        """The lines of metrics.jsonl up to here."""
        return (self.folder / _METRICS).read_text(encoding="utf-8")

    @property
    def manifest(self) -> dict[str, Any]:
        """What it was made from, by which steep."""
        return read_manifest(self.folder) or {}


def save_checkpoint(
    folder: Path,
    step: int,
    key: Mapping[str, Any],
    parameters: Mapping[str, torch.Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    metrics: str = "",
    state: Mapping[str, Any] | None = None,
    needs: Sequence[int] = (),
    accepted: Sequence[Mapping[str, Any]] = (),
) -> Checkpoint:
    """Write ``folder/step-N`` and prune older ones, once the new one verifies.

    Random generators need no place here: every draw of step N comes from (seed, N).

    Args:
        key: what the run is made from; a checkpoint of another key is never resumed.
        parameters: the trainable parameters by name.
        metrics: the lines of metrics.jsonl so far, so that they are what the state is.
        state: what watchers of the run need to go on: a JSON table, by their names.
        needs: steps whose checkpoints must stay as long as this one does.
        accepted: changes accepted so far, for the manifest.
    """
    remove_leftovers(folder)
    with new_folder(folder / f"step-{step}") as temporary:
        save_file({n: p.detach().contiguous() for n, p in parameters.items()}, temporary / _WEIGHTS)
        fail_point("checkpoint: weights written")
        save_file(_optimizer_tensors(parameters, optimizer), temporary / _OPTIMIZER)
        fail_point("checkpoint: optimizer written")
        for name in (_WEIGHTS, _OPTIMIZER):
            flush(temporary / name)
        write_text(temporary / _METRICS, metrics)
        write_json(temporary / _STATE, dict(state or {}))
        write_manifest(
            temporary,
            "checkpoint",
            key,
            [_WEIGHTS, _OPTIMIZER, _METRICS, _STATE],
            step=step,
            needs=list(needs),
            accepted=list(accepted),
        )
    fail_point("checkpoint: in place")
    _prune(folder, step)
    return Checkpoint(folder / f"step-{step}", step, key_of(key), tuple(accepted))


def newest_checkpoint(folder: Path, key: Mapping[str, Any]) -> Checkpoint | None:
    """The newest checkpoint of this run that verifies, or None."""
    wanted = key_of(key)
    return next((found for found in checkpoints(folder) if found.key == wanted), None)


def checkpoint_at(
    folder: Path, step: int, key: Mapping[str, Any] | None = None
) -> Checkpoint | None:
    """The checkpoint of a step, or None if there is none of this run that verifies.

    Args:
        key: None for whatever it was made from.
    """
    found = _checkpoint(folder / f"step-{step}")
    if found is None or (key is not None and found.key != key_of(key)):
        return None
    return found


def checkpoints(folder: Path) -> Iterator[Checkpoint]:
    """Every checkpoint that verifies, of whatever run, the newest first."""
    for step in sorted(_steps(folder), reverse=True):
        found = _checkpoint(folder / f"step-{step}")
        if found is not None:
            yield found


def damaged_checkpoints(folder: Path, *, after: int = -1) -> dict[str, str]:
    """Checkpoints of later steps that can't be used, by name, and what is wrong with each."""
    found = {}
    for step in sorted(step for step in _steps(folder) if step > after):
        where = folder / f"step-{step}"
        if _checkpoint(where) is None:
            wrong = damaged_files(where, (read_manifest(where) or {}).get("files", {}))
            first = next((f"{name} {what}" for name, what in wrong.items()), None)
            found[where.name] = first or f"{MANIFEST} was changed or damaged"
    return found


def newest_step(folder: Path) -> int | None:
    """The step of the newest checkpoint, whole or not: a look, and no proof."""
    return max(_steps(folder), default=None)


def adopt_checkpoint(
    checkpoint: Checkpoint, key: Mapping[str, Any], change: Mapping[str, Any]
) -> Checkpoint:
    """Give a checkpoint to a run of another key, the accepted change noted in its manifest."""
    folder, step = checkpoint.folder, checkpoint.step
    accepted = [*checkpoint.accepted, change]
    before = checkpoint.manifest
    files, needs = list(before["files"]), before["needs"]
    write_manifest(folder, "checkpoint", key, files, step=step, needs=needs, accepted=accepted)
    return Checkpoint(folder, step, key_of(key), tuple(accepted))


def _checkpoint(folder: Path) -> Checkpoint | None:
    """A checkpoint whose every byte is what was written; else None."""
    manifest = read_manifest(folder)
    if manifest is None or damaged_files(folder, manifest["files"]):
        return None
    step, accepted = int(manifest["step"]), tuple(manifest["accepted"])
    if folder.name != f"step-{step}":
        return None
    return Checkpoint(folder, step, manifest["key"], accepted)


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
    fused = bool(optimizer.defaults.get("fused"))  # which counts its steps where it takes them
    for name, parameter in parameters.items():
        optimizer.state[parameter] = {
            field: value.to("cpu" if field == "step" and not fused else parameter.device)
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


def _prune(folder: Path, newest: int) -> None:
    if _checkpoint(folder / f"step-{newest}") is None:
        return
    # A higher number is damaged or another run's: it must not crowd out what was just written.
    ours = sorted((step for step in _steps(folder) if step <= newest), reverse=True)
    kept = set(ours[:_KEEP])
    for step in ours[:_KEEP]:
        kept.update((read_manifest(folder / f"step-{step}") or {}).get("needs", ()))
    for step in ours:
        if step not in kept:
            _remove(folder / f"step-{step}")
            fail_point("checkpoint: older one removed")


def _remove(folder: Path) -> None:
    """Delete a checkpoint, its manifest first: half of one must never look whole."""
    (folder / MANIFEST).unlink(missing_ok=True)
    fail_point("checkpoint: older one unsealed")
    shutil.rmtree(folder, ignore_errors=True)


def _steps(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    names = (entry.name for entry in folder.iterdir() if (entry / MANIFEST).is_file())
    return [int(n.removeprefix("step-")) for n in names if re.fullmatch(r"step-\d+", n)]
