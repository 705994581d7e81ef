"""What text costs in tokens, language by language, and what more tokens would save."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from steep.documents.record import Document
from steep.planning.shift import scripts

# A row of the embedding is learned only from the places where its token stands, as a fact is only
# from where it is said.
FEW_OCCURRENCES = 20

# Judgements, not measurements: below a quarter fewer tokens, what is saved hardly pays for rows
# that begin as means and have to be learned; and text in a language that takes half again as many
# tokens a word as English is where a tokenizer fails.
WORTH_SAVING = 0.25
POOR = 1.5

# Bytes of a "word" beyond which a text hardly has spaces, as Chinese and Thai don't: no language
# that parts its words has such long ones.
_LONG_WORD = 48

_TOKENS_SHOWN = 20


@dataclass(frozen=True)
class Fertility:
    """Tokens for some texts: words are what spaces part, so languages without have few.

    Attributes:
        after: tokens with the proposed ones; None where that isn't known.
    """

    language: str
    documents: int
    words: int
    bytes: int
    tokens: int
    after: int | None = None

    @property
    def per_word(self) -> float:
        """Tokens a word."""
        return self.tokens / max(1, self.words)

    @property
    def per_byte(self) -> float:
        """Tokens a byte."""
        return self.tokens / max(1, self.bytes)

    @property
    def saved(self) -> float:
        """Share of the tokens that the proposed ones save."""
        return 0.0 if self.after is None else 1.0 - self.after / max(1, self.tokens)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "language": self.language,
            "documents": self.documents,
            "words": self.words,
            "bytes": self.bytes,
            "tokens": self.tokens,
            "tokens_per_word": round(self.per_word, 4),
            "tokens_per_byte": round(self.per_byte, 4),
            "tokens_after": self.after,
            "saved": round(self.saved, 4),
        }


Count = Callable[[str], int]


def fertility(language: str, text: str, before: Count, after: Count) -> Fertility:
    """Count a text with both tokenizers."""
    size = len(text.encode("utf-8", "surrogatepass"))
    return Fertility(language, 1, len(text.split()), size, before(text), after(text))


def total(language: str, found: Iterable[Fertility]) -> Fertility:
    """The counts of several, added up."""
    counts = [0] * 5
    for one in found:
        more = (one.documents, one.words, one.bytes, one.tokens, one.after or 0)
        counts = [a + b for a, b in zip(counts, more, strict=True)]
    return Fertility(language, *counts)


def by_language(
    documents: Iterable[Document], before: Count, after: Count
) -> tuple[Fertility, ...]:
    """Count documents by their language, or their script in capitals where that isn't known.

    Each is taken once and let go. The language with most text comes first.
    """
    found: dict[str, Fertility] = {}
    for document in documents:
        name = language_of(document)
        one = fertility(name, document.text, before, after)
        found[name] = total(name, (found[name], one)) if name in found else one
    return tuple(sorted(found.values(), key=lambda one: (-one.bytes, one.language)))


def language_of(document: Document) -> str:
    """A document's language, else the script of most of its letters."""
    if document.language is not None:
        return document.language
    shares = scripts([document.text])
    return max(shares, key=lambda script: shares[script]) if shares else "none"


@dataclass(frozen=True)
class Useful:
    """A proposed token: how often it stands in the text, and how many tokens it saves there."""

    text: str
    occurrences: int
    saves: int


def most_useful(
    occurrences: Mapping[int, int],
    parts: Mapping[int, Sequence[int]],
    spell: Callable[[int], str],
) -> list[Useful]:
    """The tokens that save most, given how often each stands in the text.

    Those that are only a part of a character are left out.
    """
    found = [
        Useful(text, count, count * (len(parts[number]) - 1))
        for number, count in occurrences.items()
        if parts.get(number) and "\ufffd" not in (text := spell(number))
    ]
    return sorted(found, key=lambda token: (-token.saves, token.text))[:_TOKENS_SHOWN]


def occurrences_of(ids: Iterable[int], numbers: Iterable[int]) -> dict[int, int]:
    """How often each of ``numbers`` stands among ``ids``; those that don't have 0."""
    counts = Counter(ids)
    return {number: counts[number] for number in numbers}


def speed_ratio(fewer: float, body: int, width: int, rows: int, new_rows: int) -> float:
    """Text a second with the new tokens over without, by arithmetic alone.

    A token costs in proportion to the weights it is multiplied with; the head grows.

    Args:
        fewer: tokens before over tokens after.
        body: parameters besides embedding and head.
    """
    return fewer * (body + width * rows) / (body + width * (rows + new_rows))


def recommend(
    whole: Fertility, english: Fertility, occurrences: Mapping[int, int], wanted: int
) -> tuple[bool, str]:
    """Extend or not, and why.

    Args:
        whole: of text that nothing was learned from, where there is some.
        english: of general English with the base's tokenizer.
        occurrences: of each token that could be learned, in the documents to train.
        wanted: tokens that were to be learned.
    """
    found = len(occurrences)
    more = f"{found:,} more tokens"
    if found < wanted:
        more += f" ({wanted:,} were asked for, but the documents hold no others worth one)"
    ratio = whole.per_word / english.per_word
    has_words = whole.bytes < _LONG_WORD * whole.words
    if whole.saved < WORTH_SAVING:
        said = (
            f"Don't extend: {more} would save only {whole.saved:.0%} of the "
            "tokens, and every new row has to be learned"
        )
        if has_words:
            said += f". The model reads your text at {ratio:.1f} times English's tokens a word"
        return False, said
    seen = median(occurrences.values()) if occurrences else 0
    if seen < FEW_OCCURRENCES:
        return False, (
            f"Don't extend by {found:,}: half of the tokens would stand {seen:g} times or fewer "
            f"in your documents, too seldom to be learned (about {FEW_OCCURRENCES} times are "
            "needed). Try fewer with --tokens, or add text"
        )
    said = (
        f"Extend: {more} would save {whole.saved:.0%} of the tokens, and half of "
        f"them stand {seen:g} times or more in your documents"
    )
    if has_words and ratio < POOR:
        said += (
            f". The model's own tokens already read it at {ratio:.1f} times English's tokens a "
            "word, so what is gained is speed and room, rather than understanding"
        )
    return True, said
