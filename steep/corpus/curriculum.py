"""A curriculum: schedules one after another, and still batch k as a pure function of k.

Each stage has an order of its own (by its number) over its own documents. A stage begins with a
row of its own: no row and no step holds two stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from steep.corpus.schedule import Schedule, Stage, stage_at


class Curriculum(Schedule):
    """The schedules of stages behind one another, asked like a single one."""

    def __init__(self, parts: Sequence[Schedule], stages: Sequence[Stage]) -> None:
        """
        Args:
            parts: each stage's own schedule, over the same shards.
            stages: their names and steps; ``first`` counts through.
        """
        self.shards = parts[0].shards
        self.seed = parts[0].seed
        self.max_seq_length = parts[0].max_seq_length
        self.rows_per_step = parts[0].rows_per_step
        self.general_share = parts[0].general_share
        self._parts, self._stages = tuple(parts), tuple(stages)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages in order."""
        return self._stages

    def rows_of(self, step: int) -> list[list[int]]:
        """Segment indices of each row of a step (counting from 0 over all stages)."""
        part, stage = self._at(step)
        return part.rows_of(step - stage.first)

    def epoch_of(self, step: int) -> float:
        """Passes over its own stage's documents finished when a step begins (fractional).

        At a boundary it is the stage that ends; so at the end of all it is the last one.
        """
        part, stage = self._at(max(0, step - 1))
        return part.epoch_of(step - stage.first)

    def steps_for_epochs(self, epochs: float) -> int:
        """Optimizer steps in which every stage shows its documents ``epochs`` times."""
        return sum(part.steps_for_epochs(epochs) for part in self._parts)

    def _at(self, step: int) -> tuple[Schedule, Stage]:
        stage = stage_at(step, self._stages)
        if stage is None:
            raise IndexError(f"step {step} is beyond the curriculum")
        return self._parts[self._stages.index(stage)], stage


def in_order(
    parts: Sequence[Schedule],
    steps: Sequence[int],
    names: Sequence[str],
    learning_rates: Sequence[float | None],
) -> Curriculum:
    """A curriculum of so many steps of each part."""
    firsts = accumulate(steps[:-1], initial=0)
    named = zip(names, firsts, steps, learning_rates, strict=True)
    return Curriculum(parts, [Stage(*stage) for stage in named])
