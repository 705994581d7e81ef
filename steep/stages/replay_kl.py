"""What the base model predicts on replay, asked before training for the divergence in the loss.

Kept in the run's ``scores/replay.npz``, sealed by ``scores/replay.json``
(``{"key", "reference" (the file's hash), "places", "tail"}``), so that a resumed run holds to the
very same numbers.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from steep.artifact import damaged_files, file_hash, key_of, read_sealed, write_sealed
from steep.corpus.schedule import Schedule
from steep.durable import new_file
from steep.model.precision import Precision, working_in
from steep.progress import Progress
from steep.proof.divergence import likeliest
from steep.proof.scorer import Scorer
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.prepare import Prepared
from steep.training.replay_kl import KEPT_TOKENS, NO_PLACE, BaseReference

_VERSION = 1
_GROUP = 32  # segments asked between two lines of progress


def base_reference(
    recipe: Recipe,
    base: Base,
    prepared: Prepared,
    run: RunFolder,
    precision: Precision,
    progress: Progress,
) -> BaseReference | None:
    """The base's likeliest tokens wherever a run trains on replay; None if the recipe has no use.

    Only segments that come up within the budget are asked for, each once. One with a token that the
    base doesn't have is trained as text.
    """
    if not recipe.train.replay_kl_coef:
        return None
    key = key_of(
        {
            "version": [_VERSION, KEPT_TOKENS],
            "base": base.fingerprint,
            "data": prepared.key,
            "steps": prepared.steps,
            "precision": precision,
        }
    )
    place, table = run.scores / "replay.npz", run.scores / "replay.json"
    kept = read_sealed(table)
    whole = kept.get("key") == key and not damaged_files(
        run.scores, {place.name: kept["reference"]}
    )
    found = _read(place) if whole else None
    if found is None:
        found = _asked(base, prepared, precision, progress)
        _write(place, found)
        facts = {"places": len(found.ids), "tail": round(found.tail, 6)}
        write_sealed(table, {"key": key, "reference": file_hash(place), **facts})
    progress.note(
        f"holding to the base model at {len(found.ids):,} places of replay, by its "
        f"{found.ids.shape[1]} likeliest tokens; the others hold {found.tail:.1%} and count as one"
    )
    return found


def rehearsed(schedule: Schedule, steps: int) -> set[int]:
    """The segments of replay that come up within so many steps."""
    general = schedule.shards.is_general()
    return {i for step in range(steps) for i in schedule.segments_of(step) if general[i]}


def _asked(
    base: Base, prepared: Prepared, precision: Precision, progress: Progress
) -> BaseReference:
    import torch

    progress.stage("Asking the base model about the replay")
    shards = prepared.schedule.shards
    # Neighbours in length share a batch without much padding.
    used = {
        i
        for i in rehearsed(prepared.schedule, prepared.steps)
        if base.knows(shards.segment(i).tolist())
    }
    order = sorted(used, key=lambda i: (int(shards.lengths[i]), i))
    starts = np.full(len(shards.lengths), NO_PLACE, dtype=np.int64)
    places = sum(int(shards.lengths[i]) - 1 for i in order)
    ids = np.zeros((0, KEPT_TOKENS), dtype=np.int32)
    logprobs = np.zeros((0, KEPT_TOKENS), dtype=np.float32)
    scorer = Scorer(base.model, base.tokenizer)
    at = 0
    with working_in(precision, base.model.device.type):
        for begin in range(0, len(order), _GROUP):
            group = order[begin : begin + _GROUP]
            asked = likeliest(scorer, [shards.segment(i).tolist() for i in group], KEPT_TOKENS)
            for segment, (best, values) in zip(group, asked, strict=True):
                if not at:  # once, because it is large
                    ids = np.empty((places, best.shape[1]), dtype=np.int32)
                    logprobs = np.empty((places, best.shape[1]), dtype=np.float32)
                ids[at : at + len(best)] = best
                logprobs[at : at + len(best)] = values
                starts[segment] = at
                at += len(best)
            progress.at(begin + len(group), len(order), "texts")
    return BaseReference(starts, torch.from_numpy(ids), torch.from_numpy(logprobs))


def _write(path: Path, found: BaseReference) -> None:
    with new_file(path) as stream:
        np.savez(
            stream, starts=found.starts, ids=found.ids.numpy(), logprobs=found.logprobs.numpy()
        )


def _read(path: Path) -> BaseReference | None:
    """What was written; None if it can't be read. Nothing in it is ever executed."""
    import torch

    try:
        with np.load(path, allow_pickle=False) as kept:
            return BaseReference(
                kept["starts"],
                torch.from_numpy(kept["ids"]),
                torch.from_numpy(kept["logprobs"]),
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
