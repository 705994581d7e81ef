"""The three verbs that reach a model for all judging: score texts, score continuations, generate.

Nothing here touches a global random state, and every module's training mode is put back. Results
don't depend on what else is in a batch, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from steep.proof.forward import Forward, Judged, judging
from steep.proof.generation import generate_ids
from steep.proof.layout import ROW_TOKENS, Batch, Encoded, Encoder, batches, lay_out, windows
from steep.proof.layout import rows as pack_rows
from steep.proof.layout import split as split_request

DEFAULT_MAX_LENGTH = 1024


@dataclass(frozen=True)
class TextScore:
    """How surprising a text is: summed negative log-likelihood over ``tokens`` predicted tokens.

    ``nats`` / ``tokens`` is the loss; ``bytes`` counts the UTF-8 bytes of the whole text.
    """

    nats: float
    tokens: int
    bytes: int


@dataclass(frozen=True)
class Choices:
    """A prompt (ending without a space) and continuations of it (each beginning with one)."""

    prompt: str
    continuations: tuple[str, ...]


@dataclass(frozen=True)
class ContinuationScore:
    """Log-probability (nats, summed over ``tokens`` tokens) of a continuation given its prompt."""

    logprob: float
    tokens: int


class Scorer:
    """Judges texts, continuations and questions with one causal language model.

    Args:
        model: any causal language model of transformers, PEFT-wrapped or not.
        tokenizer: its tokenizer.
        max_batch_tokens: places in a batch, padding included.
        max_length: longest sequence the model sees, in tokens; None means what the model's
            configuration allows, at most 1024.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        max_batch_tokens: int = 2048,
        max_length: int | None = None,
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self._forward = Forward(model)
        self.encoder = Encoder(tokenizer)
        bound = self._forward.max_batch_tokens
        self.max_batch_tokens = max_batch_tokens if bound is None else min(max_batch_tokens, bound)
        known = getattr(self._forward.config, "max_position_embeddings", None) or DEFAULT_MAX_LENGTH
        self.max_length = max_length or min(int(known), DEFAULT_MAX_LENGTH)
        if self.max_length < 2:
            raise ValueError(f"max_length is {self.max_length}; scoring needs at least 2 tokens")

    def score_texts(self, texts: Sequence[str]) -> list[TextScore]:
        """Score whole texts; long ones in windows that overlap by one token.

        Each token but the first is a target exactly once; the first is one too if the tokenizer
        itself puts a BOS before it. No EOS is added. A text of one token or none scores 0 of 0.
        """
        pieces: list[list[int]] = []
        owner: list[int] = []
        for number, text in enumerate(texts):
            for window in windows(self.encoder.text(text), self.max_length):
                pieces.append(window)
                owner.append(number)
        nats, tokens = [0.0] * len(texts), [0] * len(texts)
        for number, judged in zip(owner, self._judge(pieces, [1] * len(pieces)), strict=True):
            nats[number] -= float(judged.logprob.sum())
            tokens[number] += len(judged.logprob)
        sizes = [len(text.encode("utf-8", "surrogatepass")) for text in texts]
        return [TextScore(n + 0.0, t, b) for n, t, b in zip(nats, tokens, sizes, strict=True)]

    def score_continuations(self, requests: Sequence[Choices]) -> list[list[ContinuationScore]]:
        """Score each request's continuations; its prompt is computed once for all of them.

        Raises:
            UserInputError: a continuation is empty or longer than ``max_length``.
        """
        encoded = [
            self.encoder.choices(request.prompt, request.continuations, number, self.max_length)
            for number, request in enumerate(requests)
        ]
        shared: list[Encoded] = []
        alone: list[Encoded] = []
        for request in encoded:
            fits = self.shares_prompts and self._in_one_window(request)
            (shared if fits else alone).append(request)
        sums = [[0.0] * len(request.options) for request in encoded]
        with judging(self.model):
            self._sum_shared(shared, sums)
        self._sum_alone(alone, sums)
        return [
            [ContinuationScore(s, len(o)) for s, o in zip(row, request.options, strict=True)]
            for row, request in zip(sums, encoded, strict=True)
        ]

    def generate(
        self,
        prompts: Sequence[str],
        *,
        max_new_tokens: int,
        min_new_tokens: int = 0,
        stop: str | None = None,
        skip_blank: bool = False,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> list[str]:
        """Continue each prompt until EOS, ``stop`` or ``max_new_tokens``; greedy at temperature 0.

        Nothing of the model's own generation settings applies except its EOS tokens, which can't
        come among the first ``min_new_tokens``. With ``skip_blank``, ``stop`` isn't looked for in
        blank space at the beginning. Sampling draws from a private generator for each prompt,
        made from ``seed`` and the prompt's place in the list. Returns the new text only, up to
        and without ``stop``.
        """
        ids = [self.encoder.prompt(prompt) for prompt in prompts]
        new_tokens = min(max_new_tokens, self.max_length - 1)
        ids = [prompt[-(self.max_length - new_tokens) :] for prompt in ids]
        texts = [""] * len(ids)
        with judging(self.model):
            for batch in batches([len(p) + new_tokens for p in ids], self.max_batch_tokens):
                made = generate_ids(
                    self._forward,
                    self.tokenizer,
                    [ids[number] for number in batch],
                    max_new_tokens=new_tokens,
                    min_new_tokens=min_new_tokens,
                    stop=stop,
                    skip_blank=skip_blank,
                    temperature=temperature,
                    seeds=[seed * 1_000_003 + number for number in batch],
                )
                for number, text in zip(batch, made, strict=True):
                    texts[number] = text
        return texts

    def recites(self, sequences: Sequence[Sequence[int]], prefix_tokens: int) -> list[bool]:
        """For token ids: does greedy decoding from the first ``prefix_tokens`` give the rest?

        One forward pass answers it: decoding greedily reproduces the rest exactly if each of its
        tokens is the model's first choice after the true ones before it.
        """
        judged = self._judge(sequences, [prefix_tokens] * len(sequences))
        return [bool(item.greedy.all()) for item in judged]

    @cached_property
    def shares_prompts(self) -> bool:
        """True if this model honours a custom mask and positions, seen on a small input once."""
        if not self._forward.takes_positions:
            return False
        size = self._forward.vocabulary
        one, two, three = ([(17 * k + s) % size for k in range(4)] for s in (3, 5, 11))
        request = Encoded(tuple(one), (tuple(two), tuple(three)), ((0, 0), (0, 1)))
        other = Encoded(tuple(three), (tuple(one),), ((1, 0),))
        batch = lay_out([[request, other], [other]])
        try:
            with judging(self.model):
                packed = self._forward.run(
                    batch.ids, mask=self._mask(batch), positions=batch.positions
                )
                pairs = [(packed[0, 8:12], one + three), (packed[0, 16:20], three + one)]
                return all(
                    _close(part, self._forward.run(torch.tensor([ids]))[0, 4:])
                    for part, ids in pairs
                )
        except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):
            return False

    def _in_one_window(self, request: Encoded) -> bool:
        """False if an attention window of the model is shorter than what an option must see."""
        window = getattr(self._forward.config, "sliding_window", None)
        longest = len(request.prompt) + max((len(o) for o in request.options), default=0)
        return not window or longest <= int(window)

    def _mask(self, batch: Batch) -> Tensor:
        """The batch's mask as the model's attention wants it: additive for eager, else bool."""
        if getattr(self._forward.config, "_attn_implementation", None) != "eager":
            return batch.sees
        added = torch.zeros(batch.sees.shape, dtype=self._forward.dtype)
        return added.masked_fill(~batch.sees, torch.finfo(self._forward.dtype).min)

    def _sum_shared(self, requests: Sequence[Encoded], sums: list[list[float]]) -> None:
        """Add up log-probabilities of options, with several options and requests in a row."""
        width = min(ROW_TOKENS, self.max_batch_tokens)
        parts = [part for request in requests for part in split_request(request, width)]
        packed = pack_rows(parts, width)
        lengths = [sum(request.tokens for request in row) for row in packed]
        for numbers in batches(lengths, self.max_batch_tokens):
            batch = lay_out([packed[number] for number in numbers])
            states = self._forward.run(batch.ids, mask=self._mask(batch), positions=batch.positions)
            places, index = torch.unique_consecutive(batch.sources, return_inverse=True)
            flat = states.flatten(0, 1)[places.to(states.device)]
            judged = self._forward.judge(flat, index, batch.targets)
            for (request, option), value in zip(batch.owners, judged.logprob.tolist(), strict=True):
                sums[request][option] += value

    def _sum_alone(self, requests: Sequence[Encoded], sums: list[list[float]]) -> None:
        """Add up log-probabilities of options, each behind its own copy of the prompt."""
        pairs = [
            ([*request.prompt, *option], len(request.prompt), owner)
            for request in requests
            for option, owner in zip(request.options, request.owner, strict=True)
        ]
        judged = self._judge([ids for ids, _, _ in pairs], [first for _, first, _ in pairs])
        for (_, _, (request, option)), item in zip(pairs, judged, strict=True):
            sums[request][option] = float(item.logprob.sum())

    def _judge(self, sequences: Sequence[Sequence[int]], firsts: Sequence[int]) -> list[Judged]:
        """Judge tokens firsts[i]… of sequence i, each given all before it.

        Rows are padded on the right: with causal attention nothing looks at the padding, so no
        mask is needed and the attention's fast path stays open.
        """
        results: list[Judged | None] = [None] * len(sequences)
        with judging(self.model):
            for numbers in batches([len(ids) for ids in sequences], self.max_batch_tokens):
                length = len(sequences[numbers[0]])
                ids = torch.zeros((len(numbers), length), dtype=torch.long)
                wanted = torch.zeros((len(numbers), length), dtype=torch.bool)
                for row, number in enumerate(numbers):
                    size = len(sequences[number])
                    ids[row, :size] = torch.tensor(sequences[number])
                    wanted[row, firsts[number] - 1 : size - 1] = True
                states = self._forward.run(ids)[wanted.to(self._forward.device)]
                targets = ids.roll(-1, dims=1)[wanted]
                judged = self._forward.judge(states, torch.arange(len(targets)), targets)
                start = 0
                for number, size in zip(numbers, wanted.sum(dim=1).tolist(), strict=True):
                    part = slice(start, start + size)
                    results[number] = Judged(judged.logprob[part], judged.greedy[part])
                    start += size
        return [item for item in results if item is not None]


def _close(left: Tensor, right: Tensor) -> bool:
    """True if two state tensors agree within the rounding of their precision."""
    limit = 1e-3 if left.dtype == torch.float32 else 5e-2
    error = (left.float() - right.float()).norm() / right.float().norm().clamp_min(1e-12)
    return float(error) <= limit
