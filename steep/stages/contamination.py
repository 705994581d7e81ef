"""What training text is compared with before it is trained on, and what the books say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steep.artifact import key_of
from steep.corpus.contamination import Items, by_set, found_in
from steep.corpus.piece import Piece
from steep.proof.grammar import grammar_pairs
from steep.proof.questions import general_questions, general_texts, reference_texts

if TYPE_CHECKING:
    from steep.stages.inputs import Inputs

_SETS = {
    "questions": "your questions",
    "general_questions": "general questions",
    "general": "general texts",
    "general_project": "packaged general texts",
    "general_reference": "packaged reference texts",
    "validation": "validation texts",
    "grammar": "grammar sentences",
    "guard": "texts watched while training",
    "parallel": "translations",
}


def evaluation_items(inputs: Inputs) -> dict[str, Items]:
    """Everything whose wording may not be trained on, by the name of its set."""
    choosing = (*inputs.validation, *inputs.validation_reference)
    validation = tuple((f"validation-{n}", text) for n, text in enumerate(choosing))
    guard = tuple((f"guard-{n}", text) for n, text in enumerate(inputs.guard))
    packaged = tuple(general_texts())
    sentences = tuple(
        (f"{pair.id}-{side}", text)
        for pair in grammar_pairs()
        for side, text in (("good", pair.good), ("bad", pair.bad))
    )
    pairs = tuple((pair.id, pair.target) for pair in inputs.parallel)
    return {
        **({"parallel": Items("question", pairs)} if pairs else {}),
        "questions": Items("question", tuple((q.id, q.question) for q in inputs.questions)),
        "general_questions": Items(
            "question", tuple((q.id, q.question) for q in general_questions())
        ),
        "general": Items("text", inputs.general),
        "general_project": Items("text", packaged if packaged != inputs.general else ()),
        "general_reference": Items("text", tuple(reference_texts())),
        "grammar": Items("question", sentences),
        "validation": Items("text", validation),
        "guard": Items("text", guard if inputs.guard != inputs.validation else ()),
    }


def held_out_items(inputs: Inputs) -> dict[str, Items]:
    """What replay may not hold besides: the wording of documents that are held out.

    Retellings may: they say what trained documents say, and these may share a sentence with others.
    """
    texts = tuple((document.id, document.text) for document in inputs.split.held_out)
    return {"held_out": Items("text", texts)}


def items_key(inputs: Inputs) -> str:
    """A hash of all evaluation items."""
    return key_of(
        {name: [given.form, given.items] for name, given in evaluation_items(inputs).items()}
    )


def checked_again(
    before: Mapping[str, Any], pieces: Sequence[Piece], items: Mapping[str, Items]
) -> dict[str, Any]:
    """The books' entry for other items over a corpus that can't be changed any more.

    What was left out stays out; whatever piece holds an item now, the item is flagged.

    Args:
        before: the entry as it was.
        pieces: all pieces made, those left out too.
    """
    gone = {row["piece"] for row in before["removed"]}
    trained = [piece for place, piece in enumerate(pieces) if place not in gone]
    flagged = {item for found in found_in(trained, items) for item in found}
    return {
        **before,
        "against": {**before["against"], **{n: len(given.items) for n, given in items.items()}},
        "items": {name: list(ids) for name, ids in by_set(flagged, items).items()},
    }


def contamination_note(entry: Mapping[str, Any]) -> list[str]:
    """What the user should know of the ledger's entry: at most two lines, none if all is well."""
    notes = []
    if entry["removed"]:
        replay = entry["removed_pieces"].get("general", 0)
        notes.append(
            "left out of training, because they hold the wording of evaluation items or of "
            "held-out documents: "
            f"retellings {len(entry['removed']) - replay}, replay texts {replay}"
        )
    flagged = {name: ids for name, ids in entry["items"].items() if ids}
    if flagged:
        said = ", ".join(f"{_SETS.get(name, name)} {len(ids)}" for name, ids in flagged.items())
        notes.append(
            f"warning: training text holds the wording of evaluation items: {said} "
            "(named in data/ledger.json)"
        )
    return notes
