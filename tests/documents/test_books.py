"""The books balance on every corpus at hand: each document, character and token has its end."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from steep.corpus.contamination import decontaminate
from steep.corpus.ledger import close_ledger, open_ledger
from steep.corpus.retell import retell
from steep.corpus.schedule import Schedule
from steep.corpus.shards import build_shards
from steep.documents.account import account
from steep.documents.read import TERMS, Collection, collect
from steep.documents.split import split_held_out
from steep.recipe import RetellRecipe
from tests.documents.test_hostile import GOOD, hostile
from tests.tiny import tiny_tokenizer

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
CORPORA = {
    "company": "company",
    "medical": "medical/pubmedqa/ori_pqal.json",
    "recent": "recent",
    "hindi": "hindi/kamayani",
    "formats": "formats",
    "general": "general/wikipedia-1000.jsonl",
    "plays": "general/tinyshakespeare",
    "codes": "medical/icd10cm-tabular-2026-04.xml.gz",
    "novel": "hindi/seva",
    "books": "general/gutenberg-big.txt",
}
LONG = ("medical", "formats", "plays", "codes", "novel", "books")


def books_of(found: Collection, tokenizer: Any) -> dict[str, Any]:
    """The closed ledger of two passes over a collection; it raises where anything is missing."""
    split = split_held_out(found.documents, 0.05, seed=0)
    pieces = retell(split.trained, RetellRecipe(permute=1, cloze=0), random.Random(0))
    clean = decontaminate(pieces, {})
    shards = build_shards(clean.kept, tokenizer, 512)
    schedule = Schedule(shards, 0, 512, 2, 0.0)
    opened = open_ledger(
        trained=split.trained,
        held_out=split.held_out,
        drops=found.drops,
        found=len(found.documents) + len(found.drops),
        shards=shards,
        contamination=clean,
        marks=found.marks,
        sources=account(found),
    )
    steps = schedule.steps_for_epochs(2.0)
    return close_ledger(opened, split.trained, schedule, range(steps))


def check(ledger: dict[str, Any], found: Collection) -> None:
    assert ledger["balanced"]
    sources = ledger["sources"]
    cleaning = sources["cleaning"]
    kept = sum(len(document.text) for document in found.documents)
    assert cleaning["characters_read"] == kept + sum(cleaning["taken_out"].values())
    assert sum(count for _, _, count in sources["lengths"]) == len(found.documents)
    kinds = sources["by_kind"].values()
    assert sum(kind["documents"] for kind in kinds) == len(found.documents)
    assert sum(kind["characters"] for kind in kinds) == kept


@pytest.mark.skipif(not DATA.is_dir(), reason=f"the shared data folder {DATA} is absent")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) if name in LONG else name for name in CORPORA],
)
def test_on_every_corpus(name: str) -> None:
    found = collect([DATA / CORPORA[name]])
    check(books_of(found, tiny_tokenizer()), found)


def test_on_broken_and_hostile_files(tmp_path: Path) -> None:
    for name, data in hostile(tmp_path / "secret.txt").items():
        if len(data) < TERMS.file_bytes and not name.startswith(("nested", "bomb", "members")):
            (tmp_path / name).write_bytes(data[:5_000])
    for name, text in GOOD.items():
        (tmp_path / name).write_text(text)
    found = collect(tmp_path)
    check(books_of(found, tiny_tokenizer()), found)
