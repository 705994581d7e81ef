"""Synthetic measurements whose values lie on known lines, and children that run in process."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import Any

import pytest
from accelerate.state import AcceleratorState

from steep.planning.calibrate import Calibration
from steep.planning.child import measure
from steep.planning.measured import Measured, Order, Rates, StepTime
from steep.planning.workload import Asking, Workload

MB = 10**6


def measured(layers: int, **changes: Any) -> Measured:
    """Everything is fixed + slope * layers; the first step is slow."""
    values: dict[str, Any] = {
        "layers": layers,
        "weight_bytes": (100 + 10 * layers) * MB,
        "trained_bytes": 2 * layers * MB,
        "idle_bytes": 400 * MB,
        "asked_bytes": (550 + 11 * layers) * MB,
        "probed_bytes": (520 + 22 * layers) * MB,
        "stepped_bytes": (600 + 40 * layers) * MB,
        "saved_bytes": (510 + 19 * layers) * MB,
        "steps": (StepTime(1000, 1.1), *(StepTime(1000, 0.5 + 0.1 * layers) for _ in range(4))),
        "scatter": 0.0,
        "asked": Rates(
            text_tokens_per_second=1000 / (1 + 0.5 * layers),
            choice_tokens_per_second=1000 / (2 + 0.5 * layers),
            answer_seconds=(1 + layers) / 1000,
            trained_text_tokens_per_second=1000 / (1 + 0.2 * layers),
        ),
    }
    return Measured(**{**values, **changes})


def calibration(depth: int = 30, **changes: Any) -> Calibration:
    return Calibration("k", depth, (measured(2, **changes), measured(6, **changes)), 3.0)


def workload(**changes: Any) -> Workload:
    values: dict[str, Any] = {
        "steps": 100,
        "tokens": 100_000,
        "rows": (((500, 500),),),
        "firsts": (((1, 1),),),
        "asking": Asking(2000, 3000, 10),
        "validation_tokens": 1000,
    }
    return Workload(**{**values, **changes})


def children_in_process(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Calibrating children run in this process; the depths asked for are appended to the list."""
    asked: list[int] = []

    class InProcess(AbstractContextManager["InProcess"]):
        def __init__(self, module: str) -> None:
            assert module == "steep.planning.child"

        def __exit__(self, *_: object) -> None:
            return None

        def ask(self, text: str) -> str:
            order = Order.read(json.loads(text))
            asked.append(order.layers)
            AcceleratorState._reset_state(True)  # one process has one precision
            found = measure(order)
            AcceleratorState._reset_state(True)
            return json.dumps(asdict(found))

    monkeypatch.setattr("steep.planning.calibrate.Child", InProcess)
    return asked
