"""Training speed and memory: steep against Hugging Face Trainer + PEFT, in turn.

Each turn is one process: it loads the model, runs a few steps on the same packed rows and prints
one JSON line. Turns alternate (A B A B ...), so that a drifting machine touches both alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIDES = ("steep", "trainer")
LENGTH, ROWS = 512, 2


def main() -> None:
    """Run the turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6, help="counted steps a turn")
    parser.add_argument("--methods", nargs="+", default=["lora", "full"])
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--turn", nargs=2, metavar=("SIDE", "METHOD"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        side, method = options.turn
        run = _steep if side == "steep" else _trainer
        sys.stdout.write(json.dumps(run(method, options.steps, options.precision)) + "\n")
        return
    print("| method | side | tokens/s median (min to max) | peak memory GB | ratio (min to max) |")
    print("|---|---|---|---|---|")
    for method in options.methods:
        _table(method, options)


def _table(method: str, options: argparse.Namespace) -> None:
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(options.rounds):
        for side in SIDES:
            command = [sys.executable, __file__, "--steps", str(options.steps)]
            command += ["--precision", options.precision, "--turn", side, method]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            found[side].append(json.loads(done.stdout.strip().splitlines()[-1]))
    ratios = [
        a["tokens_per_second"] / b["tokens_per_second"]
        for a, b in zip(found["steep"], found["trainer"], strict=True)
    ]
    for side in SIDES:
        speeds = [turn["tokens_per_second"] for turn in found[side]]
        peak = max(turn["peak_bytes"] for turn in found[side]) / 1e9
        ratio = (
            f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            if side == "steep"
            else ""
        )
        print(
            f"| {method} | {side} | {statistics.median(speeds):.0f} "
            f"({min(speeds):.0f} to {max(speeds):.0f}) | {peak:.2f} | {ratio} |",
            flush=True,
        )


def _rows(tokenizer: Any) -> Any:
    """Packed shards of the demo's documents, the same for both sides."""
    import random

    from steep.corpus.retell import retell
    from steep.corpus.shards import build_shards
    from steep.demo import write_demo
    from steep.documents.read import collect
    from steep.recipe import RetellRecipe

    with tempfile.TemporaryDirectory() as folder:
        documents = collect([write_demo(folder).documents]).documents
    pieces = retell(documents, RetellRecipe(), random.Random(0))
    return build_shards(pieces, tokenizer, LENGTH)


def _recipe(method: str) -> Any:
    from steep.recipe import recipe_from
    from steep.recipe.resolve import resolve_recipe

    train = {"method": method, "max_steps": 1, "save_steps": 10**6}
    given = recipe_from({"data": {"domain": ["unused"]}, "train": train})
    return resolve_recipe(given).train


def _steep(method: str, steps: int, precision: Any) -> dict[str, float]:
    import steep.training.loop as loop
    from steep.corpus.schedule import Schedule
    from steep.model.adapters import make_trainable
    from steep.model.load import load_model

    model, tokenizer = load_model("smollm2-135m", device="cpu")
    schedule = Schedule(_rows(tokenizer), 0, LENGTH, ROWS, 0.0)
    recipe = _recipe(method)
    seen: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        loop.train_model(
            make_trainable(model, recipe, 0),
            schedule,
            recipe,
            steps=steps + 2,
            seed=0,
            precision=precision,
            folder=Path(folder),
            key={},
            on_step=lambda metrics, _: seen.append((metrics.tokens, metrics.seconds)),
        )
    counted = seen[1:-1]
    return {
        "tokens_per_second": sum(t for t, _ in counted) / sum(s for _, s in counted),
        "peak_bytes": loop.peak_memory_bytes(),
    }


def _trainer(method: str, steps: int, precision: str) -> dict[str, float]:
    import torch
    from transformers import Trainer, TrainerCallback, TrainingArguments

    from steep.model.adapters import make_trainable
    from steep.model.load import load_model
    from steep.training.loop import peak_memory_bytes

    model, tokenizer = load_model("smollm2-135m", device="cpu")
    flat = torch.from_numpy(_rows(tokenizer).tokens.astype("int64"))
    count = (steps + 2) * ROWS
    rows = flat.repeat(1 + count * LENGTH // len(flat))[: count * LENGTH].view(count, LENGTH)
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.monotonic())

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps + 2,
            per_device_train_batch_size=ROWS,
            bf16=precision == "bf16",
            use_cpu=True,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
        )
        dataset: Any = [{"input_ids": row, "labels": row} for row in rows]
        trainable = make_trainable(model, _recipe(method), 0)
        Trainer(trainable, arguments, train_dataset=dataset, callbacks=[Clock()]).train()
    return {
        "tokens_per_second": steps * ROWS * LENGTH / (ends[steps] - ends[0]),
        "peak_bytes": peak_memory_bytes(),
    }


if __name__ == "__main__":
    main()
