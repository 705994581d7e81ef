"""Which segments stand in which row of which step: batch k as a pure function.

The plan depends on the shards, the seed and the recipe's numbers, never on what has been
consumed, so resuming is an integer. One pass ("epoch") shows every domain segment once, in a
fresh order, with replay mixed in evenly by its share of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from steep.corpus.shards import Shards

IGNORED = -100

# Where a pass owes fewer replay texts than this, one too many is a share that nobody asked for.
_FEW_TEXTS = 8

# Rows open at once while packing: more find better fits, fewer keep the order nearer the shuffle.
_OPEN_ROWS = 16


@dataclass(frozen=True)
class Batch:
    """One optimizer step's rows (numpy, int64, [rows, length]; length is the longest row's).

    Attributes:
        input_ids: token ids; padding is 0 and never a target.
        labels: the token itself where it is a target, -100 at each segment's first token, in
            prompts and in padding (not shifted; the loss shifts).
        segments: number of the segment within its row, counting from 0; padding has its own.
        position_ids: position within the segment.
        segment_ids: the shard's segment indices, for the ledger.
    """

    input_ids: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    segments: npt.NDArray[np.int64]
    position_ids: npt.NDArray[np.int64]
    segment_ids: tuple[int, ...]

    @property
    def targets(self) -> int:
        """Number of target tokens: what the loss is divided by."""
        return int((self.labels[:, 1:] != IGNORED).sum())


@dataclass(frozen=True)
class Stage:
    """A part of a curriculum: the steps from ``first`` (counting from 0), so many of them.

    ``learning_rate`` is its own peak rate; None for the run's.
    """

    name: str
    first: int
    steps: int
    learning_rate: float | None = None


def stage_at(step: int, stages: Sequence[Stage]) -> Stage | None:
    """The stage that a step (counting from 0) belongs to; None outside all."""
    return next((s for s in stages if s.first <= step < s.first + s.steps), None)


@dataclass
class Schedule:
    """The rows of a run in order, made as far as they are asked for.

    Args:
        shards: what to train on.
        seed: the recipe's seed.
        max_seq_length: tokens per row.
        rows_per_step: rows of one optimizer step, over all its micro-batches.
        general_share: share of tokens that is replay (0 with no general segments).
        documents: ids of the only documents to train on; None for all.
        salt: sets the order apart from that of other schedules of the same seed.
    """

    shards: Shards
    seed: int
    max_seq_length: int
    rows_per_step: int
    general_share: float
    documents: frozenset[str] | None = None
    salt: tuple[int, ...] = ()
    _rows: list[list[int]] = field(default_factory=list)
    _epoch_ends: list[int] = field(default_factory=list)
    _owed: float = 0.0  # tokens of replay

    def __post_init__(self) -> None:
        general = self.shards.is_general()
        domain = ~general
        if self.documents is not None:
            wanted = [piece.document in self.documents for piece in self.shards.pieces]
            domain &= np.array(wanted, dtype=bool)[self.shards.owners]
        self._domain = np.flatnonzero(domain)
        self._general = np.flatnonzero(general)
        stated = [frozenset(piece.facts) for piece in self.shards.pieces]
        # One set for all segments of a piece: a long table has thousands of both.
        self._facts = [stated[owner] for owner in self.shards.owners]
        self._maker = self._make_epochs()
        self._replay = self._replay_order()
        self._owed = -self._ahead()

    @property
    def rows_of_a_pass(self) -> int:
        """Rows of the first pass over the domain, with its replay."""
        self._need_epochs(1)
        return self._epoch_ends[0]

    @property
    def tokens_of_a_pass(self) -> int:
        """Tokens of the first pass over the domain, with its replay."""
        rows = self._rows[: self.rows_of_a_pass]
        return sum(int(self.shards.lengths[i]) for row in rows for i in row)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of a curriculum; none if this isn't one."""
        return ()

    def steps_for_epochs(self, epochs: float) -> int:
        """Optimizer steps that show every domain segment ``epochs`` times (rounded up)."""
        whole = int(np.ceil(epochs))
        self._need_epochs(whole)
        last_begin = self._epoch_ends[whole - 2] if whole > 1 else 0
        part = 1.0 - (whole - epochs)
        rows = last_begin + (self._epoch_ends[whole - 1] - last_begin) * part
        return max(1, int(np.ceil(rows / self.rows_per_step - 1e-9)))

    def steps_for_tokens(self, tokens: int) -> int:
        """Optimizer steps that see at least ``tokens`` tokens."""
        seen = 0
        step = 0
        while seen < tokens:
            seen += sum(int(self.shards.lengths[i]) for i in self.segments_of(step))
            step += 1
        return max(1, step)

    def segments_of(self, step: int) -> list[int]:
        """Segment indices of a step (counting from 0), row after row."""
        return [segment for row in self.rows_of(step) for segment in row]

    def rows_of(self, step: int) -> list[list[int]]:
        """Segment indices of each row of a step (counting from 0)."""
        begin = step * self.rows_per_step
        self._need_rows(begin + self.rows_per_step)
        return self._rows[begin : begin + self.rows_per_step]

    def epoch_of(self, step: int) -> float:
        """Passes over the domain finished when a step begins (fractional)."""
        row = step * self.rows_per_step
        self._need_rows(row + 1)
        done = sum(end <= row for end in self._epoch_ends)
        self._need_epochs(done + 1)
        begin = self._epoch_ends[done - 1] if done else 0
        return done + (row - begin) / (self._epoch_ends[done] - begin)

    def batch(self, step: int) -> Batch:
        """The rows of a step as arrays."""
        rows = self.rows_of(step)
        width = max(sum(int(self.shards.lengths[i]) for i in row) for row in rows)
        input_ids = np.zeros((len(rows), width), dtype=np.int64)
        labels = np.full_like(input_ids, IGNORED)
        segments = np.zeros_like(input_ids)
        positions = np.zeros_like(input_ids)
        for r, row in enumerate(rows):
            at = 0
            for number, index in enumerate(row):
                ids = self.shards.segment(index)
                here = slice(at, at + len(ids))
                input_ids[r, here] = ids
                first = int(self.shards.firsts[index])
                labels[r, at + first : at + len(ids)] = ids[first:]
                segments[r, here] = number
                positions[r, here] = np.arange(len(ids))
                at += len(ids)
            segments[r, at:] = len(row)
            positions[r, at:] = np.arange(width - at)
        flat = tuple(index for row in rows for index in row)
        return Batch(input_ids, labels, segments, positions, flat)

    def _need_rows(self, count: int) -> None:
        while len(self._rows) < count:
            self._rows.extend(next(self._maker))
            self._epoch_ends.append(len(self._rows))

    def _need_epochs(self, count: int) -> None:
        while len(self._epoch_ends) < count:
            self._need_rows(len(self._rows) + 1)

    def _make_epochs(self) -> Iterator[list[list[int]]]:
        epoch = 0
        while True:
            rng = np.random.default_rng([self.seed, 1, epoch, *self.salt])
            order = [int(i) for i in rng.permutation(self._domain)]
            yield pack(
                self._with_replay(order), self.shards.lengths, self._facts, self.max_seq_length
            )
            epoch += 1

    def _with_replay(self, order: list[int]) -> list[int]:
        """Domain segments with general ones laid between them so that shares hold throughout.

        What one epoch owes or has ahead is carried into the next: a replay text can be longer than
        all that the domain has.
        """
        if not self.general_share or not len(self._general):
            return order
        ratio = self.general_share / (1.0 - self.general_share)
        mixed: list[int] = []
        for index in order:
            mixed.append(index)
            self._owed += ratio * int(self.shards.lengths[index])
            while self._owed > 0:
                general = next(self._replay)
                mixed.append(general)
                self._owed -= int(self.shards.lengths[general])
        return mixed

    def _ahead(self) -> float:
        """Tokens of replay that may be missing before the first text comes, on a small corpus.

        A text is laid whole, as soon as any of it is owed. Where a pass owes only a few, the first
        waits until the share with it is nearer to the one asked for than the share without:
        text / (domain + text) - share <= share. From a share of a half on it always is.
        """
        share = self.general_share
        if not 0.0 < share < 0.5 or not len(self._general):
            return 0.0
        text = float(self.shards.lengths[self._general].mean())
        owed = float(self.shards.lengths[self._domain].sum()) * share / (1.0 - share)
        return text * (0.5 - share) / (1.0 - share) if owed < _FEW_TEXTS * text else 0.0

    def _replay_order(self) -> Iterator[int]:
        turn = 0
        while True:
            rng = np.random.default_rng([self.seed, 2, turn, *self.salt])
            yield from (int(i) for i in rng.permutation(self._general))
            turn += 1


