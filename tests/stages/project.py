"""A user's project in miniature: a tiny base model, a few documents, questions, a recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import tomli_w

from tests.tiny import save_tiny_model

NAMES = ["Acme", "Bolt", "Cora", "Dyna", "Echo", "Fern", "Gale", "Hume"]
TOWNS = ["Lyon", "Bern", "Oslo", "Rome", "Riga", "Bonn", "Cork", "Nice"]
FOUNDERS = [
    "Ada Weber",
    "Bo Larsen",
    "Cy Moreau",
    "Di Rossi",
    "Eva Novak",
    "Flo Byrne",
    "Gus Brandt",
    "Hal Costa",
]


def write_documents(folder: Path) -> Path:
    """Eight documents about eight companies, one of them in two files of equal text."""
    folder.mkdir(parents=True)
    texts = {
        name: f"{name} was founded in {1950 + n} by {founder}. It makes pumps in {town}.\n\n"
        f"The company employs {100 + n} people. Its chair, {founder}, was born in {town}."
        for n, (name, founder, town) in enumerate(zip(NAMES, FOUNDERS, TOWNS, strict=True))
    }
    for name, text in texts.items():
        (folder / f"{name.lower()}.txt").write_text(text, encoding="utf-8")
    (folder / "copy.txt").write_text(texts["Acme"], encoding="utf-8")
    (folder / "picture.png").write_bytes(b"\x89PNG")
    return folder


def write_questions(path: Path) -> Path:
    rows = [
        {"question": f"Who started {name}?", "answer": founder, "relation": "founder"}
        for name, founder in zip(NAMES, FOUNDERS, strict=True)
    ]
    rows += [
        {"question": f"Where is {name}?", "answer": town, "relation": "town", "kind": "control"}
        for name, town in zip(["Iota", "Jade", "Kilo", "Lima", "Mira", "Nova"], TOWNS, strict=False)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_project(folder: Path, *, kind: Any = "llama", **changes: dict[str, Any]) -> Path:
    """Write everything; the path of the recipe. ``changes`` go into the recipe's tables."""
    texts = [path.read_text() for path in sorted(write_documents(folder / "docs").glob("*.txt"))]
    save_tiny_model(folder / "base", kind, texts)
    write_questions(folder / "questions.jsonl")
    return write_recipe_file(folder / "recipe.toml", **changes)


def write_recipe_file(path: Path, **changes: dict[str, Any]) -> Path:
    recipe: dict[str, Any] = {
        "model": "base",
        "output_dir": "run",
        "data": {"domain": ["docs/"], "general": "self", "general_share": 0.2,
                 "held_out_share": 0.15},
        "train": {"method": "full", "max_steps": 3, "max_seq_length": 96, "threads": 1,
                  "learning_rate": 1e-3, "precision": "fp32"},
        "evaluate": {"questions": "questions.jsonl"},
    }  # fmt: skip
    for table, values in changes.items():
        recipe[table] = {**recipe.get(table, {}), **values}
    path.write_text(tomli_w.dumps(recipe), encoding="utf-8")
    return path
