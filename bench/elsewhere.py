"""What a finished run's model lost on text that nobody of the project wrote.

    python bench/elsewhere.py demo/run/smollm2_continued_merged \
        --texts wikitext=wikitext-2/test.txt wikipedia=wikipedia-1000.jsonl

Prints nats per token of the base and of the tuned model on parts of each file, and the paired 95%
interval of the change. Both read by the base's tokenizer, so neither may have tokens added.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from steep.model.load import load_model
from steep.proof.scorer import Scorer
from steep.proof.statistics import ratio_difference

_CHARACTERS = 1500  # of each text
_TEXTS = 24


def main() -> None:
    """Score every file's texts with both models."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a folder of a merged model, or of an adapter")
    parser.add_argument("--base", default="smollm2-135m")
    parser.add_argument("--texts", nargs="+", required=True, help="name=file: .txt, or .jsonl")
    given = parser.parse_args()
    kinds = texts_from_elsewhere(given.texts)
    texts = [text for kind in kinds.values() for text in kind]
    sides = []
    for name in (given.base, given.model):
        model, tokenizer = load_model(name)
        sides.append(Scorer(model, tokenizer).score_texts(texts))
    begin = 0
    for kind, own in kinds.items():
        base, tuned = (side[begin : begin + len(own)] for side in sides)
        begin += len(own)
        weights = [float(score.tokens) for score in base]
        found = ratio_difference([s.nats for s in base], [s.nats for s in tuned], weights)
        before = sum(score.nats for score in base) / sum(weights)
        low, high = found.ci95 or (0.0, 0.0)
        change = found.delta or 0.0
        print(
            f"{kind} | {len(own)} texts | {before:.3f} -> {before + change:.3f} nats per token | "
            f"{change:+.3f} ({low:+.3f} to {high:+.3f})",
            flush=True,
        )


def texts_from_elsewhere(named: Sequence[str]) -> Mapping[str, list[str]]:
    """Texts by name, from "name=file"."""
    pairs = [pair.split("=", 1) for pair in named]
    return {name: _texts(Path(path)) for name, path in pairs}


def _texts(path: Path) -> list[str]:
    """Parts of a text in equal distances, or the beginnings of some records of a JSONL file."""
    text = path.read_text("utf-8", errors="replace")
    if path.suffix == ".jsonl":
        texts = [json.loads(line)["text"] for line in text.splitlines()]
        texts = [found for found in texts if len(found) > _CHARACTERS // 3]
        return [t[:_CHARACTERS] for t in random.Random(0).sample(texts, min(_TEXTS, len(texts)))]
    apart = max(1, len(text) // _TEXTS)
    return [text[n * apart : n * apart + _CHARACTERS] for n in range(_TEXTS)]


if __name__ == "__main__":
    main()
