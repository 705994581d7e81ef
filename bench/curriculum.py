"""The same documents in stages and shuffled: is an order worth anything?

    python bench/curriculum.py --out runs/curriculum --corpus companies --passes 8 --seeds 0 1 2
    python bench/curriculum.py --out runs/icd --corpus icd10cm-tabular.xml.gz --size 12 --passes 6

A corpus has levels, from the broad to the particular: of the demo's world the documents that tell
of several companies, then those of one; of a classification of diseases (XML) its chapters, blocks
and codes; of any other folder its subfolders, by name (with ``--questions``). Every cell passes as
often over the same documents with the same share of replay; only their order differs. Intervals
are of the difference from the shuffled cell, 95%, paired by question, resampling facts. Nothing
corrects what a cell does. A cell that is there already isn't run again, and ``table.md`` holds all.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from asked import Answers, ask, change_of_loss, check_settings, kept, share, train_cell
from worlds import icd

from steep.demo import make_world, write_demo
from steep.proof.questions import load_questions, with_distractors
from steep.recipe import Recipe, recipe_from
from steep.stages.base import open_base

SEVERAL = 3  # companies that a broad document names
SHUFFLED = "shuffled"
CELLS: dict[str, tuple[int, bool]] = {
    SHUFFLED: (0, False),
    "broad to particular": (1, False),
    "broad to particular, re-warmed": (1, True),
    "particular to broad": (-1, False),
}
"""The direction through the levels (0: all at once), and whether each stage warms up again."""


def main() -> None:
    """Run the cells asked for, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder for results and runs")
    parser.add_argument("--corpus", default="companies", help="companies, an .xml.gz, or a folder")
    parser.add_argument("--questions", type=Path, help="of a corpus given as a folder")
    parser.add_argument("--size", type=int, default=16, help="companies, or blocks of diseases")
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--passes", type=float, default=8.0, help="over every document")
    parser.add_argument("--most", type=int, default=400, help="questions asked, evenly chosen")
    parser.add_argument("--general", type=int, default=88, help="general texts to score")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--set", nargs="*", default=[], help="key=value, as for steep run")
    given = parser.parse_args()
    lines: list[str] = []
    for seed in given.seeds:
        bench = _Bench(given, seed)
        base = bench.result("base")
        shuffled = bench.result(SHUFFLED)
        for cell in given.cells:
            lines.append(line(cell, seed, base, shuffled, bench.result(cell)))
            print(lines[-1], flush=True)
    (given.out / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


class _Bench:
    """One corpus and seed: its levels, its questions, and the results of its cells."""

    def __init__(self, given: argparse.Namespace, seed: int) -> None:
        self._given, self._seed = given, seed
        self._folder = given.out / f"{Path(given.corpus).name}-{seed}"
        check_settings(self._folder, given, {"out", "cells", "seeds"})
        self._levels, self._file = levels_of(given, self._folder, seed)
        asked = [q for q in with_distractors(load_questions(self._file), seed) if q.choices]
        count = min(given.most, len(asked))
        self._questions = [asked[n * len(asked) // count] for n in range(count)]

    def result(self, cell: str) -> dict[str, Any]:
        """What was found in a cell; "base" is the untrained model."""
        return kept(self._folder / f"{cell}.json", lambda: self._measured(cell))

    def _recipe(self, cell: str) -> Recipe:
        direction, rewarmed = CELLS[cell]
        levels = [str(level.absolute()) for level in self._levels][:: direction or 1]
        train: dict[str, Any] = {
            "epochs": self._given.passes,
            "per_device_train_batch_size": 1,
        }
        if direction:
            before = [{"domain": [level], "epochs": self._given.passes} for level in levels[:-1]]
            train |= {"stages": before, "rewarm_stages": rewarmed}
        values: dict[str, Any] = {
            "model": self._given.model,
            "output_dir": str((self._folder / "runs" / cell).absolute()),
            "seed": self._seed,
            "data": {
                "domain": levels[-1:] if direction else levels,
                "general": "reading",
                "general_share": 0.2,
                "held_out_share": 0.0,
            },
            "train": train,
            "guard": {"enabled": False},
            "strength": {"scale": 1.0},
            "evaluate": {"probes": 0, "check_share": 0.0, "questions": str(self._file)},
        }
        return recipe_from(values, self._given.set)

    def _measured(self, cell: str) -> dict[str, Any]:
        recipe, base = open_base(self._recipe(SHUFFLED if cell == "base" else cell))
        if cell == "base":
            return self._asked(base.model, base.tokenizer)
        prepared, trained = train_cell(recipe, base)
        return {
            **self._asked(trained.load(), base.tokenizer),
            "steps": prepared.steps,
            "trained": prepared.ledger["trained"],
            "alarm": trained.alarm,
        }

    def _asked(self, model: Any, tokenizer: Any) -> dict[str, Any]:
        return ask(model, tokenizer, self._questions, self._given.general).as_json()


def levels_of(given: argparse.Namespace, folder: Path, seed: int) -> tuple[list[Path], Path]:
    """The levels' folders, broadest first, and the questions' file."""
    if given.corpus == "companies":
        return _companies(folder, seed, given.size)
    corpus = Path(given.corpus)
    if corpus.is_file():
        return icd.write_world(corpus, folder, seed, given.size)
    levels = sorted(path for path in corpus.iterdir() if path.is_dir())
    if len(levels) < 2 or given.questions is None:
        raise SystemExit(f"{corpus}: give a folder for each level in it, and --questions")
    return levels, given.questions.absolute()


def _companies(folder: Path, seed: int, count: int) -> tuple[list[Path], Path]:
    """The demo's documents, those that name several companies before those of one or two."""
    demo = write_demo(folder / "world", seed=seed, companies=count)
    names = {fact.subject for fact in make_world(seed, companies=count).facts}
    levels = [folder / "documents" / name for name in ("1-several", "2-one")]
    for path in sorted(path for path in demo.documents.rglob("*") if path.is_file()):
        text = path.read_text(encoding="utf-8")
        level = levels[sum(name in text for name in names) < SEVERAL]
        level.mkdir(parents=True, exist_ok=True)
        place = "-".join(path.relative_to(demo.documents).parts)
        shutil.copyfile(path, level / place)
    return levels, demo.questions


Found = Mapping[str, Any]


def line(cell: str, seed: int, base: Found, shuffled: Found, found: Found) -> str:
    """A cell as a table's row; intervals of questions are of the change against the shuffled."""
    after = Answers.from_json(found)
    parts = [cell, str(seed)]
    parts += [share(Answers.from_json(shuffled), after, name) for name in after.sets()]
    parts.append(change_of_loss(Answers.from_json(base), after))
    parts.append(f"{found['steps']} steps, {found['trained']['tokens']:,} tokens")
    if found.get("alarm"):
        parts.append(f"alarm: {found['alarm']}")
    return f"| {' | '.join(parts)} |"


if __name__ == "__main__":
    main()
