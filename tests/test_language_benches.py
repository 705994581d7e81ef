"""The bench of languages runs through on a tiny model; books are cut so that copies are told."""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.stages.test_languages import HINDI
from tests.tiny import save_tiny_model

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "bench"))
from language import _Bench, row  # noqa: E402
from parts import read_sentences, write_parts  # noqa: E402

sys.path.pop(0)

CONLLU = "".join(
    f"# newdoc id = n{n // 2}\n# sent_id = {n}\n# text = {text}\n# text_en = Sentence {n} here.\n"
    "1\tक\tक\tNOUN\tNN\t_\t0\troot\t_\t_\n\n"
    for n, text in enumerate(HINDI)
)


def _book(width: int) -> str:
    """Twelve numbered pages of words of their own, their lines broken at a width."""
    pages = []
    for page in range(12):
        rng = random.Random(page)
        words = ["abcdefghijkl"[page] + "".join(rng.choices("mnopqrstuv", k=6)) for _ in range(300)]
        lines = [" ".join(words[n : n + width]) for n in range(0, 300, width)]
        pages.append(f"{page + 1}\n" + "\n".join(lines))
    return "\n\n".join(pages)


# Broken by: cutting at blank lines first, or keeping each part of a group.
def test_a_book_that_stands_twice_gives_each_page_once(tmp_path: Path) -> None:
    (tmp_path / "book").mkdir()
    (tmp_path / "book" / "main.txt").write_text(_book(12) + "\n\n" + _book(9))
    parts = sorted(write_parts(tmp_path / "book", tmp_path / "parts").glob("*.txt"))
    assert len(parts) == 12
    for number, part in enumerate(parts):
        assert {word[0] for word in part.read_text().split()[1:]} == {"abcdefghijkl"[number]}


def test_sentences_come_with_their_english_and_their_document(tmp_path: Path) -> None:
    (tmp_path / "s.conllu").write_text(CONLLU, encoding="utf-8")
    (tmp_path / "s.txt").write_text("one\n\ntwo\n")
    found = read_sentences(tmp_path / "s.conllu")
    assert [sentence.text for sentence in found] == HINDI
    assert (found[3].english, found[3].document) == ("Sentence 3 here.", "n1")
    assert [s.text for s in read_sentences(tmp_path / "s.txt")] == ["one", "two"]


# Broken by: tokens taken for steps, or a budget of steps that goes before tokens.
@pytest.mark.parametrize(
    ("tokens", "steps", "budget"),
    [(770_000, None, "train.max_tokens=770000"), (None, 9, "train.max_steps=9")],
)
def test_a_language_has_the_budget_that_was_asked_for(
    tokens: int | None, steps: int | None, budget: str
) -> None:
    bench = object.__new__(_Bench)
    bench._given = argparse.Namespace(tokens=tokens, steps=steps, minutes=None)
    assert bench._budget(0) == budget


# Broken by: formatting the share of no pairs.
def test_translations_that_do_not_fit_the_model_are_left_out_of_the_table() -> None:
    texts = [[40.0, 20, 60], [44.0, 22, 66]]
    sets = {"held_out": texts, "sentences": texts, "english": texts}
    side = {"words": 10, "documents": ["a", "b"], **sets}
    none = {"name": "parallel_accuracy", "n": 0, "base": None, "tuned": None}
    cell = {"learned": 0, "seed": 0, "steps": 2, "seconds": 1.0, "tokens": 40}
    assert row({**cell, "translations": none, "before": side, "after": side}).endswith("| – |")


@pytest.mark.slow
def test_a_language_is_measured_once_and_kept(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "tiny", texts=HINDI[:2])
    (tmp_path / "texts").mkdir()
    for number in range(12):
        text = "\n\n".join(HINDI[(number + 5 * n) % 12] for n in range(4))
        (tmp_path / "texts" / f"{number}.txt").write_text(f"{number} {text}", encoding="utf-8")
    (tmp_path / "s.conllu").write_text(CONLLU, encoding="utf-8")
    (tmp_path / "english.txt").write_text("The boats of the harbour lay at the quay. " * 6 + "\n")
    command = [
        *(sys.executable, str(ROOT / "bench" / "language.py"), "--out", str(tmp_path / "out")),
        *("--model", str(tmp_path / "tiny"), "--corpus", str(tmp_path / "texts")),
        *("--sentences", str(tmp_path / "s.conllu"), "--english", str(tmp_path / "english.txt")),
        *("--minutes", "0.005", "--set", "train.max_seq_length=96", "train.precision=fp32"),
        "data.held_out_share=0.3",
    ]
    first = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found = json.loads((tmp_path / "out" / "cell-0-0.json").read_text())
    assert found["steps"] >= 1 and len(found["after"]["sentences"]) == 12
    assert found["before"]["held_out"] != found["after"]["held_out"]
    table = (tmp_path / "out" / "table.md").read_text().splitlines()
    assert len(table) == 3 and table[2] == first.stdout.splitlines()[-1]
    assert len({line.count("|") for line in table}) == 1
    (tmp_path / "tiny" / "model.safetensors").unlink()  # nothing may be trained again
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout == first.stdout


