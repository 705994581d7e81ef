"""Facts asked for in a language model's words: what it is given, and which answers are taken.

It sees sentences of trained documents, each with one value, and writes a question for the value and
the answer in a sentence. Everything else of a row stays the rules' (``made.py``): so a worse answer
differs in its value alone, and judged facts are never sent. An answer that says anything else than
its sentence, or not the value, isn't taken, and its fact keeps the rules' words.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from steep.corpus.rewrite import invention, names_in
from steep.corpus.spans import SpanFinder
from steep.pipeline.mined import Mined

_TOGETHER = 8  # facts of a request: a small model loses count of more
_LONGEST_CHARACTERS = 600
_PROMPT = """\
Someone who can't see this text will be asked about {subject}. For each numbered sentence write a \
question to which the words in square brackets are the answer, as a person would ask it, and the \
answer in a full sentence.
- Write in the language of the sentence.
- Say {subject} by name in the question. The words in square brackets must not stand in it.
- The answer holds the words in square brackets once, exactly as they are.
- Use only what the sentence says; add no fact, name or number.
Write one JSON object a line and nothing else: \
{{"n": 1, "question": "…", "answer": "…"}}

{sentences}"""


@dataclass(frozen=True)
class Request:
    """Facts about one subject that are sent together."""

    facts: tuple[Mined, ...]

    @property
    def prompt(self) -> str:
        """What the model is given."""
        numbered = enumerate(self.facts, 1)
        lines = (f"{n}. [{fact.value}] {' '.join(fact.sentence.split())}" for n, fact in numbered)
        return _PROMPT.format(subject=self.facts[0].subject, sentences="\n".join(lines))


def requests_for(facts: Sequence[Mined]) -> list[Request]:
    """Neighbouring facts about one subject together, eight at most."""
    found: list[Request] = []
    for _, group in groupby(facts, key=lambda fact: fact.subject):
        some = list(group)
        found += [Request(tuple(some[n : n + _TOGETHER])) for n in range(0, len(some), _TOGETHER)]
    return found


Free = Callable[[str, str], bool]


def reworded(
    request: Request, reply: str, finder: SpanFinder, is_free: Free
) -> list[tuple[Mined, str | None]]:
    """Each fact of a request in the model's words; else as it was, and why.

    Args:
        is_free: may a row about this subject hold this sentence? As facts kept aside have it.
    """
    said = _replies(reply)
    found: list[tuple[Mined, str | None]] = []
    for number, fact in enumerate(request.facts, 1):
        if number not in said:
            found.append((fact, "not answered"))
            continue
        question, answer = said[number]
        reason = _wrong_with(fact, question, answer, finder)
        if reason is None and not is_free(fact.subject, answer):
            reason = "says what is kept aside"
        found.append((fact if reason else _in_words(fact, question, answer, finder), reason))
    return found


def _wrong_with(fact: Mined, question: str, answer: str, finder: SpanFinder) -> str | None:
    """Why a question and its answer can't stand for a fact; None if they can."""
    if not question or max(len(question), len(answer)) > _LONGEST_CHARACTERS:
        return "empty or too long"
    if answer.count(fact.value) != 1:
        return "doesn't say the value once"
    if fact.value.casefold() in question.casefold():
        return "gives the answer away"
    if fact.subject.casefold() not in question.casefold():
        return "doesn't say whom it is about"
    source = f"{fact.subject}\n{fact.sentence}"
    opening = question.split()[0]  # a question word may look like a name
    return invention(f"{source}\n{opening}", question, finder, most=0.0) or invention(
        source, answer, finder, most=0.0
    )


def _in_words(fact: Mined, question: str, answer: str, finder: SpanFinder) -> Mined:
    """The fact with the question and, as its sentence, the answer.

    A stranger stays only where the question names nobody else and both name the subject.
    """
    names = "\n".join(names_in(question, finder)).replace(fact.subject, "")
    begins = question.split()[0]
    fits = fact.subject in question and fact.subject in answer
    alone = not [word for word in names.split() if word != begins]
    return replace(
        fact,
        question=question,
        sentence=answer,
        start=answer.index(fact.value),
        stranger=fact.stranger if fits and alone else "",
    )


def _replies(text: str) -> dict[int, tuple[str, str]]:
    """(question, answer) by number, of every JSON object in a reply that has all three."""
    found: dict[int, tuple[str, str]] = {}
    for row in _objects(text):
        number, question, answer = (row.get(key) for key in ("n", "question", "answer"))
        if isinstance(number, int) and isinstance(question, str) and isinstance(answer, str):
            found.setdefault(number, (" ".join(question.split()), " ".join(answer.split())))
    return found


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """JSON objects with a question wherever they stand: a line each, in a list, in a code block."""
    decoder = json.JSONDecoder()
    place = text.find("{")
    while place >= 0:
        end = place + 1
        try:
            value, behind = decoder.raw_decode(text, place)
            if "question" in value:
                yield value
                end = behind
        except (ValueError, RecursionError):
            pass
        place = text.find("{", end)
