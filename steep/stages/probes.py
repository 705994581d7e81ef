"""Probes: questions made from the documents, screened with the base model, kept beside the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from steep.artifact import keep_sealed, key_of, read_sealed, write_sealed
from steep.corpus.contamination import is_spaceless
from steep.corpus.shards import Shards
from steep.model.load import cache_folder
from steep.progress import Progress
from steep.proof.measure import SCORER_VERSION
from steep.proof.probes.build import draft_probes
from steep.proof.probes.screen import Probes, Wanted, probes_from, screen
from steep.proof.probes.units import SPACELESS
from steep.proof.questions import DISTRACTORS, Question
from steep.proof.scorer import Scorer
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.prepare import Prepared
from steep.stages.rows import Rows, made_texts
from steep.wording import counted

# Raised whenever the same documents would give other probes.
PROBES_VERSION = 7

_CONTROLS = 48
_QUESTION_WORDS = 32
_FEW = 10  # probes of documents without spaces; with fewer, a note says so
_TRIED = 4  # facts drafted for each probe wanted: most that fall out do so before the model


def make_probes(
    recipe: Recipe,
    base: Base,
    prepared: Prepared,
    rows: Rows,
    run: RunFolder,
    progress: Progress,
) -> Probes | None:
    """Probes of the prepared documents, made once; None if the recipe wants none.

    Args:
        rows: of later stages; what is made from the documents is training text too.
    """
    if not recipe.evaluate.probes:
        return None
    said = made_texts(recipe, rows)
    key = probes_key(recipe, prepared.key, said, base)
    kept = _kept(run.probes, key)
    if kept is None:
        kept = _kept(_shared(key), key)
        kept = kept or {"key": key, **_made(recipe, base, prepared, said, progress).as_json()}
        write_sealed(run.probes, kept)
        keep_sealed(_shared(key), kept)
    return probes_from(kept)


def known_probes(recipe: Recipe, data: str, rows: Rows, base: Base) -> Probes | None:
    """Probes made by an earlier run of the same data; None if there are none."""
    key = probes_key(recipe, data, made_texts(recipe, rows), base)
    kept = _kept(_shared(key), key)
    return None if kept is None else probes_from(kept)


def stand_ins(probes: int) -> tuple[Question, ...]:
    """Questions of usual length in the place of probes that are still to be made."""
    words = " ".join(["word"] * _QUESTION_WORDS)
    choices = tuple(f"value {number}" for number in range(DISTRACTORS + 1))
    return tuple(
        Question(f"stand-in-{number}", words, choices[0], choices=choices)
        for number in range(2 * probes)
    )


def probes_key(recipe: Recipe, data: str, said: Sequence[str], base: Base) -> str:
    """Hash of everything the probes depend on.

    Args:
        data: the key of the prepared corpus.
        said: by rows made from the documents.
    """
    return key_of(
        {
            "version": [PROBES_VERSION, SCORER_VERSION],
            "data": data,
            "base": base.fingerprint,
            "wanted": recipe.evaluate.probes,
            **({"rows": key_of({"said": list(said)})} if said else {}),
        }
    )


def _made(
    recipe: Recipe, base: Base, prepared: Prepared, said: Sequence[str], progress: Progress
) -> Probes:
    progress.stage("Making questions from the documents")
    wanted = recipe.evaluate.probes
    draft = draft_probes(
        prepared.trained,
        prepared.held_out,
        chain(trained_texts(prepared.schedule.shards, base.tuned_tokenizer), said),
        is_common=common_words(base.tokenizer),
        wanted=_TRIED * wanted,
        seed=recipe.seed,
    )
    scorer = Scorer(base.model, base.tokenizer)
    forms = Wanted(wanted, wanted // 2, wanted // 2, _CONTROLS)
    return screen(scorer, draft, forms, progress.at)


def trained_texts(shards: Shards, tokenizer: Any) -> Iterator[str]:
    """Every text trained on, retellings and replay included, as the model reads it."""
    ids: list[int] = []
    before: int | None = None
    for segment, owner in enumerate(shards.owners.tolist()):
        if owner != before and ids:
            yield str(tokenizer.decode(ids, skip_special_tokens=True))
            ids = []
        # A later segment of a piece begins with the last token of the one before.
        ids += shards.segment(segment)[int(owner == before) :].tolist()
        before = owner
    if ids:
        yield str(tokenizer.decode(ids, skip_special_tokens=True))


def unprobed(trained: Sequence[tuple[str, str]], probes: Sequence[Question]) -> list[str]:
    """A note if documents, as (id, text), are in scripts whose prose gave too few probes."""
    spaceless = sum(is_spaceless(text) for _, text in trained)
    made = sum(is_spaceless(probe.question) for probe in probes if probe.form == "new")
    if not spaceless or made >= min(_FEW, spaceless):
        return []
    probed = f"only {counted(made, 'probe')}" if made else "no probes"
    return [
        f"{probed} could be made of {spaceless} of "
        f"{len(trained)} documents, whose script has no spaces between words (only numbers, dates, "
        "titles and names that something marks are found there), so ask about them in questions "
        "of your own"
    ]


def _shared(key: str) -> Path:
    return cache_folder() / "probes" / f"{key[:32]}.json"


def common_words(tokenizer: Any) -> Callable[[str], bool]:
    """Words that the tokenizer has as one token, so that were frequent where it was made."""

    def is_common(word: str) -> bool:
        written = word if SPACELESS.search(word) else f" {word}"
        return len(tokenizer.encode(written, add_special_tokens=False)) == 1

    return is_common


def _kept(path: Path, key: str) -> dict[str, Any] | None:
    """What was made before with this key; None if there is nothing or it is damaged."""
    kept = read_sealed(path)
    return kept if kept.get("key") == key else None
