"""Timing goes on where steps scatter, ends where they agree, and is bounded, by a fake clock."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from steep.planning.measured import StepTime
from steep.planning.rounds import Rounds, low_quarter, scatter

TOKENS = (1000, 990, 1010, 980, 1000, 995)


class Machine:
    """Takes steps of known length, of which the clock knows nothing else."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self._seconds, self.now, self.taken = seconds, 100.0, 0

    def run(self, most: float, more: float, steps: int = len(TOKENS)) -> Rounds:
        rounds = Rounds(steps, most, more, lambda: self.now)
        rounds.begin()
        while not rounds.is_enough():
            length = self._seconds(self.taken)
            rounds.note(StepTime(TOKENS[self.taken % steps], length))
            self.taken += 1
            self.now += length
            assert self.taken < 1000
        return rounds


def _total(rounds: Rounds) -> float:
    return sum(step.seconds for step in rounds.steps[1:])


# Broken by: a SCATTER of zero, or counting the slow first step.
def test_a_quiet_machine_takes_one_round() -> None:
    machine = Machine(lambda n: 2.0 if n == 0 else 0.9 + 0.01 * (n % 3))
    found = machine.run(60.0, 60.0)
    assert machine.taken == len(found.steps) == len(TOKENS)
    assert found.in_first


# Broken by: the median in place of the mean (it would not see a few long steps), or by keeping the
# first timing or the last of a step.
@pytest.mark.parametrize("disturbed", [{2, 4}, {1, 2, 4, 5}, {1, 3, 8}], ids=str)
def test_disturbed_steps_are_repeated_until_they_are_quiet(disturbed: set[int]) -> None:
    machine = Machine(lambda n: 4.0 if n in disturbed else 0.9)
    found = machine.run(60.0, 60.0)
    assert machine.taken == 2 * len(TOKENS)
    assert not found.in_first
    assert _total(found) == pytest.approx(0.9 * (len(TOKENS) - 1))
    assert scatter(found.steps) < 0.05


# Broken by: no bound on the extra time.
def test_a_machine_that_never_rests_is_left_after_a_bounded_time() -> None:
    lengths = (0.9, 4.0, 1.8, 3.1, 5.2, 2.3, 1.1, 3.7, 2.9, 4.4, 1.5, 3.3, 2.1)
    machine = Machine(lambda n: lengths[n % len(lengths)] / (1 + 0.2 * (n // len(TOKENS))))
    machine.run(10.0, 15.0)
    assert machine.now - 100.0 <= 10.0 + 15.0 + max(lengths)


# Broken by: leaving out the comparison with the round before.
def test_rows_that_are_uneven_by_nature_are_repeated_once() -> None:
    by_nature = (1.0, 0.5, 1.5, 0.4, 1.2, 0.9)
    machine = Machine(lambda n: by_nature[n % len(by_nature)])
    found = machine.run(60.0, 600.0)
    assert machine.taken == 2 * len(TOKENS)
    assert [step.seconds for step in found.steps] == list(by_nature)


# Broken by: beginning steps for which there was no time in the first round.
def test_what_is_repeated_is_what_there_was_time_for() -> None:
    machine = Machine(lambda n: 8.0 if n == 2 else 1.0)
    found = machine.run(9.5, 20.0)
    assert [step.seconds for step in found.steps] == [1.0, 1.0, 1.0]
    assert machine.taken == 6
    slow = Machine(lambda _: 30.0)
    assert len(slow.run(9.5, 20.0).steps) == 3


def test_scatter_of_few_steps_is_nothing() -> None:
    assert scatter([]) == scatter([StepTime(5, 9.0), StepTime(5, 1.0)]) == 0.0
    same = [StepTime(10 * n, 0.1 * n) for n in range(1, 6)]  # longer steps aren't slower ones
    assert scatter(same) == pytest.approx(0.0)
    assert low_quarter([3.0]) == 3.0
    assert low_quarter([4.0, 1.0, 2.0, 3.0, 5.0]) == 2.0
