"""The forms of a retelling: how a sentence, or some of them, is said or asked for again.

Every form says the same (subject, value) pairs, so their pieces carry the same facts. In an item
only the answer is a target; its prompt is context.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from unicodedata import east_asian_width

from steep.corpus.frames import BLANK, Frames
from steep.corpus.piece import Piece, PieceKind
from steep.corpus.rows import pairs_of
from steep.corpus.sentences import BULLET
from steep.corpus.spans import Span, value_kind
from steep.corpus.subjects import POINTS_BACK, Sentence, Ties, own_title, wording_hash
from steep.documents.dates import says_date
from steep.documents.record import Document

AS_WRITTEN = "as written"
"""The wording of sentences that stand as they are, in whatever order or company."""

# A chunk of permuted sentences stays near the length of a paragraph or two; a text to be restored
# near that of a sentence or two.
CHUNK_CHARACTERS = 1200
_RESTORED_CHARACTERS = 240
_FEWEST_BLANKS = 2
_MIN_CLOZE_CHARACTERS = 12
_WIDE = 3  # letters that a Chinese or Japanese character, or a Korean syllable, is worth
_END = re.compile(r"[\s.!…。।]+$")
_HEADING_CHARACTERS = 80
_MOST_HEADINGS = 3  # in a row, of levels
_LONGEST_GROUP = 4  # or a life told in "He …" would be one
_LEANS = re.compile(
    r"(?:Then|Yes|No|However|Therefore|Thus|Otherwise|Instead|Below|Above|This|These|That|Those|Such"
    r"|But|And|Or|So|It|They|He|She|Its|Their|His|Her|A:|Antwort:|Answer:|Dann|Danach|Ja|Nein|Jedoch"
    r"|Aber|Und|Dies|Diese[rs]?|Er|Es|Ensuite|Puis|Oui|Non|Cependant|Mais|Cela|Ce|Cette|Il|Elle|Sí"
    r"|Luego|Pero|Esto|Este|Esta)(?!\w)"
)
_ASKS = re.compile(r"[?？؟][\"'”’»)\]」』]*$")
_NUMBERED = re.compile(r"\d{1,3}[.)]\s")


@dataclass(frozen=True)
class Told:
    """A document as retelling sees it.

    Attributes:
        document: the document.
        sentences: its sentences, or those that say its fields, with their subjects.
        frames: words of its language.
        ties: which values of the corpus point to one subject.
    """

    document: Document
    sentences: tuple[Sentence, ...]
    frames: Frames
    ties: Ties


Form = Callable[[Told, Sentence, Span], Piece | None]
"""Makes an item that asks for one span of a sentence; None if this form can't."""


def told_piece(
    kind: PieceKind, document: Document, text: str, sentences: Sequence[Sentence]
) -> Piece:
    """A piece that tells sentences as they are written."""
    facts, wordings = _stated(AS_WRITTEN, sentences)
    return Piece(kind, document.id, text, facts, wordings=wordings)


