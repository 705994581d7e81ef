"""Documents of several stages: each read for itself, all of them one collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from steep.documents.child import Redact
from steep.documents.read import Collection, collect
from steep.documents.record import Document, Drop


def collect_parts(
    parts: Sequence[Sequence[str]], *, redact: Redact = "secrets"
) -> tuple[Collection, tuple[frozenset[str], ...]]:
    """Read each part as ``collect`` does; every text once, and which parts it stands in.

    A document is known by its text: one that a later part holds again is the same document, in
    both parts. Found under another name there, it is counted as a duplicate besides.

    Returns:
        The documents of all parts, and for each part the ids of those in it.

    Raises:
        DocumentError: as ``collect``.
    """
    known: dict[str, Document] = {}
    drops: dict[Drop, None] = {}
    marks: Counter[str] = Counter()
    members: list[frozenset[str]] = []
    read: dict[tuple[str, ...], Collection] = {}
    for part in parts:
        names = tuple(part)
        if names not in read:
            read[names] = collect(names, redact=redact)
            marks.update(read[names].marks)
            drops.update(dict.fromkeys(read[names].drops))
        ids: set[str] = set()
        for document in read[names].documents:
            first = known.setdefault(document.text, document)
            if first.id != document.id:
                where = f"{first.source} {first.locator}".strip()
                said = f"the same text as {where}, which stands for it in this stage too"
                drops[Drop(document.source, document.locator, "duplicate", said)] = None
            ids.add(first.id)
        members.append(frozenset(ids))
    return Collection(tuple(known.values()), tuple(drops), dict(marks)), tuple(members)
