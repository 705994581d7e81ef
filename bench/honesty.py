"""Does the verdict tell the truth? Runs with a known answer, on the real model.

Each case is a run whose verdict is known beforehand: a model against itself, answer keys
shuffled, the questions themselves trained on, few documents passed over fifty times, a rate that
ruins the model. Prints one line for each case and seed: what was found and whether it is right.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steep.demo import make_world, write_documents, write_questions
from steep.model.load import load_model
from steep.progress import Silent
from steep.proof.asking import ranked
from steep.proof.judge import judge
from steep.proof.measure import Panel, measure
from steep.proof.questions import Question, general_texts, load_questions, with_distractors
from steep.recipe import recipe_from
from steep.workflow import evaluate

FEW_DOCUMENTS = 4
REPEATS = 40
RUINOUS_RATE = 0.05
_STEPS = 12
_QUESTIONS, _CONTROLS = 80, 40

_UNGUARDED = {"guard": {"enabled": False}, "strength": {"enabled": False}}

Evaluation = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """Changes to the common recipe, and what the evaluation must then say."""

    name: str
    settings: Mapping[str, Any]
    expected: str
    holds: Callable[[Evaluation], bool]
    documents: Callable[[Path], None] = lambda folder: None


def _with_answers(folder: Path) -> None:
    """Put the questions with their answers among the documents."""
    rows = [json.loads(line) for line in (folder / "questions.jsonl").read_text().splitlines()]
    lines = [f"{row['question']} {row['answer']}." for row in rows if row.get("kind") != "control"]
    (folder / "documents" / "faq.txt").write_text("\n\n".join(lines))


def _fewer(questions: Path) -> None:
    """Keep some questions of each kind: enough for the rules, in half the time."""
    rows = [json.loads(line) for line in questions.read_text().splitlines()]
    controls = [row for row in rows if row.get("kind") == "control"][:_CONTROLS]
    facts = [row for row in rows if row.get("kind") != "control"][:_QUESTIONS]
    questions.write_text("".join(json.dumps(row) + "\n" for row in [*facts, *controls]))


def keep_few(folder: Path) -> None:
    """Keep a few documents only."""
    files = sorted(path for path in (folder / "documents").rglob("*.md") if path.is_file())
    for path in sorted((folder / "documents").rglob("*")):
        if path.is_file() and path not in files[:FEW_DOCUMENTS]:
            path.unlink()


def trained(**settings: Any) -> dict[str, Any]:
    """The common ``[train]`` with settings of its own."""
    return {"train": {"method": "lora", "per_device_train_batch_size": 1, **settings}}


def passes(number: int) -> dict[str, Any]:
    """So many passes over the documents as they are, nothing of the change taken back."""
    return {
        **trained(epochs=number, learning_rate=2e-3),
        "data": {"held_out_share": 0.0},
        "retell": {"enabled": False},
        **_UNGUARDED,
    }


CASES = (
    Case(
        "questions trained on",
        trained(max_steps=_STEPS),
        "contaminated, not learned",
        lambda found: found["contaminated"] and found["learned"] != "yes",
        _with_answers,
    ),
    Case(
        "fifty passes over few documents",
        passes(50),
        "memorised",
        lambda found: found["memorised"],
        keep_few,
    ),
    Case(
        "two passes over few documents",
        passes(2),
        "not memorised",
        lambda found: not found["memorised"],
        keep_few,
    ),
    Case(
        "ruinous rate",
        {**trained(max_steps=_STEPS, learning_rate=RUINOUS_RATE), **_UNGUARDED},
        "forgot, don't ship",
        lambda found: found["kept"] == "forgot" and not found["ship"],
    ),
    Case(
        "ruinous rate, strength chosen",
        {
            **trained(max_steps=_STEPS, learning_rate=RUINOUS_RATE),
            "guard": {"enabled": False},
        },
        "no evidence, kept, don't ship",
        lambda found: (
            found["learned"] == "no_evidence" and found["kept"] != "forgot" and not found["ship"]
        ),
    ),
    Case(
        "ruinous rate, guarded, strength chosen",
        trained(max_steps=_STEPS, learning_rate=RUINOUS_RATE),
        "the guard went back and says so; not worse, kept, don't ship",
        lambda found: (
            found["reasons"][0].startswith("The guard took training back")
            and found["learned"] != "worse"
            and found["kept"] != "forgot"
            and not found["ship"]
        ),
    ),
)


def main() -> None:
    """Run the cases asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--cases", nargs="+", help="parts of the names of cases; all by default")
    parser.add_argument("--shuffle", type=Path, help="a finished run whose answer keys to shuffle")
    parser.add_argument("--itself", action="store_true", help="also the model against itself")
    chosen = parser.parse_args()
    for case in CASES:
        if chosen.cases and not any(part in case.name for part in chosen.cases):
            continue
        for seed in chosen.seeds:
            begin = time.monotonic()
            found = run_case(case, seed)
            _say(case.name, seed, case.expected, case.holds(found), found["verdict"], begin)
    for seed in chosen.seeds if chosen.shuffle else ():
        found = shuffled(chosen.shuffle, seed)
        right = found["learned"] != "yes" and not found["ship"]
        _say("keys shuffled", seed, "no gain", right, found["verdict"], time.monotonic())
    if chosen.itself:
        for seed in chosen.seeds:
            begin = time.monotonic()
            covered, no_change = itself(seed)
            words = f"zero inside the interval: {covered:.1%} of intervals; no change: {no_change}"
            _say("the model against itself", seed, "no change", covered >= 0.9, words, begin)


