"""The three verbs that reach a model for all judging: score texts, score continuations, generate.

Nothing here touches a global random state, and every module's training mode is put back. Results
don't depend on what else is in a batch, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from steep.proof.forward import Forward, Judged, judging
from steep.proof.generation import Decoding, decode, read_prompts
from steep.proof.layout import (
    ROW_TOKENS,
    Batch,
    Encoded,
    Encoder,
    Row,
    batches,
    lay_out,
    rows,
    windows,
)

DEFAULT_MAX_LENGTH = 1024
CACHE_BYTES = 256_000_000
"""Memory for keys and values while decoding. Each step reads all weights once for the whole batch,
so decoding wants many rows; on a CPU below a hundred they cost more time each."""
_RECITED_FIRST = 4


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
    """A prompt (ending without a space) and continuations of it, each beginning with one where
    the script has spaces.
    """

    prompt: str
    continuations: tuple[str, ...]


@dataclass(frozen=True)
class ContinuationScore:
    """Log-probability (nats, summed over ``tokens`` tokens) of a continuation given its prompt.

    ``greedy``: each token is the model's first choice, so decoding greedily would give it.
    """

    logprob: float
    tokens: int
    greedy: bool

    def plus(self, logprob: float, greedy: bool) -> ContinuationScore:
        """With one more of its tokens judged."""
        return ContinuationScore(self.logprob + logprob, self.tokens, self.greedy and greedy)


class Sums:
    """The scores of requests being added up, target by target."""

    def __init__(self, requests: Sequence[Encoded]) -> None:
        self.scores = [[ContinuationScore(0.0, len(o), True) for o in r.options] for r in requests]

    def add(self, batch: Batch, judged: Judged) -> None:
        """Give each target of a batch to its option."""
        values = zip(batch.owners, judged.logprob.tolist(), judged.greedy.tolist(), strict=True)
        for (request, option), logprob, greedy in values:
            row = self.scores[request]
            row[option] = row[option].plus(logprob, greedy)


class Scorer:
    """Judges texts, continuations and questions with one causal language model.

    Args:
        model: any causal language model of transformers, PEFT-wrapped or not.
        tokenizer: its tokenizer.
        max_batch_tokens: places in a batch, padding included; None means 512 on a CPU, where a
            layer's activations then stay in its cache, and 8192 elsewhere.
        max_length: longest sequence the model sees, in tokens; None means what the model's
            configuration allows, at most 1024.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        max_batch_tokens: int | None = None,
        max_length: int | None = None,
    ) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.forward = Forward(model)
        self.encoder = Encoder(tokenizer)
        bound = self.forward.max_batch_tokens
        wanted = max_batch_tokens or (512 if self.forward.device.type == "cpu" else 8192)
        self.max_batch_tokens = wanted if bound is None else min(wanted, bound)
        known = getattr(self.forward.config, "max_position_embeddings", None) or DEFAULT_MAX_LENGTH
        self.max_length = max_length or min(int(known), DEFAULT_MAX_LENGTH)
        if self.max_length < 2:
            raise ValueError(f"max_length is {self.max_length}; scoring needs at least 2 tokens")

    def score_texts(self, texts: Sequence[str], *, whole: bool = False) -> list[TextScore]:
        """Score whole texts; long ones in windows that overlap by one token.

        Each token but the first is a target exactly once; the first is one too if the tokenizer
        itself puts a BOS before it, or ``whole`` a line break. No EOS is added. A text without a
        target scores 0 of 0.

        Args:
            whole: what two tokenizers are compared by. The longer the first token, the more of a
                text would be given to it for nothing. (A line break, because BOS and EOS of a model
                for conversations stand before other things than texts.)
        """
        head = self.encoder.line_break() if whole and not self.encoder.prefix else []
        pieces: list[list[int]] = []
        owner: list[int] = []
        for number, text in enumerate(texts):
            for window in windows(head + self.encoder.text(text), self.max_length):
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
        return self.score_encoded(encoded)

    def score_encoded(self, requests: Sequence[Encoded]) -> list[list[ContinuationScore]]:
        """As ``score_continuations``, from token ids; request i's options have owner (i, …).

        Nothing is cut: a prompt and an option must fit the model together.
        """
        sums = Sums(requests)
        self.score_rows([row for request in requests for row in self.trees(request)], sums)
        return sums.scores

    def score_rows(self, parts: Sequence[Row], sums: Sums) -> None:
        """Judge the targets of rows (from ``trees``) and add them up."""
        with judging(self.model):
            for numbers in batches([len(part.tokens) for part in parts], self.max_batch_tokens):
                batch = lay_out([parts[number] for number in numbers])
                states, _ = self.run(batch)
                sums.add(batch, self.judge(batch, states))

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
        new_tokens = min(max_new_tokens, self.max_length - 1)
        ids = [self.encoder.prompt(p)[-(self.max_length - new_tokens) :] for p in prompts]
        stops = (stop,) if stop else ()
        decoding = Decoding(new_tokens, min_new_tokens, stops, skip_blank, temperature)
        return self.continue_ids(ids, decoding, seed=seed)

    def continue_ids(
        self,
        prompts: Sequence[Sequence[int]],
        decoding: Decoding,
        *,
        seed: int = 0,
        heard: Callable[[str], None] | None = None,
    ) -> list[str]:
        """As ``generate``, from token ids; nothing is cut. ``heard`` is for a single prompt: it
        gets the new text so far after each token.
        """
        texts = [""] * len(prompts)
        lengths = [len(prompt) + decoding.max_new_tokens for prompt in prompts]
        with judging(self.model):
            for batch in batches(lengths, self.decoding_tokens):
                start = read_prompts(self.forward, [prompts[number] for number in batch])
                seeds = [seed * 1_000_003 + number for number in batch]
                made = decode(self.forward, self.tokenizer, start, decoding, seeds, heard)
                for number, text in zip(batch, made, strict=True):
                    texts[number] = text
        return texts

    def recites(self, sequences: Sequence[Sequence[int]], prefix_tokens: int) -> list[bool]:
        """For token ids: does greedy decoding from the first ``prefix_tokens`` give the rest?

        No decoding is needed: it reproduces the rest exactly if each of its tokens is the model's
        first choice after the true ones before it. Most sequences are told by their first few.
        """
        found = [False] * len(sequences)
        left = list(range(len(sequences)))
        for end in (prefix_tokens + _RECITED_FIRST, None):
            parts = [list(sequences[number])[:end] for number in left]
            judged = self._judge(parts, [min(prefix_tokens, len(part)) for part in parts])
            left = [n for n, item in zip(left, judged, strict=True) if bool(item.greedy.all())]
        for number in left:
            found[number] = True
        return found

    @property
    def decoding_tokens(self) -> int:
        """Places in a batch that is decoded."""
        if self.forward.max_batch_tokens is not None:
            return self.max_batch_tokens
        bound = self.forward.room * CACHE_BYTES
        return max(self.max_batch_tokens, bound // self.forward.cache_bytes_per_token)

    @cached_property
    def shares_prompts(self) -> bool:
        """True if this model honours a custom mask and positions, seen on a small input once."""
        if not self.forward.takes_positions:
            return False
        size = self.forward.vocabulary
        one, two, three = (tuple((17 * k + s) % size for k in range(4)) for s in (3, 5, 11))
        forked = Encoded(one, (two, two[:2] + three), ((0, 0), (0, 1)))
        single = Encoded(three, (one,), ((1, 0),))
        batch = lay_out([row for request in (forked, single) for row in rows(request)])
        try:
            with judging(self.model):
                states = self.run(batch)[0].flatten(0, 1)[batch.sources.to(self.forward.device)]
                return all(
                    _close(
                        states[[owner == other for other in batch.owners]],
                        self.forward.run(torch.tensor([[*request.prompt, *option[:-1]]]))[0, 3:],
                    )
                    for request in (forked, single)
                    for option, owner in zip(request.options, request.owner, strict=True)
                )
        except (RuntimeError, ValueError, TypeError, IndexError, AttributeError):
            return False

    def trees(self, request: Encoded) -> Iterator[Row]:
        """Rows of a request: a tree of all its options, or one row each where that won't do."""
        if self.shares_prompts and self.in_one_window(request):
            yield from rows(request, min(ROW_TOKENS, self.max_batch_tokens))
            return
        for option, owner in zip(request.options, request.owner, strict=True):
            yield from rows(Encoded(request.prompt, (option,), (owner,)))

    def in_one_window(self, request: Encoded) -> bool:
        """False if an attention window of the model is shorter than what an option must see."""
        window = getattr(self.forward.config, "sliding_window", None)
        longest = len(request.prompt) + max((len(o) for o in request.options), default=0)
        return not window or longest <= int(window)

    def run(self, batch: Batch, *, use_cache: bool = False) -> tuple[Tensor, Any]:
        """States of a batch, and the key-value cache if asked for."""
        if batch.sees is None:
            return self.forward.step(batch.ids, use_cache=use_cache)
        return self.forward.step(
            batch.ids,
            mask=self.forward.mask(batch.sees),
            positions=batch.positions,
            use_cache=use_cache,
        )

    def judge(self, batch: Batch, states: Tensor) -> Judged:
        """Judge a batch's targets, given the states of all its places."""
        places, index = torch.unique_consecutive(batch.sources, return_inverse=True)
        flat = states.flatten(0, 1)[places.to(states.device)]
        return self.forward.judge(flat, index, batch.targets)

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
                states = self.forward.run(ids)[wanted.to(self.forward.device)]
                targets = ids.roll(-1, dims=1)[wanted]
                judged = self.forward.judge(states, torch.arange(len(targets)), targets)
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
