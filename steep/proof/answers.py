"""Asking a question and grading a free answer."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

MAX_PHRASE_WORDS = 12
"""In a longer answer a truth mentioned in passing isn't an answer."""

_SEPARATORS = re.compile(r"(?<=\d)[,'\u2019_\u2009\u202f\u00a0](?=\d{3}(?!\d))")
_SPACED_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?: \d{3})+(?![\d.,]*\d)")
_TOKEN = re.compile(
    r"(?:(?<![\w)])[-\u2212])?\d+(?:[.,:/]\d+)*|[^\W\d_](?:[^\W_]|[\u0300-\u036f])*[+#]*|\w+"
)
_SEAMLESS = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_CLAUSE_END = re.compile(r"[;.!?](?=\s|$)|\b(?:but|it|he|she|they|rather)\b")
_NEGATION = re.compile(
    r"\b(?:not|never|neither|nor|without|except|unlike|cannot|instead of|rather than|other than)\b"
    r"|\bno\b(?=[\s,])"
)
_CONTRACTION = re.compile(r"\b(\w+?)n['\u2019]t\b")
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")
_DENIED_AFTER = re.compile(
    r"\s*(?:is|was|are|were|does|did|has|had|do|can|could|would|will)\s+not\b"
)
_SCALES = {"hundred", "thousand", "million", "billion", "trillion", "dozen", "k", "m", "bn"}


def normalise_answer(s: str) -> str:
    """The first line of an answer, case-folded, without punctuation, quotes and articles.

    Thousands separators go ("1,000" is "1000"), decimals and minus signs stay, and so do an
    article that is all there is or comes last ("Vitamin A").
    """
    words = _tokens(s)
    kept = [word for word in words[:-1] if word != "the"] + words[-1:]
    if len(kept) > 1 and kept[0] in {"a", "an"}:
        kept = kept[1:]
    return " ".join(kept)


def evaluate_accuracy(answer: str, truth: str | Sequence[str]) -> bool:
    """Is a free answer right?

    Right means: once normalised it equals the truth or one of several acceptable ones, or starts
    with it at a word's end, or is short (at most 12 words) and contains it as whole words. Not
    right: another number ("19870" for "1987", "12 million" for "12"), or a truth that the answer
    denies ("not Paris", "Paris is not …").
    """
    truths = [truth] if isinstance(truth, str) else list(truth)
    return any(_agrees(answer, each) for each in truths)


def test_knowledge(
    model: Any,
    tokenizer: Any,
    question: str,
    *,
    max_new_tokens: int = 100,
    temperature: float = 0.3,
    seed: int = 0,
) -> str:
    """Ask a model a question as ``Question: …\\nAnswer:`` and return its answer.

    The answer ends where the model would ask itself the next question. At temperature 0 it is
    greedy; else it is drawn from a private generator, so the same seed gives the same answer.
    """
    from steep.proof.questions import PROMPT
    from steep.proof.scorer import Scorer

    (text,) = Scorer(model, tokenizer).generate(
        [PROMPT.format(question=question)],
        max_new_tokens=max_new_tokens,
        min_new_tokens=1,
        stop="\nQuestion:",
        temperature=temperature,
        seed=seed,
    )
    return text.strip()


test_knowledge.__test__ = False  # type: ignore[attr-defined]  # the name isn't a test's


def _first_line(s: str) -> str:
    """The first line with anything in it, case-folded, in one form for each way of writing."""
    s = unicodedata.normalize("NFKC", _SEPARATORS.sub("", s)).strip()
    line = s.splitlines()[0].casefold() if s else ""
    line = re.sub(r"\b(?:ca|wo|sha) not\b", "can not", _CONTRACTION.sub(r"\1 not", line))
    line = _APOSTROPHE.sub("", line.replace("\u2212", "-").replace("%", " percent "))
    line = unicodedata.normalize("NFC", line)
    return _SPACED_THOUSANDS.sub(lambda found: found[0].replace(" ", ""), line)


def _tokens(s: str) -> list[str]:
    """Words and numbers of the first line, case-folded."""
    return _TOKEN.findall(_first_line(s))


def _agrees(answer: str, truth: str) -> bool:
    said, true = normalise_answer(answer), normalise_answer(truth)
    if not true or not said:
        return False
    if said == true:
        return True
    if _SEAMLESS.search(true):
        return true.replace(" ", "") in said.replace(" ", "")[:40]
    # "A positive" in capitals may be a name and not an article: then it must stand in the answer.
    if truth.lstrip().startswith("A "):
        words, phrase = _tokens(answer), _tokens(truth)
    else:
        words, phrase = said.split(), true.split()
    for start in range(len(words) - len(phrase) + 1):
        if words[start : start + len(phrase)] != phrase or _is_scaled(words, start, phrase):
            continue
        if start > 0 and len(words) > MAX_PHRASE_WORDS:
            return False
        if not _is_denied(answer, phrase):
            return True
    return False


def _is_scaled(words: Sequence[str], start: int, phrase: Sequence[str]) -> bool:
    """True if the phrase ends in a number that the answer goes on to multiply."""
    after = words[start + len(phrase)] if start + len(phrase) < len(words) else ""
    return phrase[-1][-1].isdigit() and after in _SCALES


def _is_denied(answer: str, phrase: Sequence[str]) -> bool:
    """True if the phrase stands behind a negation in its clause or is denied right after it."""
    if any(_NEGATION.fullmatch(word) or word == "no" for word in phrase):
        return False
    line = _first_line(answer)
    pattern = r"[\W_]+(?:the[\W_]+)*".join(re.escape(word) for word in phrase)
    place = re.search(rf"(?<!\w){pattern}(?!\w)", line)
    if place is None:
        return False
    if _DENIED_AFTER.match(line, place.end()):
        return True
    clause = 0
    for end in _CLAUSE_END.finditer(line, 0, place.start()):
        if not line.startswith("than", end.end() + 1):
            clause = end.end()
    return _NEGATION.search(line, clause, place.start()) is not None
