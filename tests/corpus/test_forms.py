"""Forms: each says what its sentence says, asks for one thing, and never gives the answer away."""

from __future__ import annotations

import random

import pytest

from steep.corpus.forms import (
    Told,
    cloze,
    question,
    restored,
    reversed_cloze,
    reversed_question,
)
from steep.corpus.frames import BLANK, FRAMES, NEUTRAL, Frames
from steep.corpus.piece import Piece
from steep.corpus.spans import Span, SpanFinder
from steep.corpus.subjects import Sentence, Ties
from steep.documents.record import Document

TEXTS = (
    "Acme Corp was founded in 1987 by Maria Cruz.",
    "Acme Corp employs 250 people and sold pumps for $5,000 on 3 May 2021.",
    "In 1990 Acme Corp raised prices by 4% at 10:30.",
    "- Bolt Works was founded in 1987 by Paul Weber",
    "we met Acme Corp, Bolt Works, Maria Cruz, Paul Weber",
)


def _told(texts: tuple[str, ...] = TEXTS, frames: Frames = FRAMES["en"], title: str = "") -> Told:
    finder = SpanFinder(texts)
    sentences = []
    for text in texts:
        subject = "Bolt Works" if "Bolt" in text else "Acme Corp"
        spans = tuple(s for s in finder.find(text) if s.text != subject)
        sentences.append(Sentence(text, subject, spans))
    document = Document("\n".join(texts), title or "a", "a.txt")
    return Told(
        document, tuple(sentences), frames, Ties([[s for s in sentences if s.text != TEXTS[4]]])
    )


def _span(sentence: Sentence, text: str) -> Span:
    return next(span for span in sentence.spans if span.text == text)


def _asked(number: int, value: str, frames: Frames = FRAMES["en"]) -> Piece:
    told = _told(frames=frames)
    return question(told, told.sentences[number], _span(told.sentences[number], value))


# Broken by: one question word for every number.
@pytest.mark.parametrize(
    ("number", "value", "asked"),
    [
        (0, "1987", "Acme Corp was founded in which year by Maria Cruz?"),
        (0, "Maria Cruz", "Acme Corp was founded in 1987 by who or what?"),
        (1, "250", "Acme Corp employs how many people and sold pumps for $5,000 on 3 May 2021?"),
        (1, "$5,000", "Acme Corp employs 250 people and sold pumps for how much on 3 May 2021?"),
        (1, "3 May 2021", "Acme Corp employs 250 people and sold pumps for $5,000 on which date?"),
        (2, "4%", "In 1990 Acme Corp raised prices by which percentage at 10:30?"),
        (2, "10:30", "In 1990 Acme Corp raised prices by 4% at which time?"),
        (3, "1987", "Bolt Works was founded in which year by Paul Weber?"),
    ],
)
def test_a_question_has_the_word_for_its_kind_of_value(number: int, value: str, asked: str) -> None:
    piece = _asked(number, value)
    assert piece.prompt == f"Question: {asked}\nAnswer:"
    assert piece.text == f" {value}"


def test_without_words_in_place_the_question_word_stands_before_the_blank() -> None:
    assert _asked(0, "1987", FRAMES["de"]).prompt == (
        "Frage: Wann? Acme Corp was founded in ____ by Maria Cruz.\nAntwort:"
    )
    assert _asked(0, "1987", NEUTRAL).prompt == (
        "? Acme Corp was founded in ____ by Maria Cruz.\n? ="
    )


@pytest.mark.parametrize("frames", [*FRAMES.values(), NEUTRAL])
def test_no_prompt_holds_its_answer(frames: Frames) -> None:
    told = _told(frames=frames)
    made = 0
    for sentence in told.sentences[:4]:
        for span in sentence.spans:
            for form in (cloze, question, reversed_cloze, reversed_question):
                piece = form(told, sentence, span)
                if piece is None:
                    continue
                made += 1
                assert piece.text.strip() not in piece.prompt
                assert "{" not in piece.prompt
    assert made > 12


