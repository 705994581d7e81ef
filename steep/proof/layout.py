"""How token ids are laid out for scoring: encoding, windows, batches, and shared prompts.

Nothing here runs a model. A request becomes one row that holds its prompt once, followed by its
options as a tree: options that begin alike share what they begin with, and an option's last
token, from which nothing is predicted, isn't there at all. Each token sees the tokens before it on
its own way through the tree, and its position is its depth, so every option is scored as if it
stood alone behind the prompt. (Prefix sharing as in Hydragen, arXiv 2402.05099, with the tree mask
of SpecInfer, arXiv 2305.09781.) Requests with one option, or options of single tokens, are plain
causal rows and need no mask.
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

    def line_break(self) -> list[int]:
        """One token that ends a line, or BOS or EOS where a line break leaves no token."""
        return self._bare("\n")[-1:] or ([] if self.start is None else [self.start])

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


@dataclass(frozen=True)
class Row:
    """One request as a tree of tokens, parents before children.

    Attributes:
        tokens: token ids, the prompt first.
        parents: for each token the place of the one before it; -1 for the first.
        targets: (place, token id, owner): what is predicted at which place for which option.
    """

    tokens: tuple[int, ...]
    parents: tuple[int, ...]
    targets: tuple[tuple[int, int, tuple[int, int]], ...]

    @property
    def is_chain(self) -> bool:
        """True if each token follows the one before it, so that causal attention is enough."""
        return self.parents == tuple(range(-1, len(self.tokens) - 1))


def rows(request: Encoded, row_tokens: int = ROW_TOKENS) -> Iterator[Row]:
    """A request as one row, or as several that repeat its prompt where options don't fit one.

    Options go in by the order of their tokens, so that those that begin alike stand together.
    """
    start = len(request.prompt)
    tree = _Tree(request.prompt)
    for option, owner in sorted(zip(request.options, request.owner, strict=True)):
        if tree.targets and len(tree.tokens) + len(option) - 1 > row_tokens > start:
            yield tree.row()
            tree = _Tree(request.prompt)
        tree.add(option, owner)
    if tree.targets:
        yield tree.row()


class _Tree:
    """A row being built."""

    def __init__(self, prompt: Sequence[int]) -> None:
        self.tokens = list(prompt)
        self.parents = list(range(-1, len(prompt) - 1))
        self.targets: list[tuple[int, int, tuple[int, int]]] = []
        self._last = len(prompt) - 1
        self._children: dict[tuple[int, int], int] = {}

    def add(self, option: Sequence[int], owner: tuple[int, int]) -> None:
        place = self._last
        for token in option[:-1]:
            self.targets.append((place, token, owner))
            place = self._child(place, token)
        self.targets.append((place, option[-1], owner))

    def _child(self, place: int, token: int) -> int:
        found = self._children.get((place, token))
        if found is None:
            found = self._children[(place, token)] = len(self.tokens)
            self.tokens.append(token)
            self.parents.append(place)
        return found

    def row(self) -> Row:
        return Row(tuple(self.tokens), tuple(self.parents), tuple(sorted(self.targets)))


@dataclass(frozen=True)
class Batch:
    """Rows ready to run.

    Attributes:
        ids, positions: (B, T).
        sees: (B, 1, T, T), True where a token (third axis) may look at another (fourth); None if
            plain causal attention does.
        sources: (N,), flat places b*T + t whose state predicts a target, ascending.
        targets: (N,), the token ids predicted there.
        owners: for each target the (request, option) it belongs to.
    """

    ids: Tensor
    positions: Tensor
    sees: Tensor | None
    sources: Tensor
    targets: Tensor
    owners: list[tuple[int, int]]


def lay_out(packed: Sequence[Row]) -> Batch:
    """Turn rows into tensors; padding is right, sees itself and is seen by no one.

    Beside a tree it stands at position 0: the tree may hold more tokens than the model reads.
    """
    length = max(len(row.tokens) for row in packed)
    ids = torch.zeros((len(packed), length), dtype=torch.long)
    causal = all(row.is_chain for row in packed)
    positions = (torch.arange(length) * causal).repeat(len(packed), 1)
    sees = None if causal else torch.eye(length, dtype=torch.bool).repeat(len(packed), 1, 1)
    for number, row in enumerate(packed):
        size = len(row.tokens)
        ids[number, :size] = torch.tensor(row.tokens)
        if sees is not None:
            sees[number, :size, :size], positions[number, :size] = _ancestors(row)
    found = [
        (number * length + place, token, owner)
        for number, row in enumerate(packed)
        for place, token, owner in row.targets
    ]
    return Batch(
        ids=ids,
        positions=positions,
        sees=None if sees is None else sees[:, None],
        sources=torch.tensor([item[0] for item in found]),
        targets=torch.tensor([item[1] for item in found]),
        owners=[item[2] for item in found],
    )


def _ancestors(row: Row) -> tuple[Tensor, Tensor]:
    """((T, T) bool: each token's way from the root, itself included; (T,) its depth)."""
    size = len(row.tokens)
    sees = torch.eye(size, dtype=torch.bool)
    stem = next((t for t in range(size) if row.parents[t] != t - 1), size)
    sees[:stem, :stem] = torch.ones(stem, stem, dtype=torch.bool).tril()
    for place in range(stem, size):
        sees[place] |= sees[row.parents[place]]
    return sees, sees.sum(dim=1) - 1
