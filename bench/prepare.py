"""Preparation speed and memory: steep against a datatrove pipeline doing the same steps.

Both read one JSON Lines file, apply Gopher's rules, find exact and near copies (MinHash), and
tokenise. Documents are made from real text, with copies planted among them at known Jaccard
similarities of their 5-character shingles; how many of the planted pairs each side finds is
printed beside the rate. Rates are per second of processor time over all processes, so that a busy
machine changes little; peak memory is that of the largest process. A document is 60 to 120 words.

    python bench/prepare.py --documents 100000 --rounds 3 --datatrove PYTHON_WITH_DATATROVE \\
        --text gutenberg-big.txt

datatrove groups near copies by words, steep by characters: a pair counts as found where the two
stand in one group (steep), or where one of them is left out (datatrove).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from turns import spread

SIMILARITIES = (1.0, 0.95, 0.9, 0.8, 0.6)
PLANTED = 100  # pairs of each similarity


def main() -> None:
    """Make the documents, run both sides, print one line each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[10_000])
    parser.add_argument("--text", type=Path, required=True, help="plain text to make them from")
    parser.add_argument("--words", type=int, nargs=2, default=[60, 120], help="in a document")
    parser.add_argument("--datatrove", help="a Python that has datatrove: turn about with it")
    parser.add_argument("--rounds", type=int, default=1, help="turns of each side")
    parser.add_argument("--model", default="smollm2-135m", help="whose tokenizer")
    parser.add_argument("--turn", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.turn:
        print(json.dumps(_steep(given.turn, given.model)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for count in given.documents:
            path = make_documents(Path(folder), count, given.text, given.words)
            ours = [sys.executable, __file__, "--text", str(given.text), "--turn", str(path)]
            ratios = []
            for _ in range(given.rounds):
                found = _run([*ours, "--model", given.model])
                _tell("steep", count, found)
                if given.datatrove:
                    theirs = _datatrove(given, path, Path(folder, "datatrove"))
                    _tell("datatrove", count, theirs)
                    ratios.append(theirs["processor_seconds"] / found["processor_seconds"])
            if ratios:
                print(f"steep's rate over datatrove's, {count:,} documents: {spread(ratios)}")


def _datatrove(given: argparse.Namespace, path: Path, work: Path) -> dict[str, Any]:
    """One turn of the other side, which keeps nothing."""
    script = Path(__file__).with_name("prepare_datatrove.py")
    try:
        return _run([given.datatrove, str(script), str(path), str(work), _tokenizer(given.model)])
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(command: Sequence[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _tell(side: str, count: int, found: dict[str, Any]) -> None:
    recall = ", ".join(f"{name}: {share:.2f}" for name, share in found["recall"].items())
    print(
        f"{side:9} {count:>9,} documents  {count / found['processor_seconds']:8,.0f} per CPU-second"
        f"  {found['peak_bytes'] / 2**20:7,.0f} MiB  {found['tokens']:,} tokens  found {recall}"
        f"  {found.get('seconds', '')}",
        flush=True,
    )


def make_documents(folder: Path, count: int, text: Path, words: Sequence[int]) -> Path:
    """``{"text", "id"}`` lines; planted pairs have ids ``pair-SIMILARITY-NUMBER-a`` and ``-b``."""
    rng = random.Random(0)
    sentences = re.split(r"(?<=[.!?])\s+", " ".join(text.read_text(encoding="utf-8").split()))
    path = folder / f"{count}.jsonl"
    planted = list(_pairs(rng, sentences))
    every = max(1, count // (len(planted) + 1))
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            if planted and number % every == every - 1:
                row = planted.pop()
            else:
                row = {"text": _text(rng, sentences, words), "id": f"d{number}"}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def _text(rng: random.Random, sentences: Sequence[str], words: Sequence[int]) -> str:
    """Sentences drawn from all over the text, up to a number of words."""
    wanted, found = rng.randint(*words), []
    while len(found) < wanted:
        found += sentences[rng.randrange(len(sentences))].split()
    return " ".join(found[: 2 * wanted])


def _pairs(rng: random.Random, sentences: Sequence[str]) -> Any:
    """Pairs whose Jaccard similarity is as said, within 0.01, in random order."""
    rows = []
    for similarity in SIMILARITIES:
        for number in range(PLANTED):
            one = _text(rng, sentences, (100, 140))
            two = one.split()
            letters = "abcdefghijklmnopqrstuvwxyz"
            while similarity < 1 and _jaccard(one, " ".join(two)) > similarity + 0.005:
                two[rng.randrange(len(two))] = "".join(rng.choices(letters, k=6))
            for side, text in (("a", one), ("b", " ".join(two))):
                rows.append({"text": text, "id": f"pair-{similarity}-{number}-{side}"})
    rng.shuffle(rows)
    return rows


def _jaccard(one: str, two: str) -> float:
    a, b = ({text[at : at + 5] for at in range(len(text) - 4)} for text in (one, two))
    return len(a & b) / len(a | b)


def recall(groups: dict[str, Any], present: set[str] | None = None) -> dict[str, float]:
    """Share of the planted pairs found, by similarity.

    ``groups`` are groups by id: of a pair both of whose documents are ``present`` (None: all) one
    is missing there, or both have the same.
    """
    pairs: Counter[str] = Counter()
    met: Counter[str] = Counter()
    for similarity in SIMILARITIES:
        for number in range(PLANTED):
            ids = [f"pair-{similarity}-{number}-{side}" for side in "ab"]
            if present is None or present >= set(ids):
                known = [groups[name] for name in ids if name in groups]
                pairs[str(similarity)] += 1
                met[str(similarity)] += len(known) < 2 or known[0] == known[1]
    return {name: met[name] / count for name, count in pairs.items()}


def _steep(path: Path, model: str) -> dict[str, Any]:
    from transformers import AutoTokenizer

    from steep.corpus.piece import Piece
    from steep.corpus.shards import build_shards
    from steep.documents.deduplicate import near_duplicate_groups
    from steep.documents.read import collect

    seconds: dict[str, float] = {}
    tokenizer = AutoTokenizer.from_pretrained(_tokenizer(model))
    began = _processor_seconds()

    def lap(name: str) -> None:
        seconds[name] = round(_processor_seconds() - began - sum(seconds.values()), 2)

    found = collect([path])
    lap("read, clean, rules, exact copies")
    groups = near_duplicate_groups(found.documents)
    lap("near copies")
    pieces = (Piece("document", d.id, d.text) for d in found.documents)
    shards = build_shards(pieces, tokenizer, 512)
    lap("tokenise")
    by_id = {
        d.title: group
        for d, group in zip(found.documents, groups, strict=True)
        if d.title.startswith("pair-")
    }
    return {
        "processor_seconds": _processor_seconds() - began,
        "peak_bytes": _peak_bytes(),
        "tokens": len(shards.tokens),
        "recall": recall(by_id),
        "seconds": seconds,
    }


def _tokenizer(model: str) -> str:
    from steep.model.load import resolve_model

    return resolve_model(model)


def _processor_seconds() -> float:
    """Of this process and the children that ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def _peak_bytes() -> int:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return 1024 * max(resource.getrusage(kind).ru_maxrss for kind in kinds)


if __name__ == "__main__":
    main()
