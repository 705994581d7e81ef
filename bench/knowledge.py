"""How soon facts can be asked for, by how many there are, and against the classic recipe.

    python bench/knowledge.py --out runs/knowledge --cells lora notebook "notebook 1e-3"
    python bench/knowledge.py --out runs/capacity --companies 12 40 200 --passes 20 \\
        --cells lora full

A cell is a recipe of ``recipes/`` on the demo's world of so many companies (12 to 400), five facts
each. While it trains, a sample of 24 questions in new words is asked by the clock
(``metrics.jsonl``); training seconds leave that out. "80%" is the first moment from which two
checks in a row lie at 80% or more. At the end all questions and the general texts are asked,
nothing of the change taken back. A cell that is there already isn't run again, and one that was
cut off resumes.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from asked import Answers, ask, change_of_loss, kept, share

from steep.cli.demo import demo_recipe
from steep.demo import make_world, write_demo
from steep.progress import Silent
from steep.proof.measure import Panel
from steep.proof.questions import load_questions, with_distractors
from steep.recipe import Recipe
from steep.stages.base import open_base
from steep.stages.folder import open_run
from steep.stages.inputs import read_inputs
from steep.stages.prepare import prepare_data
from steep.stages.train import train_stage

RECIPES = Path(__file__).parents[1] / "recipes"
CELLS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "lora": (None, ()),  # the demo's own
    "full": ("full.toml", ()),
    "notebook": ("notebook.toml", ()),
    **{
        f"notebook {rate}": ("notebook.toml", (f"train.learning_rate={rate}",))
        for rate in ("1e-4", "1e-3", "2e-3")
    },
}
LEVELS = (0.5, 0.8, 0.9)


def main() -> None:
    """Run the cells asked for, and print a line for each and the growth over sizes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder for results and runs")
    parser.add_argument("--cells", nargs="+", default=["lora", "notebook"], choices=list(CELLS))
    parser.add_argument("--companies", type=int, nargs="+", default=[16])
    parser.add_argument("--passes", type=float, help="instead of the recipe's own budget")
    parser.add_argument("--tokens", type=int, help="instead of the recipe's own budget")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--general", type=int, default=88, help="general texts to score")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--set", nargs="*", default=[], help="key=value, as for steep run")
    given = parser.parse_args()
    for cell in given.cells:
        for seed in given.seeds:
            found = [_result(given, cell, seed, companies) for companies in given.companies]
            for row in found:
                print(_line(cell, seed, row), flush=True)
            if len(found) > 1:
                print(_growth(cell, seed, found), flush=True)


def _result(given: argparse.Namespace, cell: str, seed: int, companies: int) -> dict[str, Any]:
    folder = given.out / f"{companies}-{seed}"
    return kept(
        folder / f"{cell}.json", lambda: _measured(given, cell, seed, companies, folder / cell)
    )


def _recipe(given: argparse.Namespace, cell: str, seed: int, folder: Path) -> Recipe:
    name, own = CELLS[cell]
    settings = [
        *own,
        f"model={given.model}",
        f"seed={seed}",
        "evaluate.probes=0",
        "evaluate.check_share=0.3",
        *given.set,
    ]
    recipe = demo_recipe(folder, RECIPES / name if name else None, seed, settings)
    budget = {"epochs": given.passes, "max_tokens": given.tokens}
    if any(budget.values()):
        train = {**recipe.train.model_dump(), "max_steps": None, **budget}
        recipe = recipe.model_copy(update={"train": type(recipe.train)(**train)})
    return recipe


def _measured(
    given: argparse.Namespace, cell: str, seed: int, companies: int, folder: Path
) -> dict[str, Any]:
    asked_for = _recipe(given, cell, seed, folder)
    shutil.rmtree(folder / "documents")  # the recipe's, of the usual size
    demo = write_demo(folder, seed=seed, companies=companies)
    inputs = read_inputs(asked_for)
    questions = [q for q in with_distractors(load_questions(demo.questions), seed) if q.choices]
    recipe, base = open_base(asked_for)
    before = ask(base.model, base.tokenizer, questions, given.general)
    run = open_run(recipe)
    prepared = prepare_data(recipe, inputs, base, run, Silent())
    panel = Panel(questions=tuple(q for q in questions if q.kind != "control"))
    trained = train_stage(recipe, inputs, base, prepared, run, Silent(), panel=lambda: panel)
    after = ask(trained.load(), base.tokenizer, questions, given.general)
    lines = [json.loads(line) for line in run.metrics.read_text("utf-8").splitlines()]
    return {
        "facts": len(make_world(seed, companies=companies).facts),
        "steps": prepared.steps,
        "seconds": round(sum(line["seconds"] for line in lines), 1),
        "tokens": sum(line["tokens"] for line in lines),
        "curve": _curve(lines),
        "before": before.as_json(),
        "after": after.as_json(),
    }


def _curve(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """The checks: after how many steps, tokens and seconds of training which share was right."""
    points: list[dict[str, float]] = []
    seconds = tokens = 0.0
    for line in lines:
        seconds, tokens = seconds + line["seconds"], tokens + line["tokens"]
        if "fact_accuracy" in line.get("checks", {}):
            right = line["checks"]["fact_accuracy"]
            points.append(
                {"step": line["step"], "tokens": tokens, "seconds": seconds, "right": right}
            )
    return points


def reached(curve: Sequence[Mapping[str, float]], level: float) -> Mapping[str, float] | None:
    """The first point from which two checks in a row lie at ``level`` or above; None if never."""
    for place, point in enumerate(curve):
        if all(near["right"] >= level for near in curve[place : place + 2]):
            return point
    return None


def _line(cell: str, seed: int, found: Mapping[str, Any]) -> str:
    before, after = (Answers.from_json(found[side]) for side in ("before", "after"))
    parts = [f"{cell} | seed {seed} | {found['facts']} facts"]
    for level in LEVELS:
        point = reached(found["curve"], level)
        said = f"{point['seconds']:.0f} s, step {point['step']:.0f}" if point else "never"
        parts.append(f"{level:.0%}: {said}")
    parts += [share(before, after, name) for name in before.sets()]
    parts.append(change_of_loss(before, after))
    parts.append(f"{found['seconds']:.0f} s, {found['steps']} steps, {found['tokens']:,} tokens")
    return " | ".join(parts)


def _growth(cell: str, seed: int, found: Sequence[Mapping[str, Any]]) -> str:
    """The exponent k of tokens ~ facts^k until 90%, by least squares in the logarithms."""
    points = [(row["facts"], reached(row["curve"], 0.9)) for row in found]
    there = [(math.log(n), math.log(point["tokens"])) for n, point in points if point]
    if len(there) < 2:
        return f"{cell} | seed {seed} | too few sizes reached 90% for an exponent"
    x, y = ([pair[i] for pair in there] for i in (0, 1))
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    slope = sum((a - mean_x) * (b - mean_y) for a, b in there) / sum((a - mean_x) ** 2 for a in x)
    return f"{cell} | seed {seed} | tokens to 90% grow as facts^{slope:.2f} over {len(there)} sizes"


if __name__ == "__main__":
    main()
