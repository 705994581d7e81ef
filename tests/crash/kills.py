"""SIGKILL at random moments, hundreds of times: ``python -m tests.crash.kills --kills 300``.

``--recipe`` runs that recipe instead of the tiny project, for the real model::

    python -m tests.crash.kills --kills 20 --recipe RECIPE \\
        --set train.max_steps=12 --set train.save_steps=2 --set evaluate.probes=0

Children of one chain are killed after a random time until one comes through; then its run is
compared with the one nobody stopped, and a new chain begins.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.crash.harness import Chain, assert_same, uninterrupted


@dataclass
class Killed:
    """What happened: kills by what was found on disk after them, runs finished, and what failed.

    ``lost`` counts resumes that raised and moments without the checkpoint that had been there;
    ``differing`` finished runs that weren't the same bytes.
    """

    kills: int = 0
    finished: int = 0
    lost: int = 0
    differing: int = 0
    most_in_a_row: int = 0
    where: dict[str, int] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)


def kill_at_random(whole: Chain, folder: Path, *, kills: int, rng: random.Random) -> Killed:
    """Kill until there were so many, then let the last run finish."""
    longest = _seconds_of_a_run(Chain(whole.recipe, folder / "length", whole.overrides))
    found = Killed()
    number = 0
    while found.kills < kills:
        chain = Chain(whole.recipe, folder / f"chain-{number}", whole.overrides)
        number += 1
        newest = in_a_row = 0
        while True:
            # Mostly early, so that one run is killed often; now and then as late as its end.
            after = longest * rng.betavariate(1, 3) if found.kills < kills else None
            ended = chain.go_on(kill_after_seconds=after)
            if ended.code != -signal.SIGKILL:
                break
            found.kills += 1
            in_a_row += 1
            if found.kills % 20 == 0:
                print(f"{found.kills} kills, {found.finished} runs finished", file=sys.stderr)
            where = _where(chain)
            found.where[where] = found.where.get(where, 0) + 1
            if chain.newest_step() < newest:
                found.lost += 1
                found.trouble.append(f"{chain.folder}: step {newest} is gone")
            newest = max(newest, chain.newest_step())
        found.finished += 1
        found.most_in_a_row = max(found.most_in_a_row, in_a_row)
        if ended.code not in (0, 3):
            found.lost += 1
            found.trouble.append(ended.said[-2000:])
            continue
        try:
            assert_same(chain, whole)
        except AssertionError as error:
            found.differing += 1
            found.trouble.append(f"{chain.folder}: {error}"[:2000])
            continue
        shutil.rmtree(chain.folder)
    return found


def _seconds_of_a_run(chain: Chain) -> float:
    """How long a child takes that nobody stops."""
    begin = time.monotonic()
    ended = chain.go_on()
    assert ended.code in (0, 3), ended.said
    return time.monotonic() - begin


def _where(chain: Chain) -> str:
    """How far the run had come, by what is on disk."""
    run = chain.run
    for name, words in (
        ("report.html", "after the report"),
        ("exports.json", "report"),
        ("evaluation.json", "export"),
        ("strength.json", "evaluation"),
        ("checkpoints", "training"),
        ("scores/base.json", "start of training"),
        ("probes.json", "baseline"),
        ("data", "probes"),
        (".lock", "self-written replay and preparation"),
    ):
        if (run / name).exists():
            return words
    return "reading and checking input"


def main() -> None:
    """Print what happened as JSON; exit code 1 if anything was lost or differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--recipe", type=Path)
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    given = parser.parse_args()
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="steep-kills-") as name:
        whole = uninterrupted(Path(name) / "whole", given.recipe, tuple(given.overrides))
        rng = random.Random(given.seed)
        found = kill_at_random(whole, Path(name), kills=given.kills, rng=rng)
    print(json.dumps({**asdict(found), "seconds": round(time.monotonic() - begin)}, indent=1))
    sys.exit(1 if found.lost or found.differing else 0)


if __name__ == "__main__":
    main()
