"""A new language on a real model: what it gains in the language, and what it loses in English.

    python bench/language.py --out runs/hindi --corpus hindi/seva --sentences hi_pud.conllu \\
        --english wikitext-2/test.txt --minutes 40 --seeds 0 --learned 0 2000

A cell is one run of a recipe (``recipes/hindi.toml``), with so many learned tokens or none, through
to the exported model, which is loaded again as a user would and judged: bits per byte of the
held-out parts of the corpus and of sentences of another source, nats per token (the base's tokens)
of English, translations told apart, bytes of text read per second of training. With ``--minutes``
a short training first finds how many steps fit, so that cells have equal time; ``--tokens`` is the
budget where another machine is to speak for this one. What a run keeps within its forgetting budget
is what is judged. A cell that is there already isn't run again, one
that was cut off resumes, and ``table.md`` holds all that are there.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from asked import check_settings, kept
from parts import read_sentences, write_parts

from steep import load_model
from steep.proof.scorer import Scorer
from steep.proof.statistics import Difference, ratio_difference
from steep.recipe import Recipe, load_recipe
from steep.workflow import export, train

RECIPES = Path(__file__).parents[1] / "recipes"
TRIAL_STEPS = 8
HEADER = (
    "| tokens added | seed | steps, minutes | bytes/s | tokens a word | held-out bits per byte "
    "| sentences, bits per byte | English, nats per token | translations right |"
)


def main() -> None:
    """Run the cells asked for, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="a folder for results and runs")
    parser.add_argument("--corpus", type=Path, required=True, help="a folder of texts")
    parser.add_argument("--recipe", type=Path, default=RECIPES / "hindi.toml")
    parser.add_argument("--sentences", type=Path, help="CoNLL-U (with text_en: pairs), or lines")
    parser.add_argument("--english", type=Path, required=True, help="a text file")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="of training")
    budget.add_argument("--steps", type=int)
    budget.add_argument("--tokens", type=int, help="trained on, replay included")
    parser.add_argument("--learned", type=int, nargs="+", default=[0], help="tokens to add")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--texts", type=int, default=200, help="sentences, and English passages")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--set", nargs="*", default=[], help="key=value, as for steep run")
    given = parser.parse_args()
    check_settings(given.out, given, {"out", "seeds", "learned"})
    bench = _Bench(given)
    for seed in given.seeds:
        for learned in given.learned:
            bench.result(learned, seed)
            table = [HEADER, "|---" * (HEADER.count("|") - 1) + "|", *_rows(given.out)]
            (given.out / "table.md").write_text("\n".join(table) + "\n", encoding="utf-8")
            print(table[-1], flush=True)


