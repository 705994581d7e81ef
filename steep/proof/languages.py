"""Which of a user's held-out documents are judged by their language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from steep.documents.cleaning.language import language_of
from steep.documents.record import Document

_FEWEST = 2  # an interval needs two documents


def held_out_languages(
    held_out: Sequence[Document], general: Sequence[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """(id, ISO 639 code) of held-out documents whose language is to be told apart.

    None are where all held-out text is in the general text's language: then its bits per byte are
    those of that language.

    Args:
        general: the general texts judged on, (id, text).
    """
    codes = {d.id: d.language.split("-")[0].lower() for d in held_out if d.language}
    counts = Counter(codes.values())
    told = {code for code, count in counts.items() if count >= _FEWEST}
    if told <= {code for _, text in general if (code := language_of(text))} and len(told) < 2:
        return ()
    return tuple((id, code) for id, code in codes.items() if code in told)
