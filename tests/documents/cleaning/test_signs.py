"""Flags of poor text: each seen where it should be, and none on clean text of any script."""

from __future__ import annotations

from typing import get_args

import pytest

from steep.corpus.reading import reading_texts
from steep.documents.cleaning.signs import FLAGS, signs_of
from steep.documents.office import scan
from steep.recipe.texts import Flag

PROSE = reading_texts()[0]
HINDI = (
    "कंपनी की स्थापना पुणे में हुई और वह ऐसे कार्यक्रम बनाती है जो पूरे देश में काम आते हैं। उसके "
    "दो संस्थापक पहले एक ही विद्यालय में पढ़ाते थे, फिर उन्होंने अपना काम शुरू किया। आज वहाँ तीन सौ लोग "
    "काम करते हैं, जिनमें से आधे गाँवों से आए हैं और घर से ही लिखते हैं। हर वर्ष एक मेला भी लगता है।"
)
CHINESE = "公司成立于一九九八年，总部位于北京，主要从事软件开发工作。创始人曾是大学教师，后来决定自己创业。"


def test_recipes_name_the_same_flags() -> None:
    assert get_args(Flag) == (*FLAGS, scan.FLAG)


@pytest.mark.parametrize("text", [*reading_texts()[:20], HINDI, CHINESE])
def test_clean_text_has_no_flags(text: str) -> None:
    assert signs_of(text) == ()


# Broken by: a threshold turned round, or a rule left out of signs_of.
@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("few words", "Only a few words."),
        ("odd word lengths", "a b c d e f g h " * 9 + PROSE[:40]),
        ("many symbols", " ".join(f"#{word}" for word in PROSE.split())),
        ("bullet points", "\n".join(f"- {line}" for line in " ".join(PROSE.split()).split(". "))),
        ("cut-off lines", "\n".join(f"{line}..." for line in PROSE.split(". "))),
        ("few letters", PROSE[:300] + " 12 34 56 78" * 20),
        ("repeated lines", PROSE[:300] + "\nThe same line again and again.\n" * 9),
        ("repeated paragraphs", "\n\n".join([PROSE[:200], *["The same paragraph again."] * 9])),
        ("repeated phrases", PROSE[:200] + " buy our cheap watches now" * 30),
        ("lines without ends", "\n".join(PROSE.split()[:200])),
        ("badly recognised", PROSE.replace("e", "3")),
        ("machine-made", f"As an AI language model, I don't know. {PROSE}"),
    ],
)
def test_poor_text_is_flagged(flag: str, text: str) -> None:
    assert flag in signs_of(text)


def test_every_flag_is_tested() -> None:
    marks = test_poor_text_is_flagged.pytestmark  # type: ignore[attr-defined]
    assert [flag for flag, _ in marks[0].args[1]] == list(FLAGS)


def test_records_and_code_are_judged_as_such() -> None:
    row = "Country: Germany. Founded: 1951. Staff: 300."
    assert "few words" in signs_of(row) and signs_of(row, is_record=True) == ()
    code = "for i in range(9):\n    x[i] += 1\n" + "\n".join(f"v{n} = f{n}(x)" for n in range(30))
    assert signs_of(code) and signs_of(code, is_code=True) == ()


def test_a_long_book_may_repeat_itself() -> None:
    book = " ".join(reading_texts())
    assert "repeated phrases" not in signs_of(book)
