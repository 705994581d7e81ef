"""Does ``steep diagnose`` name the cause? Six runs planted with one, on the real model.

Each is a short run with one thing done wrong, and the cause that must come first. Prints one line
for each: the causes found, the first one's sentence, and whether it is right.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from honesty import RUINOUS_RATE, keep_few, passes, run_in, trained

from steep.stages.diagnose import diagnose_run

_STEPS = 60
_COMPANIES = 12
_NOISE = 0.15  # of the letters


@dataclass(frozen=True)
class Plant:
    """What was done wrong, and the cause that must be named first."""

    cause: str
    settings: Mapping[str, Any]
    documents: Callable[[Path], None] = lambda folder: None


def _garble(folder: Path) -> None:
    """Documents as a bad scan gives them: letters read as digits and signs."""
    rng = random.Random(0)
    for path in sorted((folder / "documents").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        path.write_text(
            "".join(
                rng.choice("0|#~1") if c.isalpha() and rng.random() < _NOISE else c for c in text
            ),
            encoding="utf-8",
        )


PLANTS = (
    Plant("too_few_steps", trained(max_steps=8)),
    Plant("rate_too_low", trained(max_steps=_STEPS, learning_rate=2e-5)),
    Plant("rate_too_high", trained(max_steps=24, learning_rate=RUINOUS_RATE)),
    Plant(
        "no_replay",
        {
            **trained(max_steps=_STEPS, learning_rate=2e-3),
            "data": {"general_share": 0.0},
            "strength": {"enabled": False},
        },
    ),
    Plant("too_many_passes", passes(50), keep_few),
    Plant("dirty_data", trained(max_steps=_STEPS), _garble),
)


def main() -> None:
    """Run the plants asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--causes", nargs="+", help="parts of their names; all by default")
    chosen = parser.parse_args()
    for plant in PLANTS:
        if chosen.causes and not any(part in plant.cause for part in chosen.causes):
            continue
        for seed in chosen.seeds:
            begin = time.monotonic()
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                run_in(folder, plant.settings, plant.documents, seed, companies=_COMPANIES)
                found = diagnose_run(folder / "run").causes
            causes = [cause.cause for cause in found]
            mark = "right" if causes[:1] == [plant.cause] else "WRONG"
            said = found[0].text if found else "nothing"
            seconds = time.monotonic() - begin
            print(
                f"{mark} | {plant.cause} | seed {seed} | {', '.join(causes)} | {said} | "
                f"{seconds:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
