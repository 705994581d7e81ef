"""How token ids are laid out for scoring: encoding, windows, batches, and shared prompts.

Nothing here runs a model. A request's prompt stands once in a row, followed by all its options:
``[prompt | option 1 | option 2 | …]``. Each option sees the prompt and itself, and its positions
start again where the prompt ends, so it is scored as if it stood alone behind the prompt. Rows
hold several requests that don't see each other. (The idea is prefix sharing, as in Hydragen,
arXiv 2402.05099, done with one attention mask.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from steep.errors import UserInputError

ROW_TOKENS = 512


@dataclass(frozen=True)
class Encoded:
    """A prompt and its options as token ids; ``owner`` says which options these are.

    ``owner`` has one (request, option) pair for each option.
    """

    prompt: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]
    owner: tuple[tuple[int, int], ...]

    @property
    def tokens(self) -> int:
        """Places this takes in a row."""
        return len(self.prompt) + sum(len(option) for option in self.options)


class Encoder:
    """Text to token ids, with the tokenizer's own leading special tokens and no trailing ones."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        probe = "a"
        bare = list(tokenizer.encode(probe, add_special_tokens=False))
        full = list(tokenizer.encode(probe, add_special_tokens=True))
        starts = [k for k in range(len(full)) if full[k : k + len(bare)] == bare]
        self.prefix: list[int] = full[: starts[0]] if starts and bare else []
        fallback = tokenizer.bos_token_id
        self.start = fallback if fallback is not None else tokenizer.eos_token_id

    def text(self, text: str) -> list[int]:
        """Token ids of a text, behind the special tokens that the tokenizer itself puts first."""
        return self.prefix + list(self.tokenizer.encode(text, add_special_tokens=False))

    def prompt(self, text: str) -> list[int]:
        """As ``text``, but never empty: BOS, else EOS, stands in for an empty prompt.

        Raises:
            UserInputError: the prompt is empty and the tokenizer has neither token.
        """
        ids = self.text(text)
        if ids:
            return ids
        if self.start is None:
            raise UserInputError(
                "an empty prompt needs a BOS or EOS token, and this tokenizer has neither; "
                "give a prompt of at least one word"
            )
        return [self.start]

    def choices(
        self, prompt: str, continuations: Sequence[str], request: int, max_length: int
    ) -> Encoded:
        """Prompt and continuations tokenised together, split where their tokens part.

        A tokenizer may join the prompt's last token with a continuation's first; the split is
        then at the longest shared beginning, for all continuations of the request alike. A
        prompt that is too long loses its beginning.

        Raises:
            UserInputError: a continuation has no tokens or alone exceeds ``max_length``.
        """
        head = self.prompt(prompt)
        wholes = [
            self.text(prompt + text) if prompt else head + self._bare(text)
            for text in continuations
        ]
        shared = min((_common(head, whole) for whole in wholes), default=len(head))
        shared = max(shared, 1)
        options = tuple(tuple(whole[shared:]) for whole in wholes)
        for text, option in zip(continuations, options, strict=True):
            if not option or len(option) >= max_length:
                raise UserInputError(
                    f"the continuation {text[:60]!r} has {len(option)} tokens; it needs at least "
                    f"1 and fewer than {max_length}: shorten or correct it"
                )
        longest = max((len(option) for option in options), default=0)
        kept = head[:shared][-(max_length - longest) :]
        owner = tuple((request, number) for number in range(len(options)))
        return Encoded(tuple(kept), options, owner)

    def _bare(self, text: str) -> list[int]:
        return list(self.tokenizer.encode(text, add_special_tokens=False))


def _common(left: Sequence[int], right: Sequence[int]) -> int:
    """Length of the longest shared beginning."""
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count


def windows(ids: Sequence[int], max_length: int) -> Iterator[list[int]]:
    """Cut ids into windows that overlap by one token.

    Every token but the very first is a target (has a predecessor) in exactly one window.
    """
    for start in range(0, max(len(ids) - 1, 0), max_length - 1):
        yield list(ids[start : start + max_length])


