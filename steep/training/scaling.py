"""fp16's scale of the loss: found by overflowing now and then, and kept in checkpoints."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

_MOST_OVERFLOWS = 20


class Scaling:
    """Follows the engine's scaler, which skips updates that overflowed and lowers its scale.

    The scale is part of what training goes on with. One that began anew would be thousands of times
    too large: a resumed run would skip updates that were taken without the stop.
    """

    def __init__(self, scaler: Any | None) -> None:
        """
        Args:
            scaler: the engine's (as ``torch.amp.GradScaler``); None where nothing is scaled.
        """
        self._scaler = scaler
        self._overflows = 0

    @property
    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps, as a JSON table; empty where nothing is scaled."""
        if self._scaler is None:
            return {}
        return {**self._scaler.state_dict(), "overflows": self._overflows}

    def carry_on(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state; from the beginning if it has none."""
        if self._scaler is None or not state:
            return
        kept = dict(state)
        self._overflows = int(kept.pop("overflows"))
        self._scaler.load_state_dict(kept)

    def overflowed(self, loss: float, norm: float) -> bool:
        """Is a step's gradient infinite only because of the scale? Then its update is skipped.

        Not after twenty such steps in a row: whatever is wrong then, it isn't the scale.
        """
        found = self._scaler is not None and math.isfinite(loss) and not math.isfinite(norm)
        self._overflows = self._overflows + 1 if found else 0
        return found and self._overflows <= _MOST_OVERFLOWS
