"""The right passage for a question: what retrieval would put into the prompt.

Okapi BM25 (Robertson & Zaragoza 2009, https://doi.org/10.1561/1500000019) over windows of 150
words, half overlapping, of the trained documents. Words of the question count once, the answer's
words once more: it is a ceiling that is wanted, the best a perfect search could hand over. Scripts
without spaces between words are compared by characters, and two of them count as a word.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from steep.artifact import text_hash
from steep.proof.questions import Question
from steep.proof.tokens import STRETCH, units_of

MOST_ASKED = 40
PASSAGE_WORDS = 150
_STEP_WORDS = 75
_K1, _B = 1.2, 0.75


def open_book(questions: Sequence[Question], texts: Sequence[tuple[str, str]]) -> list[Question]:
    """Up to 40 of the questions, chosen by hash, each with the passage that answers it.

    A question that names its passage keeps it. One whose answer stands in no passage is left out.

    Args:
        texts: the trained documents, as (id, text).
    """
    chosen = sorted(questions, key=lambda question: text_hash(f"open\x1f{question.id}"))
    chosen = chosen[:MOST_ASKED]
    looked_for = [question for question in chosen if not question.passage]
    found = dict(zip(
        [question.id for question in looked_for],
        best_passages([_needle(q) for q in looked_for], texts),
        strict=True,
    ))  # fmt: skip
    filled = [
        replace(question, passage=_cut(question) if question.passage else found[question.id])
        for question in chosen
    ]
    return [question for question in filled if _holds_answer(question)]


def best_passages(queries: Sequence[str], texts: Sequence[tuple[str, str]]) -> list[str]:
    """For each query the passage of the texts that fits it best; empty if no word is shared.

    Only passages with a word of some query are looked at; the first of equals is taken.
    """
    wanted = [set(units_of(query)) for query in queries]
    vocabulary = set().union(*wanted) if wanted else set()
    passages: list[tuple[str, Counter[str], int]] = []
    frequency: Counter[str] = Counter()
    count = total = 0
    for _, text in texts:
        for passage in _windows(text):
            words = units_of(passage)
            count, total = count + 1, total + len(words)
            held = Counter(word for word in words if word in vocabulary)
            frequency.update(held.keys())
            if held:
                passages.append((passage, held, len(words)))
    if not passages:
        return ["" for _ in queries]
    mean = total / count
    weight = {w: math.log(1 + (count - n + 0.5) / (n + 0.5)) for w, n in frequency.items()}
    postings: dict[str, list[int]] = {}
    for number, (_, held, _) in enumerate(passages):
        for word in held:
            postings.setdefault(word, []).append(number)
    best: list[str] = []
    for query in wanted:
        scores: dict[int, float] = {}
        for word in sorted(query):
            for number in postings.get(word, ()):
                _, held, size = passages[number]
                often = held[word]
                norm = often + _K1 * (1 - _B + _B * size / mean)
                gain = weight[word] * often * (_K1 + 1) / norm
                scores[number] = scores.get(number, 0.0) + gain
        top = min(scores, key=lambda n: (-scores[n], n), default=None)
        best.append("" if top is None else passages[top][0])
    return best


def _needle(question: Question) -> str:
    return f"{question.question} {question.answer}"


def _holds_answer(question: Question) -> bool:
    held = f" {' '.join(units_of(question.passage))} "
    return any(f" {' '.join(units_of(truth))} " in held for truth in question.truths)


def _cut(question: Question) -> str:
    """The question's own passage, at most 150 words of it around its answer."""
    (best,) = best_passages([_needle(question)], [("", question.passage)])
    return best


def _windows(text: str) -> list[str]:
    """Windows of 150 words; line ends stay, since tables and lists mean something by them."""
    words = list(STRETCH.finditer(text))
    last = max(len(words) - PASSAGE_WORDS, 0)
    starts = [*range(0, last, _STEP_WORDS), last]
    return [
        text[words[start].start() : words[min(start + PASSAGE_WORDS, len(words)) - 1].end()]
        for start in starts
        if words
    ]
