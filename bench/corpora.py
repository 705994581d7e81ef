"""Which corpus a bench runs on: a world of ``worlds/``, or any folder with its questions."""

from __future__ import annotations

import argparse
from pathlib import Path

from worlds import companies, ferries

from steep.proof.questions import Question, load_questions, with_distractors

WORLDS = {"companies": companies.write_world, "ferries": ferries.write_world}


def corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what ``corpus_of`` reads."""
    parser.add_argument("--corpus", default="companies", help=f"{', '.join(WORLDS)}, or a path")
    parser.add_argument("--size", type=int, default=16, help="companies or ferries")
    parser.add_argument("--relations", type=int, default=5, help="facts of each ferry")
    parser.add_argument("--questions", type=Path, help="of a corpus given as a path")


def corpus_of(
    given: argparse.Namespace, folder: Path, seed: int
) -> tuple[Path, Path | None, list[Question]]:
    """Documents, the questions' file, and those of its questions that have choices.

    A world of this seed is written into ``folder``.
    """
    documents, questions = given.corpus, given.questions
    if given.corpus in WORLDS:
        write = WORLDS[given.corpus]
        documents, questions = write(folder, seed, given.size, given.relations)
    asked = with_distractors(load_questions(questions), seed) if questions else []
    return Path(documents).absolute(), questions, [q for q in asked if q.choices]
