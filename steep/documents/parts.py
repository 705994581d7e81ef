"""Documents of several stages: each read for itself, all of them one collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from steep.artifact import text_hash
from steep.documents.cleaning.tally import add_books
from steep.documents.read import Collection, collect
from steep.documents.record import Drop
from steep.documents.shelf import Shelf, lengths


def collect_parts(
    parts: Sequence[Sequence[str]], *, read: Callable[[Sequence[str]], Collection] = collect
) -> tuple[Collection, tuple[frozenset[str], ...]]:
    """Read each part with ``read`` (``collect``, with its options); every text once, and which
    parts it stands in.

    A document is known by its text: one that a later part holds again is the same document, in
    both parts. Found under another name there, it is counted as a duplicate besides.

    Returns:
        The documents of all parts, and for each part the ids of those in it.

    Raises:
        DocumentError: as ``collect``.
    """
    shelf = Shelf()
    known: dict[str, tuple[str, str]] = {}  # of each text's hash its document's id and place
    drops: dict[Drop, None] = {}
    marks: Counter[str] = Counter()
    members: list[frozenset[str]] = []
    found: dict[tuple[str, ...], Collection] = {}
    for part in parts:
        names = tuple(part)
        if names not in found:
            found[names] = read(names)
            marks.update(found[names].marks)
            drops.update(dict.fromkeys(found[names].drops))
        ids: set[str] = set()
        for document in found[names].documents:
            where = f"{document.source} {document.locator}".strip()
            text = text_hash(document.text)
            if text not in known:
                shelf.add(document)
                known[text] = document.id, where
            first, place = known[text]
            if first != document.id:
                said = f"the same text as {place}, which stands for it in this stage too"
                drops[Drop(document.source, document.locator, "duplicate", said)] = None
            ids.add(first)
        members.append(frozenset(ids))
    collections = found.values()
    collection = Collection(
        shelf.all(),
        tuple(drops),
        dict(marks),
        add_books([one.cleaning for one in collections], int(lengths(shelf.all()).sum())),
        dict(sum((Counter(one.repeats) for one in collections), Counter())),
        {id: parts for one in collections for id, parts in one.cut.items()},
    )
    return collection, tuple(members)
