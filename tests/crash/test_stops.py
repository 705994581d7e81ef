"""Ctrl-C, SIGTERM and SIGKILL in every stage: the same command goes on to the same bytes."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from tests.crash.harness import STAGES, Acts, Chain, assert_same


def _signal(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


# Broken by: a stage that doesn't finish what it began, and is taken for done.
def test_a_signal_in_every_stage_and_the_run_goes_on(whole: Chain, tmp_path: Path) -> None:
    chain = Chain(whole.recipe, tmp_path)
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL]
    for place, (name, says) in enumerate(STAGES.items()):
        number = numbers[place % 3]
        ended = chain.go_on(progress=Acts(says, lambda number=number: _signal(number)))
        if number == signal.SIGKILL:
            assert ended.code == -signal.SIGKILL, (name, ended.said)
            continue
        assert ended.code == 128 + number, (name, ended.said)
        assert ended.said.count("\n") == 0, (name, ended.said)
        assert "run the same command again" in ended.said
    ended = chain.go_on()
    assert ended.code in (0, 3), ended.said
    assert_same(chain, whole)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_while_saving_does_no_damage(
    number: signal.Signals, whole: Chain, tmp_path: Path
) -> None:
    chain = Chain(whole.recipe, tmp_path)

    def twice() -> None:
        import steep.training.checkpoint as module

        before = module.save_file
        module.save_file = lambda *a, **k: (before(*a, **k), _signal(number))
        _signal(number)

    ended = chain.go_on(progress=Acts("Training", twice, step=5))
    assert ended.code == 128 + number, ended.said
    assert chain.newest_step() == 4
    assert chain.go_on().code in (0, 3)
    assert_same(chain, whole)


# Broken by: anything kept between steps that isn't in the checkpoint; a second resume that counts
# from the first one's start.
@pytest.mark.slow
def test_random_kills(whole: Chain, tmp_path: Path) -> None:
    from tests.crash.kills import kill_at_random

    found = kill_at_random(whole, tmp_path, kills=40, rng=random.Random(0))
    assert found.kills == 40
    assert found.lost == 0
    assert found.differing == 0
