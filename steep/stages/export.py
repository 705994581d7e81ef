"""Export: adapter, merged model and GGUF, each read back and compared before it takes its place."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from steep.artifact import (
    file_hash,
    is_intact,
    key_of,
    read_sealed,
    write_sealed,
    write_text,
)
from steep.export.card import CARD, model_card
from steep.export.gguf import llamacpp
from steep.export.gguf.folder import gguf_names, save_gguf
from steep.export.gguf.read import load_gguf
from steep.export.loading import Exported
from steep.export.parity import (
    Parity,
    Reader,
    Written,
    check_parity,
    compare,
    reader_of,
    trained_reader,
)
from steep.export.write import save_adapter, save_merged
from steep.model.licence import licence_of
from steep.model.load import load_model
from steep.progress import Progress
from steep.proof.generation import end_tokens
from steep.proof.questions import validation_texts
from steep.proof.turns import turn_end
from steep.recipe import Recipe
from steep.report.story import card_facts, read_story
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.train import Trained


def export_stage(
    recipe: Recipe, base: Base, trained: Trained, run: RunFolder, progress: Progress
) -> dict[str, Any]:
    """Write the folders named in ``[export]``; the same again is skipped.

    Raises:
        SteepError: what was written isn't the trained model; then it isn't kept.
    """
    names = {"merged": str(recipe.export.merged)}
    if recipe.train.method == "lora":
        names["adapter"] = str(recipe.export.adapter)
    made_of: dict[str, Any] = {"trained": trained.key, "names": names, "gguf": recipe.export.gguf}
    if recipe.later:
        made_of["ends"] = turn_end(base.tuned_tokenizer)
    key = key_of(made_of)
    kept = read_sealed(run.exports)
    if kept.get("key") != key or not is_intact(run.path, {"files": kept.get("files", {})}):
        old = kept.get("gguf")
        kept = _Exporting(recipe, names, base, trained, run, progress).write(key)
        if old and not kept["gguf"]:  # of a model that may not be this one
            shutil.rmtree((run.path / old).parent, ignore_errors=True)
    _write_cards(kept, base, run, licence_of(recipe.home, base.path))
    return kept


class _Exporting:
    """One export of a trained model; each method writes one kind and reads it back."""

    def __init__(
        self,
        recipe: Recipe,
        names: dict[str, str],
        base: Base,
        trained: Trained,
        run: RunFolder,
        progress: Progress,
    ) -> None:
        progress.stage("Exporting")
        self._recipe, self._names, self._run, self._progress = recipe, names, run, progress
        self._model, self._tokenizer = trained.load(), base.tuned_tokenizer
        self._tuned = key_of(trained.key)  # as in evaluation.json, which is of the same model
        self._trained = trained_reader(self._model, self._tokenizer, validation_texts())
        self._figures: dict[str, Parity] = {}

    def write(self, key: str) -> dict[str, Any]:
        """Everything; then exports.json, which says so."""
        merged = self._run.path / self._names["merged"]
        save_merged(
            self._model, self._tokenizer, merged, self._checked("merged", merged), ends=self._ends()
        )
        folders = [merged]
        if "adapter" in self._names:
            adapter = self._run.path / self._names["adapter"]
            save_adapter(self._model, self._tokenizer, adapter, self._checked("adapter", adapter))
            folders.append(adapter)
        gguf = self._gguf(merged)
        if gguf is not None:
            folders.append(gguf.parent)
        exports = {
            "schema": 1,
            "key": key,
            "tuned": self._tuned,
            "adapter": self._names.get("adapter"),
            "merged": self._names["merged"],
            "gguf": gguf and gguf.relative_to(self._run.path).as_posix(),
            "parity": self._differences(),
            "lifted": read_sealed(self._run.lifted) or None,
            "figures": {what: parity.as_json() for what, parity in self._figures.items()},
            "files": {
                path.relative_to(self._run.path).as_posix(): file_hash(path)
                for folder in folders
                for path in sorted(folder.iterdir())
                if path.is_file() and path.name != CARD
            },
        }
        write_sealed(self._run.exports, exports)
        return read_sealed(self._run.exports)

    def _ends(self) -> set[int]:
        """Where a model that was taught to answer stops; its base's files needn't say."""
        return end_tokens(self._model, self._tokenizer) if self._recipe.later else set()

    def _gguf(self, merged: Path) -> Path | None:
        """The GGUF file, made of the merged folder as it stands on disk."""
        kind = self._recipe.export.gguf
        if kind is None:
            return None
        folder, name = gguf_names(self._names["merged"], kind)
        path = self._run.path / folder / name
        model, tokenizer = load_model(str(merged), device="cpu")
        save_gguf(model, tokenizer, path.parent, name, kind, self._checked(kind, path))
        return path

    def _checked(self, what: Written, place: Path) -> Any:
        """Reads what was written, compares it with the trained model, and keeps the figures."""

        def check(written: Path) -> None:
            for reader in _readers(written):
                parity = compare(self._trained, reader)
                check_parity(parity, what, str(place))
                self._figures[what] = parity
                self._progress.note(f"{place}: {parity.in_words()}")

        return check

    def _differences(self) -> dict[str, float]:
        """Largest logit differences of what is kept in fp32."""
        found = {
            what: parity.max_logit_difference
            for what, parity in self._figures.items()
            if what in ("merged", "adapter")
        }
        return {"max_logit_difference": max(found.values()), **found}


def _readers(written: Path) -> Iterator[Reader]:
    """Everyone here who can read what was written; for a GGUF the last word is llama.cpp's."""
    if not written.is_file():
        yield reader_of(*load_model(str(written)))
        return
    yield reader_of(*load_gguf(written))
    if llamacpp.is_installed():
        with llamacpp.opened(written) as found:
            yield Reader("llama.cpp", found.logits, found.encode)


def _write_cards(exports: dict[str, Any], base: Base, run: RunFolder, licence: str | None) -> None:
    """The model cards; they quote the evaluation, so they are written each time."""
    if not run.evaluation.is_file():
        return
    story = read_story(run.path)
    kinds: tuple[Exported, ...] = ("adapter", "merged", "gguf")
    for what in kinds:
        if exports.get(what):
            place = run.path / exports[what]
            folder = place.parent if what == "gguf" else place
            facts = card_facts(story, what, base.fingerprint, licence)
            write_text(folder / CARD, model_card(facts))
