"""What replay saves of the model's general text, as text to train on and held to the base by KL.

    python bench/replay.py --out runs/replay --corpus companies --passes 4 --seeds 0 1 2
    python bench/replay.py --out runs/icd --corpus icd.xml.gz --cells none self --questions q.jsonl

Each cell trains the same passes over the same documents, from the same seed; replay comes on top,
by its share of tokens. Asked are the world's questions in new words, reversed ones and controls,
and general text of another source than any replay. Nothing corrects what a cell does (no guard,
all of the change kept). "removed" is the part of the rise of general loss without replay that a
cell doesn't have, with a 95% interval over texts (paired bootstrap). A cell that is there already
isn't run again, and one that was cut off resumes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from asked import Answers, ask, change_of_loss, check_settings, kept, share
from corpora import corpus_arguments, corpus_of

from steep.progress import Silent
from steep.proof.measure import Panel
from steep.recipe import Recipe, recipe_from
from steep.stages.base import open_base
from steep.stages.folder import open_run
from steep.stages.inputs import read_inputs
from steep.stages.prepare import prepare_data
from steep.stages.train import train_stage

RESAMPLES = 10_000
TEXT: dict[str, Any] = {"replay_kl_coef": 0.0}
BOTH: dict[str, Any] = {"replay_kl_coef": 1.0, "replay_kl_only": False}
HELD: dict[str, Any] = {"replay_kl_coef": 1.0, "replay_kl_only": True}
CELLS: dict[str, tuple[str | None, dict[str, Any]]] = {
    "none": (None, {}),
    "self": ("self", TEXT),
    "self + kl": ("self", BOTH),
    "self, held": ("self", HELD),
    "reading": ("reading", TEXT),
    "reading + kl": ("reading", BOTH),
    "reading, held": ("reading", HELD),
}
"""Where replay comes from (None: there is none), and whether it is trained on as text, held to the
base by the divergence, or both."""


def main() -> None:
    """Run the cells asked for, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder for results and runs")
    corpus_arguments(parser)
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--passes", type=float, default=4.0, help="over the documents")
    parser.add_argument("--share", type=float, default=0.2, help="of the tokens, replay")
    parser.add_argument("--general", type=int, default=88, help="general texts to score")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--set", nargs="*", default=[], help="key=value, as for steep run")
    given = parser.parse_args()
    for seed in given.seeds:
        bench = _Bench(given, seed)
        base = bench.result("base")
        none = bench.result("none") if "none" in given.cells else None
        for cell in given.cells:
            print(line(cell, seed, base, none, bench.result(cell)), flush=True)


class _Bench:
    """One corpus and seed, and the results of its cells."""

    def __init__(self, given: argparse.Namespace, seed: int) -> None:
        self._given, self._seed = given, seed
        self._folder = given.out / f"{Path(given.corpus).name}-{seed}"
        check_settings(self._folder, given, {"out", "cells", "seeds"})
        self._documents, self._file, self._questions = corpus_of(given, self._folder, seed)

    def result(self, cell: str) -> dict[str, Any]:
        """What was found in a cell; "base" is the untrained model."""
        return kept(self._folder / f"{cell}.json", lambda: self._measured(cell))

    def _recipe(self, cell: str) -> Recipe:
        source, loss = CELLS[cell]
        values: dict[str, Any] = {
            "model": self._given.model,
            "output_dir": str((self._folder / "runs" / cell).absolute()),
            "seed": self._seed,
            "data": {
                "domain": [str(self._documents)],
                "general": source or "reading",
                "general_share": self._given.share if source else 0.0,
            },
            "train": {
                "epochs": self._given.passes,
                "per_device_train_batch_size": 1,
                **loss,
            },
            "guard": {"enabled": False},
            "strength": {"scale": 1.0},
            "evaluate": {"probes": 0, "check_share": 0.0},
        }
        if self._file:
            values["evaluate"]["questions"] = str(self._file)
        return recipe_from(values, self._given.set)

    def _measured(self, cell: str) -> dict[str, Any]:
        if cell == "base":
            _, base = open_base(self._recipe("none"))
            return self._asked(base.model, base.tokenizer)
        recipe, base = open_base(self._recipe(cell))
        inputs = read_inputs(recipe)
        run = open_run(recipe)
        prepared = prepare_data(recipe, inputs, base, run, Silent())
        begin = time.monotonic()
        trained = train_stage(recipe, inputs, base, prepared, run, Silent(), panel=lambda: Panel())
        model = trained.load()
        seconds = round(time.monotonic() - begin, 1)
        return {
            **self._asked(model, base.tokenizer),
            "training_seconds": seconds,
            "steps": prepared.steps,
            "trained": prepared.ledger["trained"],
            "alarm": trained.alarm,
        }

    def _asked(self, model: Any, tokenizer: Any) -> dict[str, Any]:
        return ask(model, tokenizer, self._questions, self._given.general).as_json()


Found = Mapping[str, Any]


def line(cell: str, seed: int, base: Found, none: Found | None, found: Found) -> str:
    """A cell as a table's row: the rise, how much of it is removed, and the questions.

    Intervals of questions are of the change against the cell without replay.
    """
    after = Answers.from_json(found)
    parts = [cell, str(seed), change_of_loss(Answers.from_json(base), after)]
    if none is not None and found is not none:
        part, low, high = removed(*(side["general"] for side in (base, none, found)))
        parts.append(f"removed {part:.0%} ({low:.0%} to {high:.0%})")
    parts += [share(Answers.from_json(none or base), after, name) for name in after.sets()]
    if found.get("alarm"):
        parts.append(f"alarm: {found['alarm']}")
    trained = found.get("trained", {})
    parts.append(f"{found.get('training_seconds', 0):.0f} s, {found.get('steps', 0)} steps")
    parts.append(f"{trained.get('general_share', 0):.0%} replay")
    return " | ".join(parts)


def removed(
    base: Sequence[Sequence[float]],
    none: Sequence[Sequence[float]],
    cell: Sequence[Sequence[float]],
) -> tuple[float, float, float]:
    """Part of the rise without replay that a cell doesn't have, and its 95% interval.

    Args:
        base, none, cell: (nats, tokens) of each text by the base, without replay and in the cell.
    """
    nats = np.array([[row[0] for row in side] for side in (base, none, cell)])
    count = nats.shape[1]
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, count, (RESAMPLES, count))

    def part(sums: Any) -> Any:
        return 1.0 - (sums[2] - sums[0]) / (sums[1] - sums[0])

    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = np.nanpercentile(part(nats[:, drawn].sum(2)), [2.5, 97.5])
        return float(part(nats.sum(1))), float(low), float(high)


if __name__ == "__main__":
    main()
