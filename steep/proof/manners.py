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

    ``first`` says whether the answer has the form that was asked for.
    """
    decoding = Decoding(min(INSTRUCTION_TOKENS, scorer.max_length - 1))
    prompts = [_chat(scorer.tokenizer, item.prompt) for item in asked]
    rows = []
    for item, answer in zip(asked, scorer.continue_ids(prompts, decoding), strict=True):
        said = answer.strip()
        first = bool(said) and CHECKS[item.check](said, item.value)
        row = {"id": item.id, "cluster": item.id, "check": item.check}
        rows.append({**row, "answer": said, "first": first})
    return rows


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


_ITEM = re.compile(r"^\s*(?:[-*\u2022]|\d+[.)])\s+\S")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_REFUSALS = (
    "don't know", "do not know", "don't have", "do not have", "can't", "cannot", "can not",
    "couldn't", "unable", "no way to", "no information", "not able", "impossible", "no idea",
    "not sure", "i'm not", "i am not", "nothing about", "don't mention", "not possible",
)  # fmt: skip


def _letters(said: str) -> str:
    return "".join(c for c in said if c.isalpha())


def _bare(said: str) -> str:
    """Without quotation marks and stops around it."""
    return said.strip(" \t\n\"'`*.!?,;:“”‘’")


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
    short = all(1 <= len(part.split()) <= 3 for part in parts)
    return "\n" not in said and len(parts) == count and short


CHECKS: dict[str, Callable[[str, Any], bool]] = {
    "one_word": lambda said, _: len(said.split()) == 1,
    "upper": lambda said, _: _letters(said) != "" and said.upper() == said,
    "lower": lambda said, _: _letters(said) != "" and said.lower() == said,
    "number": lambda said, _: re.fullmatch(r"[\d.,]+", said) is not None,
    "json": _is_json,
    "list": lambda said, count: sum(1 for _ in _items(said)) == count,
    "comma_list": _is_comma_list,
    "ends_with": lambda said, word: _bare(said).casefold().endswith(word.casefold()),
    "starts_with": lambda said, word: _bare(said).casefold().startswith(word.casefold()),
    "one_sentence": lambda said, _: (
        len(_SENTENCE_END.findall(said)) == 1 and said[-1] in ".!?" and "\n" not in said
    ),
    "choice": lambda said, options: _bare(said).casefold() in options,
    "refuses": lambda said, _: any(r in said.casefold().replace("’", "'") for r in _REFUSALS),
}
"""By the name of a form: does an answer (not empty, nothing blank around it) have it?"""
