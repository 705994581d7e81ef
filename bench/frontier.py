"""What a recipe's model knows at each strength, and what it costs on text from elsewhere.

    python bench/frontier.py --out runs/frontier --corpus companies --seeds 0 1 2 \
        --outside wikitext=wikitext-2/test.txt wikipedia=wikipedia-1000.jsonl

Trains the demo's recipe on a world (or on any folder with its questions) and turns the model to
several strengths. At each it is asked the world's questions in new words, reversed ones and
controls, and scores the validation texts by which steep would choose a strength, the panel's texts
by which it would judge, and texts that nobody of the project wrote. Nothing corrects what training
does. A seed that is there already isn't run again, and one that was cut off resumes.
"""

from __future__ import annotations

import argparse
import time
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from asked import Answers, ask, change_of_loss, check_settings, kept, share, train_cell
from corpora import corpus_arguments, corpus_of
from elsewhere import texts_from_elsewhere

from steep.model.strength import StrengthDial
from steep.proof.questions import (
    general_texts,
    reference_texts,
    validation_reference_texts,
    validation_texts,
)
from steep.recipe import Recipe, recipe_from
from steep.stages.base import Base, open_base
from steep.stages.strength import as_trained


def main() -> None:
    """Train each seed, and print a line for each strength."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder for results and runs")
    corpus_arguments(parser)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--recipe", type=Path, help="other settings than the demo's")
    parser.add_argument("--strengths", type=float, nargs="+", default=[1.0, 0.8, 0.7, 0.6])
    parser.add_argument("--outside", nargs="*", default=[], help="name=file: .txt, or .jsonl")
    parser.add_argument("--set", nargs="*", default=[], help="key=value, as for steep run")
    given = parser.parse_args()
    for seed in given.seeds:
        folder = given.out / f"{Path(given.corpus).name}-{seed}"
        check_settings(folder, given, {"out", "seeds", "strengths"})
        bench = _Bench(given, seed, folder)
        base = bench.result(0.0)
        for strength in given.strengths:
            print(_line(seed, strength, base, bench.result(strength)), flush=True)


class _Bench:
    """One seed: its model is trained when the first strength is asked for."""

    def __init__(self, given: argparse.Namespace, seed: int, folder: Path) -> None:
        self._folder = folder
        documents, file, self._questions = corpus_of(given, folder, seed)
        self._recipe = _recipe(given, seed, folder, documents, file)
        self._texts = {
            "validation prose": list(validation_texts()),
            "validation reference": list(validation_reference_texts()),
            "prose": [text for _, text in general_texts()],
            "reference": [text for _, text in reference_texts()],
            **texts_from_elsewhere(given.outside),
        }
        self._opened: tuple[Recipe, Base] | None = None
        self._tuned: tuple[Any, StrengthDial] | None = None

    def result(self, strength: float) -> dict[str, Any]:
        """What was found at a strength; 0 is the untrained model."""
        return kept(self._folder / f"{strength:.2f}.json", lambda: self._measured(strength))

    def _open(self) -> tuple[Recipe, Base]:
        if self._opened is None:
            self._opened = open_base(self._recipe)
        return self._opened

    def _trained(self) -> tuple[Any, StrengthDial]:
        if self._tuned is None:
            recipe, base = self._open()
            begin = time.monotonic()
            _, trained = train_cell(recipe, base)
            model = trained.load()
            print(f"trained in {time.monotonic() - begin:.0f} s", flush=True)
            self._tuned = model, StrengthDial(model, base.take)
        return self._tuned

    def _measured(self, strength: float) -> dict[str, Any]:
        _, base = self._open()
        if not strength:
            model = base.model
        else:
            model, dial = self._trained()
            dial.turn(strength)
        texts = [text for kind in self._texts.values() for text in kind]
        with as_trained(model, "fp32"):
            found = ask(model, base.tokenizer, self._questions, texts).as_json()
        kinds = [name for name, kind in self._texts.items() for _ in kind]
        return {**found, "kinds": kinds}


def _recipe(
    given: argparse.Namespace, seed: int, folder: Path, documents: Path, file: Path | None
) -> Recipe:
    """The recipe, with nothing that would take back what training does."""
    own = given.recipe or resources.files("steep.demo").joinpath("recipe.toml")
    values: dict[str, Any] = tomllib.loads(own.read_text("utf-8"))
    values |= {
        "seed": seed,
        "output_dir": str((folder / "run").absolute()),
        "guard": {"enabled": False},
        "strength": {"scale": 1.0},
        "evaluate": {"probes": 0, "check_share": 0.0},
    }
    values["data"] |= {"domain": [str(documents)]}
    if file:
        values["evaluate"]["questions"] = str(file)
    return recipe_from(values, given.set)


def _line(seed: int, strength: float, base: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """A strength as a table's row: questions, then each kind of text."""
    before, after = Answers.from_json(base), Answers.from_json(found)
    parts = [str(seed), f"{strength:.0%}", *(share(before, after, name) for name in after.sets())]
    for kind in dict.fromkeys(found["kinds"]):
        parts.append(f"{kind}: {change_of_loss(*(_only(found, s, kind) for s in (before, after)))}")
    return " | ".join(parts)


def _only(found: Mapping[str, Any], side: Answers, kind: str) -> Answers:
    """Answers with the texts of one kind."""
    pairs = zip(found["kinds"], side.general, strict=True)
    return Answers([], [row for name, row in pairs if name == kind])


if __name__ == "__main__":
    main()