def pack(
    order: list[int],
    lengths: npt.NDArray[np.int64],
    facts: list[frozenset[int]],
    max_seq_length: int,
) -> list[list[int]]:
    """Lay segments into rows: first open row that has room and states none of their facts yet.

    No segment is cut and no two forms of one fact share a row (packing all variants of one
    entity into a window undoes the retelling). Rows come in the order they were begun in, not the
    one they were full in: a text as long as a row would be ahead of all it was laid between.
    """
    rows: list[list[int]] = []
    open_rows: list[tuple[list[int], set[int]]] = []
    room: list[int] = []
    for index in order:
        length = int(lengths[index])
        fits = (
            r
            for r, (_, stated) in enumerate(open_rows)
            if room[r] >= length and stated.isdisjoint(facts[index])
        )
        row = next(fits, None)
        if row is None:
            if len(open_rows) == _OPEN_ROWS:
                fullest = min(range(len(open_rows)), key=lambda r: room[r])
                open_rows.pop(fullest)
                room.pop(fullest)
            rows.append([])
            open_rows.append((rows[-1], set()))
            room.append(max_seq_length)
            row = len(open_rows) - 1
        open_rows[row][0].append(index)
        room[row] -= length
        if room[row]:  # else nothing comes to it any more
            open_rows[row][1].update(facts[index])
    return rows
