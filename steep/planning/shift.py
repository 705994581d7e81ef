"""Are the documents in a language that the base model hardly knows? Then more replay is called for.

A new language or script moves every layer of a model, where new facts in its own language move
little, so that what it knew needs more rehearsal (stronger shifts want more replay: Ibrahim et al.
2024, arXiv 2403.08763, 5% for English on English and 25% for German).
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable

from steep.documents.record import Document
from steep.planning.advice import Advice, Predicted
from steep.proof.questions import general_texts

SHARE_FOR_A_NEW_LANGUAGE = 0.25

# Bits per byte over those of general text, from which on a language counts as hardly known. In the
# model's own script an unknown language should take about twice the bits of a known one. In another
# a letter is two or three bytes, of which all but the last say little, so that a known language
# takes clearly fewer bits per byte than English, and an unknown one about as many.
_MUCH_WORSE = 1.8
_AS_BAD = 0.9
_MOSTLY = 0.5
_SOME = 0.01  # of the letters of general text: such a script is one of the model's own
_LETTERS = 100_000


def is_new_language(documents: Iterable[Document], known: Predicted | None) -> bool:
    """Are the documents in a language that the model hardly knows?

    Bits per byte alone don't tell: in another script they are fewer for the same text.

    Args:
        documents: to train on.
        known: how well the base predicts both; None where it wasn't asked, and then only another
            script tells.
    """
    return _is_new(sum(_foreign(documents).values()) >= _MOSTLY, known)


def on_language(
    documents: Iterable[Document], known: Predicted | None, share: float
) -> Advice | None:
    """Advice to rehearse more, where the share of replay is below a quarter.

    Args:
        documents, known: as in ``is_new_language``.
        share: of replay, as the recipe has it.
    """
    if share >= SHARE_FOR_A_NEW_LANGUAGE:
        return None
    found = _foreign(documents)
    foreign = sum(found.values())
    if not _is_new(foreign >= _MOSTLY, known):
        return None
    reasons = []
    if foreign >= _MOSTLY:
        most = max(found, key=lambda script: found[script])
        reasons.append(f"{foreign:.0%} of the letters are in another script ({most.capitalize()})")
    if known is not None:
        reasons.append(
            f"the base model takes {known.domain:.2f} bits per byte for it, {known.general:.2f} "
            "for general text"
        )
    return Advice(
        "replay",
        f"the text seems to be in a language the model hardly knows ({'; '.join(reasons)}): that "
        f"changes a model more than new facts do, so set data.general_share = "
        f"{SHARE_FOR_A_NEW_LANGUAGE:g} (now {share:g})",
    )


def _is_new(in_another_script: bool, known: Predicted | None) -> bool:
    if known is None:
        return in_another_script
    ratio = known.domain / max(known.general, 1e-9)
    return ratio >= (_AS_BAD if in_another_script else _MUCH_WORSE)


def _foreign(documents: Iterable[Document]) -> dict[str, float]:
    """Share of the letters by script, of scripts in which there is hardly any general text."""
    own = scripts(text for _, text in general_texts())
    found = scripts(document.text for document in documents)
    return {script: part for script, part in found.items() if own.get(script, 0.0) < _SOME}


def scripts(texts: Iterable[str]) -> dict[str, float]:
    """Share of the letters by script ("LATIN", "DEVANAGARI"), over about the first 100,000."""
    found: Counter[str] = Counter()
    left = _LETTERS
    for text in texts:
        letters = [character for character in text[:left] if character.isalpha()]
        found.update(_script(character) for character in letters)
        left -= len(letters)
        if left <= 0:
            break
    total = sum(found.values())
    return {script: count / total for script, count in found.items()} if total else {}


def _script(letter: str) -> str:
    """The first word of its name in Unicode, which is its script's."""
    return unicodedata.name(letter, "UNKNOWN").split(" ")[0].split("-")[0]
