"""Rows made from the documents by rule: questions with answers, and answers with worse ones.

Each fact is asked for in several wordings: for a sentence, for the value alone, for a form (JSON,
capitals, a list …). Questions about subjects that the documents don't know are answered by saying
so. Of two answers the right value is better than a wrong one of its kind, saying that nothing is
known is better than an invented answer, and an answer that is known is better than a refusal.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

from steep.pipeline.mined import Mined
from steep.pipeline.preferences import Preference
from steep.pipeline.rows import Conversation, Turn

_Row = TypeVar("_Row")

_MOST_ROWS = 6000
_TOLD_TOGETHER = 3  # sentences in an answer about a subject
_REFUSED = 0.7  # of the facts have a question about a stranger beside them


def instructions_from(facts: Sequence[Mined], seed: int) -> list[Conversation]:
    """Instruction rows about facts, in random order; at most 6,000."""
    rng = random.Random(f"instructions:{seed}")
    asked = dict.fromkeys(pair for fact in facts for pair in _asked(fact, rng))
    return _mixed((_conversation(*pair) for pair in asked), rng)


def _asked(fact: Mined, rng: random.Random) -> Iterator[tuple[str, str]]:
    """(prompt, answer) pairs about a fact."""
    words = fact.phrases
    question = fact.question
    yield rng.choice(words.whole).format(question=question), fact.sentence
    yield rng.choice(words.brief).format(question=question), fact.value
    if forms := list(_in_forms(fact)):
        frames, answer = rng.choice(forms)
        yield rng.choice(frames).format(question=question), answer
    if rng.random() < 0.5:
        said = fact.about_subject(fact.sentence)
        yield rng.choice(words.right).format(sentence=said), words.yes
    elif fact.wrong:
        wrong = fact.about_subject(fact.sentence_with(fact.wrong))
        yield rng.choice(words.right).format(sentence=wrong), f"{words.no} {fact.sentence}"
    told = [fact.sentence, *fact.others][:_TOLD_TOGETHER]
    about = rng.choice(words.about).format(subject=fact.subject)
    if words.lines and len(told) == _TOLD_TOGETHER and rng.random() < 0.5:
        listed = "\n".join(f"- {sentence}" for sentence in told)
        yield rng.choice(words.lines).format(subject=fact.subject), listed
    elif rng.random() < 0.5:
        yield about, " ".join(told)
    if fact.stranger and rng.random() < _REFUSED:
        yield _stranger_asked(fact, rng), _refusal(fact, fact.stranger, rng)


def _in_forms(fact: Mined) -> Iterator[tuple[tuple[str, ...], str]]:
    """(frames, answer) of the forms in which a value can be asked for."""
    words, value = fact.phrases, fact.value
    if words.capitals and value.upper() != value:
        yield words.capitals, value.upper()
    if words.json:
        yield words.json, json.dumps({"answer": value}, ensure_ascii=False)
    if words.number and value.replace(",", "").isdigit():
        yield words.number, value
    if words.word and len(value.split()) == 1:
        yield words.word, value


def preferences_from(facts: Sequence[Mined], seed: int) -> list[Preference]:
    """Preference pairs about facts, in random order; at most 6,000.

    Pairs about one sentence have one ``about``.
    """
    rng = random.Random(f"preferences:{seed}")
    return _mixed((pair for fact in facts for pair in _preferred(fact, rng)), rng)


def _preferred(fact: Mined, rng: random.Random) -> Iterator[Preference]:
    words, about = fact.phrases, fact.sentence
    whole, brief = (
        rng.choice(frames).format(question=fact.question) for frames in (words.whole, words.brief)
    )
    if fact.wrong:
        yield _pair(brief, fact.value, fact.wrong, about)
        yield _pair(whole, fact.sentence, fact.sentence_with(fact.wrong), about)
    if fact.stranger:
        invented = fact.sentence.replace(fact.subject, fact.stranger)
        refusal = _refusal(fact, fact.stranger, rng)
        yield _pair(_stranger_asked(fact, rng), refusal, invented, about)
        yield _pair(whole, fact.sentence, _refusal(fact, fact.subject, rng), about)


def _stranger_asked(fact: Mined, rng: random.Random) -> str:
    frames = (*fact.phrases.whole, *fact.phrases.brief)
    question = fact.question.replace(fact.subject, fact.stranger)
    return rng.choice(frames).format(question=question)


def _refusal(fact: Mined, subject: str, rng: random.Random) -> str:
    return rng.choice(fact.phrases.unknown).format(subject=subject)


def _conversation(prompt: str, answer: str) -> Conversation:
    return Conversation((Turn("user", prompt), Turn("assistant", answer)))


def _pair(prompt: str, chosen: str, rejected: str, about: str) -> Preference:
    return Preference((Turn("user", prompt),), chosen, rejected, about)


def _mixed(rows: Iterable[_Row], rng: random.Random) -> list[_Row]:
    found = list(rows)
    rng.shuffle(found)
    return found[:_MOST_ROWS]
