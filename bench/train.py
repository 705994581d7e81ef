"""Training speed and memory: steep against Hugging Face Trainer + PEFT, in turn.

Each turn is one process: it loads the model, runs a few steps on the same documents and prints
one JSON line. Turns alternate (A B A B ...), so that a drifting machine touches both alike.

``packed`` gives the Trainer full rows of running text, which is its best path; ``padded`` gives
it one short document a row, padded to the longest of its batch, which is its default one. steep
packs the same documents in both. Tokens are counted without padding. The roofline is the rate of
a large square product, measured in each turn, over 4 floating point operations per parameter and
token for adapters and 6 for full training. On a GPU the rows of a step decide: with few of them it
waits for Python.

With ``--rival-python`` LitGPT takes its turns too, by way of ``train_litgpt.py``: on the very rows
that the Trainer is given, in the same order, from the same weights. The bench stops if one of its
turns doesn't begin at the Trainer's loss or trains another number of parameters.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from turns import Found, ratios, spread, take_turns

SIDES = ("steep", "trainer")
# LitGPT's commands. It has two for full training: "pretrain" is its way to train on in text; it
# compiles and ties the embedding to the head. "finetune_full" does neither.
RIVALS = {
    "lora": ("litgpt finetune_lora",),
    "full": ("litgpt pretrain", "litgpt finetune_full"),
}
UNTIED = "litgpt finetune_full"
FURTHEST_LOSS = {"fp32": 1e-4, "bf16": 1e-2}  # between first losses on the same rows
LORA_R = 32
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
    parser.add_argument("--rival-python", help="a Python that has LitGPT: turn about with it too")
    parser.add_argument("--turn", help=argparse.SUPPRESS)
    parser.add_argument("--inputs", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        runs = {"steep": _steep, "trainer": _trainer, "inputs": _write_inputs}
        sys.stdout.write(json.dumps(runs.get(options.turn, _litgpt)(options)) + "\n")
        return
    if options.rival_python and options.data != ["packed"]:
        parser.error("--rival-python: LitGPT is given packed rows only")
    with tempfile.TemporaryDirectory() as folder:
        if options.rival_python:
            options.inputs = Path(folder)
            take_turns(__file__, ("inputs",), 1, _arguments(options))
            _run_rival(options, "--convert")
        _print_tables(options)


def _print_tables(options: argparse.Namespace) -> None:
    print("| method | data | side | tokens/s median (min to max) | of roofline | peak GB | ratio |")
    print("|---|---|---|---|---|---|---|")
    for data in options.data:
        for method in options.methods:
            _table(method, data, options)


def _arguments(options: argparse.Namespace) -> list[str]:
    names = ["steps", "precision", "rows", "model", "device"]
    if options.rival_python:
        names += ["rival_python", "inputs"]
    return [f"--{name.replace('_', '-')}={getattr(options, name)}" for name in names]


def _table(method: str, data: str, options: argparse.Namespace) -> None:
    arguments = [*_arguments(options), "--methods", method, "--data", data]
    sides = SIDES + (RIVALS[method] if options.rival_python else ())

    def check(found: Found) -> None:
        check_same_work(found, FURTHEST_LOSS[options.precision])

    found = take_turns(__file__, sides, options.rounds, arguments, check)
    for side in sides:
        speeds = [turn["tokens_per_second"] for turn in found[side]]
        bound = [turn["tokens_per_second"] / turn["roofline"] for turn in found[side]]
        peak = max(turn["peak_bytes"] for turn in found[side]) / 1e9
        print(
            f"| {method} | {data} | {side} | {spread(speeds, '.0f')} | "
            f"{100 * statistics.median(bound):.0f}% | {peak:.2f} | {_ratio(found, side)} |",
            flush=True,
        )


def _ratio(found: Found, side: str) -> str:
    """In steep's line its speed over the Trainer's, in LitGPT's lines steep's over LitGPT's."""
    if side == "trainer":
        return ""
    other = "trainer" if side == "steep" else side
    won = spread(ratios(found, "tokens_per_second", "steep", other))
    return won if side == "steep" else f"steep has {won} of it"


