"""The guard: looks at fixed steps, and takes training back where it has lost too much.

Unlike the checks, it changes what is trained. So the steps at which it looks follow from their
number alone, and what it decides from what it measured and its own state, which travels in the
checkpoint: a run that was interrupted decides the same. As long as the limit isn't passed it only
looks, and training is the same bits without it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steep.recipe import GuardRecipe
from steep.training.checks import Look

GENERAL, DOMAIN = "general_loss", "domain_bits_per_byte"
"""What a look measures: nats per token of general text, bits per byte of the user's."""

FACTOR = 0.25
MOST_BACKOFFS = 3
"""After as many quarterings the rate is a sixty-fourth: whatever is wrong, it isn't the rate."""

_LOOKS = 8
_FEWEST_LOOKS = 3
_STEPS_BETWEEN = 12  # fewer in short runs; early ones may be as near as half of that

# A rise up to here costs nothing in the trade-off: the strength keeps all of the change.
_FREE_RISE = 0.05


def saving_steps(steps: int) -> list[int]:
    """The looks spread evenly over a run of so many steps; the last is the run's last step."""
    looks = min(_LOOKS, max(_FEWEST_LOOKS, steps // _STEPS_BETWEEN))
    return sorted({math.ceil(steps * number / looks) for number in range(1, looks + 1)})


def look_steps(steps: int) -> list[int]:
    """All looks: the even ones, and before the first of them one at each halving.

    A rate that ruins the model does so in its first steps; what a long run loses by going on until
    the first even look would be an eighth of it.
    """
    found = set(saving_steps(steps)) if steps else set()
    early = min(found, default=0) // 2
    while early >= _STEPS_BETWEEN // 2:
        found.add(early)
        early //= 2
    return sorted(found)


class Guard:
    """Looks, keeps the best point so far, and says when to go back to it.

    The best point is the one from which the strength, chosen after training, keeps most of what
    was learned: the gain on the user's text times the share of the change that general text is
    likely to bear. A rise that falls with the square of that share bears the root of (free rise /
    rise).
    """

    def __init__(
        self,
        look: Look,
        recipe: GuardRecipe,
        *,
        steps: int,
        sample: Mapping[str, Any] | None = None,
        tell: Callable[[Mapping[str, Any], str | None], None] = lambda record, said: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Args:
            look: measures ``GENERAL`` and ``DOMAIN``; nothing where the model has burst.
            steps: optimizer steps of the whole run.
            sample: what is looked at, kept with the state: a resumed run looks at the same.
            tell: hears the record after each look, and a sentence where the guard intervenes.
        """
        self._look, self._recipe, self._tell, self._clock = look, recipe, tell, clock
        self._due, self._saving = set(look_steps(steps)), set(saving_steps(steps))
        self._steps = steps
        self.state: dict[str, Any] = {
            "sample": dict(sample or {}),
            "looks": [],
            "best_step": 0,
            "factor": 1.0,
            "backoffs": [],
            "stopped_at": None,
            "steps": steps,
        }
        self.must_save = False
        """Is a checkpoint to be written after this step? True where the state has changed."""

    @property
    def factor(self) -> float:
        """What the rate is multiplied by."""
        return float(self.state["factor"])

    @property
    def best_step(self) -> int:
        """The step whose checkpoint is the best point so far."""
        return int(self.state["best_step"])

    @property
    def has_stopped(self) -> bool:
        """Is training over before its budget?"""
        return self.state["stopped_at"] is not None

    @property
    def record(self) -> dict[str, Any]:
        """What guard.json holds."""
        return record_of(self._recipe, self.state)

    @property
    def words(self) -> str:
        """For the progress line; empty as long as the guard hasn't intervened."""
        if not self.state["backoffs"]:
            return ""
        return f"guard: {self.factor:g} of the rate, best at step {self.best_step}"

    def carry_on(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint's state."""
        self.state.update(state)

    def go_on(self) -> None:
        """Train on where it had stopped, at the whole rate: the user changed the settings."""
        if self.has_stopped:
            self.state.update({"stopped_at": None, "factor": 1.0})

    def is_due(self, step: int) -> bool:
        """Is there a look after so many steps?"""
        return step in self._due

    def begin(self) -> dict[str, Any]:
        """Look before the first step; what the first line of metrics.jsonl is to hold.

        Whoever carries on from there has looked already.
        """
        found: dict[str, Any] = {}
        self.must_save = not self.state["looks"]
        if self.must_save:
            _, found = self._see(0)
            self._tell(self.record, None)
        values = {name: value for name, value in self._at(0).items() if name != "step"}
        return {"guard_before": values, **found}

    def take(self, step: int, go_back: Callable[[int], None]) -> dict[str, Any]:
        """Look after a step and act; what the step's line of metrics.jsonl is to hold.

        Args:
            go_back: puts weights and optimizer back as they were after a step.
        """
        values, found = self._see(step)
        said = None
        self.must_save = False
        if self._is_breached(values):
            said = self._back_off(step, self._rise(values))
            go_back(self.best_step)
            self.must_save = True
        elif step in self._saving and self._score(values) > self._score(self._at(self.best_step)):
            self.state["best_step"] = step
            self.must_save = True
        if step == self._steps and self.state["backoffs"] and self.best_step != step and not said:
            go_back(self.best_step)
            said = f"step {step}: step {self.best_step} was the better point and is kept"
        self._tell(self.record, said)
        acted = {"back_to": self.best_step, "factor": self.factor} if said else {}
        return {"guard": {**values, **acted}, **found}

    def _see(self, step: int) -> tuple[dict[str, float], dict[str, Any]]:
        begin = self._clock()
        values = dict(self._look())
        self.state["looks"].append({"step": step, **values})
        return values, {"guard_seconds": round(self._clock() - begin, 4)}

    def _at(self, step: int) -> Mapping[str, float]:
        found: Mapping[str, float] = next(
            look for look in reversed(self.state["looks"]) if look["step"] == step
        )
        return found

    def _rise(self, values: Mapping[str, float]) -> float | None:
        """General text's rise over the base; None where it can't be told any more."""
        base = self._at(0).get(GENERAL)
        return values[GENERAL] - base if GENERAL in values and base is not None else None

    def _is_breached(self, values: Mapping[str, float]) -> bool:
        if GENERAL not in self._at(0):
            return False  # nothing to compare with
        rise = self._rise(values)
        return rise is None or rise > self._recipe.limit

    def _score(self, values: Mapping[str, float]) -> float:
        rise, base = self._rise(values), self._at(0).get(DOMAIN)
        if rise is None or base is None or DOMAIN not in values:
            return -math.inf
        return (base - values[DOMAIN]) * math.sqrt(_FREE_RISE / max(rise, _FREE_RISE))

    def _back_off(self, step: int, rise: float | None) -> str:
        """Note a breach and what follows from it; the sentence that says so."""
        backoffs = self.state["backoffs"]
        is_last = self._recipe.on_breach == "stop" or len(backoffs) >= MOST_BACKOFFS
        backoffs.append({"step": step, "back_to": self.best_step, "rise": rise})
        lost = "could not be scored" if rise is None else f"rose by {rise:.2f} nats per token"
        where = f"step {self.best_step}" if self.best_step else "the base model"
        said = f"step {step}: general text {lost} (limit {self._recipe.limit:g}); back to {where}"
        if is_last:
            self.state["stopped_at"] = step
            return f"{said}, and stopped"
        if step == self._steps:
            return said
        self.state["factor"] = self.factor * FACTOR
        return f"{said}, on at {self.factor:g} times the rate"


def record_of(recipe: GuardRecipe, state: Mapping[str, Any]) -> dict[str, Any]:
    """A state without its texts, and what decided."""
    kept = {name: value for name, value in state.items() if name != "sample"}
    return {"limit": recipe.limit, "on_breach": recipe.on_breach, **kept}


def steps_in_model(record: Mapping[str, Any], alarm_at: int | None = None) -> Sequence[int]:
    """Which steps (from 0) are in the trained model, given the guard's record or state.

    Going back from step s to step b takes the steps b to s - 1 out again.

    Args:
        alarm_at: after how many steps an alarm ended training, whose state then is the model.
    """
    ends = (alarm_at, record["stopped_at"], record["steps"])
    end = next(int(step) for step in ends if step is not None)
    kept: list[int] = []
    last = 0
    for backoff in record["backoffs"]:
        kept += range(last, int(backoff["step"]))
        kept = [step for step in kept if step < backoff["back_to"]]
        last = int(backoff["step"])
    kept += range(last, end)
    if record["backoffs"] and last < end and alarm_at is None:  # the best is kept, not the last
        kept = [step for step in kept if step < record["best_step"]]
    return kept if record["backoffs"] else range(end)
