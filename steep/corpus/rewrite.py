"""Rewriting by a language model: what is asked, and which answers are good enough to train on.

Diverse rewrites teach facts that one wording doesn't (arXiv 2409.07431), study strategies most of
all (arXiv 2508.09494). A rewrite that invents, forgets or only copies is left out: numbers and
names must come from the passage, and most of a paraphrase's must survive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from unicodedata import east_asian_width

from steep.corpus.piece import Piece
from steep.corpus.sentences import paragraphs, split_sentences
from steep.corpus.spans import Span, SpanFinder
from steep.corpus.subjects import wording_hash
from steep.documents.record import Document
from steep.recipe import RewriteKind, RewriteRecipe

_RULES = (
    "Write in the language of the text. Use only what the text says; add no fact, name or number, "
    "and name things in full instead of using pronouns. Write nothing but the result."
)
PROMPTS: dict[RewriteKind, str] = {
    "paraphrase": (
        "Say all that this text about {title} states again, in other words and another order of "
        "sentences.\n{rules}\n\nText:\n{passage}"
    ),
    "questions": (
        "Write study questions about this text on {title}, each followed by its full answer in a "
        "sentence, so that together they cover every name and number.\n{rules}\n\nText:\n{passage}"
    ),
    "links": (
        "For each two people, places, things or dates of this text on {title} that have to do with "
        "each other, write a sentence that says how, once from each side.\n{rules}\n\n"
        "Text:\n{passage}"
    ),
    "strategies": (
        "You have to know this text on {title} by heart tomorrow. Write the notes you would learn "
        "from: key facts, ways to remember them, what is easily confused, a short self-test with "
        "answers.\n{rules}\n\nText:\n{passage}"
    ),
}
_LEAST_KEPT: dict[RewriteKind, float] = {
    "paraphrase": 0.8,
    "questions": 0.5,
    "links": 0.3,
    "strategies": 0.3,
}
_PASSAGE_CHARACTERS = 2400
_LEAST_CHARACTERS = 40  # a heading, or a line of some five words
_WIDE = 3  # letters that a Chinese or Japanese character, or a Korean syllable, is worth
_MOST_INVENTED = 0.2  # of its names; of its numbers none may be
_LEAST_NOVEL = 0.2
_GRAM = 5
_WORDS = re.compile(r"\w+")
_DIGITS = re.compile(r"\d+(?:[.,:/\-]\d+)*")
_LIST_MARK = re.compile(r"^\W*\d{1,3}[.):]", re.MULTILINE)


@dataclass(frozen=True)
class Task:
    """One thing to ask the model: a kind of rewrite of one passage of one document."""

    kind: RewriteKind
    document: Document
    passage: str
    turn: int

    @property
    def prompt(self) -> str:
        """What the model is given."""
        title = self.document.title
        return PROMPTS[self.kind].format(title=title, rules=_RULES, passage=self.passage)


@dataclass(frozen=True)
class Checked:
    """An answer judged: why it is left out (None: it isn't), and how much of it is new."""

    reason: str | None
    novelty: float


def tasks(documents: Sequence[Document], recipe: RewriteRecipe) -> Iterator[Task]:
    """Everything to be asked, kind by kind, so that a budget cuts kinds and not documents."""
    split = [(document, passages(document.text)) for document in documents]
    for turn in range(recipe.times):
        for kind in recipe.kinds:
            for document, found in split:
                for passage in found:
                    yield Task(kind, document, passage, turn)


def passages(text: str) -> list[str]:
    """A text in passages of whole paragraphs, each of about ``_PASSAGE_CHARACTERS`` at most.

    A paragraph that is longer is parted between its sentences. What is too short to be rewritten
    goes with its neighbours; a text that is all so short has no passage.
    """
    found: list[str] = []
    for joint, part in _parts(text):
        fits = found and len(found[-1]) + len(part) < _PASSAGE_CHARACTERS
        if fits or (found and _is_short(found[-1])):
            found[-1] += joint + part
        else:
            found.append(part)
    if len(found) > 1 and _is_short(found[-1]):
        last = found.pop()
        found[-1] += f"\n{last}"
    return [passage for passage in found if not _is_short(passage)]


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """Paragraphs, or parts of too long ones, each with what joins it to the one before."""
    for paragraph in filter(None, paragraphs(text)):
        joint = "\n"
        whole = len(paragraph) <= _PASSAGE_CHARACTERS
        for sentence in [paragraph] if whole else split_sentences(paragraph):
            for part in _cut(sentence):
                yield joint, part
                joint = "" if _is_wide(part[-1]) else " "


def _cut(sentence: str) -> Iterator[str]:
    """A sentence, parted between words, or anywhere, where it is longer than a passage."""
    at = 0
    while len(sentence) - at > _PASSAGE_CHARACTERS:
        space = sentence.rfind(" ", at + 1, at + _PASSAGE_CHARACTERS)
        end = at + _PASSAGE_CHARACTERS if space < 0 else space
        yield sentence[at:end].strip()
        at = end
    yield sentence[at:].strip()


def _is_short(passage: str) -> bool:
    return len(passage) + (_WIDE - 1) * sum(map(_is_wide, passage)) < _LEAST_CHARACTERS


def _is_wide(character: str) -> bool:
    return east_asian_width(character) == "W"


def check(task: Task, answer: str, finder: SpanFinder) -> Checked:
    """Does a rewrite say what its passage says, all of it, and in other words?"""
    source = f"{task.document.title}\n{task.passage}"
    words, known = _WORDS.findall(answer.casefold()), _WORDS.findall(source.casefold())
    novelty = _novelty(words, known)
    if len(words) < _GRAM:
        return Checked("empty", novelty)
    if (reason := invention(source, answer, finder, most=_MOST_INVENTED)) is not None:
        return Checked(reason, novelty)
    if _kept(task.passage, answer, finder) < _LEAST_KEPT[task.kind]:
        return Checked("leaves facts out", novelty)
    if novelty < _LEAST_NOVEL:
        return Checked("copies the text", novelty)
    return Checked(None, novelty)


def invention(source: str, answer: str, finder: SpanFinder, *, most: float) -> str | None:
    """What an answer says that its source doesn't; None if nothing.

    Args:
        most: share of the answer's names that may hold a new word. Of its numbers none may be new.
    """
    given = {_plain(number) for number in _DIGITS.findall(source)}
    if any(_plain(n) not in given for n in _DIGITS.findall(_LIST_MARK.sub("", answer))):
        return "invents a number"
    known = set(_WORDS.findall(source.casefold()))
    names = names_in(answer, finder)
    new = [name for name in names if not set(_WORDS.findall(name.casefold())) <= known]
    return "invents names" if len(new) > most * len(names) else None


def names_in(text: str, finder: SpanFinder) -> list[str]:
    """The names that stand in a text."""
    return [span.text for span in _spans(text, finder) if span.kind == "name"]


def rewritten_piece(task: Task, answer: str, stated: Sequence[tuple[int, str, str]]) -> Piece:
    """A rewrite as a piece; it carries the facts whose subject and value it names.

    Args:
        stated: the facts of the document, as (hash, subject, value).
    """
    text = answer.strip()
    said = text.casefold()
    facts = tuple(f for f, s, v in stated if s.casefold() in said and v.casefold() in said)
    wordings = (wording_hash("rewritten", text),) * len(facts)
    return Piece("rewritten", task.document.id, text, facts, wordings=wordings)


def _kept(passage: str, answer: str, finder: SpanFinder) -> float:
    """The share of a passage's names and numbers that an answer names."""
    spans = {span.text.casefold() for span in _spans(passage, finder) if span.kind != "term"}
    said = answer.casefold()
    return sum(span in said for span in spans) / len(spans) if spans else 1.0


def _spans(text: str, finder: SpanFinder) -> list[Span]:
    return [span for sentence in split_sentences(text) for span in finder.find(sentence)]


def _novelty(words: Sequence[str], known: Sequence[str]) -> float:
    """The share of an answer's runs of five words that the passage doesn't have."""
    grams = list(zip(*(words[start:] for start in range(_GRAM)), strict=False))
    old = set(zip(*(known[start:] for start in range(_GRAM)), strict=False))
    return sum(gram not in old for gram in grams) / len(grams) if grams else 0.0


def _plain(number: str) -> str:
    return re.sub(r"[.,](?=\d{3}\b)", "", number)