NEWS = "News\n\n" + "\n".join(
    f"Release {n} - 2026-0{n}-11\n\n  The ferry to Basin {n} was sold to Anna Holm. It left.\n"
    for n in range(1, 9)
)
ICD = "<root>" + "".join(
    f"<chapter><name>{c}</name><desc>Chapter {c} of diseases</desc>"
    + "".join(
        f"<section id='{c}{s}'><desc>Block {c}{s}</desc>"
        f"<includes><note>all of {c}{s}</note></includes>"
        f"<diag><name>{c}{s}0</name><desc>Disease {c}{s}</desc>"
        + "".join(
            f"<diag><name>{c}{s}0.{d}</name><desc>Fever {c}{s}{d} of the kind {d}</desc>"
            f"<inclusionTerm><note>Ague {d}{s}{c}</note></inclusionTerm></diag>"
            for d in range(10)
        )
        + "</diag></section>"
        for s in range(2)
    )
    + "</chapter>"
    for c in "ABC"
) + "</root>"  # fmt: skip


def _bench(name: str, tmp_path: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, str(ROOT / "bench" / name), "--out", str(tmp_path / "out")),
        *("--model", str(tmp_path / "tiny"), "--general", "2", *options),
        *("--set", "train.max_seq_length=96", "train.precision=fp32"),
    ]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)


@pytest.mark.slow
def test_an_order_is_compared_with_the_same_documents_shuffled(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "tiny")
    (tmp_path / "list.xml").write_text(ICD)
    options = ("--corpus", str(tmp_path / "list.xml"), "--size", "4", "--passes", "1")
    cells = ("--cells", "shuffled", "broad to particular", "--most", "20")
    first = _bench("curriculum.py", tmp_path, *options, *cells)
    folder = tmp_path / "out" / "list.xml-0"
    found = [json.loads((folder / f"{cell}.json").read_text()) for cell in cells[1:3]]
    documents = [one["trained"]["by_kind"]["document"] for one in found]
    assert documents[0] == pytest.approx(documents[1], rel=0.1)  # the same passes
    texts = [path.read_text() for path in (folder / "documents").rglob("*.md")]
    assert len(list((folder / "documents" / "3-codes").iterdir())) == 4
    assert sum("\n\nAlso called: Ague 3" in text for text in texts) == 4
    rows = first.stdout.splitlines()
    assert rows[0].startswith("| shuffled | 0 | ") and "(+0.0% to +0.0%)" in rows[0]
    assert "control (" in rows[1] and (tmp_path / "out" / "table.md").read_text() == first.stdout
    metrics = (folder / "runs" / "broad to particular" / "metrics.jsonl").read_text()
    assert [f'"stage": "{stage}"' in metrics for stage in ("1", "2", "domain")] == [True] * 3
    companies = ("--corpus", "companies", "--size", "12", "--passes", "0.1", "--most", "4")
    said = _bench("curriculum.py", tmp_path, *companies, "--cells", "particular to broad").stdout
    assert said.startswith("| particular to broad | 0 | question new (")


@pytest.mark.slow
def test_news_is_asked_before_and_after(tmp_path: Path) -> None:
    save_tiny_model(tmp_path / "tiny")
    (tmp_path / "news.txt").write_text(NEWS)
    questions = ROOT / "bench" / "worlds" / "timezones.jsonl"
    cells = ("--cells", "recipe", "without date lines", "--steps", "2")
    options = ("--news", str(tmp_path / "news.txt"), "--questions", str(questions))
    rows = _bench("events.py", tmp_path, *options, *cells).stdout.splitlines()
    assert len(rows) == 2 and all("question new (32): " in row for row in rows)
    assert all("control (18): " in row and "base " in row for row in rows)
    assert "| 0 date lines |" in rows[0]  # the entries' titles say their dates
    (tmp_path / "tiny" / "model.safetensors").unlink()  # nothing may be trained again
    assert _bench("events.py", tmp_path, *options, *cells).stdout.splitlines() == rows
