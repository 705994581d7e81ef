"""The slice that short trainings are made on, and what they are asked.

Whole documents, so that what a document says of one thing stays together, chosen by hash. Others of
the documents to train are kept out of every trial to be judged by; the run's own held-out documents
and judged texts are left for the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from steep.artifact import key_of, read_sealed, text_hash, write_sealed
from steep.documents.record import Document
from steep.documents.split import Split, split_held_out
from steep.model.self_text import write_general_text
from steep.progress import Progress
from steep.proof.probes.build import draft_probes
from steep.proof.probes.screen import Wanted, probes_from, screen
from steep.proof.scorer import Scorer
from steep.proof.trials import Sheet
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.checks import shortened
from steep.stages.inputs import Inputs
from steep.stages.prepare import Draft, draft
from steep.stages.probes import PROBES_VERSION, common_words, trained_texts

FEWEST_DOCUMENTS = 8
QUESTIONS = 40
_TRIED = 3
GENERAL_TEXTS = 16
_ASIDE = 8  # documents to judge by, of a share within these bounds
_LEAST_ASIDE, _MOST_ASIDE = 0.1, 0.3
_DOMAIN_TEXTS, _TEXT_TOKENS = 12, 256
DOMAIN_TOKENS = _DOMAIN_TEXTS * _TEXT_TOKENS
_MOST_DOCUMENTS = 2000  # more are first thinned by hash


@dataclass(frozen=True)
class Pool:
    """The documents a run would train on, parted for a search.

    Attributes:
        ordered: candidates for the slice, in the order they are taken.
        aside: judged by, never trained on in a trial.
        tokens: of one pass over each candidate, its retellings and share of replay included.
    """

    ordered: Sequence[Document]
    aside: Sequence[Document]
    tokens: tuple[int, ...]

    @property
    def least_tokens(self) -> int:
        """Of one pass over the smallest slice that says something."""
        return max(1, sum(sorted(self.tokens)[:FEWEST_DOCUMENTS]))

    @property
    def whole_tokens(self) -> int:
        """Of one pass over all candidates."""
        return max(1, sum(self.tokens))


def make_pool(recipe: Recipe, inputs: Inputs, whole: Draft) -> Pool:
    """Part the documents to train; near-copies stay on one side.

    Args:
        whole: the corpus of the run, for what a character costs in tokens.
    """
    documents = sorted(inputs.split.trained, key=lambda d: text_hash(f"{recipe.seed}:{d.id}"))
    share = min(_MOST_ASIDE, max(_LEAST_ASIDE, _ASIDE / max(1, len(documents))))
    parts = split_held_out(documents[:_MOST_DOCUMENTS], share, recipe.seed)
    by_kind = whole.ledger["tokens"]["by_kind"]
    own = sum(count for kind, count in by_kind.items() if kind != "general")
    characters = max(1, sum(len(document.text) for document in inputs.split.trained))
    each = own / characters / (1.0 - recipe.data.general_share)
    tokens = tuple(max(1, round(each * len(document.text))) for document in parts.trained)
    return Pool(parts.trained, parts.held_out, tokens)


def take(pool: Pool, tokens: int) -> tuple[Document, ...]:
    """Documents of about so many tokens a pass, in the pool's order; at least the shortest few."""
    chosen: set[int] = set()
    left = tokens
    for number, size in enumerate(pool.tokens):
        if size <= left:
            chosen.add(number)
            left -= size
    shortest = sorted(range(len(pool.tokens)), key=lambda number: pool.tokens[number])
    for number in shortest:
        if len(chosen) >= min(FEWEST_DOCUMENTS, len(shortest)):
            break
        chosen.add(number)
    return tuple(pool.ordered[number] for number in sorted(chosen))


def slice_inputs(inputs: Inputs, documents: Sequence[Document], replay: Sequence[str]) -> Inputs:
    """The inputs of a run on the slice alone."""
    found = tuple(documents)
    collection = replace(inputs.collection, documents=found, drops=(), marks={})
    return replace(inputs, collection=collection, split=Split(found, ()), replay=tuple(replay))


def replay_for(
    recipe: Recipe, inputs: Inputs, base: Base, tokens: int, progress: Progress
) -> tuple[str, ...]:
    """The replay of all trials: the run's own texts, or written by the base model once for all."""
    if inputs.replay is not None:
        return inputs.replay
    progress.stage("Writing general text for replay with the base model")
    return tuple(
        write_general_text(
            base.model,
            base.tokenizer,
            tokens=tokens,
            seed=recipe.seed,
            fingerprint=base.fingerprint,
            progress=lambda done, total: progress.at(done, total, "tokens written"),
        )
    )


def make_sheet(
    recipe: Recipe, inputs: Inputs, pool: Pool, base: Base, place: Path, progress: Progress
) -> Sheet:
    """What trials on ``inputs`` (the slice) are asked; questions are kept at ``place``."""

    def count(text: str) -> int:
        return len(base.tokenizer.encode(text, add_special_tokens=False))

    general = sorted((*inputs.validation, *inputs.validation_reference), key=text_hash)
    general = general[:GENERAL_TEXTS]
    aside = sorted(pool.aside, key=lambda d: text_hash(d.id))[:_DOMAIN_TEXTS]
    domain = tuple(shortened(document.text, _TEXT_TOKENS, count) for document in aside)
    documents = [d.id for d in inputs.split.trained]
    key = key_of({"documents": documents, "seed": recipe.seed, "version": PROBES_VERSION})
    kept = read_sealed(place)
    if kept.get("key") != key:
        kept = {"key": key, **_questions(recipe, inputs, base, progress)}
        write_sealed(place, kept)
    return Sheet(tuple(general), domain, probes_from(kept).questions)


def _questions(recipe: Recipe, inputs: Inputs, base: Base, progress: Progress) -> dict[str, Any]:
    """Probes of the slice, of another seed than those that judge a run."""
    progress.stage("Making questions from the slice")
    documents = inputs.split.trained
    made = draft_probes(
        documents,
        (),
        trained_texts(draft(recipe, inputs, base).schedule.shards, base.tokenizer),
        is_common=common_words(base.tokenizer),
        wanted=_TRIED * QUESTIONS,
        seed=recipe.seed + 1,
    )
    scorer = Scorer(base.model, base.tokenizer)
    return screen(scorer, made, Wanted(QUESTIONS, 0, 0, 0), progress.at).as_json()
