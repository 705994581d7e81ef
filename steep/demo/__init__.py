"""The demonstration: a fictional world, a company share that describes it, and its questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from steep.demo.questions import make_questions, write_questions
from steep.demo.render import write_documents
from steep.demo.world import Company, Fact, Person, World, make_world

__all__ = [
    "Company",
    "Demo",
    "Fact",
    "Person",
    "World",
    "make_questions",
    "make_world",
    "write_demo",
    "write_documents",
    "write_questions",
]


@dataclass(frozen=True)
class Demo:
    """Where a demonstration was written: the documents' folder and the questions' file."""

    documents: Path
    questions: Path


def write_demo(folder: str | Path, *, seed: int = 0, companies: int = 16) -> Demo:
    """Write the world of ``seed`` into ``folder``: documents/ and, beside it, questions.jsonl."""
    demo = Demo(Path(folder) / "documents", Path(folder) / "questions.jsonl")
    world = make_world(seed, companies=companies)
    write_documents(world, demo.documents)
    write_questions(world, demo.questions)
    return demo