def check_same_work(found: Found, furthest: float) -> None:
    """Compare what the turns so far say of the rows they share with the Trainer.

    Raises:
        SystemExit: first losses are further apart than ``furthest``, or one side trains more
            parameters than the other.
    """
    turns = [(s, turn) for s, taken in found.items() for turn in taken if "first_loss" in turn]
    losses = [turn["first_loss"] for _, turn in turns]
    if not all(abs(loss - losses[0]) <= furthest for loss in losses):  # NaN isn't near either
        said = ", ".join(f"{side} {turn['first_loss']:.6f}" for side, turn in turns)
        raise SystemExit(f"first losses on the same rows differ by more than {furthest}: {said}")
    counts = {side: int(turn["trainable"]) for side, turn in turns if side != UNTIED}
    if len(set(counts.values())) > 1:
        said = ", ".join(f"{side} {count:,}" for side, count in counts.items())
        raise SystemExit(f"the sides don't train as many parameters: {said}")


def roofline_rate(device: str, precision: str, method: str, parameters: int) -> float:
    """Tokens per second if only the products of the parameters cost time."""
    import torch

    size = 3072
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    a = torch.randn(size, size).to(device, dtype)
    seconds = []
    for _ in range(5):
        begin = time.perf_counter()
        float(torch.nn.functional.linear(a, a)[0, 0])  # which waits for it
        seconds.append(time.perf_counter() - begin)
    rate = 2 * size**3 / min(seconds)
    return float(rate / (FLOP_PER_PARAMETER[method] * parameters))


def _roofline(options: argparse.Namespace, parameters: int) -> float:
    return roofline_rate(options.device, options.precision, options.methods[0], parameters)


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

    train = {"method": options.methods[0], "max_steps": 1, "save_steps": 10**6, "lora_r": LORA_R}
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


def _packed_rows(shards: Any, count: int) -> Any:
    """Full rows of running text, from the beginning again where it ends."""
    import torch

    flat = torch.from_numpy(shards.tokens.astype("int64"))
    return flat.repeat(1 + count * LENGTH // len(flat))[: count * LENGTH].view(count, LENGTH)


def _write_inputs(options: argparse.Namespace) -> dict[str, float]:
    """Write what LitGPT is to train, and the rows that the Trainer is given."""
    from safetensors.torch import save_file

    from steep.model.load import load_model

    model, tokenizer = load_model(options.model, device="cpu")
    for part in (model, tokenizer):
        part.save_pretrained(options.inputs / "model")
    rows = _packed_rows(_shards(tokenizer, "packed"), (options.steps + 2) * options.rows)
    save_file({"rows": rows.contiguous()}, options.inputs / "rows.safetensors")
    found = {"parameters": model.num_parameters()}
    (options.inputs / "inputs.json").write_text(json.dumps(found), encoding="utf-8")
    return found


def _rival_command(options: argparse.Namespace, *arguments: str) -> list[str]:
    script = str(Path(__file__).with_name("train_litgpt.py"))
    return [options.rival_python, script, f"--folder={options.inputs}", *arguments]


def _rival_environment(options: argparse.Namespace) -> dict[str, str]:
    """This one, without what is this Python's own; LitGPT takes a GPU wherever it sees one."""
    environment = {name: said for name, said in os.environ.items() if name != "PYTHONPATH"}
    return environment | ({"CUDA_VISIBLE_DEVICES": ""} if options.device == "cpu" else {})


def _run_rival(options: argparse.Namespace, *arguments: str) -> None:
    command = _rival_command(options, *arguments)
    environment = _rival_environment(options)
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")


def _litgpt(options: argparse.Namespace) -> dict[str, float]:
    """Become LitGPT's turn: the same process goes on with the other Python."""
    names = ("steps", "rows", "precision", "device")
    arguments = [f"--{name}={getattr(options, name)}" for name in names]
    arguments += [f"--lora-r={LORA_R}", f"--command={options.turn.split()[-1]}"]
    command = _rival_command(options, *arguments)
    os.execve(command[0], command, _rival_environment(options))


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
        rows = _packed_rows(shards, (steps + 2) * rows_per_step)
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
    losses: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.monotonic())

        def on_log(self, *_: Any, logs: dict[str, float], **__: Any) -> None:
            losses.extend([logs["loss"]] if "loss" in logs else [])

    # Another side begins with the same rows only where they come in their order.
    compared = {"logging_first_step": True, "train_sampling_strategy": "sequential"}

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
            **(compared if options.inputs else {}),
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
    trained = sum(p.numel() for p in trainable.parameters() if p.requires_grad)
    return {
        "tokens_per_second": done / (ends[steps] - ends[0]),
        "peak_bytes": peak_memory_bytes(),
        "roofline": roofline,
        **({"first_loss": losses[0], "trainable": trained} if options.inputs else {}),
    }


if __name__ == "__main__":
    main()
