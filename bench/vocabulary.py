"""What new tokens cost and save before any training, on the real model.

    python bench/vocabulary.py --text hindi.txt --tokens 2000

Tokens are learned from all of a text but its end, which is kept to judge by. The grown
tokenizer then reads it with rows made in three ways: the mean of the sub-tokens' rows with their
norm, the plain mean, and small random numbers as transformers draws them. Loss is in bits per byte,
so that it compares with the base's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from steep.model.grow import grow_model, matched_mean
from steep.model.load import load_model
from steep.model.vocabulary import Extension, Wanted, extend_tokenizer
from steep.proof.perplexity import bits_per_byte
from steep.proof.questions import validation_texts
from steep.proof.scorer import Scorer

_KEPT = 0.05  # of the text, to judge by
_PASSAGE_CHARACTERS = 800


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=2000)
    parser.add_argument("--passages", type=int, default=12)
    parser.add_argument("--model", default="smollm2-135m")
    options = parser.parse_args()
    text = options.text.read_text(encoding="utf-8")
    cut = round(len(text) * (1 - _KEPT))
    own = _passages(text[cut:], options.passages)
    general = validation_texts()[: options.passages]
    print("| marks | learned | tokens/word before | after | fewer | learning, s |")
    print("|---|---|---|---|---|---|")
    found = None
    for join_marks in (False, True):
        found = _fertility(options, text, cut, join_marks)
    assert found is not None
    print("\n| rows | bits/byte, kept text | bits/byte, general English |")
    print("|---|---|---|")
    _row("base", options.model, None, own, general, lambda model: None)
    ways = {
        "steep's": lambda model: grow_model(model, found),
        "mean, norm matched": lambda model: _grown(model, found, _matched),
        "random (std 0.02)": lambda model: _grown(model, found, _random),
    }
    for name, grow in ways.items():
        _row(name, options.model, found, own, general, grow)


def _passages(text: str, number: int) -> list[str]:
    step = max(_PASSAGE_CHARACTERS, len(text) // number)
    return [text[at : at + _PASSAGE_CHARACTERS] for at in range(0, len(text), step)][:number]


def _fertility(options: Any, text: str, cut: int, join_marks: bool) -> Extension:
    model, tokenizer = load_model(options.model)
    begin = time.monotonic()
    wanted = Wanted((), options.tokens, [text[:cut]], join_marks=join_marks)
    rows = int(model.get_input_embeddings().weight.shape[0])
    found = extend_tokenizer(tokenizer, wanted, rows)
    seconds = time.monotonic() - begin
    words = len(text[cut:].split())
    before = len(tokenizer.encode(text[cut:]))
    after = len(found.tokenizer.encode(text[cut:]))
    kind = "joined" if join_marks else "apart"
    learned = sum(1 for parts in found.parts.values() if parts)
    print(
        f"| {kind} | {learned:,} | {before / words:.2f} | {after / words:.2f} | "
        f"{before / after:.2f}x | {seconds:.1f} |",
        flush=True,
    )
    return found


def _row(
    name: str,
    model_name: str,
    found: Extension | None,
    own: Sequence[str],
    general: Sequence[str],
    grow: Callable[[Any], None],
) -> None:
    model, tokenizer = load_model(model_name)
    grow(model)
    scorer = Scorer(model, tokenizer if found is None else found.tokenizer)
    bits = [bits_per_byte(scorer.score_texts(list(texts), whole=True)) for texts in (own, general)]
    print(f"| {name} | {bits[0]:.3f} | {bits[1]:.3f} |", flush=True)


def _grown(model: Any, found: Extension, make: Callable[[Any, Sequence[int]], Any]) -> None:
    import torch

    grow_model(model, found)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        for weight in _weights(model):
            for number, parts in found.parts.items():
                if parts:
                    weight[number] = make(weight, parts)


def _weights(model: Any) -> Iterator[Any]:
    layers = [model.get_input_embeddings(), model.get_output_embeddings()]
    yield from {id(layer.weight): layer.weight for layer in layers}.values()


def _matched(weight: Any, parts: Sequence[int]) -> Any:
    return matched_mean(weight[list(parts)])


def _random(weight: Any, parts: Sequence[int]) -> Any:
    import torch

    return 0.02 * torch.randn(weight.shape[1])


if __name__ == "__main__":
    main()
