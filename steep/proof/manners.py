"""Manners: does a model do as it is told, and prefer the better of two answers?

Asked only where instructions or preferences were trained, always in the model's chat template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from steep.proof.asking import TIE_NATS
from steep.proof.generation import Decoding
from steep.proof.layout import Encoded
from steep.proof.scorer import Scorer

INSTRUCTION_TOKENS = 64
"""Of an answer to an instruction, at most."""


@dataclass(frozen=True)
class Instruction:
    """Something to be done whose form can be checked.

    Attributes:
        check: the form's name, one of ``CHECKS``.
        value: what the form asks for: a key, a word, how many; None where its name says all.
    """

    id: str
    check: str
    prompt: str
    value: str | int | list[str] | None = None


@dataclass(frozen=True)
class Judgement:
    """A prompt and two answers in tokens, the better first; ``cluster``: pairs about one thing."""

    id: str
    cluster: str
    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    rejected: tuple[int, ...]


def instructions() -> tuple[Instruction, ...]:
    """The packaged suite: twelve forms, six instructions each."""
    source = resources.files("steep.proof").joinpath("panel", "instructions.jsonl")
    lines = source.read_text(encoding="utf-8").splitlines()
    return tuple(Instruction(**json.loads(line)) for line in lines if line.strip())


def follow(scorer: Scorer, asked: Sequence[Instruction]) -> list[dict[str, Any]]:
    """For each instruction ``{"id", "cluster", "check", "answer", "first"}``, answered greedily.

    ``first`` says whether the answer has the form that was asked for, and isn't the instruction
    said again.
    """
    decoding = Decoding(min(INSTRUCTION_TOKENS, scorer.max_length - 1))
    prompts = [_chat(scorer.tokenizer, item.prompt) for item in asked]
    rows = []
    for item, answer in zip(asked, scorer.continue_ids(prompts, decoding), strict=True):
        said = answer.strip()
        first = has_form(said, item)
        row = {"id": item.id, "cluster": item.id, "check": item.check}
        rows.append({**row, "answer": said, "first": first})
    return rows


def has_form(said: str, item: Instruction) -> bool:
    """Does an answer, nothing blank around it, have the form that was asked for?"""
    return bool(said) and not _is_echo(said, item.prompt) and CHECKS[item.check](said, item.value)


def prefer(scorer: Scorer, pairs: Sequence[Judgement]) -> list[dict[str, Any]]:
    """For each pair ``{"id", "cluster", "margin", "first"}``.

    ``margin`` is by how many nats per token the better answer, its end included, is the more
    probable one; per token, so that no answer wins by being short. A tie is wrong.
    """
    requests = [
        Encoded(pair.prompt, (pair.chosen, pair.rejected), ((n, 0), (n, 1)))
        for n, pair in enumerate(pairs)
    ]
    rows = []
    for pair, scores in zip(pairs, scorer.score_encoded(requests), strict=True):
        chosen, rejected = (score.logprob / max(1, score.tokens) for score in scores)
        margin = chosen - rejected
        first = margin > TIE_NATS
        rows.append({"id": pair.id, "cluster": pair.cluster, "margin": margin, "first": first})
    return rows


def _chat(tokenizer: Any, prompt: str) -> list[int]:
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
    )
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


_ECHOED = 4  # words in a row of an instruction that no answer is made of
_WORD = re.compile(r"\w+")
_ITEM = re.compile(r"^\s*[-*\u2022]\s+.*\w")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_ABBREVIATION = re.compile(r"\b(?:[ei]\.[ge]|etc|vs|[DMS]rs?|St)\.(?=\s)", re.IGNORECASE)
_CLOSING = "\"'\u201d\u2019)*"
_REFUSAL = re.compile(
    r"\bi(?: am|'m) (?:\w+ )?(?:not|unable)\b"
    r"|\bi (?:\w+ )?(?:don't|do not|can't|cannot|can not|couldn't|could not) (?:\w+ )?"
    r"(?:know|tell|say|see|have|read|answer|predict|guess|give|provide|access|remember|recall|find|"
    r"help|assist|share|determine|do that)\b"
    r"|\b(?:can't|cannot|can not) be (?:known|said|told|predicted|answered|determined)\b"
    r"|\b(?:no way to|no idea|no information|impossible to|not possible to|nobody knows)\b"
    r"|\bdocuments (?:don't mention|say nothing)\b"
)  # "I don't know", "I'm not able", "I really can't say", "it is impossible to tell"


def _is_echo(said: str, prompt: str) -> bool:
    """Is the instruction in the answer, or the answer some words in a row of it?"""
    answer, asked = (f" {' '.join(_WORD.findall(text.casefold()))} " for text in (said, prompt))
    return asked in answer or (answer in asked and len(answer.split()) >= _ECHOED)


def _has_letters(said: str) -> bool:
    return any(c.isalpha() for c in said)


def _bare(said: str) -> str:
    """In small letters, without quotation marks and stops around it."""
    return said.strip(" \t\n\"'`*.!?,;:()\u2026\u201c\u201d\u2018\u2019").casefold()


def _ends_with(said: str, words: Any) -> bool:
    return re.search(rf"(?<!\w){re.escape(words.casefold())}$", _bare(said)) is not None


def _starts_with(said: str, words: Any) -> bool:
    return re.match(rf"{re.escape(words.casefold())}(?!\w)", _bare(said)) is not None


def _is_one_sentence(said: str, _: Any) -> bool:
    text = _ABBREVIATION.sub("", said.rstrip(_CLOSING))
    ends = len(_SENTENCE_END.findall(text)) == 1 and text[-1:] in tuple(".!?")
    return ends and "\n" not in text and len(_WORD.findall(text)) > 1


def _is_json(said: str, key: Any) -> bool:
    fenced = re.fullmatch(r"```(?:json)?\s*(.*?)\s*```", said, re.DOTALL)
    try:
        found = json.loads(fenced[1] if fenced else said)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and list(found) == [key]


def _items(said: str) -> Iterator[str]:
    return (line for line in said.splitlines() if _ITEM.match(line))


def _is_comma_list(said: str, count: Any) -> bool:
    parts = [part.strip() for part in said.rstrip(" .").split(",")]
    short = all(1 <= len(part.split()) <= 3 and _has_letters(part) for part in parts)
    return "\n" not in said and len(parts) == count and short


def _refuses(said: str, _: Any) -> bool:
    return _REFUSAL.search(said.casefold().replace("\u2019", "'")) is not None


CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "one_word": lambda said, _: len(said.split()) == 1 and _has_letters(said),
    "upper": lambda said, _: said.isupper(),
    "lower": lambda said, _: said.islower(),
    "number": lambda said, _: re.fullmatch(r"\d[\d.,]*", said) is not None,
    "json": _is_json,
    "list": lambda said, count: sum(1 for _ in _items(said)) == count,
    "comma_list": _is_comma_list,
    "ends_with": _ends_with,
    "starts_with": _starts_with,
    "one_sentence": _is_one_sentence,
    "choice": lambda said, options: _bare(said) in options,
    "refuses": _refuses,
}
"""By the name of a form: does an answer (not empty, nothing blank around it) have it?"""
