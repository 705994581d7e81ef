"""Copies: exact ones are dropped, near ones are put in one group.

Near-copies are found by MinHash (Broder 1997) over character shingles, which work in every
script, with banding (Indyk and Motwani 1998): 16 bands of 4 make pairs of Jaccard similarity
0.8 meet with probability 0.9998, of 0.7 with 0.99. Pairs that meet are compared on all 64 values,
and those that agree on enough of them by their shingles themselves.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from steep.documents.groups import Groups
from steep.documents.record import Document, Drop
from steep.documents.shelf import pick
from steep.documents.tables.fields import LONGEST_FIELD_CHARACTERS
from steep.documents.tables.labels import is_label

Hashes = npt.NDArray[np.uint64]
Signatures = npt.NDArray[np.uint32]

SHINGLE_CHARACTERS = 5
PERMUTATIONS = 64
BANDS = 16
ROWS_PER_BAND = PERMUTATIONS // BANDS
MIN_SIMILARITY = 0.7
_PROMISING = 40
"""Equal values that make a comparison worth while: pairs of 0.8 have as many with 0.9998."""
_CHUNK = 1024
"""Shingles hashed at once: 64 times 1,024 values of 4 bytes are 256 KiB, within the cache."""
_ALL_PAIRS = 64
"""Buckets up to this size are compared pair by pair; larger ones with representatives."""
_MAX_ROUNDS = 64
_MULTIPLIER = 0x9E3779B97F4A7C15  # 2^64 / golden ratio, odd
_POWERS = np.array(
    [pow(_MULTIPLIER, power, 2**64) for power in range(SHINGLE_CHARACTERS)], dtype=np.uint64
)


def deduplicate(documents: Sequence[Document]) -> tuple[Sequence[Document], tuple[Drop, ...]]:
    """Keep the first of each document; later ones become drops "duplicate" naming the kept one.

    A document is its text; a record is its text, title and fields together, since a short text may
    be said of many things ("Yes.", to four questions). Ids, addresses and times don't tell records
    apart (see ``_record``). What differs only in case or white space is the same. A text of nothing
    but white space is a drop "empty".
    """
    texts: dict[bytes, int] = {}
    records: dict[bytes, int] = {}
    kept: list[int] = []
    drops: list[Drop] = []
    for index, document in enumerate(documents):
        text = _normalised(document.text)
        if not text:
            drops.append(Drop(document.source, document.locator, "empty", "no text after cleaning"))
            continue
        first = texts.setdefault(_digest(text), index)
        if record := _record(document, text):
            first = records.setdefault(_digest(record), index)
        if first == index:
            kept.append(index)
            continue
        original = documents[first]
        place = f"{original.source} {original.locator}".rstrip()
        drops.append(Drop(document.source, document.locator, "duplicate", f"same text as {place}"))
    return pick(documents, kept), tuple(drops)


def _record(document: Document, text: str) -> str:
    """What a record is told by, as one text; nothing if its text alone tells it.

    The title and the fields count, but for what only labels it. Of two short texts a code that
    stands for each may be all there is to know; a long text under two codes or days is a copy.
    """
    is_long = len(text) > LONGEST_FIELD_CHARACTERS
    told = [
        f"{name}\x1f{value}"
        for name, value in document.fields
        if name not in document.title_fields and not is_label(name, value, loosely=is_long)
    ]
    named = document.title_fields or ("title",)
    if _has_own_title(document) and not is_label(named[0], document.title, loosely=is_long):
        told.insert(0, document.title)
    return "\x1e".join([_normalised(part) for part in told] + [text]) if told else ""


def _has_own_title(document: Document) -> bool:
    """True for a record or a part of a file whose title isn't the name of a file it lies in."""
    if document.title_fields:
        return True
    if not document.title or not (document.fields or document.locator):
        return False
    files = f"/{document.source}/{document.locator}/"
    return not any(f"/{document.title}{end}" in files for end in ("/", "."))


def near_duplicate_groups(documents: Sequence[Document]) -> list[int]:
    """Return a group number per document; near-copies share one.

    Two documents are near-copies if the Jaccard similarity of their sets of 5-character shingles
    is at least 0.7; groups are closed over such pairs. Of more than 64 documents that look alike
    the signatures' estimate decides: comparing all pairs would take for ever. Numbers count
    from 0 in order of first appearance. Deterministic, on any machine.
    """
    if not documents:
        return []
    signatures = np.empty((len(documents), PERMUTATIONS), dtype=np.uint32)
    for index, document in enumerate(documents):
        signatures[index] = signature(document.text)
    groups = Groups(len(documents))
    compared = _Compared(documents)
    for band in range(BANDS):
        for members in _buckets(signatures[:, band * ROWS_PER_BAND : (band + 1) * ROWS_PER_BAND]):
            if len(members) <= _ALL_PAIRS:
                _join_pairs(members, signatures, groups, compared)
            else:
                _join_many(members, signatures, groups)
    return groups.numbers()


