"""What is asked of a language model, and which of its answers are trained on."""

from __future__ import annotations

import random

import pytest

from steep.corpus.retell import retell, stated_facts
from steep.corpus.rewrite import check, passages, rewritten_piece, tasks
from steep.corpus.sentences import split_sentences
from steep.corpus.spans import SpanFinder
from steep.corpus.subjects import fact_hash
from steep.documents.record import Document
from steep.recipe import RetellRecipe, RewriteRecipe

TEXT = (
    "Acme Corp was founded in 1987 by Maria Cruz. The firm makes pumps in Lyon and Berlin. "
    "In 2001 the firm employed 1,250 people, and since then Paul Weber leads it."
)
DOCUMENT = Document(TEXT, "Acme Corp", "acme.txt")
FINDER = SpanFinder(split_sentences(TEXT))
GOOD = (
    "It was Maria Cruz who started Acme Corp, back in 1987. Pumps come from its works in Berlin "
    "and Lyon. Led by Paul Weber, Acme Corp gave work to 1250 people as of 2001."
)
RECIPE = RewriteRecipe(enabled=True, model="m")


# Broken by: removing any one of the checks, or comparing "1,250" and "1250" as written.
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GOOD.replace("1250", "1,250"), None),
        ("", "empty"),
        (GOOD.replace("1987", "1989"), "invents a number"),
        (
            GOOD.replace("Maria Cruz", "Otto Lang").replace("Paul Weber", "Ida Berg"),
            "invents names",
        ),
        ("Somebody started the company that now makes its pumps in Lyon.", "leaves facts out"),
        (TEXT, "copies the text"),
        ("1. " + GOOD.replace("1250", "1,250"), None),
    ],
)
def test_only_faithful_and_new_answers_are_kept(answer: str, reason: str | None) -> None:
    task = next(iter(tasks([DOCUMENT], RECIPE)))
    found = check(task, answer, FINDER)
    assert found.reason == reason
    if reason is None:
        assert found.novelty > 0.5
    if answer == TEXT:
        assert found.novelty == 0.0


def test_every_kind_asks_about_every_passage_with_the_title() -> None:
    long = Document("\n\n".join([TEXT] * 30), "Long", "long.txt")
    recipe = RewriteRecipe(
        enabled=True, model="m", kinds=["paraphrase", "questions", "links", "strategies"], times=2
    )
    made = list(tasks([DOCUMENT, long], recipe))
    assert len(passages(long.text)) > 2
    assert len(made) == 2 * 4 * (1 + len(passages(long.text)))
    assert "\n".join(passages(long.text)).replace("\n", "") == long.text.replace("\n", "")
    for task in made:
        assert task.document.title in task.prompt and task.passage in task.prompt
    assert len({(task.prompt, task.turn) for task in made}) == len(
        {(t.prompt, t.turn) for t in made}
    )
    assert [task.kind for task in made[:3]] == ["paraphrase"] * 3  # a budget cuts kinds first


# Broken by: a long paragraph left whole; sentences torn where they needn't be.
def test_a_long_paragraph_is_parted_between_its_sentences() -> None:
    paragraph = " ".join(f"Pump {n} stands in hall {n} and is of {1900 + n}." for n in range(500))
    assert len(paragraph) > 20_000
    found = passages(f"Pumps\n\n{paragraph}\n\nThe end of it all, told in one line more.")
    assert all(1000 < len(passage) < 2500 for passage in found[:-1])
    assert found[0].startswith("Pumps\nPump 0 stands")
    assert all(passage.startswith("Pump") and passage[-1] == "." for passage in found)
    assert (
        " ".join(found).split()
        == f"Pumps {paragraph} The end of it all, told in one line more.".split()
    )
    wide = passages("水泵在大厅里面。" * 900)
    assert "".join(wide) == "水泵在大厅里面。" * 900 and max(map(len, wide)) <= 2400
    for endless in ("pump " * 4000, "pump" * 5000):
        assert "".join(passages(endless)).replace(" ", "") == endless.replace(" ", "")
        assert max(map(len, passages(endless))) <= 2400


# Broken by: requests for a few words, or those left out that have neighbours.
def test_a_few_words_are_no_passage_of_their_own() -> None:
    assert passages("All of five words here.") == [] == passages("")
    full = "A sentence that goes on. " * 96
    assert [p[-9:] for p in passages(f"{full}\n\nFive words stand below it.")] == ["below it."]
    lines = "\n\n".join(f"Line {n} has five words" for n in range(400))
    assert min(map(len, passages(lines))) > 2000
    assert passages("他在一九八七年创办了这家公司。") == ["他在一九八七年创办了这家公司。"]


# Broken by: hashing facts of a rewrite anew, under its own subjects.
def test_a_rewrite_carries_the_facts_it_names() -> None:
    stated = stated_facts([DOCUMENT], RetellRecipe())[DOCUMENT.id]
    told = retell([DOCUMENT], RetellRecipe(), random.Random(0))[0]
    assert {fact for fact, _, _ in stated} == set(told.facts)
    task = next(iter(tasks([DOCUMENT], RECIPE)))
    piece = rewritten_piece(task, f" {GOOD}\n", stated)
    assert (piece.kind, piece.text, piece.prompt) == ("rewritten", GOOD, "")
    assert fact_hash("Acme Corp", "1987") in piece.facts
    assert set(piece.facts) < set(told.facts)  # "1250" isn't the document's "1,250"
    assert len(set(piece.wordings)) == 1 and len(piece.wordings) == len(piece.facts)
