"""What a checkpoint costs, and how soon a stopped run trains on: the demo on the real model.

Trains two steps of the demo, saving each, is stopped, and is started again in a new process.
Prints one JSON object: bytes and seconds of a checkpoint, seconds of a step, the share of the
training time at one save in five minutes, and the seconds from the start of the second process to
its first finished step, of which the step itself is told apart. CPU seconds stand beside, for a
machine with other work.
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

from steep.cli.demo import demo_recipe
from steep.progress import Silent
from steep.recipe import Recipe
from steep.training import loop
from steep.training.saves import SAVE_SECONDS
from steep.workflow import train

STEPS = 230  # as many as the demo has: no look of the guard falls on the first ones


class _Told(Silent):
    """Prints the clock when a step is done, and stops the process after so many."""

    def __init__(self, last: int) -> None:
        self._last = last

    def at(self, done: int, total: int, text: str) -> None:
        if total != STEPS:
            return
        cpu = time.process_time()
        print(json.dumps({"step": done, "at": time.time(), "cpu": cpu}), flush=True)
        if done == self._last:
            raise SystemExit(0)


def _recipe(folder: Path) -> Recipe:
    settings = (f"train.max_steps={STEPS}", "train.save_steps=1", "evaluate.check_share=0")
    return demo_recipe(folder, None, 0, settings)


def _child(folder: Path, last: int) -> None:
    """Train up to ``last`` steps; what each save took goes to stdout too."""
    before = loop.save_checkpoint

    def timed(*given: Any, **how: Any) -> Any:
        begin, cpu = time.monotonic(), time.process_time()
        made = before(*given, **how)
        took = {"save_seconds": time.monotonic() - begin, "save_cpu": time.process_time() - cpu}
        print(json.dumps(took), flush=True)
        return made

    loop.save_checkpoint = timed
    train(_recipe(folder), progress=_Told(last))


def _lines(folder: Path, last: int) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "bench.checkpoint", "--child", str(folder), str(last)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "STEPS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        _child(Path(given.child[0]), int(given.child[1]))
        return
    with tempfile.TemporaryDirectory(prefix="steep-bench-") as name:
        folder = Path(name)
        first = _lines(folder, 3)
        begin = time.time()
        second = _lines(folder, 3)
        checkpoint = folder / "run" / "checkpoints" / "step-2"
        size = sum(path.stat().st_size for path in checkpoint.iterdir())
        rows = (folder / "run" / "metrics.jsonl").read_text().splitlines()
    told = [line for line in first if "save_seconds" in line]
    saves = [line["save_seconds"] for line in told]
    at = [line["cpu"] for line in first if "step" in line]
    steps = [row["seconds"] for row in map(json.loads, rows)]
    took = statistics.median(saves)
    resumed = next(line for line in second if line.get("step") == 3)
    print(
        json.dumps(
            {
                "checkpoint_bytes": size,
                "save_seconds": [round(value, 3) for value in saves],
                "save_cpu_seconds": [round(line["save_cpu"], 3) for line in told],
                "step_seconds": steps,
                "step_and_save_cpu_seconds": round(at[2] - at[1], 2),
                "share_at_one_save_in_five_minutes": round(took / (SAVE_SECONDS + took), 5),
                "start_to_first_step_seconds": round(resumed["at"] - begin, 2),
                "start_to_first_step_cpu_seconds": round(resumed["cpu"], 2),
                "of_which_the_step": steps[-1],
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
