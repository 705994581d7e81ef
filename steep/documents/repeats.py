"""What stands word for word in several documents: page furniture, and paragraphs.

Menus, letterheads and footers are lines at the edges of documents that many documents beside them
share. They are cut from all but the first document that has them, so nothing that was said goes
unsaid. A sentence, or a value behind its name, may be what each of many notes or contracts has to
say: such lines are furniture only if nearly all have them, or if they stand in mail. Repeated
paragraphs are counted, and cut in the same way only on request.
"""

from __future__ import annotations

import hashlib
import re
import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from steep.documents.cleaning.tally import LINES_CUT, PARAGRAPHS_CUT
from steep.documents.formats import is_code
from steep.documents.record import Document, Drop
from steep.documents.shelf import Documents, Places, shelve

_EDGE_LINES = 12
"""Lines looked at from either end of a document."""
_FEWEST_DOCUMENTS = 5
_SHARE = 0.3  # of the documents of a folder or file
_SHARE_OF_SAID = 0.9  # have a sentence or a named value
_FEWEST_OF_SAID = 10
_SENTENCE = re.compile(r".{11,}[.!?。！？।॥۔؟][\"'”’»)\]]*")
_NAMED = re.compile(r"[^\W\d_][^:：]{0,40}(?::\s|：).*")
_FEWEST_CHARACTERS = 30
"""A shorter run may be a heading, such as every report begins with."""
_MOST_CUT = 0.5  # of a document: what shares more is a copy, not furniture
_PARAGRAPH_CHARACTERS = 80
_BLANK = re.compile(r"\n\s*\n")


@dataclass
class Repeats:
    """Documents without what was cut from them, and what that was.

    Attributes:
        counts: lines, paragraphs and characters cut, for the books of cleaning.
        found: repeated paragraphs, cut or not: how many different ones, copies beyond the first
            and their characters.
        cut: by document id what was cut from it.
    """

    documents: Documents
    drops: list[Drop] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    found: dict[str, int] = field(default_factory=dict)
    cut: dict[str, list[str]] = field(default_factory=dict)

    def take(self, before: Document, text: str, parts: Sequence[str], kind: str) -> int:
        """Count what is cut from a document, and return the place of what is left of it."""
        after = replace(before, text=text)
        self.counts["repeated"] += len(before.text) - len(text)
        self.counts[kind] += len(parts)
        self.cut[after.id] = [*self.cut.pop(before.id, []), *parts]
        return self.documents.shelf.add(after)


def cut_repeats(
    documents: Sequence[Document], *, lines: bool = True, paragraphs: bool = False
) -> Repeats:
    """Find what documents share, and cut it from all but the first of them.

    Args:
        lines: cut lines at the edges of documents that many beside them share.
        paragraphs: cut paragraphs that stood in an earlier document; one of which nothing is left
            becomes a drop "repeated".
    """
    result = Repeats(shelve(documents))
    if lines:
        _cut_furniture(result)
    repeated, result.found = _repeated_paragraphs(result.documents)
    if paragraphs and repeated:
        _cut_paragraphs(result, repeated)
    return result


def _cut_furniture(result: Repeats) -> None:
    families: defaultdict[tuple[str, str], array[int]] = defaultdict(lambda: array("q"))
    for index, document in enumerate(result.documents):
        if not (is_code(document.source) or _is_row(document)):
            families[_family(document)].append(index)
    places = result.documents.places.copy()
    for members in families.values():
        if len(members) >= _FEWEST_DOCUMENTS:
            _cut_from_family(result, members, places)
    result.documents = Documents(result.documents.shelf, places)


def _family(document: Document) -> tuple[str, str]:
    """Where documents beside this one are: its folder, or the file it is one of many of."""
    if document.locator:
        return document.source, str(PurePosixPath(document.locator).parent)
    return str(PurePosixPath(document.source).parent), ""


def _is_row(document: Document) -> bool:
    """True for records of a table, whose equal lines are equal values."""
    return bool(document.fields) and not _is_mail(document)


def _is_mail(document: Document) -> bool:
    return any(name == "From" for name, _ in document.fields)


def _cut_from_family(result: Repeats, members: Sequence[int], places: Places) -> None:
    """Cut what so many of these documents share; ``places`` become those of what is left."""
    shared = _shared_lines(result.documents, members)
    if not shared:
        return
    kept: set[str] = set()
    for index in members:
        document = result.documents[index]
        lines = document.text.split("\n")
        if not shared.isdisjoint(_edge(lines)):
            after = _without_edges(result, document, lines, shared, kept)
            places[index] = places[index] if after is None else after


