"""The calibrating child: a truncated model of random weights, asked and trained by the product.

``python -m steep.planning.child`` reads one JSON object (``Order``) from stdin and writes one
(``steep.planning.measured.Measured``) to stdout. It runs in a process of its own so that it
starts from nothing, and so that running out of memory ends it and not the run.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from steep.corpus.piece import Piece
from steep.corpus.schedule import Batch, Schedule
from steep.corpus.shards import Shards
from steep.model.adapters import make_trainable
from steep.model.load import import_bitsandbytes
from steep.model.precision import Precision, dtype_of, working_in
from steep.model.quantised import quantise
from steep.planning.machine import forget_peak, peak_resident_bytes, resident_bytes
from steep.planning.measured import Measured, Order, Rates, StepTime
from steep.planning.rounds import Rounds, scatter
from steep.planning.shape import config_of
from steep.proof.scorer import Choices, Scorer
from steep.recipe import TrainRecipe
from steep.training.loop import StepMetrics, train_model

# Spread of the random weights: like a fresh model's, so that sums stay finite and no number is
# so small that the processor slows down.
_SPREAD = 0.02
_BLOCK = 2**16
_ENDLESS = 10**6  # steps: measuring ends long before

# What is asked: as many places as the scorer puts into one batch, at lengths usual in the panel.
_ASKED_BATCH = 2048
_TEXT_TOKENS = 256
_CHOICE_PROMPT, _CHOICES, _CHOICE_TOKENS = 16, 10, 3
_ANSWER_PROMPT, _ANSWER_TOKENS = 20, 8


def main() -> None:
    """Read the order, measure, write what was found."""
    from transformers.utils import logging

    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    _import_what_a_run_holds()  # before the order comes: another child may be measuring meanwhile
    order = Order.read(json.load(sys.stdin))
    out = sys.stdout
    sys.stdout = sys.stderr  # whatever a library prints must not stand in the answer
    found = measure(order)
    out.write(json.dumps(asdict(found)) + "\n")


def measure(order: Order) -> Measured:
    """Ask and train one truncated model."""
    from steep.training.linear import without_copies

    with contextlib.nullcontext() if order.copies else without_copies():
        return _measure(order)


def _measure(order: Order) -> Measured:
    torch.set_num_threads(order.threads)
    peaks = _Peaks(order.device)
    _import_what_a_run_holds()
    idle = peaks.take()
    model = random_model(config_of(order.shape)).to(order.device)
    weights = sum(p.numel() * p.element_size() for p in model.parameters())
    answered = _ask(model) if order.ask else None
    asked = peaks.take()
    recipe = TrainRecipe.model_validate(order.train)
    if recipe.load_in is not None:
        model = quantise(model, recipe.load_in)
    model = make_trainable(model, recipe, seed=0)
    trained = sum(p.numel() * p.element_size() for p in model.parameters() if p.requires_grad)
    rounds = _train(model, order, recipe, peaks)
    if order.ask and recipe.load_in is not None:  # the strength is chosen on weights as they are
        plain = recipe.model_copy(update={"load_in": None})
        whole = random_model(config_of(order.shape)).to(order.device)
        model = make_trainable(whole, plain, seed=0)
    trained_rate = _as_trained(model, order.precision) if order.ask else 0.0
    return Measured(
        layers=order.layers,
        weight_bytes=weights,
        trained_bytes=trained,
        idle_bytes=idle,
        asked_bytes=asked,
        probed_bytes=peaks.named["probed"],
        stepped_bytes=peaks.named["stepped"],
        saved_bytes=peaks.named.get("saved"),
        steps=tuple(rounds.steps),
        scatter=round(scatter(rounds.steps), 4),
        asked=None if answered is None else Rates(*answered, trained_rate),
    )


def _import_what_a_run_holds() -> None:
    """What a run has imported before it has a model."""
    import_bitsandbytes()
    import accelerate  # noqa: F401
    import peft  # noqa: F401


def _train(model: Any, order: Order, recipe: TrainRecipe, peaks: _Peaks) -> Rounds:
    """Train by the product's loop until there are times enough.

    A checkpoint is written after the first round, if all of its steps were taken.
    """
    count = len(order.rows)
    rounds = Rounds(count, order.most_seconds, order.more_seconds)

    def before(step: int) -> None:
        if step == 0:
            peaks.take("probed")
            rounds.begin()
        elif step == count:
            peaks.keep("saved")
        if rounds.is_enough():
            raise _Enough

    def note(metrics: StepMetrics, total: int) -> None:
        rounds.note(StepTime(metrics.tokens, metrics.seconds))
        if metrics.step <= count:  # later ones would count the checkpoint in
            peaks.keep("stepped")

    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(_Enough):
        train_model(
            model,
            measuring_schedule(order, recipe, before),
            recipe.model_copy(update={"save_steps": count}),
            steps=_ENDLESS,
            seed=0,
            precision=order.precision,
            folder=Path(folder),
            key={},
            on_step=note,
        )
    return rounds


class _Enough(Exception):
    """Enough steps were taken."""


@dataclass
class _Peaks:
    """Peak memory since it was last taken, by name of what was done."""

    device: str
    named: dict[str, int] = field(default_factory=dict)

    def keep(self, name: str) -> int:
        """Raise a named peak to what was reached by now."""
        now = self._peak()
        self.named[name] = max(now, self.named.get(name, 0))
        return now

    def take(self, name: str = "") -> int:
        """As ``keep``; then the next peak begins."""
        now = self.keep(name)
        if self.device.startswith("cuda"):
            torch.cuda.reset_peak_memory_stats()
        else:
            forget_peak()
        return now

    def _peak(self) -> int:
        if self.device.startswith("cuda"):
            return int(torch.cuda.max_memory_allocated())
        return max(peak_resident_bytes(), resident_bytes() or 0)


def random_model(config: Any) -> Any:
    """A model of a configuration with small random weights, quickly made."""
    from transformers import AutoModelForCausalLM
    from transformers.initialization import no_init_weights

    with no_init_weights():  # type: ignore[no-untyped-call]
        make: Any = AutoModelForCausalLM.from_config
        model = make(config, dtype=torch.float32)
    generator = torch.Generator().manual_seed(0)
    block = torch.empty(_BLOCK).uniform_(-_SPREAD, _SPREAD, generator=generator)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() < 2:  # norms' ones and biases' zeros, or memory as it was found
                parameter.fill_(
                    1.0 if parameter.dim() and float(parameter.flatten()[0]) == 1 else 0
                )
                continue
            flat = parameter.view(-1)
            for start in range(0, len(flat), _BLOCK):
                part = flat[start : start + _BLOCK]
                part.copy_(block[: len(part)])
    return model.eval()


def measuring_schedule(
    order: Order, recipe: TrainRecipe, before: Callable[[int], object]
) -> Schedule:
    """Batches of random tokens with the segment lengths ordered, round after round.

    ``before`` is called with the number of each step before it begins.
    """
    generator = np.random.default_rng(0)
    lengths = np.array([n for step in order.rows for row in step for n in row], dtype=np.int64)
    firsts = np.array([n for step in order.firsts for row in step for n in row], dtype=np.int64)
    vocabulary = int(config_of(order.shape).get_text_config().vocab_size)
    shards = Shards(
        generator.integers(0, vocabulary, int(lengths.sum()), dtype=np.int32),
        np.cumsum(lengths) - lengths,
        lengths,
        np.arange(len(lengths), dtype=np.int64),
        firsts,
        tuple(Piece("document", str(n), "") for n in range(len(lengths))),
    )
    size = recipe.per_device_train_batch_size * recipe.gradient_accumulation_steps
    numbers = itertools.count()
    rows = [[[next(numbers) for _ in row] for row in step] for step in order.rows]

    class Given(Schedule):
        def rows_of(self, step: int) -> list[list[int]]:
            return rows[step % len(rows)]

        def batch(self, step: int) -> Batch:
            before(step)
            return super().batch(step)

    return Given(shards, 0, recipe.max_seq_length, size, 0.0)


def _ask(model: Any) -> tuple[float, float, float]:
    """(text tokens per second, choice tokens per second, seconds per answered token)."""
    scorer = Scorer(model, _Numbers(model.config.get_text_config().vocab_size))
    texts = [_Numbers.text(n, _TEXT_TOKENS) for n in range(_ASKED_BATCH // _TEXT_TOKENS)]
    requests = [
        Choices(
            _Numbers.text(n, _CHOICE_PROMPT),
            tuple(" " + _Numbers.text(n + k, _CHOICE_TOKENS) for k in range(_CHOICES)),
        )
        for n in range(_ASKED_BATCH // (_CHOICE_PROMPT + _CHOICES * _CHOICE_TOKENS))
    ]
    prompts = [
        _Numbers.text(n, _ANSWER_PROMPT)
        for n in range(_ASKED_BATCH // (_ANSWER_PROMPT + 2 * _ANSWER_TOKENS))
    ]
    scorer.score_texts(texts[:1])  # the first call of anything is slower
    text = _seconds(lambda: scorer.score_texts(texts))
    choice = _seconds(lambda: scorer.score_continuations(requests))
    answers = _seconds(
        lambda: scorer.generate(
            prompts, max_new_tokens=_ANSWER_TOKENS, min_new_tokens=_ANSWER_TOKENS
        )
    )
    asked = len(requests) * (_CHOICE_PROMPT + _CHOICES * _CHOICE_TOKENS)
    return (
        len(texts) * _TEXT_TOKENS / text,
        asked / choice,
        answers / (len(prompts) * _ANSWER_TOKENS),
    )


def _as_trained(model: Any, precision: Precision) -> float:
    """Text tokens per second as the strength is chosen: merged, in the training's precision."""
    from steep.training.linear import merged

    scorer = Scorer(model, _Numbers(model.config.get_text_config().vocab_size))
    texts = [_Numbers.text(n, _TEXT_TOKENS) for n in range(_ASKED_BATCH // _TEXT_TOKENS)]
    with working_in(precision, model.device.type), merged(model, dtype_of(precision)):
        scorer.score_texts(texts[:1])
        return len(texts) * _TEXT_TOKENS / _seconds(lambda: scorer.score_texts(texts))


def _seconds(call: Callable[[], object]) -> float:
    begin = time.monotonic()
    call()
    return max(time.monotonic() - begin, 1e-6)


class _Numbers:
    """A tokenizer of numbers: each word is its own token."""

    bos_token_id = None
    eos_token_id = 0

    def __init__(self, vocabulary: int) -> None:
        self._vocabulary = vocabulary

    @staticmethod
    def text(seed: int, tokens: int) -> str:
        """A text of so many tokens."""
        return " ".join(str(1 + (seed * 7919 + 31 * k) % 100_003) for k in range(tokens))

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        """The numbers, folded into the vocabulary."""
        return [int(word) % self._vocabulary if word.isdigit() else 1 for word in text.split()]

    def decode(self, ids: list[int], **_: object) -> str:
        """The numbers again."""
        return " ".join(map(str, ids))


if __name__ == "__main__":
    main()
