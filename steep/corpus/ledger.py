"""The ledger: every document trained, held out or dropped; every token trained k times.

If the books don't balance the run stops: something went missing between stages.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from steep.corpus.contamination import Contamination
from steep.corpus.coverage import wordings_of
from steep.corpus.exposures import ENOUGH_EXPOSURES, FEW_EXPOSURES, FEW_WORDINGS
from steep.corpus.schedule import Schedule
from steep.corpus.shards import Shards
from steep.documents.record import Document, Drop
from steep.errors import LedgerError

# Below this many exposures a fact is seldom answerable (arXiv 2309.14316; docs/RESULTS.md).
# A bin begins at each, and at what is few.
_EXPOSURE_BINS = (0, 1, 5, 10, FEW_EXPOSURES, 40, 80, 160)
_WORDING_BINS = (1, 2, FEW_WORDINGS, 5, 8, 12, 20)
_OF_WORDINGS = ("median_wordings", "under_3_wordings", "wordings")


def open_ledger(
    *,
    trained: Sequence[Document],
    held_out: Sequence[Document],
    drops: Sequence[Drop],
    found: int,
    shards: Shards,
    contamination: Contamination,
    marks: Mapping[str, int],
    sources: Mapping[str, Any],
) -> dict[str, Any]:
    """The ledger after preparation, before any training.

    Args:
        found: number of documents the readers met, however they ended.
        contamination: what the comparison with the evaluation items left out and flagged.
        marks: secrets and personal data found in the documents, by kind.
        sources: what the documents are, and what cleaning took out (``steep.documents.account``).

    Raises:
        LedgerError: documents, pieces or tokens don't add up.
    """
    if found != len(trained) + len(held_out) + len(drops):
        raise LedgerError(
            f"{found} documents were read but {len(trained)} trained, {len(held_out)} held out "
            f"and {len(drops)} dropped; this is a bug in steep"
        )
    if int(shards.lengths.sum()) != len(shards.tokens):
        raise LedgerError("the segments don't cover the token shard; this is a bug in steep")
    if contamination.checked != len(shards.pieces) + len(contamination.removed):
        raise LedgerError(
            f"{contamination.checked} pieces were made but {len(shards.pieces)} are in the shards "
            f"and {len(contamination.removed)} left out; this is a bug in steep"
        )
    own = {p.document for p in shards.pieces if p.kind == "document"}
    missing = [d.source for d in trained if d.id not in own]
    if missing:
        raise LedgerError(f"{missing[0]} is to be trained but has no tokens; a bug in steep")
    return {
        "schema": 1,
        "documents": {
            "found": found,
            "trained": len(trained),
            "held_out": len(held_out),
            "dropped": len(drops),
            "dropped_by_reason": dict(Counter(drop.reason for drop in drops)),
        },
        "drops": [
            {"source": d.source, "locator": d.locator, "reason": d.reason, "detail": d.detail}
            for d in drops
        ],
        "held_out": [{"source": d.source, "locator": d.locator, "id": d.id} for d in held_out],
        "tokens": {"in_shards": len(shards.tokens), "by_kind": _tokens_by_kind(shards)},
        "contamination": contamination.as_ledger(),
        "privacy": dict(sorted(marks.items())),
        "sources": dict(sources),
    }


def close_ledger(
    ledger: dict[str, Any],
    trained: Sequence[Document],
    schedule: Schedule,
    steps: Sequence[int],
) -> dict[str, Any]:
    """The ledger with what these steps of the schedule train, by document and by fact.

    One that was closed before keeps its wordings: they don't depend on steps, and shards that were
    read from disk don't tell them apart.
    """
    shards = schedule.shards
    before = ledger.get("facts", {})
    times = np.zeros(len(shards.starts), dtype=np.int64)
    targets = 0
    for step in steps:
        batch = schedule.batch(step)
        np.add.at(times, np.array(batch.segment_ids, dtype=np.int64), 1)
        targets += batch.targets
    if targets != int((times * shards.targets()).sum()):
        raise LedgerError("target tokens in the batches and in the shards differ; a bug in steep")
    return {
        **ledger,
        "trained": {
            "steps": len(steps),
            "tokens": int((times * shards.lengths).sum()),
            "target_tokens": targets,
            "by_kind": _trained_by_kind(shards, times),
            "general_share": _general_share(shards, times),
        },
        "by_document": _by_document(shards, times, trained),
        "facts": {
            **(facts := _facts(shards, times)),
            **_enough(facts.get("median_texts"), schedule),
            **{name: before[name] for name in _OF_WORDINGS if name in before},
        },
        "balanced": True,
    }


def _tokens_by_kind(shards: Shards) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for owner, length in zip(shards.owners, shards.lengths, strict=True):
        totals[shards.pieces[owner].kind] += int(length)
    return dict(totals)


def _trained_by_kind(shards: Shards, times: Any) -> dict[str, int]:
    totals: Counter[str] = Counter()
    for owner, length, count in zip(shards.owners, shards.lengths, times, strict=True):
        totals[shards.pieces[owner].kind] += int(length * count)
    return dict(totals)


def _general_share(shards: Shards, times: Any) -> float:
    by_kind = _trained_by_kind(shards, times)
    total = sum(by_kind.values())
    return round(by_kind.get("general", 0) / total, 4) if total else 0.0


def _by_document(shards: Shards, times: Any, trained: Sequence[Document]) -> list[dict[str, Any]]:
    counts: dict[str, list[int]] = defaultdict(list)
    retold: Counter[str] = Counter()
    tokens: Counter[str] = Counter()
    for owner, length, count in zip(shards.owners, shards.lengths, times, strict=True):
        piece = shards.pieces[owner]
        if piece.kind == "document":
            counts[piece.document].append(int(count))
            tokens[piece.document] += int(length)
        elif piece.kind != "general":
            retold[piece.document] += int(length * count)
    return [
        {
            "source": d.source,
            "locator": d.locator,
            "id": d.id,
            "tokens": tokens[d.id],
            "times_trained": [min(counts[d.id]), max(counts[d.id])],
            "retold_tokens_trained": retold[d.id],
        }
        for d in trained
    ]


def _facts(shards: Shards, times: Any) -> dict[str, Any]:
    """Texts, exposures and distinct wordings per (subject, value) pair; a summary, not the list.

    ``median_texts`` is how often a pass meets the median fact. A bin counts the facts of at least
    its first and at most its second number (none: no end), ``[first, second, facts]``.
    """
    seen: Counter[int] = Counter()
    texts: Counter[int] = Counter()
    counted: set[int] = set()
    for owner, count in zip(shards.owners, times, strict=True):
        if owner not in counted:
            counted.add(int(owner))
            for fact in set(shards.pieces[owner].facts):
                seen[fact] += int(count)
                texts[fact] += 1
    if not seen:
        return {"count": 0}
    told = wordings_of([shards.pieces[owner] for owner in sorted(counted)])
    exposures = np.array([seen[fact] for fact in texts])
    wordings = np.array([len(told[fact]) for fact in texts])
    return {
        "count": len(texts),
        "median_exposures": float(np.median(exposures)),
        "median_wordings": float(np.median(wordings)),
        "median_texts": float(np.median(list(texts.values()))),
        "under_20_exposures": int((exposures < FEW_EXPOSURES).sum()),
        "under_3_wordings": int((wordings < FEW_WORDINGS).sum()),
        "exposures": _bins(exposures, _EXPOSURE_BINS),
        "wordings": _bins(wordings, _WORDING_BINS),
    }


def _enough(median_texts: float | None, schedule: Schedule) -> dict[str, Any]:
    """Each kind of budget, as large as meets the median fact ``ENOUGH_EXPOSURES`` times.

    In a pass a fact is met once in each text that states it. Nothing without facts, nor in a
    curriculum, whose stages have budgets of their own.
    """
    if median_texts is None or schedule.stages:
        return {}
    passes = ENOUGH_EXPOSURES / max(1.0, median_texts)
    steps = passes * schedule.rows_of_a_pass / schedule.rows_per_step
    budgets = {
        "max_steps": max(1, math.ceil(steps)),
        "epochs": math.ceil(10 * passes) / 10,
        "max_tokens": math.ceil(passes * schedule.tokens_of_a_pass),
    }
    return {"enough": budgets}


def _bins(values: npt.NDArray[np.int64], firsts: Sequence[int]) -> list[list[int | None]]:
    ends = [*(first - 1 for first in firsts[1:]), None]
    return [
        [first, last, int((values >= first).sum() - (0 if last is None else (values > last).sum()))]
        for first, last in zip(firsts, ends, strict=True)
    ]