def _shared_lines(documents: Documents, members: Sequence[int]) -> set[str]:
    """The lines near the edges of enough of these documents.

    In mail what many messages end with is a disclaimer, in whatever words.
    """
    hashes = array("Q")
    for index in members:
        hashes.extend(map(_hash, _edge(documents[index].text.split("\n"))))
    values, counts = np.unique(np.array(hashes, dtype=np.uint64), return_counts=True)
    enough = max(_FEWEST_DOCUMENTS, _SHARE * len(members))
    wanted = set(values[counts >= enough].tolist())
    enough_said = max(_FEWEST_OF_SAID, _SHARE_OF_SAID * len(members))
    often = set(values[counts >= enough_said].tolist())
    is_mail = _is_mail(documents[members[0]])
    shared: dict[int, str] = {}
    for index in members:
        if len(shared) == len(wanted):
            break
        edge = {_hash(line): line for line in _edge(documents[index].text.split("\n"))}
        shared.update((value, line) for value, line in edge.items() if value in wanted)
    return {
        line for value, line in shared.items() if is_mail or value in often or not _is_said(line)
    }


def _is_said(line: str) -> bool:
    """True for a sentence, or a value behind its name and a colon."""
    return _SENTENCE.fullmatch(line) is not None or _NAMED.fullmatch(line) is not None


def _edge(lines: Sequence[str]) -> set[str]:
    return {line.strip() for line in _near_edges(lines)} - {""}


def _near_edges(lines: Sequence[str]) -> Sequence[str]:
    if len(lines) <= 2 * _EDGE_LINES:
        return lines
    return [*lines[:_EDGE_LINES], *lines[-_EDGE_LINES:]]


def _without_edges(
    result: Repeats, document: Document, lines: Sequence[str], shared: set[str], kept: set[str]
) -> int | None:
    """The place of a document without its shared edges; None if nothing is cut from it.

    Those that no document kept so far stay.
    """
    top = _run(lines, shared)
    bottom = _run(lines[::-1], shared)
    above, below = lines[:top], lines[len(lines) - bottom :]
    cut: list[str] = []
    first, last = 0, len(lines)
    if top + bottom < len(lines):
        if _is_furniture(above, kept):
            cut, first = [*cut, *above], top
        if _is_furniture(below, kept):
            cut, last = [*cut, *below], len(lines) - bottom
    said = [sys.intern(line) for line in cut if line.strip()]  # thousands have the same
    kept.update(line.strip() for line in (*above, *below))
    if not said or sum(map(len, said)) > _MOST_CUT * len(document.text):
        return None
    text = "\n".join(lines[first:last]).strip("\n").rstrip()
    return result.take(document, text, said, LINES_CUT)


def _run(lines: Sequence[str], shared: set[str]) -> int:
    """How many lines from the beginning are shared (or blank, before the last shared one)."""
    end = 0
    for number, line in enumerate(lines[:_EDGE_LINES], start=1):
        if line.strip() in shared:
            end = number
        elif line.strip():
            break
    return end


def _is_furniture(run: Sequence[str], kept: set[str]) -> bool:
    said = [line.strip() for line in run if line.strip()]
    return sum(map(len, said)) >= _FEWEST_CHARACTERS and all(line in kept for line in said)


def _repeated_paragraphs(documents: Documents) -> tuple[set[int], dict[str, int]]:
    """Hashes of the paragraphs of several documents, and how many there are."""
    hashes, sizes = array("Q"), array("L")
    for document in documents:
        own = {hash_of_words(each): len(each) for each in _paragraphs(document.text)}
        hashes.extend(own)
        sizes.extend(own.values())
    values, first, counts = np.unique(
        np.array(hashes, dtype=np.uint64),
        return_index=True,
        return_counts=True,
    )
    often = counts > 1
    length = np.array(sizes, dtype=np.int64)[first[often]]
    found: dict[str, Any] = {
        "paragraphs": int(often.sum()),
        "copies": int((counts[often] - 1).sum()),
        "characters": int((length * (counts[often] - 1)).sum()),
    }
    return set(values[often].tolist()), found


def _cut_paragraphs(result: Repeats, repeated: set[int]) -> None:
    seen: set[int] = set()
    left: list[int] = []
    for place, document in zip(result.documents.places, result.documents, strict=True):
        parts = _BLANK.split(document.text)
        own = {hash_of_words(part) for part in _long(parts)} & repeated
        old = own & seen
        seen |= own
        if not old:
            left.append(int(place))
            continue
        cut = [part for part in _long(parts) if hash_of_words(part) in old]
        text = "\n\n".join(part for part in parts if part not in cut)
        after = result.take(document, text, cut, PARAGRAPHS_CUT)
        if text.strip():
            left.append(after)
        else:
            detail = "every paragraph stands in an earlier document"
            result.drops.append(Drop(document.source, document.locator, "repeated", detail))
            result.counts["repeated"] += len(text)
    result.documents = Documents(result.documents.shelf, np.array(left, dtype=np.int64))


def _paragraphs(text: str) -> Iterator[str]:
    return _long(_BLANK.split(text)) if len(text) >= _PARAGRAPH_CHARACTERS else iter(())


def _long(parts: Sequence[str]) -> Iterator[str]:
    return (part for part in parts if len(part) >= _PARAGRAPH_CHARACTERS)


def hash_of_words(paragraph: str) -> int:
    """64 bits of a paragraph's words, whatever its capitals and spaces."""
    return _hash(" ".join(paragraph.casefold().split()))


def _hash(text: str) -> int:
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little")
