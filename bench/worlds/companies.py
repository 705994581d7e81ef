"""The demo's world, asked both ways: the demo's own questions, and reversed ones beside them."""

from __future__ import annotations

import json
import random
from pathlib import Path

from steep.demo import Fact, make_world, write_demo

CHOICES = 10
TURNED = {
    "headquarters": "Which company would you visit in {v}?",
    "founder": "Which company did {v} start?",
    "founding_year": "Which company is as old as the year {v}?",
    "product": "Which company is the maker behind {v}?",
    "research_head": "Which company does {v} lead research for?",
}


def write_world(
    folder: Path, seed: int, count: int = 16, relations: int = len(TURNED)
) -> tuple[Path, Path]:
    """Write documents and questions; returns the documents' folder and the questions' file.

    Raises:
        ValueError: fewer ``relations`` are wanted; the demo's documents can't leave one out.
    """
    if relations != len(TURNED):
        raise ValueError(f"a company has {len(TURNED)} relations, not {relations}")
    demo = write_demo(folder, seed=seed, companies=count)
    world = make_world(seed, companies=count)
    rng = random.Random(f"steep-companies-reversed:{seed}")
    rows = [*_turned(world.facts, "fact", rng), *_turned(world.control_facts, "control", rng)]
    with demo.questions.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return demo.documents, demo.questions


def _turned(facts: tuple[Fact, ...], kind: str, rng: random.Random) -> list[dict[str, object]]:
    """One question from each value that only one company has back to the company."""
    subjects = sorted({fact.subject for fact in facts})
    rows: list[dict[str, object]] = []
    for fact in facts:
        if sum((f.relation, f.answer) == (fact.relation, fact.answer) for f in facts) > 1:
            continue
        wrong = rng.sample([name for name in subjects if name != fact.subject], CHOICES - 1)
        choices = [fact.subject, *wrong]
        rng.shuffle(choices)
        rows.append(
            {
                "question": TURNED[fact.relation].format(v=fact.answer),
                "answer": fact.subject,
                "choices": choices,
                "relation": fact.relation,
                "fact": fact.id,
                "kind": kind,
                "form": "reversed",
            }
        )
    return rows
