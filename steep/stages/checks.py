"""The light check while training: a small fixed sample of what judges the result.

It shows learning and forgetting as they happen and decides nothing: the sample is small, and the
verdict comes from the whole panel. General text is taken from the validation texts, so what the
verdict is judged on isn't watched beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from steep.artifact import text_hash
from steep.errors import ModelError
from steep.model.precision import Precision
from steep.proof.asking import log_probabilities, ranked
from steep.proof.measure import Panel
from steep.proof.perplexity import bits_per_byte
from steep.proof.questions import Question
from steep.proof.scorer import Scorer
from steep.stages.strength import as_trained
from steep.wording import counted

QUESTIONS = 24
DOMAIN_TEXTS, DOMAIN_TOKENS = 4, 512
GENERAL_TEXTS, GENERAL_TOKENS = 6, 256

# A check reads its tokens at about twice the rate of training or better. The sample is so small
# that this many checks fit into their share of the run.
_CHECKS = 4
_FASTER = 2.0
_LEAST = 0.1  # of the whole sample: below that its numbers say nothing

Item = TypeVar("Item")


@dataclass(frozen=True)
class Sample:
    """What a check asks; ``facts`` is the measure that the questions belong to."""

    domain: tuple[str, ...]
    general: tuple[str, ...]
    questions: tuple[Question, ...]
    facts: str

    @property
    def words(self) -> str:
        """How many of what."""
        return (
            f"{counted(len(self.questions), 'question')}, "
            f"{counted(len(self.domain), 'held-out document')}, "
            f"{counted(len(self.general), 'general text')}"
        )


def light_sample(
    panel: Panel, validation: Sequence[str], tokenizer: Any, *, tokens: int, share: float
) -> Sample | None:
    """A sample of the panel that is small beside a run of ``tokens`` training tokens.

    Questions are the user's about trained facts, or else the automatic ones; only those with
    choices. The choice depends on the texts alone.

    Args:
        share: of the training time that checks may take.

    Returns:
        None where the run is too short for a sample that says anything.
    """

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    asked = [q for q in panel.questions if q.choices] or [q for q in panel.probes if q.choices]
    facts = "fact_accuracy" if any(q.choices for q in panel.questions) else "probe_accuracy"
    questions = _chosen(asked, QUESTIONS, lambda q: q.id)
    domain = _chosen(panel.domain, DOMAIN_TEXTS, lambda pair: pair[0])
    domain_texts = [shortened(text, DOMAIN_TOKENS, count) for _, text in domain]
    general = [
        shortened(text, GENERAL_TOKENS, count)
        for text in _chosen(validation, GENERAL_TEXTS, lambda text: text)
    ]
    whole = sum(count(text) for text in [*domain_texts, *general])
    whole += sum(count(text) for q in questions for text in (q.prompt, *q.choices))
    if not whole:
        return None
    part = min(1.0, share * tokens * _FASTER / _CHECKS / whole)
    if part < _LEAST:
        return None
    return Sample(
        tuple(shortened(text, round(part * count(text)), count) for text in domain_texts),
        tuple(shortened(text, round(part * count(text)), count) for text in general),
        tuple(questions[: round(part * len(questions))]),
        facts,
    )


def _chosen(items: Sequence[Item], most: int, name: Callable[[Item], str]) -> list[Item]:
    """The same few whatever their order, spread over all."""
    return sorted(items, key=lambda item: text_hash(name(item)))[:most]


def shortened(text: str, most: int, count: Callable[[str], int]) -> str:
    """The beginning of a text, of about ``most`` tokens."""
    tokens = count(text)
    return text if tokens <= most else text[: len(text) * most // tokens]


class LightCheck:
    """Measures a sample with the model as it is, and keeps the last values to be shown.

    The model's modes, gradients and parameters stay as they are.
    """

    def __init__(self, model: Any, tokenizer: Any, sample: Sample, precision: Precision) -> None:
        self._model, self._tokenizer, self.sample = model, tokenizer, sample
        self._precision = precision
        self.values: Mapping[str, float] = {}

    def __call__(self) -> dict[str, float]:
        """The values by name; none if the model gives no finite numbers any more."""
        try:
            with as_trained(self._model, self._precision):
                found = _measured(Scorer(self._model, self._tokenizer), self.sample)
        except ModelError:  # the loop's own alarm says it better
            found = {}
        self.values = found
        return found

    @property
    def words(self) -> str:
        """The last values for the progress line; empty before the first."""
        shown = {
            self.sample.facts: "facts {:.0%}",
            "domain_bits_per_byte": "held-out {:.3f} bits/byte",
            "general_loss": "general {:.3f} nats",
        }
        return ", ".join(
            words.format(self.values[name]) for name, words in shown.items() if name in self.values
        )


def _measured(scorer: Scorer, sample: Sample) -> dict[str, float]:
    found: dict[str, float] = {}
    texts = scorer.score_texts([*sample.domain, *sample.general])
    domain, general = texts[: len(sample.domain)], texts[len(sample.domain) :]
    if any(score.tokens for score in domain):
        found["domain_bits_per_byte"] = bits_per_byte(domain)
    if tokens := sum(score.tokens for score in general):
        found["general_loss"] = sum(score.nats for score in general) / tokens
    if sample.questions:
        likely = log_probabilities(scorer, sample.questions)
        right = [ranked(q, row)["first"] for q, row in zip(sample.questions, likely, strict=True)]
        found[sample.facts] = sum(right) / len(sample.questions)
    return {name: round(value, 6) for name, value in found.items()}
