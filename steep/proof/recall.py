"""What a model recites: passages continued word for word, and what it copies writing freely."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from steep.artifact import text_hash
from steep.proof.layout import Encoder
from steep.proof.scorer import Scorer
from steep.proof.tokens import STRETCH, units_of

VERBATIM_WINDOWS = 64
VERBATIM_TOKENS = 32
SHORTEST_TOKENS = 8
_WINDOW_CHARACTERS = 1024
_MOST_WHOLE = 4096  # texts looked at for short ones; among so many there are enough, or few at all
# Nearer than 32 characters, passages would hardly differ.
_STRIDES_CHARACTERS = (256, 128, 64, 32)

STARTED_SAMPLES = 12
UNSTARTED_SAMPLES = 4
SAMPLE_TOKENS = 64
_START_WORDS = 8
_SEED = 20240301


@dataclass(frozen=True)
class Window:
    """A passage of a trained text.

    Attributes:
        start: where it begins, in characters.
        ids: its tokens, behind what stands before every text.
        tokens: how many of them, the last, are to be recited.
    """

    id: str
    start: int
    ids: tuple[int, ...]
    tokens: int


def verbatim_windows(encoder: Encoder, texts: Sequence[tuple[str, str]]) -> list[Window]:
    """Up to 64 windows of 64 tokens from trained texts, and up to 64 texts shorter than that.

    Chosen by hash among places in even distances, so the same texts give the same windows
    whatever their order; a tokenizer with more tokens takes the same places. Of a short text,
    such as a row of a table, the first half is to be continued with the second.
    """
    stride = _stride(texts)
    places = [
        (text_hash(f"{name}\x1f{start}"), name, start, text)
        for name, text in texts
        for start in range(0, max(len(text) - stride, 0) + 1, stride)
    ]
    long: list[Window] = []
    short: list[Window] = []
    before, wholes = len(encoder.prefix), 0
    for _, name, start, text in sorted(places):
        whole = start == 0 and len(text) <= _WINDOW_CHARACTERS and wholes < _MOST_WHOLE
        wholes += whole
        if len(long) == VERBATIM_WINDOWS and (len(short) == VERBATIM_WINDOWS or not whole):
            continue
        space = text.find(" ", start, start + stride) if start else -1
        begin = space if space >= 0 else start
        ids = encoder.text(text[begin : begin + _WINDOW_CHARACTERS])
        tokens = min(VERBATIM_TOKENS, (len(ids) - before) // 2)
        kind = long if tokens == VERBATIM_TOKENS else short
        fits = kind is long or (whole and tokens >= SHORTEST_TOKENS)
        if fits and len(kind) < VERBATIM_WINDOWS:
            kind.append(Window(name, start, tuple(ids[: before + 2 * tokens]), tokens))
    return [*long, *short]


def _stride(texts: Sequence[tuple[str, str]]) -> int:
    """Characters between places: 256, or less where so little text would give too few passages.

    A handful of them could all be recited without that being more than chance. Only characters
    count here, so that another tokenizer doesn't move the places.
    """
    for stride in _STRIDES_CHARACTERS:
        if sum(len(text) // stride for _, text in texts) >= 2 * VERBATIM_WINDOWS:
            return stride
    return _STRIDES_CHARACTERS[-1]


def recited(scorer: Scorer, windows: Sequence[Window]) -> list[dict[str, Any]]:
    """For each window: does its first half, decoded greedily, give its second half?"""
    same: dict[int, bool] = {}
    for tokens in sorted({window.tokens for window in windows}):
        places = [place for place, window in enumerate(windows) if window.tokens == tokens]
        ids = [windows[place].ids for place in places]
        told = scorer.recites(ids, len(scorer.encoder.prefix) + tokens)
        same.update(zip(places, told, strict=True))
    return [
        {"id": window.id, "start": window.start, "tokens": window.tokens, "same": same[place]}
        for place, window in enumerate(windows)
    ]


def copied(scorer: Scorer, texts: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Write freely, and see how many words in a row of it stand in the trained texts.

    16 texts of at most 64 tokens at temperature 1, each from a generator of its own: 12 from the
    first eight words of a trained text (those don't count), 4 from nothing. Returns rows of
    ``{"id", "text", "words"}``; none without trained texts.
    """
    starts = sample_starts(texts)
    if not starts or (scorer.encoder.start is None and not scorer.encoder.prefix):
        return []
    written = scorer.generate(
        [start for _, start in starts], max_new_tokens=SAMPLE_TOKENS, temperature=1.0, seed=_SEED
    )
    longest = longest_runs(written, (text for _, text in texts))
    return [
        {"id": name, "text": text, "words": words}
        for (name, _), text, words in zip(starts, written, longest, strict=True)
    ]


def sample_starts(texts: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(id, what the sample begins from) of the free samples; texts are chosen by hash."""
    if not texts:
        return []
    chosen = sorted(texts, key=lambda pair: text_hash(f"start\x1f{pair[0]}"))[:STARTED_SAMPLES]
    started = [(name, _beginning(text)) for name, text in chosen]
    return started + [(f"unstarted-{number}", "") for number in range(UNSTARTED_SAMPLES)]


def _beginning(text: str) -> str:
    """The first eight words or, in scripts without spaces, about 16 characters."""
    ends = [match.end() for match in islice(STRETCH.finditer(text), _START_WORDS)]
    return " ".join(text[: ends[-1] if ends else 0].split())


def longest_runs(samples: Sequence[str], corpus: Iterable[str]) -> list[int]:
    """For each sample the most words in a row that stand in a row in some text of the corpus.

    Words (in scripts without spaces, characters) are compared without case and punctuation. For
    every length from 1 up, runs are compared by a 64-bit polynomial hash, at the places where the
    run one shorter was found: what is left shrinks at each length, and time is about that of
    splitting the corpus into words.
    """
    import numpy as np

    known: dict[str, int] = {}
    own = [[known.setdefault(word, len(known)) for word in units_of(text)] for text in samples]
    words = [known.get(word, -1) for text in corpus for word in (*units_of(text), "")]
    codes = np.asarray(words, dtype=np.int64)
    longest = [0] * len(samples)
    places = np.flatnonzero(codes >= 0)
    hashes = np.zeros(len(places), dtype=np.uint64)
    length = 0
    while len(places):
        ends = places + length
        inside = ends < len(codes)
        places, hashes, ends = places[inside], hashes[inside], ends[inside]
        hashes = _extended(hashes, codes[ends])
        length += 1
        wanted = [_runs(sample, length) for sample in own]
        everything = np.concatenate(wanted) if wanted else np.zeros(0, dtype=np.uint64)
        kept = np.isin(hashes, everything) & (codes[ends] >= 0)
        places, hashes = places[kept], hashes[kept]
        for number, runs in enumerate(wanted):
            if np.isin(runs, hashes).any():
                longest[number] = length
    return longest


def _runs(sample: Sequence[int], length: int) -> Any:
    """Hashes of a sample's runs of ``length`` words."""
    import numpy as np

    count = max(0, len(sample) - length + 1)
    codes = np.asarray(sample, dtype=np.int64)
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(length if count else 0):
        hashes = _extended(hashes, codes[offset : offset + count])
    return hashes


def _extended(hashes: Any, codes: Any) -> Any:
    """Hashes of runs with one more word; SplitMix64's finaliser spreads the word's number."""
    import numpy as np

    word = codes.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return hashes * np.uint64(6364136223846793005) + (word ^ (word >> np.uint64(31)))
