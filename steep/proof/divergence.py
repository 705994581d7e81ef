"""How far a tuned model's predictions have moved from the base model's: KL(tuned || base).

The two models needn't be in memory together: while the base model is measured, its likeliest next
tokens are kept at one to two thousand places of general text, with their log-probabilities. All
other tokens count as one. Putting outcomes together can only lower a divergence (the log-sum
inequality), so the figure is a lower bound; with 128 tokens kept little is lost.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from steep.artifact import text_hash
from steep.durable import write_bytes
from steep.proof.forward import judging
from steep.proof.scorer import Scorer

KEPT_TOKENS = 128
TEXTS, TEXT_TOKENS = 8, 96
OWN_TEXTS, OWN_TOKENS = 12, 96
_OWN_LEAST_TOKENS = 24
_ROWS = 8
_PLACES = 4096  # of rows that the model reads at once, padding included
_SEED = 20240302


@dataclass(frozen=True)
class Reference:
    """The base model's predictions at P places of some texts.

    Attributes:
        texts: (id, its token ids) of each text; every token but the first is predicted.
        ids: (P, k) int32, the likeliest next tokens.
        logprobs: (P, k) float32, their log-probabilities in nats.
    """

    texts: tuple[tuple[str, tuple[int, ...]], ...]
    ids: Any
    logprobs: Any


def own_texts(scorer: Scorer) -> tuple[tuple[str, str], ...]:
    """Twelve texts of at most 96 tokens that the model writes from nothing, as (id, text).

    None if the tokenizer has no token to begin with.
    """
    if scorer.encoder.start is None and not scorer.encoder.prefix:
        return ()
    made = scorer.generate(
        [""] * OWN_TEXTS,
        max_new_tokens=OWN_TOKENS,
        min_new_tokens=_OWN_LEAST_TOKENS,
        temperature=1.0,
        seed=_SEED,
    )
    return tuple((f"own-{n}", text.strip()) for n, text in enumerate(made) if text.strip())


def make_reference(scorer: Scorer, sources: Sequence[Sequence[tuple[str, str]]]) -> Reference:
    """The base model's predictions on the beginnings of eight texts of each source.

    Texts are (id, text) and chosen by a hash of the id.
    """
    length = min(TEXT_TOKENS, scorer.max_length)
    chosen = [
        pair
        for texts in sources
        for pair in sorted(texts, key=lambda pair: text_hash(f"reference\x1f{pair[0]}"))[:TEXTS]
    ]
    cut = [(name, tuple(scorer.encoder.text(text)[:length])) for name, text in chosen]
    kept = tuple((name, ids) for name, ids in cut if len(ids) > 1)
    ids: list[Any] = []
    logprobs: list[Any] = []
    for best, values in likeliest(scorer, [ids for _, ids in kept], KEPT_TOKENS):
        ids.append(best)
        logprobs.append(values)
    empty = np.zeros((0, 0))
    return Reference(
        kept,
        np.concatenate(ids) if ids else empty.astype(np.int32),
        np.concatenate(logprobs) if logprobs else empty.astype(np.float32),
    )


def divergences(scorer: Scorer, reference: Reference) -> list[dict[str, Any]]:
    """KL(this model || base) in nats, summed over each text: ``{"id", "nats", "tokens"}``."""
    import torch

    rows: list[dict[str, Any]] = []
    start = 0
    sequences = [ids for _, ids in reference.texts]
    for (name, _), logits in zip(reference.texts, predictions(scorer, sequences), strict=True):
        part = slice(start, start + len(logits))
        start += len(logits)
        ids = torch.as_tensor(reference.ids[part], dtype=torch.long, device=logits.device)
        base = torch.as_tensor(reference.logprobs[part], dtype=torch.float64)
        tuned = torch.log_softmax(logits, dim=-1).gather(-1, ids).cpu().double()
        nats = (tuned.exp() * (tuned - base)).sum(dim=-1)
        rest, base_rest = ((1 - p.exp().sum(dim=-1)).clamp_min(1e-9) for p in (tuned, base))
        nats += rest * (rest.log() - base_rest.log())
        rows.append({"id": name, "nats": float(nats.sum()), "tokens": len(logits)})
    return rows


def same_tokens(reference: Reference, own: Any, other: Any) -> Reference:
    """The texts of a reference that another tokenizer turns into the same tokens.

    A model of the other one can be asked for its predictions only there.

    Args:
        own: the tokenizer that the reference was made with.
    """

    def is_same(ids: tuple[int, ...]) -> bool:
        text = own.decode(ids, clean_up_tokenization_spaces=False)
        return tuple(other.encode(text, add_special_tokens=False)) == ids

    kept = [is_same(ids) for _, ids in reference.texts]
    places = np.repeat(kept, [len(ids) - 1 for _, ids in reference.texts]).astype(bool)
    texts = tuple(text for text, same in zip(reference.texts, kept, strict=True) if same)
    return Reference(texts, reference.ids[places], reference.logprobs[places])


def write_reference(path: Path, reference: Reference) -> None:
    """Write a reference as .npz, whole or not at all."""
    names = [name for name, _ in reference.texts]
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        names=np.asarray(names, dtype=np.str_),
        lengths=np.asarray([len(ids) for _, ids in reference.texts], dtype=np.int32),
        tokens=np.asarray([t for _, ids in reference.texts for t in ids], dtype=np.int32),
        ids=reference.ids,
        logprobs=reference.logprobs,
    )
    write_bytes(path, stream.getvalue())


def read_reference(path: Path) -> Reference | None:
    """What was written; None if it is missing or damaged. Nothing in it is ever executed."""
    try:
        with np.load(path, allow_pickle=False) as kept:
            ends = np.cumsum(kept["lengths"])
            parts = np.split(kept["tokens"], ends[:-1]) if len(ends) else []
            texts = tuple(
                (str(name), tuple(int(token) for token in part))
                for name, part in zip(kept["names"], parts, strict=True)
            )
            return Reference(texts, kept["ids"], kept["logprobs"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def predictions(scorer: Scorer, sequences: Sequence[Sequence[int]]) -> Iterator[Any]:
    """For each sequence fp32 logits (its length - 1, vocabulary) of its next tokens."""
    return map(scorer.forward.logits, _states(scorer, sequences))


def likeliest(
    scorer: Scorer, sequences: Sequence[Sequence[int]], count: int
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]]:
    """For each sequence its likeliest next tokens, and their log-probabilities in nats.

    Both are (its length - 1, ``count`` or the whole vocabulary). Logits are there for some places
    at a time: those of a long text would take gigabytes.
    """
    import torch

    forward = scorer.forward
    for states in _states(scorer, sequences):
        ids: list[Any] = []
        logprobs: list[Any] = []
        for part in states.split(forward.logits_at_once):
            logits = forward.logits(part)
            size = min(count, logits.shape[-1])
            best = torch.topk(torch.log_softmax(logits, dim=-1), size, dim=-1)
            ids.append(best.indices.int().cpu().numpy())
            logprobs.append(best.values.float().cpu().numpy())
        yield np.concatenate(ids), np.concatenate(logprobs)


def _states(scorer: Scorer, sequences: Sequence[Sequence[int]]) -> Iterator[Any]:
    """For each sequence the states (its length - 1, width) that its next tokens follow from."""
    import torch

    forward = scorer.forward
    most = min(_PLACES, forward.max_batch_tokens or _PLACES)
    with judging(scorer.model):
        for group in _groups(sequences, most):
            width = max(len(ids) for ids in group)
            batch = torch.zeros((len(group), width), dtype=torch.long)
            for row, ids in enumerate(group):
                batch[row, : len(ids)] = torch.tensor(ids)
            states = forward.run(batch)
            for row, ids in enumerate(group):
                yield states[row, : len(ids) - 1]


def _groups(sequences: Sequence[Sequence[int]], most: int) -> Iterator[Sequence[Sequence[int]]]:
    """Up to eight neighbours of ``most`` places together; a longer one alone."""
    start = 0
    while start < len(sequences):
        end, width = start, 0
        for ids in sequences[start : start + _ROWS]:
            width = max(width, len(ids))
            if end > start and (end + 1 - start) * width > most:
                break
            end += 1
        yield sequences[start:end]
        start = end
