"""A classification of diseases in three levels, each in documents of its own.

The tabular list (XML, public domain) is read as it is published; some of its blocks are taken, by
the seed. A chapter's document names its blocks, a block's its categories; of each category comes a
table of all codes below it with their notes. Questions ask which condition a code stands for;
controls ask the same of blocks that weren't taken.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

LEVELS = ("1-chapters", "2-blocks", "3-codes")
CHOICES = 10
_NOTES = {"inclusionTerm": "Also called", "includes": "Includes", "excludes1": "Not coded here"}

Element = ElementTree.Element


def write_world(source: Path, folder: Path, seed: int, blocks: int) -> tuple[list[Path], Path]:
    """Write the levels' folders and the questions' file; returns them, broadest first.

    Args:
        source: the tabular list, gzipped or not.
        blocks: how many are taken.
    """
    data = source.read_bytes()
    root = ElementTree.fromstring(gzip.decompress(data) if source.suffix == ".gz" else data)
    all_blocks = [(c, s) for c in root.findall("chapter") for s in c.findall("section")]
    full = [pair for pair in all_blocks if pair[1].find("diag") is not None]
    rng = random.Random(f"steep-icd:{seed}")
    rng.shuffle(full)
    taken, aside = full[:blocks], full[blocks : blocks + max(1, blocks // 3)]
    places = [folder / "documents" / level for level in LEVELS]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    for chapter in {id(c): c for c, _ in taken}.values():
        own = [section for c, section in taken if c is chapter]
        _write(places[0], f"chapter-{_said(chapter, 'name')}", chapter, own)
    for _, section in taken:
        _write(places[1], section.get("id", ""), section, section.findall("diag"))
        for category in section.findall("diag"):
            _write_table(places[2], category)
    questions = folder / "questions.jsonl"
    rows = [row for _, section in taken for row in _questions(section, "fact", rng)]
    rows += [row for _, section in aside for row in _questions(section, "control", rng)]
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return places, questions


def _write(folder: Path, name: str, element: Element, below: Sequence[Element]) -> None:
    """One document: what it is, its notes, and a sentence for each of those below it."""
    title = _title(element)
    lines = [f"# {title}", *_notes(element)]
    for one in below:
        lines.append(f"{_title(one)} belongs to {title}.")
        lines += _notes(one)
    (folder / f"{name}.md").write_text("\n\n".join(lines) + "\n", encoding="utf-8")


def _write_table(folder: Path, category: Element) -> None:
    """A table of a category's codes, a row each; it alone if it has none below it."""
    codes = list(category.iter("diag"))
    with (folder / f"{_said(category, 'name')}.csv").open("w", encoding="utf-8", newline="") as to:
        table = csv.writer(to)
        table.writerow(["code", "condition", "category", *_NOTES.values()])
        for one in codes[1:] or codes:
            notes = (_noted(one, tag) for tag in _NOTES)
            table.writerow([_said(one, "name"), _said(one, "desc"), _title(category), *notes])


def _title(element: Element) -> str:
    """A code with its words; of chapters and blocks, whose words end in their range, those."""
    said = _said(element, "desc")
    return f"{_said(element, 'name')} {said}" if element.tag == "diag" else said


def _notes(element: Element) -> Iterator[str]:
    for tag, words in _NOTES.items():
        if said := _noted(element, tag):
            yield f"{words}: {said}."


def _noted(element: Element, tag: str) -> str:
    """A code's notes of one kind."""
    found = (_plain(note) for part in element.findall(tag) for note in part.findall("note"))
    return "; ".join(found)


def _questions(section: Element, kind: str, rng: random.Random) -> Iterator[dict[str, object]]:
    """For each code its condition, among others of the same block."""
    codes = {_said(d, "name"): _said(d, "desc") for d in section.iter("diag")}
    for code, condition in codes.items():
        others = sorted(set(codes.values()) - {condition})
        if "." not in code or len(others) < CHOICES - 1:
            continue
        choices = [condition, *rng.sample(others, CHOICES - 1)]
        rng.shuffle(choices)
        yield {
            "question": f"Which condition is meant by the diagnosis code {code}?",
            "answer": condition,
            "choices": choices,
            "relation": "condition",
            "fact": code.split(".")[0],
            "kind": kind,
        }


def _said(element: Element, tag: str) -> str:
    found = element.find(tag)
    return "" if found is None else _plain(found)


def _plain(element: Element) -> str:
    return " ".join((element.text or "").split())