def _stated(form: str, sentences: Sequence[Sentence]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The facts of sentences and, for each, its wording in this form."""
    pairs: dict[tuple[int, int], None] = {}
    for sentence in sentences:
        if sentence.spans:
            wording = wording_hash(form, sentence.text)
            pairs.update(dict.fromkeys((fact, wording) for fact in sentence.facts))
    return tuple(fact for fact, _ in pairs), tuple(wording for _, wording in pairs)


def permuted(told: Told, times: int, rng: random.Random) -> Iterator[Piece]:
    """``times`` shuffles of the sentences that state something, in chunks under the title.

    What leans on the sentence before it ("Then …", the answer to a question) stays behind that one,
    and what stands under a heading stays under it, headings in their order. In scripts without
    capitals spans are guesses, so there every sentence is kept.
    """
    sections = _sections(told.sentences)
    stating = sum(map(len, chain(*(section.groups for section in sections))))
    stating += sum(any(s.spans for s in section.heading) for section in sections)
    if stating < 2:
        return
    title = own_title(told.document)
    for _ in range(times):
        for chunk in _section_chunks(sections, CHUNK_CHARACTERS):
            order = _shuffled(chunk, rng)
            text = " ".join(_ended(s.text) for s in order)
            head = [title] if title and title not in text else []
            if date := missing_date(told.document, f"{title} {text}"):
                head.append(f"({date})" if head else date)
            text = f"{' '.join(head)}: {text}" if head else text
            yield told_piece("permuted", told.document, text, order)


@dataclass(frozen=True)
class _Section:
    """What stands under a heading, if it has one, in groups of sentences that stay together."""

    heading: tuple[Sentence, ...]
    groups: list[tuple[Sentence, ...]]


def _sections(sentences: Sequence[Sentence]) -> list[_Section]:
    """Groups that state something, by the heading that they stand under."""
    sections = [_Section((), [])]
    for is_short, run in groupby(sentences, lambda s: _looks_like_heading(s.text)):
        found = tuple(run)
        steps = sum(_NUMBERED.match(sentence.text) is not None for sentence in found)
        if is_short and steps < 2 and found[-1] is not sentences[-1]:
            # One or a few lines with something below are headings, of many only the last.
            headed = found if len(found) <= _MOST_HEADINGS else found[-1:]
            if rest := found[: len(found) - len(headed)]:
                sections.append(_Section((), _groups(rest)))
            sections.append(_Section(headed, []))
        else:
            sections[-1].groups.extend(_groups(found))
    return [section for section in sections if section.groups or section.heading]


def _groups(sentences: Sequence[Sentence]) -> list[tuple[Sentence, ...]]:
    """Those that state something, with what leans on them or they on."""
    groups: list[list[Sentence]] = []
    for sentence in sentences:
        if groups and _leans(sentence.text, groups[-1]):
            groups[-1].append(sentence)
        else:
            groups.append([sentence])
    return [tuple(group) for group in groups if _states(group)]


def _leans(text: str, group: Sequence[Sentence]) -> bool:
    """True if a sentence needs the one before it: it begins so, or answers a question."""
    if _ASKS.search(group[-1].text):
        return not _ASKS.search(text)
    said = BULLET.sub("", text, count=1)
    leans = _LEANS.match(said) or POINTS_BACK.match(said)
    return len(group) < _LONGEST_GROUP and leans is not None


def _states(group: Sequence[Sentence]) -> bool:
    return any(s.spans or s.text == s.text.lower() for s in group)


def _looks_like_heading(text: str) -> bool:
    """True for a short line without an end mark, that is no item of a list and no table's row."""
    is_item = BULLET.match(text) or pairs_of(text)
    is_open = text[-1:].isalnum() or text.endswith((")", ":"))
    return len(text) < _HEADING_CHARACTERS and is_open and not is_item


def _section_chunks(sections: Sequence[_Section], characters: int) -> Iterator[list[_Section]]:
    """Chunks of whole groups; a section that goes on in another has its heading there again."""
    chunk: list[_Section] = []
    size = 0
    for section in sections:
        top = sum(len(sentence.text) for sentence in section.heading)
        part = _Section(section.heading, [])
        chunk.append(part)
        size += top
        for group in section.groups:
            length = sum(len(sentence.text) for sentence in group)
            if size + length > characters and size > top:
                if not part.groups:
                    chunk.pop()
                yield chunk
                part = _Section(section.heading, [])
                chunk, size = [part], top
            part.groups.append(group)
            size += length
    if chunk:
        yield chunk


def _shuffled(chunk: Sequence[_Section], rng: random.Random) -> list[Sentence]:
    """Groups in another order under each heading; headings keep theirs, which may have levels."""
    order: list[Sentence] = []
    for section in chunk:
        order += section.heading
        for group in rng.sample(section.groups, len(section.groups)):
            order += group
    return order


def missing_date(document: Document, text: str) -> str | None:
    """The document's date, where this text of it doesn't say when it is from."""
    date = document.date
    return None if date is None or says_date(text, date) else date


def items(told: Told, able: Sequence[Form], most: int, rng: random.Random) -> Iterator[Piece]:
    """At most ``most`` items per sentence, each about one span, in one of the forms ``able``."""
    for sentence in told.sentences:
        if not can_be_asked(sentence):
            continue
        spans = list(sentence.spans)
        if len(spans) > most:
            spans = rng.sample(spans, most)
        for span in spans:
            form = able[0] if len(able) == 1 else rng.choice(able)
            piece = form(told, sentence, span)
            if piece is not None:
                yield piece


def can_be_asked(sentence: Sentence) -> bool:
    """Is a sentence long enough for an item, and about something?"""
    wide = sum(east_asian_width(c) == "W" for c in sentence.text)
    size = len(sentence.text) + (_WIDE - 1) * wide
    return bool(sentence.subject) and size >= _MIN_CLOZE_CHARACTERS


def without_bullet(sentence: Sentence) -> Sentence:
    """The sentence without the mark of a list before it."""
    mark = BULLET.match(sentence.text)
    if mark is None:
        return sentence
    size = mark.end()
    spans = (replace(s, start=s.start - size, end=s.end - size) for s in sentence.spans)
    return replace(sentence, text=sentence.text[size:], spans=tuple(spans))


def cloze(told: Told, sentence: Sentence, span: Span) -> Piece:
    """The sentence with a blank for the span."""
    gapped = BULLET.sub("", _with(sentence.text, span, BLANK))
    prompt = told.frames.cloze.format(subject=sentence.subject, sentence=gapped)
    return _item("cloze", told, sentence, span, prompt, span.text)


def question(told: Told, sentence: Sentence, span: Span) -> Piece:
    """A question for the span, in the words of the frames."""
    prompt = told.frames.question.format(question=asked_for(told, sentence, span))
    return _item("question", told, sentence, span, prompt, span.text)


def asked_for(told: Told, sentence: Sentence, span: Span) -> str:
    """The sentence as a question: its question word in the span's place, or before a blank."""
    frames = told.frames
    word = frames.words[value_kind(sentence.text, span)]
    if frames.in_place:
        asked = _as_question(_with(sentence.text, span, word))
    else:
        asked = f"{word} {BULLET.sub('', _with(sentence.text, span, BLANK))}"
    if sentence.subject not in sentence.text:
        asked = f"{sentence.subject}: {asked}"
    return asked


def reversed_cloze(told: Told, sentence: Sentence, span: Span) -> Piece | None:
    """The value first, then the sentence with a blank where its subject stands.

    Where the value stands in one document only, and says nothing of the sentence's subject alone,
    the document's title is asked for.
    """
    subject, asked = _turned(told, sentence, span, BLANK)
    if not asked:
        return None
    prompt = told.frames.cloze.format(subject=span.text, sentence=BULLET.sub("", asked))
    return _item("reversed", told, sentence, span, prompt, subject)


def reversed_question(told: Told, sentence: Sentence, span: Span) -> Piece | None:
    """A question for the subject, from its values; only where question words stand in place."""
    frames = told.frames
    if not frames.in_place:
        return None
    word = frames.words["name"]
    subject, asked = _turned(told, sentence, span, word)
    if not asked:
        return None
    prompt = frames.question.format(question=_as_question(asked))
    return _item("reversed", told, sentence, span, prompt, subject)


REVERSED: tuple[Form, ...] = (reversed_cloze, reversed_question)


def _turned(told: Told, sentence: Sentence, span: Span, gap: str) -> tuple[str, str]:
    """(what is asked for, the sentence with a gap for it); empty if the value points nowhere."""
    subject, text, title = sentence.subject, sentence.text, own_title(told.document)
    if told.ties.holds(sentence, span):
        named = _as_word(subject)
        if any(named.search(other.text) for other in sentence.spans):
            return "", ""  # part of a longer name, which would give it away or be torn
        gapped = named.sub(gap, text)
        return subject, gapped if gapped != text else f"{gap}: {text}"
    if title and title not in text and told.ties.is_only_here(span):
        return title, f"{gap}: {text}"
    return "", ""


def _as_word(name: str) -> re.Pattern[str]:
    """Finds a name, but not within a longer word where words are set apart by spaces."""
    if any(east_asian_width(c) == "W" for c in name):
        return re.compile(re.escape(name))
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def restored(told: Told, times: int, rng: random.Random) -> Iterator[Piece]:
    """Texts of a sentence or two with several blanks, to be written out in full.

    Each time half of the spans of a text, but at least two, are blank.
    """
    able = [s for s in told.sentences if can_be_asked(s)]
    for _ in range(times):
        for chunk in _chunks(able, _RESTORED_CHARACTERS):
            places = [(n, span) for n, s in enumerate(chunk) for span in s.spans]
            if len(places) < _FEWEST_BLANKS:
                continue
            blank = rng.sample(places, max(_FEWEST_BLANKS, len(places) // 2))
            yield _restored(told, chunk, blank)


def _restored(told: Told, chunk: Sequence[Sentence], blank: Sequence[tuple[int, Span]]) -> Piece:
    masked = [s.text for s in chunk]
    for number, span in sorted(blank, key=lambda place: place[1].start, reverse=True):
        masked[number] = _with(masked[number], span, BLANK)
    prompt = told.frames.restore.format(
        subject=chunk[0].subject, text=" ".join(_ended(text) for text in masked)
    )
    facts, wordings = _stated("restored", chunk)
    text = " ".join(_ended(s.text) for s in chunk)
    return Piece("restored", told.document.id, f" {text}", facts, prompt, wordings)


def _item(
    kind: PieceKind, told: Told, sentence: Sentence, span: Span, prompt: str, answer: str
) -> Piece:
    wording = wording_hash(kind, sentence.text)
    facts = (sentence.fact(span),)
    return Piece(kind, told.document.id, f" {answer}", facts, prompt, (wording,))


def _with(text: str, span: Span, instead: str) -> str:
    return text[: span.start] + instead + text[span.end :]


def _as_question(text: str) -> str:
    """A sentence with a question word in it, as a question."""
    asked = _END.sub("", BULLET.sub("", text))
    return f"{asked[:1].upper()}{asked[1:]}?"


def _ended(sentence: str) -> str:
    """A heading or list item gets a full stop, so that shuffled sentences stay apart."""
    return sentence if not sentence[-1:].isalnum() else sentence + "."


def _chunks(sentences: Sequence[Sentence], characters: int) -> list[list[Sentence]]:
    chunks: list[list[Sentence]] = [[]]
    size = 0
    for sentence in sentences:
        if chunks[-1] and size + len(sentence.text) > characters:
            chunks.append([])
            size = 0
        chunks[-1].append(sentence)
        size += len(sentence.text)
    return chunks