def signature(text: str) -> Signatures:
    """Return a text's MinHash signature: 64 values of 32 bits.

    The i-th value is the least of the i-th hash over all shingles; two texts agree on a value
    with probability equal to their Jaccard similarity.
    """
    shingles = (_shingles(text) >> np.uint64(32)).astype(np.uint32)
    seeds = np.frombuffer(_random_bytes(PERMUTATIONS * 8), dtype="<u4").reshape(2, -1, 1)
    multipliers, offsets = seeds[0] | np.uint32(1), seeds[1]
    least = np.full(PERMUTATIONS, np.iinfo(np.uint32).max, dtype=np.uint32)
    for start in range(0, len(shingles), _CHUNK):
        hashes = shingles[start : start + _CHUNK] * multipliers
        hashes += offsets
        np.minimum(least, hashes.min(axis=1), out=least)
    return least


def _shingles(text: str) -> Hashes:
    """Hashes of a text's 5-character shingles, in order; a shorter text is one shingle."""
    text = _normalised(text).ljust(SHINGLE_CHARACTERS)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    hashes = np.convolve(points.astype(np.uint64), _POWERS, "valid")  # modulo 2^64
    for _ in range(2):  # so that every bit depends on every character
        hashes ^= hashes >> np.uint64(29)
        hashes *= np.uint64(_MULTIPLIER)
    hashes ^= hashes >> np.uint64(32)
    return hashes


def _buckets(columns: Signatures) -> Iterator[npt.NDArray[np.int64]]:
    """The rows that have a hash of their columns with others in common, in order."""
    keys = np.zeros(len(columns), dtype=np.uint64)
    for column in columns.T:
        keys = (keys ^ column) * np.uint64(_MULTIPLIER)
        keys ^= keys >> np.uint64(29)
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    ends = np.flatnonzero(np.append(keys[1:] != keys[:-1], True)) + 1
    starts = np.append(0, ends[:-1])
    for bucket in np.flatnonzero(ends - starts > 1):
        yield order[starts[bucket] : ends[bucket]]


class _Compared:
    """Pairs of documents compared by all their shingles; those found unlike aren't asked again."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._unlike: set[tuple[int, int]] = set()
        self._shingles = functools.lru_cache(maxsize=2 * _ALL_PAIRS)(self._make)

    def are_alike(self, one: int, other: int) -> bool:
        """True if the similarity of two documents is enough."""
        if (one, other) in self._unlike:
            return False
        first, second = self._shingles(one), self._shingles(other)
        shared = len(np.intersect1d(first, second, assume_unique=True))
        alike = shared >= MIN_SIMILARITY * (len(first) + len(second) - shared)
        if not alike:
            self._unlike.add((one, other))
        return alike

    def _make(self, index: int) -> Hashes:
        return np.unique(_shingles(self._documents[index].text))


def _join_pairs(
    members: npt.NDArray[np.int64], signatures: Signatures, groups: Groups, compared: _Compared
) -> None:
    """Join the members of a small bucket that are similar enough."""
    for place, one in enumerate(members[:-1].tolist()):
        others = members[place + 1 :]
        agreeing = (signatures[others] == signatures[one]).sum(axis=1)
        for other in others[agreeing >= _PROMISING].tolist():
            if groups.of(one) != groups.of(other) and compared.are_alike(one, other):
                groups.join(one, other)


def _join_many(members: npt.NDArray[np.int64], signatures: Signatures, groups: Groups) -> None:
    """Join the members of a large bucket whose signatures are similar enough.

    The first member stands for all that are like it, the first of the rest for the rest, and so
    on: linear in the members.
    """
    enough = MIN_SIMILARITY * PERMUTATIONS
    rest = members
    for _ in range(_MAX_ROUNDS):
        if len(rest) < 2:
            return
        first, others = rest[0], rest[1:]
        alike = (signatures[others] == signatures[first]).sum(axis=1) >= enough
        for other in others[alike]:
            groups.join(int(first), int(other))
        rest = others[~alike]


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split())


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@functools.cache
def _random_bytes(count: int) -> bytes:
    """The same well-mixed bytes on every machine and in every process."""
    blocks = (hashlib.blake2b(f"minhash {block}".encode()).digest() for block in range(64))
    return b"".join(blocks)[:count]
