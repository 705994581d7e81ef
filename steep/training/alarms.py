"""Alarms: what stops training before an update that would spoil what was learned.

Checked after the gradient is there and before anything is changed by it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from steep.errors import TrainingAlarm

# Two steps in a row this far above every earlier one are no hard batch but a model coming apart:
# rows of one run differ by about a nat, and what diverges loses several and goes on. A single step
# may be one short text that the model finds odd (8.5 nats over 63 tokens, in a run that was well
# before it and behind it), and its update is clipped.
_JUMP_NATS = 2.0
_FEWEST_STEPS = 20

_TRY = "lower train.learning_rate (then --accept-change goes on from the last good state)"


class Alarms:
    """Watches steps one after another; ``state`` is all it needs to go on elsewhere."""

    def __init__(self, state: Mapping[str, Any] | None = None) -> None:
        """``state`` as an earlier one gave it; None at the beginning of a run."""
        kept = state or {}
        self._steps = int(kept.get("steps", 0))
        self._highest = float(kept.get("highest_loss", -math.inf))
        self._has_jumped = bool(kept.get("has_jumped", False))

    @property
    def state(self) -> dict[str, Any]:
        """A JSON table."""
        if not self._steps:
            return {}
        return {
            "steps": self._steps,
            "highest_loss": self._highest,
            "has_jumped": self._has_jumped,
        }

    def begin_stage(self) -> None:
        """Other texts, or another share of replay, have another loss: it is watched anew."""
        self._steps, self._highest, self._has_jumped = 0, -math.inf, False

    def check_targets(self, step: int, targets: int) -> None:
        """Before step ``step`` (counting from 0): is there anything to learn in it?

        Raises:
            TrainingAlarm: no token of the step is a target.
        """
        if not targets:
            raise TrainingAlarm(
                f"step {step + 1}: no token of it is a target, so it has no loss. Look at "
                "data/ledger.json, or give longer documents",
                step=step,
            )

    def check(self, step: int, loss: float, norm: float, own_loss: float | None) -> None:
        """Before the update of step ``step`` (counting from 0): may it be applied?

        Args:
            loss: nats per target token.
            norm: of the gradient, before clipping.
            own_loss: of those that aren't held to the base alone; None if the step has none.

        Raises:
            TrainingAlarm: loss or gradient isn't finite, or the loss jumped twice in a row.
        """
        if not math.isfinite(loss) or not math.isfinite(norm):
            what = "loss" if not math.isfinite(loss) else "gradient"
            raise TrainingAlarm(
                f"step {step + 1}: the {what} is not finite; the update was not applied. Set "
                f"train.precision to fp32, or {_TRY}",
                step=step,
            )
        if own_loss is None:
            return
        jumps = self._steps >= _FEWEST_STEPS and own_loss > self._highest + _JUMP_NATS
        if jumps and self._has_jumped:
            raise TrainingAlarm(
                f"step {step + 1}: the loss jumped to {own_loss:.2f} nats per token, as at the "
                f"step before, where {self._highest:.2f} was the highest; the update was not "
                f"applied. Try to {_TRY}, or look for odd documents",
                step=step,
                is_good=False,
            )
        self._steps += 1
        self._has_jumped = jumps
        if not jumps:
            self._highest = max(self._highest, own_loss)
