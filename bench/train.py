"""Training speed and memory: steep against Hugging Face Trainer + PEFT, in turn.

Each turn is one process: it loads the model, runs a few steps on the same documents and prints
one JSON line. Turns alternate (A B A B ...), so that a drifting machine touches both alike.

``packed`` gives the Trainer full rows of running text, which is its best path; ``padded`` gives
it one short document a row, padded to the longest of its batch, which is its default one. steep
packs the same documents in both. Tokens are counted without padding. The roofline is the rate of
a large square product, measured in each turn, over 4 floating point operations per parameter and
token for adapters and 6 for full training. On a GPU the rows of a step decide: with few of them it
waits for Python.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from turns import ratios, spread, take_turns

SIDES = ("steep", "trainer")
LENGTH = 512
SHORT_TOKENS = 60
FLOP_PER_PARAMETER = {"lora": 4, "full": 6}


def main() -> None:
    """Run the turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=6, help="counted steps a turn")
    parser.add_argument("--methods", nargs="+", default=["lora", "full"])
    parser.add_argument("--data", nargs="+", default=["packed"], choices=["packed", "padded"])
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--rows", type=int, default=2, help="packed rows a step")
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--turn", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        run = _steep if options.turn == "steep" else _trainer
        sys.stdout.write(json.dumps(run(options)) + "\n")
        return
    print("| method | data | side | tokens/s median (min to max) | of roofline | peak GB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for data in options.data:
        for method in options.methods:
            _table(method, data, options)


def _table(method: str, data: str, options: argparse.Namespace) -> None:
    names = ("steps", "precision", "rows", "model", "device")
    arguments = [f"--{name}={getattr(options, name)}" for name in names]
    arguments += ["--methods", method, "--data", data]
    found = take_turns(__file__, SIDES, options.rounds, arguments)
    won = spread(ratios(found, "tokens_per_second", *SIDES))
    for side in SIDES:
        speeds = [turn["tokens_per_second"] for turn in found[side]]
        bound = [turn["tokens_per_second"] / turn["roofline"] for turn in found[side]]
        peak = max(turn["peak_bytes"] for turn in found[side]) / 1e9
        print(
            f"| {method} | {data} | {side} | {spread(speeds, '.0f')} | "
            f"{100 * statistics.median(bound):.0f}% | {peak:.2f} | "
            f"{won if side == 'steep' else ''} |",
            flush=True,
        )


def _roofline(options: argparse.Namespace, parameters: int) -> float:
    """Tokens per second if only the products of the parameters cost time."""
    import torch

    size = 3072
    dtype = torch.bfloat16 if options.precision == "bf16" else torch.float32
    a = torch.randn(size, size).to(options.device, dtype)
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        float(torch.nn.functional.linear(a, a)[0, 0])  # which waits for it
        seconds.append(time.perf_counter() - begin)
    rate = 2 * size**3 / min(seconds)
    return float(rate / (FLOP_PER_PARAMETER[options.methods[0]] * parameters))


def _shards(tokenizer: Any, data: str) -> Any:
    """Token shards of the demo's documents; for "padded" the short ones, 60 tokens on average."""
    import random

    from steep.corpus.retell import retell
    from steep.corpus.shards import build_shards
    from steep.demo import write_demo
    from steep.documents.read import collect
    from steep.recipe import RetellRecipe

    with tempfile.TemporaryDirectory() as folder:
        documents = collect([write_demo(folder).documents]).documents
    # Running text only: every token is a target, so that steep gains nothing by skipping others.
    pieces = [p for p in retell(documents, RetellRecipe(), random.Random(0)) if not p.prompt]
    if data == "packed":
        return build_shards(pieces, tokenizer, LENGTH)
    sized = sorted(pieces, key=lambda piece: len(piece.prompt + piece.text))
    total = 0
    for count, piece in enumerate(sized, start=1):
        total += len(tokenizer(piece.prompt + piece.text)["input_ids"]) + 1
        if count > 50 and total / count >= SHORT_TOKENS:
            return build_shards(sized[:count], tokenizer, LENGTH)
    raise SystemExit(f"the documents are all shorter than {SHORT_TOKENS} tokens")


def _recipe(options: argparse.Namespace) -> Any:
    from steep.recipe import recipe_from
    from steep.recipe.resolve import resolve_recipe

    train = {"method": options.methods[0], "max_steps": 1, "save_steps": 10**6, "lora_r": 32}
    train["per_device_train_batch_size"] = options.rows
    given = recipe_from({"data": {"domain": ["unused"]}, "train": train})
    return resolve_recipe(given).train


def _steep(options: argparse.Namespace) -> dict[str, float]:
    import steep.training.loop as loop
    from steep.corpus.schedule import Schedule
    from steep.model.adapters import make_trainable
    from steep.model.load import load_model

    steps = options.steps
    model, tokenizer = load_model(options.model, device=options.device)
    roofline = _roofline(options, model.num_parameters())
    schedule = Schedule(_shards(tokenizer, options.data[0]), 0, LENGTH, options.rows, 0.0)
    recipe = _recipe(options)
    seen: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        loop.train_model(
            make_trainable(model, recipe, 0),
            schedule,
            recipe,
            steps=steps + 2,
            seed=0,
            precision=options.precision,
            folder=Path(folder),
            key={},
            on_step=lambda metrics, _: seen.append((metrics.tokens, metrics.seconds)),
        )
    counted = seen[1:-1]
    return {
        "tokens_per_second": sum(t for t, _ in counted) / sum(s for _, s in counted),
        "peak_bytes": loop.peak_memory_bytes(),
        "roofline": roofline,
    }


def _trainer(options: argparse.Namespace) -> dict[str, float]:
    import torch
    from transformers import DataCollatorForLanguageModeling, Trainer, TrainerCallback
    from transformers import TrainingArguments as Arguments

    from steep.model.adapters import make_trainable
    from steep.model.load import load_model
    from steep.training.loop import peak_memory_bytes

    steps, rows_per_step = options.steps, options.rows
    model, tokenizer = load_model(options.model, device=options.device)
    roofline = _roofline(options, model.num_parameters())
    shards = _shards(tokenizer, options.data[0])
    if options.data[0] == "packed":
        flat = torch.from_numpy(shards.tokens.astype("int64"))
        count = (steps + 2) * rows_per_step
        rows = flat.repeat(1 + count * LENGTH // len(flat))[: count * LENGTH].view(count, LENGTH)
        dataset: Any = [{"input_ids": row, "labels": row} for row in rows]
    else:
        rows_per_step = (
            options.rows * LENGTH // SHORT_TOKENS
        )  # as many tokens a step as packed rows have
        order = torch.randperm(len(shards.lengths), generator=torch.Generator().manual_seed(0))
        dataset = [{"input_ids": shards.segment(int(i)).tolist()} for i in order]
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    seen: list[int] = []
    collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)

    def counted(rows: list[Any]) -> Any:
        seen.append(sum(len(row["input_ids"]) for row in rows))
        return collate(rows)

    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.monotonic())

    with tempfile.TemporaryDirectory() as folder:
        arguments = Arguments(
            output_dir=folder,
            max_steps=steps + 2,
            per_device_train_batch_size=rows_per_step,
            bf16=options.precision == "bf16",
            use_cpu=options.device == "cpu",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            logging_strategy="no",
        )
        trainable = make_trainable(model, _recipe(options), 0)
        Trainer(
            trainable,
            arguments,
            data_collator=counted if options.data[0] == "padded" else None,
            train_dataset=dataset,
            callbacks=[Clock()],
        ).train()
    padded = options.data[0] == "padded"
    done = sum(seen[1 : steps + 1]) if padded else steps * rows_per_step * LENGTH
    return {
        "tokens_per_second": done / (ends[steps] - ends[0]),
        "peak_bytes": peak_memory_bytes(),
        "roofline": roofline,
    }


if __name__ == "__main__":
    main()
