"""What stopped a training, kept beside it, so that the same command doesn't meet it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steep.artifact import key_of, read_sealed, write_sealed
from steep.errors import TrainingAlarm
from steep.stages.folder import RunFolder


@dataclass(frozen=True)
class Alarm:
    """What stopped training, as kept in alarm.json."""

    step: int
    message: str


def kept_alarm(run: RunFolder, key: Mapping[str, Any]) -> Alarm | None:
    """What stopped a training of this key before; None if nothing did."""
    kept = read_sealed(run.alarm)
    if kept.get("key") != key_of(key):
        return None
    return Alarm(int(kept["step"]), str(kept["message"]))


def keep_alarm(run: RunFolder, key: Mapping[str, Any], error: TrainingAlarm) -> Alarm:
    """Write alarm.json."""
    table = {"schema": 1, "key": key_of(key), "step": error.step, "message": str(error)}
    write_sealed(run.alarm, table)
    return Alarm(error.step, str(error))
