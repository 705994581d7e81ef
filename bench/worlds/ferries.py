"""A second fictional world: ferries, told in other words, relations and formats than the demo's.

No default of steep was chosen on it. Every vessel has five facts; each stands in a logbook or a
letter of its own, in a notice, in a harbour circular about four vessels, in the line's register (a
table whose rows are records, without a text) and on two boards. Questions are in words that no
document uses, and ask both ways.
"""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import dataclass
from pathlib import Path

VESSELS, CONTROLS, CHOICES = 16, 12, 10

_SHIP_HEADS = "Ar Bel Cal Dor Esk Fal Gor Hel Ist Jor"
_SHIP_TAILS = "andra esta ivia olma undra ella orka imba astra enna"
_PLACE_HEADS = "Skal Vorn Tosk Brem Hund Kvit Lang Myr Nes Rod Sund Tind Ulv Gull"
_PLACE_TAILS = "vik havn sund oya strand fjell bukt holmen"
_YARD_HEADS = (
    "Marrow Tallis Penhal Corrie Dunmor Eastlea Fairlin Gosford Hexley Ingram Kerris Lomond"
)
_YARD_TAILS = "Brothers Slipways Yard"
_ENGINE_HEADS = "Torq Mara Helio Duro Pyro Vento Kino Bora"
_ENGINE_TAILS = "dyne matic flux star jet line"
_FIRST = (
    "Aksel Birte Cato Dagny Einar Frida Gunnar Hilda Ivar Jorunn Kjell Liv Morten Nora Olav Ragna"
)
_LAST = "Aune Brekke Dahle Eikum Fosse Grindal Haugen Indset Jerve Kolstad Lunde Moen Nygard Opdal"

# Each relation is told in these words; {s} is the vessel.
TOLD: dict[str, tuple[str, ...]] = {
    "captain": (
        "{s} sails under {v}, who took the bridge after a long winter.",
        "On the bridge of {s} stands {v}.",
        "{v} is master of {s}, and signs the log each evening.",
        "Orders aboard {s} come from {v}.",
        "Skipper of {s}: {v}.",
        "The crew of {s} answers to {v} and to nobody else.",
    ),
    "harbour": (
        "{s} ties up at {v} when the day is over.",
        "After the last crossing {s} goes home to {v}.",
        "{v} is the home harbour of {s}.",
        "{s} winters at {v}, beside the old crane.",
        "Home berth of {s}: {v}.",
        "The stern of {s} bears the name of {v}, where it belongs.",
    ),
    "yard": (
        "{v} laid the keel of {s}.",
        "{s} came off the slip at {v}.",
        "The hull of {s} was riveted by {v}.",
        "A brass plate says that {v} delivered {s}.",
        "Shipyard of {s}: {v}.",
        "{s} is the work of {v}, as the drawings show.",
    ),
    "launched": (
        "{s} first touched water in {v}.",
        "The bottle was broken over {s} in {v}.",
        "{s} went down the slip in {v}, to much applause.",
        "Launch of {s}: {v}.",
        "Since {v} {s} has carried passengers.",
        "The bell of {s} is engraved {v}, the year of its launch.",
    ),
    "engine": (
        "Below deck {s} carries a {v}.",
        "{s} is driven by a {v}, which the stokers praise.",
        "A {v} turns the screw of {s}.",
        "Engine of {s}: {v}.",
        "The fitters at the dock know {s} by the hum of its {v}.",
        "Spare parts for the {v} of {s} are kept in the tool room.",
    ),
}
ASKED: dict[str, tuple[str, ...]] = {
    "captain": ("Who commands the ferry {s}?", "What is the name of the captain on {s}?"),
    "harbour": ("Which port does {s} belong to?", "Where is the ferry {s} stationed?"),
    "yard": ("Who built the ferry {s}?", "Which firm constructed {s}?"),
    "launched": ("In what year was {s} launched?", "How old is {s}, by its first year afloat?"),
    "engine": ("What model of motor does {s} have?", "Which machine powers {s}?"),
}
TURNED = {
    "captain": "Which ferry does {v} command?",
    "harbour": "Which ferry is stationed in {v}?",
    "yard": "What ferry did {v} build?",
    "launched": "Which ferry was new in {v}?",
    "engine": "Which ferry has the motor {v}?",
}
_COLUMNS = {
    "captain": "master",
    "harbour": "home_harbour",
    "yard": "shipyard",
    "launched": "launch_year",
    "engine": "engine",
}
_ASIDES = (
    "Rain came in from the west before noon.",
    "Coffee was short and tempers too.",
    "A gull stole a sandwich from the mate.",
    "The radio crackled all morning.",
    "Two bicycles were left on the car deck.",
    "Fog held everything up for an hour.",
    "Ropes were washed and hung to dry.",
    "The school class sang until the pier.",
)


@dataclass(frozen=True)
class Vessel:
    """A ferry and its five facts, by relation."""

    name: str
    facts: dict[str, str]