def batches(lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Indices in batches of similar length, longest first, of at most ``max_tokens`` padded."""
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batch: list[int] = []
    for index in order:
        if batch and (len(batch) + 1) * max(lengths[batch[0]], 1) > max_tokens:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def split(request: Encoded, row_tokens: int) -> Iterator[Encoded]:
    """Cut a request that is longer than a row; each part repeats the prompt."""
    start = 0
    while start < len(request.options):
        end, used = start, len(request.prompt)
        while end < len(request.options) and (
            end == start or used + len(request.options[end]) <= row_tokens
        ):
            used += len(request.options[end])
            end += 1
        yield Encoded(request.prompt, request.options[start:end], request.owner[start:end])
        start = end


def rows(requests: Sequence[Encoded], row_tokens: int = ROW_TOKENS) -> list[list[Encoded]]:
    """Pack requests into rows of at most ``row_tokens`` places, longest first."""
    packed: list[list[Encoded]] = []
    space = 0
    for request in sorted(requests, key=lambda item: (-item.tokens, item.owner)):
        if not packed or request.tokens > space:
            packed.append([])
            space = row_tokens
        packed[-1].append(request)
        space -= request.tokens
    return packed


@dataclass(frozen=True)
class Batch:
    """Rows ready to run.

    Attributes:
        ids, positions: (B, T).
        sees: (B, 1, T, T), True where a token (third axis) may look at another (fourth).
        sources: (N,), flat places b*T + t whose state predicts a target, ascending.
        targets: (N,), the token ids predicted there.
        owners: for each target the (request, option) it belongs to.
    """

    ids: Tensor
    positions: Tensor
    sees: Tensor
    sources: Tensor
    targets: Tensor
    owners: list[tuple[int, int]]


def lay_out(packed: Sequence[Sequence[Encoded]]) -> Batch:
    """Turn rows of requests into tensors; padding is right, sees itself and is seen by no one."""
    length = max(sum(request.tokens for request in row) for row in packed)
    shape = (len(packed), length)
    ids, positions = torch.zeros(shape, dtype=torch.long), torch.zeros(shape, dtype=torch.long)
    group = torch.full(shape, -1)
    part = torch.zeros(shape, dtype=torch.long)
    found: list[tuple[int, int, tuple[int, int]]] = []
    for number, row in enumerate(packed):
        place = 0
        for member, request in enumerate(row):
            size = len(request.prompt)
            last = number * length + place + size - 1
            pieces = [(request.prompt, 0, 0)]
            pieces += [(option, k + 1, size) for k, option in enumerate(request.options)]
            for piece, label, first in pieces:
                here = slice(place, place + len(piece))
                ids[number, here] = torch.tensor(piece)
                positions[number, here] = torch.arange(first, first + len(piece))
                group[number, here], part[number, here] = member, label
                if label:
                    owner = request.owner[label - 1]
                    flat = number * length + place
                    before = [last, *range(flat, flat + len(piece) - 1)]
                    found += [(b, t, owner) for b, t in zip(before, piece, strict=True)]
                place += len(piece)
    found.sort(key=lambda item: item[0])
    return Batch(
        ids=ids,
        positions=positions,
        sees=_visible(group, part)[:, None],
        sources=torch.tensor([item[0] for item in found]),
        targets=torch.tensor([item[1] for item in found]),
        owners=[item[2] for item in found],
    )


def _visible(group: Tensor, part: Tensor) -> Tensor:
    """(B, T, T): same request, not later, and either the prompt or one's own option."""
    together = group[:, :, None] == group[:, None, :]
    own = (part[:, None, :] == 0) | (part[:, :, None] == part[:, None, :])
    causal = torch.ones(group.shape[1], group.shape[1], dtype=torch.bool).tril()
    return together & own & causal
