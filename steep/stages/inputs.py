"""Everything the user named, read and checked before anything is written or spent."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace

from steep.artifact import text_hash
from steep.corpus.reading import reading_texts
from steep.documents.parts import collect_parts
from steep.documents.read import Collection, collect
from steep.documents.split import Split, split_held_out
from steep.errors import DocumentError
from steep.model.load import cache_folder
from steep.proof.questions import (
    Question,
    general_texts,
    guard_texts,
    load_questions,
    validation_reference_texts,
    validation_texts,
    with_distractors,
)
from steep.proof.rules import FEWEST_TEXTS
from steep.proof.translations import Translation, load_translations
from steep.recipe import Recipe
from steep.stages.contamination import evaluation_items
from steep.stages.rows import Rows, made_rows, read_rows

# The user's general texts are divided between judging and choosing the strength only if each
# side gets enough to say something.
_FEWEST_TO_DIVIDE = 15


@dataclass(frozen=True)
class Inputs:
    """The user's documents, texts and questions.

    Attributes:
        collection: documents read, and everything left out.
        split: which of them are trained and which held out.
        replay: general texts to rehearse; None where the base model is to write its own.
        general: general texts to judge on, (id, text).
        validation: general texts to choose the strength on, none of them among those judged on.
        validation_reference: as ``validation``, reference texts; only where the general ones are
            the project's.
        guard: general texts to watch while training, none of them among those judged on.
        questions: the user's questions with their distractors.
        stages: for each stage of a curriculum the ids of its documents; empty without one.
        rows: instructions and preferences, from the user's files or made from the documents.
        parallel: the user's sentences with their translations.
    """

    collection: Collection
    split: Split
    replay: tuple[str, ...] | None
    general: tuple[tuple[str, str], ...]
    validation: tuple[str, ...]
    guard: tuple[str, ...]
    questions: tuple[Question, ...]
    stages: tuple[frozenset[str], ...] = ()
    rows: Rows = field(default_factory=Rows)
    parallel: tuple[Translation, ...] = ()
    validation_reference: tuple[str, ...] = ()


def read_inputs(recipe: Recipe) -> Inputs:
    """Read all inputs of a recipe.

    Raises:
        UserInputError: a path is missing, nothing is readable, a file is malformed, or the
            documents give no rows where some are to be made from them.
    """
    rows = read_rows(recipe)
    questions: list[Question] = []
    if recipe.evaluate.questions is not None:
        questions = with_distractors(load_questions(recipe.evaluate.questions), recipe.seed)
    named = recipe.evaluate.parallel
    parallel = () if named is None else load_translations(named)
    collection, stages = _documents(recipe)
    split = split_held_out(collection.documents, recipe.data.held_out_share, recipe.seed)
    if not split.trained:
        raise DocumentError("nothing is left to train on; lower data.held_out_share")
    trained = {document.id for document in split.trained}
    for number, (stage, members) in enumerate(zip(recipe.curriculum, stages, strict=True), 1):
        if members.isdisjoint(trained):
            raise DocumentError(
                f"stage {stage.name or number} has nothing left to train on: all its documents are "
                "held out; lower data.held_out_share, or give it more documents"
            )
    general, validation, guard = _general(recipe)
    replay = _replay(recipe)
    found = Inputs(
        collection,
        split,
        replay,
        general,
        validation,
        guard,
        tuple(questions),
        stages,
        parallel=parallel,
        validation_reference=validation_reference_texts()
        if recipe.evaluate.general is None
        else (),
    )
    return replace(found, rows=made_rows(recipe, rows, split, evaluation_items(found)))


def few_texts(recipe: Recipe, inputs: Inputs) -> list[str]:
    """A warning where the user's general texts are too few to judge forgetting on."""
    count = len(inputs.general)
    if recipe.evaluate.general is None or count >= FEWEST_TEXTS:
        return []
    return [
        f"warning: [evaluate] general gives {count} texts to judge forgetting on, and over so few "
        f"the interval is wide, so that hardly any model passes: give {FEWEST_TEXTS} or more, or "
        "leave the key out for the packaged ones"
    ]


def _documents(recipe: Recipe) -> tuple[Collection, tuple[frozenset[str], ...]]:
    """What was read, and which documents each stage of a curriculum holds."""
    data = recipe.data
    read = functools.partial(
        collect,
        redact=data.redact,
        repeated_lines=data.repeated_lines,
        repeated_paragraphs=data.repeated_paragraphs,
        drop_flagged=data.drop_flagged,
        kept_in=cache_folder() / "read",
    )
    if recipe.curriculum:
        return collect_parts([stage.domain for stage in recipe.curriculum], read=read)
    return read(data.domain or ()), ()


def _replay(recipe: Recipe) -> tuple[str, ...] | None:
    if not recipe.has_replay:
        return ()
    if recipe.data.general == "self":
        return None
    if recipe.data.general == "reading":
        return reading_texts(reference=recipe.replay_kl[1])
    return tuple(document.text for document in collect(recipe.data.general).documents)


def _general(
    recipe: Recipe,
) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...], tuple[str, ...]]:
    """(texts to judge on, texts to choose the strength on, texts to watch while training)."""
    packaged = (validation_texts(), guard_texts())
    if recipe.evaluate.general is None:
        return tuple(general_texts()), *packaged
    found = [(d.id, d.text) for d in collect(recipe.evaluate.general).documents]
    if len(found) < _FEWEST_TO_DIVIDE:
        return tuple(found), *packaged
    parts = {id: int(text_hash(text)[:8], 16) % 9 for id, text in found}
    aside = [(parts[id], text) for id, text in found if parts[id] % 3 == 0]
    if len(aside) < 2:  # an interval needs two
        return tuple(found), *packaged
    judged = tuple((id, text) for id, text in found if parts[id] % 3)
    choosing = tuple(text for part, text in aside if part != 6)
    watching = tuple(text for part, text in aside if part == 6)
    if len(choosing) < 2 or len(watching) < 2:  # too few to divide again
        choosing = watching = tuple(text for _, text in aside)
    return judged, choosing, watching
