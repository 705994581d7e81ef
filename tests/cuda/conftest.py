"""What only a CUDA device can show; skipped where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from accelerate.state import AcceleratorState


@pytest.fixture(autouse=True)
def _a_precision_of_its_own() -> Iterator[None]:
    AcceleratorState._reset_state(True)  # one process has one precision
    yield
    AcceleratorState._reset_state(True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip this folder's tests without a device."""
    if torch.cuda.is_available():
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))
