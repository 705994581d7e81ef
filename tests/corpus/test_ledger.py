"""The books: they balance, they notice what is missing, and they count exposures right."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from steep.corpus.contamination import Contamination
from steep.corpus.exposures import ENOUGH_EXPOSURES
from steep.corpus.ledger import close_ledger, open_ledger
from steep.corpus.piece import Piece
from steep.corpus.schedule import Batch, Schedule
from steep.corpus.shards import Shards, build_shards, load_shards, save_shards
from steep.documents.record import Document, Drop
from steep.errors import LedgerError
from tests.tiny import tiny_tokenizer

A = Document("Acme was founded in 1987 by Maria.", "Acme", "a.txt")
B = Document("Bolt was founded in 1990 by Paul in the town of Lyon, " * 6, "Bolt", "b.csv", "row 2")
C = Document("Held out.", "C", "c.txt")
DROP = Drop("d.bin", "", "unsupported format", "has an unsupported format")


@pytest.fixture(scope="module")
def shards() -> Shards:
    pieces = [
        Piece("document", A.id, A.text, (1, 2)),
        Piece("permuted", A.id, "Maria founded Acme. 1987.", (1, 2)),
        Piece("cloze", A.id, " 1987", (1,), "Acme was founded in ____.\nAnswer:"),
        Piece("document", B.id, B.text, (3,)),
        Piece("general", "general-0", "Some general text about the weather."),
    ]
    return build_shards(pieces, tiny_tokenizer(), 64)


def _open(shards: Shards, **changes: Any) -> dict[str, Any]:
    given = {
        "trained": [A, B],
        "held_out": [C],
        "drops": [DROP],
        "found": 4,
        "shards": shards,
        "contamination": Contamination(shards.pieces, (), {}, len(shards.pieces), {}),
        "marks": {"password": 2, "AWS key": 1},
        "sources": {},
    }
    return open_ledger(**{**given, **changes})


def test_every_document_ends_somewhere(shards: Shards) -> None:
    ledger = _open(shards)
    assert ledger["documents"] == {
        "found": 4,
        "trained": 2,
        "held_out": 1,
        "dropped": 1,
        "dropped_by_reason": {"unsupported format": 1},
    }
    assert ledger["drops"][0]["source"] == "d.bin"
    assert ledger["held_out"] == [{"source": "c.txt", "locator": "", "id": C.id}]
    assert sum(ledger["tokens"]["by_kind"].values()) == ledger["tokens"]["in_shards"]
    assert ledger["tokens"]["in_shards"] == len(shards.tokens)


# Broken by: removing any one of the three checks in open_ledger.
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"trained": [A]}, "4 documents were read but 1 trained"),
        ({"held_out": []}, "0 held out"),
        ({"drops": []}, "0 dropped"),
        ({"found": 5}, "5 documents"),
        ({"trained": [A, C], "held_out": [B]}, "c.txt is to be trained but has no tokens"),
    ],
)
def test_a_missing_document_is_noticed(shards: Shards, changes: dict[str, Any], says: str) -> None:
    with pytest.raises(LedgerError, match=says):
        _open(shards, **changes)


def test_a_missing_token_is_noticed(shards: Shards) -> None:
    with pytest.raises(LedgerError, match="token"):
        _open(replace(shards, tokens=shards.tokens[:-1]))
    with pytest.raises(LedgerError, match="token"):
        _open(replace(shards, lengths=shards.lengths - (np.arange(len(shards.lengths)) == 0)))


# Broken by: removing the check of pieces in open_ledger.
def test_a_missing_piece_is_noticed(shards: Shards) -> None:
    left_out = ((5, Piece("cloze", A.id, " 1987"), ("questions", "q1")),)
    found = Contamination(shards.pieces, left_out, {"questions": ("q2",)}, 6, {"questions": 3})
    assert _open(shards, contamination=found)["contamination"] == {
        "checked": 6,
        "against": {"questions": 3},
        "removed_pieces": {"cloze": 1},
        "removed": [{"piece": 5, "kind": "cloze", "document": A.id, "holds": ["questions", "q1"]}],
        "items": {"questions": ["q2"]},
    }
    with pytest.raises(LedgerError, match="6 pieces were made but 5 are in the shards and 0 left"):
        _open(shards, contamination=replace(found, removed=()))


class _Losing(Schedule):
    """A schedule whose batches lack one target."""

    def batch(self, step: int) -> Batch:
        whole = super().batch(step)
        labels = whole.labels.copy()
        labels[0, np.flatnonzero(labels[0] != -100)[-1]] = -100
        return replace(whole, labels=labels)


# Broken by: removing the check in close_ledger.
def test_a_target_that_vanished_is_noticed(shards: Shards) -> None:
    good, bad = (kind(shards, 0, 64, 2, 0.1) for kind in (Schedule, _Losing))
    assert close_ledger(_open(shards), [A, B], good, range(2))["balanced"] is True
    with pytest.raises(LedgerError, match="target"):
        close_ledger(_open(shards), [A, B], bad, range(2))


class _ByHand(Schedule):
    """Steps of one segment each, in an order written down."""

    order: tuple[int, ...] = ()

    def rows_of(self, step: int) -> list[list[int]]:
        return [[self.order[step]]]


# Broken by: counting a piece's facts once per segment in _facts.
def test_exposures_by_hand(shards: Shards) -> None:
    long = [int(i) for i in np.flatnonzero(shards.owners == 3)]
    assert len(long) > 1
    general = int(np.flatnonzero(shards.owners == 4)[0])
    schedule = _ByHand(shards, 0, 64, 1, 0.0)
    schedule.order = (0, 1, 2, 2, *long, *long, long[0], general)
    ledger = close_ledger(_open(shards), [A, B], schedule, range(len(schedule.order)))
    length = [int(n) for n in shards.lengths]
    by_kind = {
        "document": length[0] + 2 * sum(length[i] for i in long) + length[long[0]],
        "permuted": length[1],
        "cloze": 2 * length[2],
        "general": length[general],
    }
    total = sum(by_kind.values())
    assert ledger["trained"]["by_kind"] == by_kind
    assert ledger["trained"]["tokens"] == total
    asked = int(shards.firsts[2])  # the cloze's prompt, shown twice, is no target
    assert asked > 1
    assert ledger["trained"]["target_tokens"] == total - len(schedule.order) - 2 * (asked - 1)
    assert ledger["trained"]["general_share"] == round(by_kind["general"] / total, 4)
    first, second = ledger["by_document"]
    assert (first["times_trained"], second["times_trained"]) == ([1, 1], [2, 3])
    assert first["retold_tokens_trained"] == length[1] + 2 * length[2]
    assert second["tokens"] == sum(length[i] for i in long)
    # fact 1: document, permuted, cloze twice = 4 in 3 forms; fact 2: 2 in 2; fact 3: 3 in 1
    facts = ledger["facts"]
    assert (facts["count"], facts["median_exposures"], facts["median_wordings"]) == (3, 3.0, 2.0)
    assert (facts["under_20_exposures"], facts["under_3_wordings"]) == (3, 2)
    assert facts["median_texts"] == 2.0
    assert [row for row in facts["exposures"] if row[2]] == [[1, 4, 3]]
    assert [row for row in facts["wordings"] if row[2]] == [[1, 1, 1], [2, 2, 1], [3, 4, 1]]


# Broken by: counting pieces, or the pairs of a piece, for wordings; wordings counted again over
# shards that were read from disk, which hold none.
def test_a_wording_counts_once_in_however_many_pieces(tmp_path: Path) -> None:
    pieces = [
        Piece("document", A.id, A.text, (1, 1, 2), wordings=(7, 8, 7)),
        Piece("permuted", A.id, "Maria founded Acme. 1987.", (1, 2), wordings=(7, 7)),
        Piece("cloze", A.id, " 1987", (1,), "Acme was founded in ____.\nAnswer:", (9,)),
    ]
    shards = build_shards(pieces, tiny_tokenizer(), 64)
    schedule = _ByHand(shards, 0, 64, 1, 0.0)
    schedule.order = (0, 0, 1, 2)
    ledger = _open(shards, trained=[A], held_out=[], found=2, drops=[DROP])
    closed = close_ledger(ledger, [A], schedule, range(4))
    facts = closed["facts"]
    # fact 1: 2 + 1 + 1 times in 3 texts and 3 wordings; fact 2: 2 + 1 times in 2 texts, 1 wording
    assert (facts["median_exposures"], facts["median_texts"]) == (3.5, 2.5)
    assert facts["median_wordings"] == 2.0
    assert [row for row in facts["wordings"] if row[2]] == [[1, 1, 1], [3, 4, 1]]
    save_shards(shards, tmp_path)
    schedule.shards = load_shards(tmp_path)
    again = close_ledger(closed, [A], schedule, range(3))["facts"]
    assert again["median_exposures"] == 3.0
    assert (again["median_wordings"], again["wordings"]) == (2.0, facts["wordings"])


# Broken by: FEW_EXPOSURES for ENOUGH_EXPOSURES in _enough, or a pass of one row there.
def test_the_budgets_called_enough_are(shards: Shards) -> None:
    schedule = Schedule(shards, 0, 64, 2, 0.1)
    enough = close_ledger(_open(shards), [A, B], schedule, range(2))["facts"]["enough"]
    for steps in (
        enough["max_steps"],
        schedule.steps_for_epochs(enough["epochs"]),
        schedule.steps_for_tokens(enough["max_tokens"]),
    ):
        facts = close_ledger(_open(shards), [A, B], schedule, range(steps))["facts"]
        assert 0.9 * ENOUGH_EXPOSURES <= facts["median_exposures"] <= 1.15 * ENOUGH_EXPOSURES
        assert facts["enough"] == enough


def test_a_corpus_without_facts(shards: Shards) -> None:
    bare = replace(shards, pieces=tuple(replace(p, facts=()) for p in shards.pieces))
    schedule = Schedule(bare, 0, 64, 2, 0.0)
    assert close_ledger(_open(bare), [A, B], schedule, range(1))["facts"] == {"count": 0}
