"""What each form of retelling is worth: one factor at a time, at the same number of tokens.

    python bench/forms.py --out runs/forms --corpus companies --tokens 115000 --seeds 0 1 2
    python bench/forms.py --out runs/icd --corpus icd.xml.gz --cells plain all --tokens 200000

Each cell trains one model on one corpus and asks it everything: the world's questions in new words
and reversed, controls, automatic probes (drafted once, in words that no cell trains on), and
general text. A cell that is there already isn't run again, and one that was cut off resumes.
Nothing of the change is taken back (``strength.scale = 1``), so that general loss shows what a
form does to it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from asked import Answers, ask, change_of_loss, check_settings, kept, share
from corpora import corpus_arguments, corpus_of

from steep.artifact import read_json, write_json
from steep.corpus.contamination import decontaminate
from steep.corpus.coverage import wordings_of
from steep.corpus.exposures import FEW_WORDINGS
from steep.corpus.retell import retell
from steep.corpus.shards import build_shards
from steep.progress import Silent
from steep.proof.measure import Panel
from steep.proof.probes.build import draft_probes
from steep.proof.probes.screen import Wanted, screen
from steep.proof.questions import Question
from steep.proof.scorer import Scorer
from steep.recipe import Recipe, recipe_from
from steep.stages.base import Base, open_base
from steep.stages.contamination import evaluation_items
from steep.stages.folder import open_run
from steep.stages.inputs import Inputs, read_inputs
from steep.stages.prepare import prepare_data
from steep.stages.probes import common_words
from steep.stages.train import train_stage

PLAIN = {"questions": 0, "reversed": 0, "records": 0, "restore": 0, "coverage": 0}
ADDED: dict[str, dict[str, int]] = {
    "questions": {"questions": 1},
    "reversed": {"reversed": 1},
    "records": {"records": 2},
    "restored": {"restore": 1},
    "coverage": {"coverage": 3},
}
ALL = {key: value for form in ADDED.values() for key, value in form.items()}
CELLS: dict[str, Mapping[str, Any]] = {
    "documents only": {"enabled": False},
    "plain": PLAIN,
    **{f"plain + {name}": {**PLAIN, **form} for name, form in ADDED.items()},
    "questions for blanks": {**PLAIN, "cloze": 0, "questions": 3},
    "all": {**PLAIN, **ALL},
    **{f"all - {name}": {**PLAIN, **ALL, **dict.fromkeys(form, 0)} for name, form in ADDED.items()},
    "all - shuffles": {**PLAIN, **ALL, "permute": 0},
    "all - blanks": {**PLAIN, **ALL, "cloze": 0},
    "all - names": {**PLAIN, **ALL, "names": False},
}


def main() -> None:
    """Run the cells asked for, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder for results and runs")
    corpus_arguments(parser)
    parser.add_argument("--cells", nargs="+", default=["plain", "all"], choices=list(CELLS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--tokens", type=int, default=115_000, help="trained on in each cell")
    parser.add_argument("--general", type=int, default=88, help="general texts to score")
    parser.add_argument("--probes", type=int, default=40, help="automatic ones; 0 for none")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--set", nargs="*", default=[], help="key=value, as for steep run")
    parser.add_argument("--count", action="store_true", help="only say what a pass would hold")
    given = parser.parse_args()
    for seed in given.seeds:
        bench = _Bench(given, seed)
        for cell in given.cells:
            if given.count:
                print(f"{cell} | {seed} | {bench.count(cell)}", flush=True)
                continue
            print(_line(cell, seed, bench.result(cell), bench.result("base")), flush=True)


class _Bench:
    """One corpus and seed: its questions, its probes, and the results of its cells."""

    def __init__(self, given: argparse.Namespace, seed: int) -> None:
        self._given, self._seed = given, seed
        self._folder = given.out / f"{Path(given.corpus).name}-{seed}"
        check_settings(self._folder, given, {"out", "cells", "seeds", "count"})
        self._documents, self._file, self._questions = corpus_of(given, self._folder, seed)
        self._inputs = read_inputs(self._recipe("plain"))
        self._base: Base | None = None

    def result(self, cell: str) -> dict[str, Any]:
        """What was found in a cell; "base" is the untrained model."""
        return kept(self._folder / f"{cell}.json", lambda: self._measured(cell))

    def count(self, cell: str) -> str:
        """Tokens of one pass by kind, and how many facts stand in how many wordings; no model."""
        recipe, base = open_base(self._recipe(cell))
        pieces = retell(self._inputs.split.trained, recipe.retell, random.Random(self._seed))
        shards = build_shards(pieces, base.tokenizer, recipe.train.max_seq_length)
        by_kind: Counter[str] = Counter()
        for owner, length in zip(shards.owners, shards.lengths, strict=True):
            by_kind[shards.pieces[owner].kind] += int(length)
        wordings = sorted(len(told) for told in wordings_of(pieces).values())
        thin = sum(count < FEW_WORDINGS for count in wordings)
        return (
            f"{by_kind.total():,} tokens: {dict(by_kind)} | {len(wordings)} facts, median of "
            f"wordings {median(wordings):g}, in fewer than {FEW_WORDINGS}: {thin}"
        )

    def _recipe(self, cell: str) -> Recipe:
        data = {"domain": [str(self._documents)], "general": "reading", "general_share": 0.2}
        values: dict[str, Any] = {
            "model": self._given.model,
            "output_dir": str((self._folder / "runs" / cell).absolute()),
            "seed": self._seed,
            "data": data,
            "train": {"max_tokens": self._given.tokens, "per_device_train_batch_size": 1},
            "retell": dict(CELLS[cell]),
            "strength": {"scale": 1.0},
            "evaluate": {"probes": 0, "check_share": 0.0},
        }
        if self._file:
            values["evaluate"]["questions"] = str(self._file)
        return recipe_from(values, self._given.set)

    def _opened(self) -> tuple[Recipe, Base]:
        recipe, base = open_base(self._recipe("plain"))
        self._base = self._base or base
        return recipe, self._base

    def _measured(self, cell: str) -> dict[str, Any]:
        probes = self._probes()
        _, base = self._opened()
        if cell == "base":
            return self._asked(base.model, base.tokenizer, probes)
        recipe, base = open_base(self._recipe(cell))
        run = open_run(recipe)
        prepared = prepare_data(recipe, self._inputs, base, run, Silent())
        begin = time.monotonic()
        trained = train_stage(
            recipe, self._inputs, base, prepared, run, Silent(), panel=lambda: Panel()
        )
        model = trained.load()
        seconds = time.monotonic() - begin
        return {
            **self._asked(model, base.tokenizer, probes),
            "training_seconds": round(seconds, 1),
            "steps": prepared.steps,
            "trained": prepared.ledger["trained"],
            "facts": prepared.ledger["facts"],
            "retell": recipe.retell.model_dump(),
        }

    def _asked(self, model: Any, tokenizer: Any, probes: Sequence[Question]) -> dict[str, Any]:
        return ask(model, tokenizer, [*self._questions, *probes], self._given.general).as_json()

    def _probes(self) -> list[Question]:
        """Automatic probes in words that none of the cells trains on, made once."""
        path, wanted = self._folder / "probes.json", self._given.probes
        if not wanted:
            return []
        if not path.is_file():
            recipe, base = self._opened()
            draft = draft_probes(
                self._inputs.split.trained,
                self._inputs.split.held_out,
                _texts(self._inputs, [self._recipe(cell) for cell in CELLS]),
                is_common=common_words(base.tokenizer),
                wanted=4 * wanted,
                seed=recipe.seed,
            )
            forms = Wanted(wanted, wanted // 2, wanted // 2, 0)
            found = screen(Scorer(base.model, base.tokenizer), draft, forms, None)
            write_json(path, [asdict(question) for question in found.questions])
        return [
            Question(**{**row, "aliases": tuple(row["aliases"]), "choices": tuple(row["choices"])})
            for row in read_json(path)
        ]


def _texts(inputs: Inputs, recipes: Sequence[Recipe]) -> list[str]:
    """Every text that any of the recipes trains on."""
    items = evaluation_items(inputs)
    pieces = [
        piece
        for recipe in recipes
        for piece in retell(inputs.split.trained, recipe.retell, random.Random(recipe.seed))
    ]
    kept = decontaminate(pieces, items).kept
    return [*dict.fromkeys(f"{p.prompt}{p.text}" for p in kept), *(inputs.replay or ())]


def _line(cell: str, seed: int, found: Mapping[str, Any], base: Mapping[str, Any]) -> str:
    """A cell's shares with the intervals of their change, and general loss, as a table's row."""
    before, after = Answers.from_json(base), Answers.from_json(found)
    parts = [cell, str(seed), *(share(before, after, name) for name in after.sets())]
    parts.append(change_of_loss(before, after))
    parts.append(f"{found.get('training_seconds', 0):.0f} s, {found.get('steps', 0)} steps")
    parts.append(json.dumps(found.get("trained", {}).get("by_kind", {})))
    return " | ".join(parts)


if __name__ == "__main__":
    main()