# Broken by: asking back from a value that several subjects share (1987).
def test_only_a_value_that_points_to_one_subject_is_asked_back() -> None:
    told = _told()
    first = told.sentences[0]
    assert reversed_cloze(told, first, _span(first, "1987")) is None
    piece = reversed_cloze(told, first, _span(first, "Maria Cruz"))
    assert piece is not None and piece.text == " Acme Corp"
    assert piece.prompt == (
        "Fill in the blank about Maria Cruz: ____ was founded in 1987 by Maria Cruz.\nAnswer:"
    )
    asked = reversed_question(told, first, _span(first, "Maria Cruz"))
    assert asked is not None and asked.facts == piece.facts == (
        first.fact(_span(first, "Maria Cruz")),
    )
    assert asked.prompt == "Question: Who or what was founded in 1987 by Maria Cruz?\nAnswer:"
    assert reversed_question(_told(frames=FRAMES["fr"]), first, _span(first, "Maria Cruz")) is None


# Broken by: replacing the first mention of the subject only.
def test_a_subject_named_twice_is_blank_twice() -> None:
    text = "Acme Corp says that Acme Corp belongs to Maria Cruz."
    told = _told((text, TEXTS[4]))
    sentence = told.sentences[0]
    piece = reversed_cloze(told, sentence, _span(sentence, "Maria Cruz"))
    assert piece is not None
    assert piece.prompt.count(BLANK) == 2 and "Acme" not in piece.prompt


# Broken by: str.replace, or leaving out the look at longer names.
def test_a_subject_is_blank_as_a_word_and_never_within_a_longer_name() -> None:
    text = "Russia and the Russian people thank Maria Cruz."
    helper = "we saw Russia, Maria Cruz, New Russia"
    finder = SpanFinder((text, helper))
    span = next(s for s in finder.find(text) if s.text == "Maria Cruz")
    sentence = Sentence(text, "Russia", (span,))
    told = Told(Document(text, "a", "a.txt"), (sentence,), FRAMES["en"], Ties([[sentence]]))
    piece = reversed_cloze(told, sentence, span)
    assert piece is not None and "____ and the Russian people" in piece.prompt
    longer = Sentence(f"New {text}", "Russia", tuple(finder.find(f"New {text}")))
    told = Told(Document(text, "a", "a.txt"), (longer,), FRAMES["en"], Ties([[longer]]))
    named = next(s for s in longer.spans if s.text == "Maria Cruz")
    assert any(s.text == "New Russia" for s in longer.spans)
    assert reversed_cloze(told, longer, named) is None


def test_the_title_is_asked_for_a_value_of_one_document_alone() -> None:
    text = "The fee is 40 and Acme Corp pays it."
    finder = SpanFinder((text, TEXTS[4]))
    (span,) = [s for s in finder.find(text) if s.text == "40"]
    own, other = Sentence(text, "Acme Corp", (span,)), Sentence(text, "Bolt Works", (span,))
    document = Document(text, "Rules for fees", "rules.txt")
    told = Told(document, (own,), FRAMES["en"], Ties([[own, other]]))
    piece = reversed_cloze(told, own, span)
    assert piece is not None and piece.text == " Rules for fees"
    assert piece.prompt == f"Fill in the blank about 40: ____: {text}\nAnswer:"
    assert piece.facts == own.facts
    elsewhere = Told(document, (own,), FRAMES["en"], Ties([[own], [other]]))
    assert reversed_cloze(elsewhere, own, span) is None


def test_a_restored_text_is_the_text_and_its_prompt_has_blanks() -> None:
    told = _told()
    pieces = list(restored(told, 2, random.Random(0)))
    assert len(pieces) >= 2
    for piece in pieces:
        assert BLANK not in piece.text
        assert piece.prompt.count(BLANK) >= 2
        assert len(piece.facts) == len(piece.wordings) >= 2
        for sentence in told.sentences:
            if sentence.text in piece.text:
                assert set(sentence.facts) <= set(piece.facts)
