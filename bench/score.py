"""Scoring speed: steep's scorer against lm-eval's own model at its best batch size, in turn.

Each turn is one process: it loads the model, answers the same requests once to warm up (a few of
them) and once timed, and prints one JSON line. Turns alternate, so that a drifting machine touches
both sides alike. lm-eval's batch size is the fastest of those tried first on the same requests.
Whether the two give the same answers is looked at in the same run; it fails where they don't.

    python bench/score.py --tasks mmlu=PATH hellaswag=PATH piqa=PATH probes --items 60

``probes`` are steep's own questions about the demo's world: a prompt ``Question: … Answer:`` and
ten short choices. A request is one continuation of one prompt.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from typing import Any

from turns import ratios, spread, take_turns

SIDES = ("steep", "lm-eval")
BATCHES = ("1", "4", "8", "16", "32", "64", "auto")
PROBES = "probes"
Pair = tuple[str, str]


def main() -> None:
    """Run the turns and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", nargs="+", default=[PROBES], help="name=path, or probes")
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batches", nargs="+", default=list(BATCHES), help="lm-eval's, to try")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--batch", help=argparse.SUPPRESS)
    parser.add_argument("--turn", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.turn:
        sys.stdout.write(json.dumps(_turn(options)) + "\n")
        return
    print("| task | requests | side | requests/s median (min to max) | ratio | same answers |")
    print("|---|---|---|---|---|---|")
    for task in options.tasks:
        _table(task, options)


def _table(task: str, options: argparse.Namespace) -> None:
    arguments = ["--tasks", task, "--items", str(options.items), "--model", options.model]
    arguments += ["--device", options.device]
    if options.threads:
        arguments += ["--threads", str(options.threads)]
    tried = {
        batch: take_turns(__file__, ["lm-eval"], 1, [*arguments, "--batch", batch])["lm-eval"][0]
        for batch in options.batches
    }
    best = max(tried, key=lambda batch: tried[batch]["requests_per_second"])
    found = take_turns(__file__, SIDES, options.rounds, [*arguments, "--batch", best])
    ratio = spread(ratios(found, "requests_per_second", *SIDES))
    same = all(
        a["answers"] == b["answers"] for a, b in zip(found["steep"], found["lm-eval"], strict=True)
    )
    for side in SIDES:
        speed = spread([turn["requests_per_second"] for turn in found[side]], ".1f")
        count = f"{found[side][0]['requests']:.0f}"
        named = side if side == "steep" else f"lm-eval, batch {best}"
        last = f"{ratio} | {'yes' if same else 'NO'}" if side == "steep" else " | "
        print(f"| {task.split('=')[0]} | {count} | {named} | {speed} | {last} |", flush=True)
    if not same:
        raise SystemExit(f"{task}: the answers differ")


def _turn(options: argparse.Namespace) -> dict[str, Any]:
    """One side's speed on one task, and what it answered: each item's likeliest choice."""
    import torch
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    from steep.benchmarks.harness import harness_model
    from steep.benchmarks.tasks import quiet
    from steep.model.load import load_model

    if options.threads:
        torch.set_num_threads(options.threads)
    items = _items(options.tasks[0], options.items)
    model, tokenizer = load_model(options.model, device=options.device)
    with quiet():
        if options.turn == "steep":
            lm = harness_model(model, tokenizer)
        else:
            size = options.batch if options.batch == "auto" else int(options.batch)
            lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=size)

    def asked(part: Sequence[Sequence[Pair]]) -> list[Any]:
        return [
            Instance("loglikelihood", {}, pair, number, ("bench", number, 1))
            for number, pair in enumerate(pair for item in part for pair in item)
        ]

    with quiet():
        lm.loglikelihood(asked(items[:2]), disable_tqdm=True)
        requests = asked(items)
        begin = time.perf_counter()
        scores = lm.loglikelihood(requests, disable_tqdm=True)
        seconds = time.perf_counter() - begin
    return {
        "requests_per_second": len(requests) / seconds,
        "requests": len(requests),
        "answers": _answers(items, scores),
    }


def _answers(items: Sequence[Sequence[Pair]], scores: Sequence[tuple[float, bool]]) -> list[Any]:
    """The likeliest choice of each item; of an item with one continuation, whether it is greedy."""
    found: list[Any] = []
    start = 0
    for item in items:
        part = scores[start : start + len(item)]
        start += len(item)
        likely = [value for value, _ in part]
        found.append(part[0][1] if len(item) == 1 else likely.index(max(likely)))
    return found


def _items(task: str, count: int) -> list[list[Pair]]:
    """(context, continuation) pairs of items drawn from a task with a fixed generator."""
    if task == PROBES:
        return _probes(count)
    from steep.benchmarks.names import parse_benchmarks
    from steep.benchmarks.tasks import load_benchmark, quiet

    (benchmark,) = parse_benchmarks([task])
    (one,) = load_benchmark(benchmark).tasks.values()
    with quiet():
        one.set_config(key="num_fewshot", value=0)
        one.set_fewshot_seed(seed=0)
        documents = one.eval_docs
        chosen = sorted(random.Random(0).sample(range(len(documents)), min(count, len(documents))))
        one.build_all_requests(samples=chosen)
    items: dict[int, list[Pair]] = {}
    for instance in one.instances:
        items.setdefault(instance.doc_id, []).append(instance.args)
    return list(items.values())


def _probes(count: int) -> list[list[Pair]]:
    import tempfile
    from pathlib import Path

    from steep.demo import write_demo
    from steep.proof.questions import load_questions, with_distractors

    with tempfile.TemporaryDirectory() as folder:
        questions = with_distractors(load_questions(str(write_demo(Path(folder)).questions)), 0)
    chosen = random.Random(0).sample(questions, min(count, len(questions)))
    return [[(q.prompt, " " + choice) for choice in q.choices] for q in chosen]


if __name__ == "__main__":
    main()
