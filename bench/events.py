"""News since the model's cut-off: is it answered after training, and not before?

    python bench/events.py --out runs/events --news tz-NEWS.txt \\
        --questions bench/worlds/timezones.jsonl --steps 230 --seeds 0 1 2

The news is one text file of dated entries, or a folder of documents. Trained are the recipe for
recent events (``recipes/recent_events.toml``), the same without date lines, and the documents
alone, for as many steps. Questions of kind "control" ask for what the news doesn't tell: their
share must not move. Intervals are of the change against the base model, 95%, paired by question,
resampling facts. A cell that is there already isn't run again.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from asked import Answers, ask, change_of_loss, check_settings, kept, share, train_cell

from steep.proof.questions import load_questions, with_distractors
from steep.recipe import Recipe, load_recipe
from steep.stages.base import open_base

RECIPE = Path(__file__).parents[1] / "recipes" / "recent_events.toml"
CELLS: dict[str, tuple[str, ...]] = {
    "recipe": (),
    "without date lines": ("retell.dates=false",),
    "documents only": ("retell.enabled=false",),
}


def main() -> None:
    """Run the cells asked for, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder for results and runs")
    parser.add_argument("--news", type=Path, required=True, help="dated entries, or a folder")
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--cells", nargs="+", default=["recipe"], choices=list(CELLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--steps", type=int, default=230)
    parser.add_argument("--general", type=int, default=88, help="general texts to score")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--set", nargs="*", default=[], help="key=value, as for steep run")
    given = parser.parse_args()
    check_settings(given.out, given, {"out", "cells", "seeds"})
    lines: list[str] = []
    for seed in given.seeds:
        before = Answers.from_json(_result(given, "base", seed))
        for cell in given.cells:
            found = _result(given, cell, seed)
            after = Answers.from_json(found)
            parts = [cell, str(seed)]
            parts += [f"base {_right(before, n)}, {share(before, after, n)}" for n in after.sets()]
            parts += [change_of_loss(before, after), f"{found['steps']} steps"]
            parts.append(f"{found['date_lines']} date lines")
            lines.append(f"| {' | '.join(parts)} |")
            print(lines[-1], flush=True)
    (given.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _right(answers: Answers, name: str) -> str:
    rows = [row["first"] for row in answers.questions if row["set"] == name]
    return f"{sum(rows) / len(rows):.1%}"


def _result(given: argparse.Namespace, cell: str, seed: int) -> dict[str, Any]:
    """What was found in a cell; "base" is the untrained model."""
    return kept(given.out / f"{cell}-{seed}.json", lambda: _measured(given, cell, seed))


def _recipe(given: argparse.Namespace, cell: str, seed: int) -> Recipe:
    news = f"{given.news.absolute()}{'?split=dated' if given.news.is_file() else ''}"
    run = given.out / "runs" / f"{cell}-{seed}"
    return load_recipe(
        RECIPE,
        [
            f"model={given.model}",
            f"seed={seed}",
            f"output_dir='{run.absolute()}'",
            f"data.domain=['{news}']",
            "data.held_out_share=0.0",  # every entry is asked about
            f"train.max_steps={given.steps}",
            *("train.per_device_train_batch_size=1", "guard.enabled=false", "strength.scale=1.0"),
            *("evaluate.probes=0", "evaluate.check_share=0.0"),
            f"evaluate.questions='{given.questions.absolute()}'",
            *CELLS[cell],
            *given.set,
        ],
    )


def _measured(given: argparse.Namespace, cell: str, seed: int) -> dict[str, Any]:
    recipe, base = open_base(_recipe(given, "recipe" if cell == "base" else cell, seed))
    questions = with_distractors(load_questions(given.questions), seed)
    asked = [question for question in questions if question.choices]
    if cell == "base":
        return ask(base.model, base.tokenizer, asked, given.general).as_json()
    prepared, trained = train_cell(recipe, base)
    return {
        **ask(trained.load(), base.tokenizer, asked, given.general).as_json(),
        "steps": prepared.steps,
        "date_lines": prepared.ledger["sources"]["date_lines"],
        "trained": prepared.ledger["trained"],
    }


if __name__ == "__main__":
    main()
