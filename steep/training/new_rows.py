"""New rows of the embedding and the head: trained at a rate of their own, alone at first, and
perhaps alone of their kind.

Gradients of whatever is to stay are taken away behind the backward pass, so any way of computing a
step will do. What has no gradient is skipped by the optimizer; a row whose gradient is zero from
the first step on keeps its bits, because Adam's and Adafactor's moments of it stay zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from steep.model.adapters import ParameterGroup


@dataclass(frozen=True)
class NewRows:
    """What is held still in which step.

    Attributes:
        rows: the new ones, of embedding and head, and of the head's bias if it has one.
        first_steps: in which nothing but the new rows is trained.
        only: names of modules of whose rows only the new ones are ever trained.
        pace: their rate as a multiple of the embedding's.
    """

    rows: range
    first_steps: int = 0
    only: frozenset[str] = frozenset()
    pace: float = 1.0

    def hold(self, groups: Sequence[ParameterGroup], step: int) -> None:
        """Take away the gradients of what isn't trained in ``step`` (from 0)."""
        alone = step < self.first_steps
        for group in groups:
            has_rows = group.name == "embeddings"
            for name, parameter in group.parameters:
                if alone and not has_rows:
                    parameter.grad = None
                elif has_rows and (alone or not self.only.isdisjoint(name.split("."))):
                    parameter.grad[: self.rows.start] = 0.0
                    parameter.grad[self.rows.stop :] = 0.0

    @contextmanager
    def at_their_pace(self, groups: Sequence[ParameterGroup]) -> Iterator[None]:
        """Around an optimizer's step: the new rows go ``pace`` times as far as it took them.

        The step is proportional to the rate, so this is a rate of their own. Weight decay would be
        too, but embeddings have none.
        """
        import torch

        found = [p for group in groups if group.name == "embeddings" for _, p in group.parameters]
        rows = [parameter.data[self.rows.start : self.rows.stop] for parameter in found]
        before = [row.clone() for row in rows]
        yield
        for row, old in zip(rows, before, strict=True):
            torch.lerp(old, row, self.pace, out=row)
