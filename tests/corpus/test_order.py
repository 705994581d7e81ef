"""Properties of the order, over random corpora of every awkward kind."""

from __future__ import annotations

import numpy as np
import pytest

from steep.corpus.piece import Piece
from steep.corpus.schedule import Schedule
from steep.corpus.shards import Shards


def random_corpus(seed: int) -> tuple[Shards, int]:
    """Pieces of one to five segments that share facts with many others, and a row's length."""
    rng = np.random.default_rng(seed)
    length = int(rng.integers(16, 129))
    facts = int(rng.integers(1, 40))
    pieces: list[Piece] = []
    owners: list[int] = []
    for number in range(int(rng.integers(1, 120))):
        stated = rng.integers(0, facts, int(rng.integers(0, 6)))
        pieces.append(Piece("cloze", f"d{number}", "", tuple(int(fact) for fact in stated)))
        owners += [number] * int(rng.integers(1, 6))
    for number in range(int(rng.integers(0, 30))):
        pieces.append(Piece("general", f"g{number}", ""))
        owners.append(len(pieces) - 1)
    lengths = rng.integers(2, length + 1, len(owners)).astype(np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int64)
    tokens = rng.integers(1, 300, int(lengths.sum())).astype(np.int32)
    shards = Shards(tokens, starts, lengths, np.array(owners), np.ones_like(lengths), tuple(pieces))
    return shards, length


# Broken by: "stated.isdisjoint(facts[index])" dropped in pack, or a row's facts not added to it;
# a row that fits by its first segment alone; "done" alone returned from pack.
@pytest.mark.parametrize("seed", range(40))
def test_no_window_holds_two_forms_of_one_fact_and_nothing_is_lost(seed: int) -> None:
    shards, length = random_corpus(seed)
    share = float(np.random.default_rng(seed).choice([0.0, 0.1, 0.5]))
    schedule = Schedule(shards, seed, length, rows_per_step=1, general_share=share)
    domain = np.flatnonzero(~shards.is_general())
    steps = schedule.steps_for_epochs(2)
    rows = [row for step in range(steps) for row in schedule.rows_of(step)]
    for row in rows:
        stated = [fact for i in row for fact in set(shards.pieces[shards.owners[i]].facts)]
        assert len(stated) == len(set(stated))
        assert 0 < sum(int(shards.lengths[i]) for i in row) <= length
    seen = np.bincount([i for row in rows for i in row], minlength=len(shards.lengths))
    assert (seen[domain] == 2).all()
    if share == 0.0:
        assert (seen[shards.is_general()] == 0).all()