def make_vessels(
    seed: int, count: int = VESSELS, relations: int = len(TOLD)
) -> tuple[list[Vessel], list[Vessel]]:
    """Vessels that documents tell of, and vessels that nobody mentions; no value is shared.

    Args:
        relations: facts of each vessel; fewer than all make a world for a quick look.
    """
    rng = random.Random(f"steep-ferries:{seed}")
    total = count + CONTROLS

    def drawn(*parts: str, between: str = "") -> list[str]:
        made = [""]
        for number, part in enumerate(parts):
            gap = between if number else ""
            made = [left + gap + right for left in made for right in part.split()]
        return rng.sample(made, total)

    values = {
        "captain": drawn(_FIRST, _LAST, between=" "),
        "harbour": drawn(_PLACE_HEADS, _PLACE_TAILS),
        "yard": drawn(_YARD_HEADS, _YARD_TAILS, between=" "),
        "launched": [str(year) for year in rng.sample(range(1931, 2012), total)],
        "engine": drawn(_ENGINE_HEADS, _ENGINE_TAILS),
    }
    names = drawn(_SHIP_HEADS, _SHIP_TAILS)
    made = [
        Vessel(name, {relation: values[relation][n] for relation in list(TOLD)[:relations]})
        for n, name in enumerate(names)
    ]
    return made[:count], made[count:]


def write_world(
    folder: Path, seed: int, count: int = VESSELS, relations: int = len(TOLD)
) -> tuple[Path, Path]:
    """Write documents and questions; returns the documents' folder and the questions' file."""
    vessels, controls = make_vessels(seed, count, relations)
    rng = random.Random(f"steep-ferries-documents:{seed}")
    files = {"register.csv": _register(vessels), "notices.jsonl": _notices(vessels, rng)}
    for number, vessel in enumerate(vessels):
        kind, title = ("logs", "Log of") if number % 2 else ("letters", "A letter about")
        text = _passage(vessel, rng, asides=3)
        files[f"{kind}/{number:02d}.md"] = f"# {title} {vessel.name}\n\n{text}\n"
    order = rng.sample(vessels, len(vessels))
    for number in range(0, len(order), 4):
        parts = [f"## {v.name}\n\n{_passage(v, rng, 1)}" for v in order[number : number + 4]]
        files[f"circulars/{number // 4 + 1}.md"] = "\n\n".join(
            [f"# Harbour circular {number // 4 + 1}", *parts]
        )
    for name in ("quay", "office"):
        lines = [f"- {_passage(v, rng, 0)}" for v in vessels]
        files[f"boards/{name}.txt"] = f"Board at the {name}\n\n" + "\n".join(lines) + "\n"
    for name, text in files.items():
        path = folder / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    rows = [*_questions(vessels, "fact", rng), *_questions(controls, "control", rng)]
    asked = folder / "questions.jsonl"
    asked.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder / "documents", asked


def _passage(vessel: Vessel, rng: random.Random, asides: int) -> str:
    """A vessel's facts in random order and words, with things said between."""
    told = [rng.choice(TOLD[r]).format(s=vessel.name, v=v) for r, v in vessel.facts.items()]
    lines = [*told, *rng.sample(_ASIDES, asides)]
    rng.shuffle(lines)
    return " ".join(lines)


def _register(vessels: list[Vessel]) -> str:
    """A table of records: nothing in it is a sentence."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(("name", *(_COLUMNS[relation] for relation in vessels[0].facts)))
    for vessel in vessels:
        writer.writerow((vessel.name, *vessel.facts.values()))
    return buffer.getvalue()


def _notices(vessels: list[Vessel], rng: random.Random) -> str:
    """Short notes as JSON lines, each with a title and a text."""
    rows = [{"title": f"Notice: {v.name}", "text": _passage(v, rng, 1)} for v in vessels]
    return "".join(json.dumps(row) + "\n" for row in rows)


def _questions(vessels: list[Vessel], kind: str, rng: random.Random) -> list[dict[str, object]]:
    """Both wordings of each fact, and one from the value back; controls one wording each way."""
    rows: list[dict[str, object]] = []
    for vessel in vessels:
        for relation, value in vessel.facts.items():
            others = [v.facts[relation] for v in vessels if v is not vessel]
            names = [v.name for v in vessels if v is not vessel]
            asked = ASKED[relation] if kind == "fact" else (rng.choice(ASKED[relation]),)
            common = {"kind": kind, "relation": relation, "fact": f"{vessel.name}-{relation}"}
            for wording in asked:
                question = wording.format(s=vessel.name)
                rows.append({**_row(question, value, others, rng), **common})
            turned = TURNED[relation].format(v=value)
            rows.append({**_row(turned, vessel.name, names, rng), **common, "form": "reversed"})
    return rows


def _row(question: str, answer: str, others: list[str], rng: random.Random) -> dict[str, object]:
    choices = [answer, *rng.sample(others, CHOICES - 1)]
    rng.shuffle(choices)
    return {"question": question, "answer": answer, "choices": choices}
