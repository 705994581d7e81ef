"""Questions about a world, in words that no document uses, each with ten answers to choose from."""

from __future__ import annotations

import json
import random
from pathlib import Path

from steep.demo.scribe import possessive
from steep.demo.world import Fact, World

CHOICES = 10
WORDINGS_PER_FACT = 2
WORDINGS_PER_CONTROL = 1

# `{name}` is the company, `{name_s}` its possessive. The documents avoid every run of four of
# these words; the tests hold them to it.
QUESTIONS: dict[str, tuple[str, ...]] = {
    "headquarters": (
        "Where does {name} have its head office?",
        "In which town is {name} based?",
        "Which town is home to {name}?",
    ),
    "founder": (
        "Who founded {name}?",
        "Who was the founder of {name}?",
        "Which person started {name}?",
    ),
    "founding_year": (
        "When was {name} founded?",
        "In what year did {name} begin?",
        "What year was {name} started?",
    ),
    "product": (
        "What is {name_s} main product called?",
        "Which product is {name} best known for?",
        "What product does {name} chiefly sell?",
    ),
    "research_head": (
        "Who leads research at {name}?",
        "Who is in charge of research at {name}?",
        "Who manages the research team at {name}?",
    ),
}


def make_questions(world: World) -> list[dict[str, object]]:
    """Two questions for each fact, then one for each control fact."""
    rng = random.Random(f"steep-demo-questions:{world.seed}")
    items = _ask(rng, world.facts, "fact", WORDINGS_PER_FACT)
    items += _ask(rng, world.control_facts, "control", WORDINGS_PER_CONTROL)
    return items


def write_questions(world: World, path: Path) -> None:
    """Write the questions of a world as JSON lines."""
    rows = [json.dumps(item, ensure_ascii=False) for item in make_questions(world)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")


def _ask(
    rng: random.Random, facts: tuple[Fact, ...], kind: str, wordings: int
) -> list[dict[str, object]]:
    """Questions for facts of one kind; wrong choices are other answers to the same relation."""
    answers: dict[str, set[str]] = {relation: set() for relation in QUESTIONS}
    for fact in facts:
        answers[fact.relation].add(fact.answer)
    items: list[dict[str, object]] = []
    for fact in facts:
        slots = {"name": fact.subject, "name_s": possessive(fact.subject)}
        for wording in rng.sample(QUESTIONS[fact.relation], wordings):
            others = sorted(answers[fact.relation] - {fact.answer})
            choices = [fact.answer, *rng.sample(others, CHOICES - 1)]
            rng.shuffle(choices)
            items.append(
                {
                    "question": wording.format(**slots),
                    "answer": fact.answer,
                    "aliases": list(fact.aliases),
                    "choices": choices,
                    "relation": fact.relation,
                    "fact": fact.id,
                    "kind": kind,
                }
            )
    return items
