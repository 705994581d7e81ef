"""Do the books balance? Each folder is prepared and its ledger counted again from the files.

For each folder a line: documents found, trained, held out and dropped; characters read, kept and
taken out by cleaning; tokens in the shards and trained. What the ledger says is compared with what
stands in ``data/``: documents by their lines, tokens by the shard itself. Ends with exit code 1 if
anything differs.

    python bench/ledger.py FOLDER [FOLDER …] [--passes 2]
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors import safe_open

from steep.errors import SteepError
from steep.recipe.load import recipe_from
from steep.workflow import prepare


def main() -> None:
    """Print a line for each folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--passes", type=float, default=2.0)
    given = parser.parse_args()
    wrong = 0
    for folder in given.folders:
        with TemporaryDirectory() as place:
            values = {
                "data": {"domain": [str(folder.absolute())], "general_share": 0.0},
                "train": {"epochs": given.passes},
                "output_dir": str(Path(place) / "run"),
            }
            try:
                data = prepare(recipe_from(values, (), name="ledger", folder=Path(place)))
            except SteepError as error:
                print(f"{folder}: {error}", flush=True)
                wrong += 1
                continue
            ledger = json.loads((data / "ledger.json").read_text(encoding="utf-8"))
            faults = faults_of(ledger, data)
        wrong += bool(faults)
        print(f"{folder}: {words(ledger)}; {'; '.join(faults) or 'balanced'}", flush=True)
    sys.exit(1 if wrong else 0)


def words(ledger: dict[str, Any]) -> str:
    """The ledger's totals in a line."""
    documents, cleaning = ledger["documents"], ledger["sources"]["cleaning"]
    return (
        f"{documents['found']:,} documents ({documents['trained']:,} trained, "
        f"{documents['held_out']:,} held out, {documents['dropped']:,} dropped), "
        f"{cleaning['characters_read']:,} characters ({cleaning['characters_kept']:,} kept, "
        f"{sum(cleaning['taken_out'].values()):,} taken out), "
        f"{ledger['tokens']['in_shards']:,} tokens, {ledger['trained']['tokens']:,} trained"
    )


def faults_of(ledger: dict[str, Any], data: Path) -> list[str]:
    """What doesn't add up in the ledger, or isn't what the files hold."""
    documents, cleaning = ledger["documents"], ledger["sources"]["cleaning"]
    lines = (data / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    with safe_open(str(data / "tokens.safetensors"), framework="np") as shards:
        tokens = int(shards.get_slice("tokens").get_shape()[0])
    by_document = sum(
        row["tokens"] for row in ledger["by_document"]
    )  # of documents as they are, without what is retold of them
    pairs = {
        "documents found": (
            documents["found"],
            documents["trained"] + documents["held_out"] + documents["dropped"],
        ),
        "documents dropped": (documents["dropped"], len(ledger["drops"])),
        "documents by reason": (
            documents["dropped"],
            sum(documents["dropped_by_reason"].values()),
        ),
        "documents written": (documents["trained"] + documents["held_out"], len(rows)),
        "documents trained": (documents["trained"], len(ledger["by_document"])),
        "characters": (
            cleaning["characters_read"],
            cleaning["characters_kept"] + sum(cleaning["taken_out"].values()),
        ),
        "characters written": (
            cleaning["characters_kept"],
            sum(len(row["text"]) for row in rows),
        ),
        "tokens in the shards": (ledger["tokens"]["in_shards"], tokens),
        "tokens by kind": (tokens, sum(ledger["tokens"]["by_kind"].values())),
        "tokens of documents": (ledger["tokens"]["by_kind"].get("document", 0), by_document),
        "tokens trained": (
            ledger["trained"]["tokens"],
            sum(ledger["trained"]["by_kind"].values()),
        ),
    }
    return [
        f"{name}: {one:,} and {other:,}" for name, (one, other) in pairs.items() if one != other
    ]


if __name__ == "__main__":
    main()