class _Bench:
    """One corpus, its sentences and English, and the results of its cells."""

    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        self._parts = write_parts(given.corpus, given.out / "documents").absolute()
        self._sentences = read_sentences(given.sentences) if given.sentences else []
        self._steps: dict[int, int] = {}
        self._english = passages(given.english.read_text(encoding="utf-8"), given.texts)

    def result(self, learned: int, seed: int) -> dict[str, Any]:
        """What was found in a cell, beside the base model on the same texts."""
        place = self._given.out / f"cell-{learned}-{seed}.json"
        return kept(place, lambda: self._measured(learned, seed))

    def _recipe(self, name: str, learned: int, seed: int, budget: str) -> Recipe:
        own = [f"vocabulary.learned={learned}"] if learned else []
        if pairs := self._pairs():
            own.append(f"evaluate.parallel={json.dumps(str(pairs))}")
        return load_recipe(
            self._given.recipe,
            [
                f"model={self._given.model}",
                f"seed={seed}",
                f"output_dir={json.dumps(str((self._given.out / name).absolute()))}",
                f"data.domain=[{json.dumps(str(self._parts))}]",
                "export.merged=merged",
                "evaluate.probes=0",
                "data.held_out_share=0.05",  # a book is small: enough parts for an interval
                *own,
                *self._given.set,
                budget,
            ],
        )

    def _pairs(self) -> Path | None:
        """Sentences behind their English, where the sentences' file has it."""
        rows = [f"{s.english}\t{s.text}" for s in self._sentences if s.english]
        path = self._given.out / "pairs.tsv"
        path.write_text("\n".join(rows), encoding="utf-8")
        return path.absolute() if rows else None

    def _budget(self, learned: int) -> str:
        """The recipe's budget: what was asked for, or the steps that fit the time."""
        if self._given.tokens:
            return f"train.max_tokens={self._given.tokens}"
        if self._given.steps:
            return f"train.max_steps={self._given.steps}"
        if learned not in self._steps:  # once: seeds are to differ in nothing else
            self._steps[learned] = self._steps_in_time(learned)
        return f"train.max_steps={self._steps[learned]}"

    def _steps_in_time(self, learned: int) -> int:
        """How many steps fit, by the median of a few."""
        name = f"trial-{learned}"
        run = train(self._recipe(name, learned, 0, f"train.max_steps={TRIAL_STEPS}"))
        seconds = median(line["seconds"] for line in _metrics(run)[TRIAL_STEPS // 2 :])
        shutil.rmtree(run)
        return max(1, int(60 * self._given.minutes / seconds))

    def _measured(self, learned: int, seed: int) -> dict[str, Any]:
        recipe = self._recipe(f"run-{learned}-{seed}", learned, seed, self._budget(learned))
        export(recipe)
        run = Path(recipe.output_dir)
        lines = _metrics(run)
        lines_of_data = (run / "data" / "documents.jsonl").read_text("utf-8").splitlines()
        documents = [json.loads(line) for line in lines_of_data]
        held_out = [row["text"] for row in documents if row["split"] == "held_out"]
        evaluation = json.loads((run / "evaluation.json").read_text("utf-8"))
        measures = {row["name"]: row for row in evaluation["measures"]}
        return {
            "learned": learned,
            "seed": seed,
            "steps": len(lines),
            "seconds": sum(line["seconds"] for line in lines),
            "tokens": sum(line["tokens"] for line in lines),
            "translations": measures.get("parallel_accuracy"),
            "verdict": evaluation["verdict"],
            "before": self._judged(self._given.model, held_out),
            "after": self._judged(str(run / "merged"), held_out),
        }

    def _judged(self, name: str, held_out: Sequence[str]) -> dict[str, Any]:
        """Of each text (nats, tokens, bytes), by its set, and words of the held-out ones.

        From the first token on: a longer one would else be more of a text for nothing.
        """
        model, tokenizer = load_model(name)
        scorer = Scorer(model, tokenizer)
        sentences = _some(self._sentences, self._given.texts)
        sets = {
            "held_out": list(held_out),
            "sentences": [sentence.text for sentence in sentences],
            "english": self._english,
        }
        return {
            "words": sum(len(text.split()) for text in held_out),
            "documents": [sentence.document for sentence in sentences],
            **{
                name: [[s.nats, s.tokens, s.bytes] for s in scorer.score_texts(texts, whole=True)]
                for name, texts in sets.items()
            },
        }


def passages(text: str, most: int) -> list[str]:
    """Paragraphs of some length, spread evenly over a text."""
    return _some([line.strip() for line in text.split("\n") if len(line) >= 200], most)


def _some(items: Sequence[Any], most: int) -> list[Any]:
    """At most so many, spread evenly."""
    return [items[n * len(items) // most] for n in range(most)] if len(items) > most else [*items]


def _metrics(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]


def _rows(out: Path) -> list[str]:
    places = sorted(out.glob("cell-*.json"), key=lambda p: [int(n) for n in p.stem.split("-")[1:]])
    return [row(json.loads(place.read_text("utf-8"))) for place in places]


def row(found: Mapping[str, Any]) -> str:
    """A cell as a line of the table; intervals are 95%, paired, over parts or documents."""
    before, after = found["before"], found["after"]
    tokens, size = (sum(text[n] for text in after["held_out"]) for n in (1, 2))
    speed = found["tokens"] / found["seconds"] * size / max(1, tokens)
    told = found["translations"]
    cells = [
        str(found["learned"]),
        str(found["seed"]),
        f"{found['steps']}, {found['seconds'] / 60:.1f}",
        f"{speed:.0f}",
        f"{tokens / max(1, after['words']):.2f}",
        _fall(before["held_out"], after["held_out"]),
        _fall(before["sentences"], after["sentences"], before["documents"]),
        _rise(before["english"], after["english"]),
        "–"
        if told is None or not told["n"]
        else f"{told['base']:.0%} → {told['tuned']:.0%} of {told['n']}",
    ]
    return f"| {' | '.join(cells)} |"


Texts = Sequence[Sequence[float]]


def _difference(before: Texts, after: Texts, unit: int, groups: Sequence[str] | None) -> Difference:
    """Nats over bytes or tokens; tokens are the base's on both sides."""
    nats = [[text[0] for text in side] for side in (before, after)]
    return ratio_difference(
        *nats,
        [text[unit] for text in before],
        clusters=groups,
        scale="bits" if unit == 2 else "plain",
    )


def _fall(before: Texts, after: Texts, groups: Sequence[str] | None = None) -> str:
    found = _difference(before, after, 2, groups)
    if not found.base or found.tuned is None or found.delta is None:
        return "–"
    low, high = (end / found.base for end in found.ci95 or (float("nan"),) * 2)
    change = f"{found.delta / found.base:+.1%} ({low:+.1%} to {high:+.1%})"
    return f"{found.base:.3f} → {found.tuned:.3f}: {change}"


def _rise(before: Texts, after: Texts) -> str:
    found = _difference(before, after, 1, None)
    if found.delta is None:
        return "–"
    low, high = found.ci95 or (float("nan"),) * 2
    return f"{found.delta:+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
