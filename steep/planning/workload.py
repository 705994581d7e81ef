"""What a run will have to do: steps and their rows, and everything both models are asked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from steep.corpus.schedule import Schedule
from steep.planning.measured import Rows
from steep.proof.asking import ANSWER_TOKENS, PRIOR_PROMPT, answer_limits, prompts
from steep.proof.divergence import OWN_TEXTS, OWN_TOKENS
from steep.proof.layout import Encoder
from steep.proof.manners import INSTRUCTION_TOKENS
from steep.proof.measure import Panel, few_shot_prompts
from steep.proof.questions import Question
from steep.proof.recall import SAMPLE_TOKENS, sample_starts, verbatim_windows
from steep.proof.translating import prompt_of
from steep.proof.translations import Translation

_SAMPLED_STEPS = 8

# Documents of a corpus are alike: the tokens of so many say how many the rest have.
_MOST_ENCODED = 400


@dataclass(frozen=True)
class Asking:
    """What one model is asked, in tokens; ``answers`` counts greedy answers.

    ``sample_tokens`` are of texts it writes freely; ``base_tokens`` are of prompts and choices that
    only the base model is given (passages, examples), and ``base_answers`` the answers behind them.
    ``longer_tokens`` is what long truths let answers have beyond the usual limit.
    """

    text_tokens: int
    choice_tokens: int
    answers: int
    sample_tokens: int = 0
    base_tokens: int = 0
    base_answers: int = 0
    longer_tokens: int = 0
    base_longer_tokens: int = 0

    @property
    def answer_tokens(self) -> int:
        """At most: a model that keeps to the form stops at its first line's end."""
        return self.answers * ANSWER_TOKENS + self.longer_tokens + self.sample_tokens

    @property
    def of_base(self) -> Asking:
        """What the base model is asked, with what only it is asked."""
        return replace(
            self,
            choice_tokens=self.choice_tokens + self.base_tokens,
            answers=self.answers + self.base_answers,
            longer_tokens=self.longer_tokens + self.base_longer_tokens,
            sample_tokens=self.sample_tokens + OWN_TEXTS * OWN_TOKENS,
        )


@dataclass(frozen=True)
class Later:
    """A stage behind the documents: tokens it trains on, and those it only reads before."""

    name: str
    tokens: int
    read: int = 0


@dataclass(frozen=True)
class Workload:
    """A run's work.

    Attributes:
        steps, tokens: of the whole training.
        rows, firsts: sampled steps (``sample_steps``).
        asking: what each of the two models is asked.
        validation_tokens: what each strength tried is measured on; 0 where it is fixed.
        written_tokens: replay that the base model has to write first.
        held_tokens: replay whose predictions the base model gives before training.
        later: stages behind the documents; after each its model is asked everything.
    """

    steps: int
    tokens: int
    rows: Rows
    firsts: Rows
    asking: Asking
    validation_tokens: int
    written_tokens: int = 0
    held_tokens: int = 0
    later: tuple[Later, ...] = ()


def sample_steps(schedule: Schedule, steps: int, count: int = _SAMPLED_STEPS) -> tuple[Rows, Rows]:
    """Lengths and first targets of the segments of some steps.

    The step of most tokens comes first: it sets the peak. Then come steps at evenly spread ranks
    of size, ordered so that every beginning of the list is a fair sample.
    """
    shards = schedule.shards
    sizes = [sum(int(shards.lengths[i]) for i in schedule.segments_of(k)) for k in range(steps)]
    ranked = sorted(range(steps), key=lambda step: (sizes[step], step))
    spread = sorted(range(count), key=lambda n: _bits_reversed(n, count))
    chosen = [ranked[-1], *(ranked[int((n + 0.5) / count * steps)] for n in spread)]
    lengths: list[tuple[tuple[int, ...], ...]] = []
    firsts: list[tuple[tuple[int, ...], ...]] = []
    for step in chosen[: steps + 1]:
        rows = schedule.rows_of(step)
        lengths.append(tuple(tuple(int(shards.lengths[i]) for i in row) for row in rows))
        firsts.append(tuple(tuple(int(shards.firsts[i]) for i in row) for row in rows))
    return tuple(lengths), tuple(firsts)