def _say(name: str, seed: int, expected: str, right: bool, said: str, begin: float) -> None:
    seconds = time.monotonic() - begin
    mark = "right" if right else "WRONG"
    print(f"{mark} | {name} | seed {seed} | {expected} | {said} | {seconds:.0f} s", flush=True)


def run_case(case: Case, seed: int) -> Evaluation:
    """One run in a folder of its own, up to its evaluation."""
    with tempfile.TemporaryDirectory() as name:
        return run_in(Path(name), case.settings, case.documents, seed)


def run_in(
    folder: Path,
    settings: Mapping[str, Any],
    change: Callable[[Path], None],
    seed: int,
    *,
    companies: int = 16,
) -> Evaluation:
    """Write a world into a folder, change its documents, and make ``folder/run`` of it."""
    world = make_world(seed, companies=companies)
    write_documents(world, folder / "documents")
    write_questions(world, folder / "questions.jsonl")
    _fewer(folder / "questions.jsonl")
    change(folder)
    data = {"general": "reading", "domain": [str(folder / "documents")]}
    recipe = recipe_from(
        {
            "model": "smollm2-135m",
            "output_dir": str(folder / "run"),
            "seed": seed,
            "evaluate": {
                "questions": str(folder / "questions.jsonl"),
                "probes": 0,
                "check_share": 0.0,
            },
            **settings,
            "data": {**data, **settings.get("data", {})},
        }
    )
    return evaluate(recipe, progress=Silent()).evaluation


def shuffled(run: Path, seed: int) -> Evaluation:
    """A finished run judged with another choice as each question's answer."""
    results = [
        json.loads((run / "scores" / f"{side}.json").read_text())["result"]
        for side in ("base", "tuned")
    ]
    rng = random.Random(seed)
    for name in ("questions", "probes"):
        keys = [
            rng.choice([c for c in row["choices"] if c != row["truth"]] or [row["truth"]])
            for row in results[0][name]
        ]
        for result in results:
            result[name] = [_keyed(row, key) for row, key in zip(result[name], keys, strict=True)]
    return judge(*results)


def _keyed(row: dict[str, Any], key: str) -> dict[str, Any]:
    """A ranked question with another answer."""
    if not row["choices"]:
        return row
    asked = Question(row["id"], row["question"], key, choices=tuple(row["choices"]))
    found = ranked(asked, row["scores"])
    kept = {name: found[name] for name in ("truth", "rank", "first", "margin")}
    exact = None if row["exact"] is None else False
    return {**row, **kept, "first_beyond_prior": found["first"], "exact": exact}


def itself(seed: int) -> tuple[float, bool]:
    """The base model in fp32 against itself in bf16, on resampled items.

    Returns the share of all intervals in 40 repeats that hold zero, and whether the whole panel's
    verdict is "no change".
    """
    import torch

    with tempfile.TemporaryDirectory() as name:
        write_questions(make_world(seed), Path(name) / "questions.jsonl")
        asked = with_distractors(load_questions(Path(name) / "questions.jsonl"), seed)
    panel = Panel(
        general=tuple(general_texts())[:40],
        questions=tuple(q for q in asked if q.kind == "fact")[:_QUESTIONS],
        controls=tuple(q for q in asked if q.kind == "control")[:_CONTROLS],
    )
    model, tokenizer = load_model("smollm2-135m")
    one = measure(model, tokenizer, panel)
    two = measure(model.to(torch.bfloat16), tokenizer, panel)
    rng = random.Random(seed)
    inside = taken = 0
    for _ in range(REPEATS):
        measures = judge(*_resampled(one, two, rng))["measures"]
        for row in measures:
            if row["n"] and row["ci95"] is not None:
                taken += 1
                inside += row["ci95"][0] <= 1e-6 and row["ci95"][1] >= -1e-6
    return inside / taken, "no change" in judge(one, two)["verdict"]


def _resampled(
    one: Mapping[str, Any], two: Mapping[str, Any], rng: random.Random
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both results over the same random half of each set's items."""
    left, right = dict(one), dict(two)
    for name in ("general", "questions", "controls"):
        places = sorted(rng.sample(range(len(one[name])), len(one[name]) // 2))
        left[name] = [one[name][place] for place in places]
        right[name] = [two[name][place] for place in places]
    return left, right


if __name__ == "__main__":
    main()
