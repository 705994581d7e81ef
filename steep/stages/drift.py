"""Drift: what a run was made from against what is asked for now, and what to do about it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

from pydantic import BaseModel, ValidationError

from steep import __version__
from steep.artifact import key_of
from steep.errors import DriftError
from steep.recipe import GuardRecipe, TrainRecipe
from steep.stages.inputs import Inputs
from steep.training.checkpoint import Checkpoint, adopt_checkpoint, checkpoints

# Settings that may change between two commands on one run: they don't touch training.
SETTLED_LATER = (
    "instruct",
    "sft",
    "dpo",
    "export",
    "evaluate",
    "strength",
    "output_dir",
    "train.threads",
    "train.save_steps",
    "rewrite.price_in",
    "rewrite.price_out",
    "rewrite.timeout_seconds",
    "rewrite.api_key_env",
)

# Training can go on under other values of these: every parameter keeps its meaning and its place.
_SOUND = {
    f"train.{name}"
    for name in (
        "learning_rate",
        "embedding_learning_rate",
        "warmup_steps",
        "lr_scheduler_type",
        "decay_steps",
        "weight_decay",
        "max_grad_norm",
        "lora_dropout",
        "gradient_checkpointing",
        "precision",
    )
} | {"vocabulary.learning_rate", "steep"}

_OF_A_STAGE = re.compile(r"train\.stages\.\d+\.(?:name|learning_rate)")

_SHOWN = 3
_UNKEYED = ("threads", "save_steps")  # of [train]: no training depends on them


@dataclass(frozen=True)
class Change:
    """One thing that differs; ``name`` is the recipe's own, with dots."""

    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.name}: {_short(self.before)} -> {_short(self.after)}"


def changes(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    free: Sequence[str] = (),
    prefix: str = "",
) -> list[Change]:
    """What differs between two tables of tables, ``free`` names left out.

    Of a list of tables, as long as before, the first is 1: "train.stages.1.learning_rate".
    """
    found: list[Change] = []
    for name in [*before, *(n for n in after if n not in before)]:
        where = f"{prefix}{name}"
        if where in free:
            continue
        old, new = before.get(name), after.get(name)
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            found.extend(changes(old, new, free=free, prefix=f"{where}."))
        elif _are_tables(old) and _are_tables(new) and len(old) == len(new):
            for number, (one, other) in enumerate(zip(old, new, strict=True), start=1):
                found.extend(changes(one, other, free=free, prefix=f"{where}.{number}."))
        elif key_of({"value": old}) != key_of({"value": new}):
            found.append(Change(where, old, new))
    return found


def with_defaults(kind: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's table as an older steep kept it, with today's defaults for keys it didn't know.

    A key that is new and left at its default is no change. A table that today's steep can't read
    stays as it was.
    """
    try:
        filled = kind.model_validate(values).model_dump()
    except ValidationError:
        return dict(values)
    return {name: value for name, value in filled.items() if name not in _UNKEYED}


def sound_ones(found: Sequence[Change]) -> list[Change]:
    """Those under which a begun training can go on."""
    return [c for c in found if c.name in _SOUND or _OF_A_STAGE.fullmatch(c.name)]


def _are_tables(value: Any) -> TypeGuard[Sequence[Mapping[str, Any]]]:
    return isinstance(value, (list, tuple)) and all(isinstance(row, Mapping) for row in value)


def refuse_drift(what: str, found: Sequence[Change | str], *, is_sound: bool) -> NoReturn:
    """Say what changed and which ways lead on.

    Args:
        what: the beginning of the message.
        is_sound: the run can go on under the changes, if the user wants it.

    Raises:
        DriftError: always.
    """
    shown = "; ".join(str(change) for change in found[:_SHOWN])
    more = "; …" if len(found) > _SHOWN else ""
    accept = (
        "--accept-change to go on with it under the change, "
        if is_sound
        else "put that back to go on with it, "
    )
    raise DriftError(
        f"{what} ({shown}{more}); {accept}--fresh to move it aside and start over, or another "
        "output_dir"
    )


def document_changes(path: Path, inputs: Inputs) -> str:
    """Which documents changed since ``path`` (data/documents.jsonl) was written, in a few names."""
    before = {
        _place(row["source"], row["locator"]): key_of(
            {"id": row["id"], "title": row["title"], "fields": row.get("fields", {})}
        )
        for row in _rows(path)
    }
    now = {
        _place(d.source, d.locator): key_of(
            {"id": d.id, "title": d.title, "fields": dict(d.fields)}
        )
        for d in (*inputs.split.trained, *inputs.split.held_out)
    }
    kinds = {
        "changed": [place for place in now if before.get(place, now[place]) != now[place]],
        "new": [place for place in now if place not in before],
        "gone": [place for place in before if place not in now],
    }
    said = [
        f"{len(places)} {kind} ({', '.join(sorted(places)[:2])}{', …' if len(places) > 2 else ''})"
        for kind, places in kinds.items()
        if places
    ]
    return f"documents: {', '.join(said) or 'others are left out'}"


def resumable(
    folder: Path, key: Mapping[str, Any], *, steps: int, accept_change: bool
) -> Checkpoint | None:
    """The checkpoint to go on from: of this key and this steep, or taken over by the user's word.

    Args:
        folder: the run's checkpoints.
        key: what training is made from now.
        steps: of the whole run: a finished training is no other one because steep is newer.

    Raises:
        DriftError: there are checkpoints, made from something else.
    """
    newest = None
    for found in checkpoints(folder):
        newest = newest or found
        if found.key == key_of(key):
            newest = found
            break
    if newest is None:
        return None
    manifest = newest.manifest
    before = dict(manifest["made_from"])
    for name, kind in (("train", TrainRecipe), ("guard", GuardRecipe)):
        if isinstance(before.get(name), Mapping):
            before[name] = with_defaults(kind, before[name])
    differ = changes(before, key)
    if newest.step < steps and manifest["steep"] != __version__:
        differ.append(Change("steep", manifest["steep"], __version__))
    if not differ:
        return newest
    is_sound = differ == sound_ones(differ)
    if is_sound and newest.step >= steps:
        refuse_drift(f"{folder.parent} is trained to its end", differ, is_sound=False)
    if not (accept_change and is_sound):
        what = f"{folder.parent} was trained up to step {newest.step} from something else"
        refuse_drift(what, differ, is_sound=is_sound)
    note = {
        "step": newest.step,
        "when": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "changes": [str(change) for change in differ],
    }
    return adopt_checkpoint(newest, key, note)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """What can still be read of documents.jsonl."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return
    for line in filter(None, lines):
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _place(source: str, locator: str) -> str:
    return f"{source} {locator}".strip()


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= 60 else f"{said[:57]}…"
