"""Export: adapter and merged model, each reloaded and compared before the stage is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from steep.artifact import (
    file_hash,
    is_intact,
    key_of,
    read_sealed,
    write_sealed,
    write_text,
)
from steep.export.card import model_card
from steep.export.write import check_parity, max_logit_difference, save_adapter, save_merged
from steep.model.load import load_model
from steep.progress import Progress
from steep.recipe import Recipe
from steep.report.story import card_facts, read_story
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.train import Trained

_CARD = "README.md"  # quotes the evaluation, so it is written again when that changes
_SAMPLES = [
    "The history of the town goes back to",
    "Question: What is the capital of France?\nAnswer:",
]


def export_stage(
    recipe: Recipe, base: Base, trained: Trained, run: RunFolder, progress: Progress
) -> dict[str, Any]:
    """Write the folders named in ``[export]``; the same again is skipped.

    Raises:
        SteepError: a written model doesn't give the trained model's logits.
    """
    names = {"merged": str(recipe.export.merged)}
    if recipe.train.method == "lora":
        names["adapter"] = str(recipe.export.adapter)
    key = key_of({"trained": trained.key, "names": names})
    kept = read_sealed(run.exports)
    if kept.get("key") != key or not is_intact(run.path, {"files": kept.get("files", {})}):
        kept = _write(names, key, base, trained, run, progress)
    _write_cards(kept, base, run)
    return kept


def _write(
    names: dict[str, str],
    key: str,
    base: Base,
    trained: Trained,
    run: RunFolder,
    progress: Progress,
) -> dict[str, Any]:
    progress.stage("Exporting")
    model = trained.load()
    parity: dict[str, float] = {}
    files: dict[str, str] = {}
    writers = {"adapter": save_adapter, "merged": save_merged}
    for what, name in names.items():
        folder = run.path / name
        writers[what](model, base.tokenizer, folder)
        reloaded, tokenizer = load_model(str(folder))
        parity[what] = max_logit_difference(model, reloaded, tokenizer, _SAMPLES)
        check_parity(parity[what], str(folder))
        del reloaded
        progress.note(f"{folder}: reloaded, largest logit difference {parity[what]:.2g}")
        files |= {
            str(path.relative_to(run.path)): file_hash(path)
            for path in sorted(folder.iterdir())
            if path.is_file() and path.name != _CARD
        }
    exports = {
        "schema": 1,
        "key": key,
        "adapter": names.get("adapter"),
        "merged": names["merged"],
        "parity": {"max_logit_difference": max(parity.values()), **parity},
        "files": files,
    }
    write_sealed(run.exports, exports)
    return exports


def _write_cards(exports: dict[str, Any], base: Base, run: RunFolder) -> None:
    """The model cards; they quote the evaluation, so they are written each time."""
    if not run.evaluation.is_file():
        return
    story = read_story(run.path)
    kinds: tuple[Literal["adapter", "merged"], ...] = ("adapter", "merged")
    for what in kinds:
        if exports.get(what):
            card = model_card(card_facts(story, what, base.fingerprint))
            write_text(Path(run.path / exports[what] / _CARD), card)
