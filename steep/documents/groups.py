"""Groups of things that are found to belong together pair by pair."""

from __future__ import annotations


class Groups:
    """Each of ``count`` things is a group of its own until it is joined to others."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def of(self, index: int) -> int:
        """The first thing of the group that a thing is in."""
        parents = self._parents
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    def join(self, one: int, other: int) -> None:
        """Make one group of those that two things are in."""
        first, second = sorted((self.of(one), self.of(other)))
        self._parents[second] = first

    def numbers(self) -> list[int]:
        """The group of each thing, from 0 in order of first appearance."""
        found: dict[int, int] = {}
        return [found.setdefault(self.of(i), len(found)) for i in range(len(self._parents))]