def asking_of(panel: Panel, tokenizer: Any) -> Asking:
    """Count what ``steep.proof.measure`` asks of a model."""
    encoder = Encoder(tokenizer)
    general = (*panel.general, *panel.general_project, *panel.general_reference)
    texts = [text for _, text in (*panel.domain, *general)]
    windows = sum(len(window.ids) for window in verbatim_windows(encoder, panel.trained_texts))
    questions = (
        *panel.questions,
        *panel.controls,
        *panel.general_questions,
        *panel.probes,
    )
    choices = sum(_choice_tokens(encoder, question) for question in questions)
    choices += sum(_pair_tokens(encoder, pair) for pair in panel.parallel)
    distinct = {choice for question in questions for choice in question.choices}
    priors = sum(len(encoder.text(" " + choice)) for choice in sorted(distinct))
    sentences = [sentence for pair in panel.grammar for sentence in (pair.good, pair.bad)]
    freely = [q for q in (*panel.questions, *panel.controls, *panel.probes) if q.form == "new"]
    return Asking(
        tokens_of(texts, tokenizer) + windows,
        choices + priors + len(encoder.text(PRIOR_PROMPT)) + tokens_of(sentences, tokenizer),
        len(freely),
        len(sample_starts(panel.trained_texts)) * SAMPLE_TOKENS
        + len(panel.instructions) * INSTRUCTION_TOKENS,
        _base_tokens(panel, encoder),
        len(panel.open_book),
        _longer_tokens(encoder, freely),
        _longer_tokens(encoder, panel.open_book),
    )


def _longer_tokens(encoder: Encoder, questions: Sequence[Question]) -> int:
    return sum(limit - ANSWER_TOKENS for limit in answer_limits(encoder, questions))


def _base_tokens(panel: Panel, encoder: Encoder) -> int:
    """Tokens of what only the base model is given: passages twice, examples once."""
    book = panel.open_book
    passages = sum(len(encoder.text(text)) for text in prompts(book, [q.passage for q in book]))
    shown, questions = few_shot_prompts(panel)
    examples = len(encoder.text(shown)) * len(questions)
    asked = sum(_choice_tokens(encoder, question) for question in (*book, *questions))
    return 2 * passages + examples + asked


def tokens_of(texts: Sequence[str], tokenizer: Any) -> int:
    """Tokens of texts; of very many, as the first ones have per character."""
    encoder = Encoder(tokenizer)
    counted = texts[:_MOST_ENCODED]
    found = sum(len(encoder.text(text)) for text in counted)
    rest = sum(len(text) for text in texts[_MOST_ENCODED:])
    return found + round(rest * found / max(1, sum(len(text) for text in counted)))


def row_tokens(rows: Iterable[Iterable[Iterable[int]]]) -> list[int]:
    """Tokens of each step."""
    return [sum(n for row in step for n in row) for step in rows]


def _choice_tokens(encoder: Encoder, question: Question) -> int:
    if not question.choices:
        return 0
    prompt = len(encoder.text(question.prompt))
    return prompt + sum(len(encoder.text(" " + choice)) for choice in question.choices)


def _pair_tokens(encoder: Encoder, pair: Translation) -> int:
    """Behind the source the translation and the others; then the translation twice by itself."""
    own = len(encoder.text(pair.target))
    others = sum(len(encoder.text(other)) for other in pair.others)
    return len(encoder.text(prompt_of(pair))) + 3 * own + others


def _bits_reversed(number: int, count: int) -> int:
    bits = max(1, (count - 1).bit_length())
    return int(f"{number:0{bits}b}"[::-1], 2)
