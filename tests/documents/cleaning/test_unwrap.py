"""Hard wraps are joined where a margin made them, and lines stay where their writer broke them."""

from __future__ import annotations

import textwrap

import pytest

from steep.corpus.reading import reading_texts
from steep.documents.cleaning.unwrap import unwrap

PROSE = [text for text in reading_texts() if len(text) > 1500][:6]
HINDI = "कंपनी की स्थापना पुणे में हुई और वह ऐसे कार्यक्रम बनाती है जो पूरे देश में काम आते हैं। " * 6
CHINESE = "公司成立于一九九八年，总部位于北京，主要从事软件开发工作，产品销往全球各地的客户。" * 8
VERSE = """\
Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimmed,
And every fair from fair sometime declines,
By chance, or nature's changing course, untrimmed:"""
CODE = """\
def total(rows):
    result = 0
    for row in rows:
        if row.is_open and row.amount is not None:
            result += row.amount * row.rate
    return result

class Account:
    def __init__(self, owner, opened_on, currency="EUR"):
        self.owner = owner
        self.opened_on = opened_on"""
ADDRESS = "Acme GmbH\nc/o Ada Weber\nHauptstrasse 12\n10115 Berlin\nGermany\nPhone 030 1234"
LIST = "\n".join(
    f"- item number {n} of the list that is as long as the others are too" for n in range(9)
)
TABLE = "\n".join(
    f"row {n:03} of the table   {n * 37:5}   {n * 91:5}   a fixed last column" for n in range(9)
)
EVEN = "\n".join(
    ["चौपाई की पंक्ति यह सम मात्रा की होती है यहाँ।", "दूसरी भी पंक्ति उतनी ही लंबी सदा रहती है।"] * 8
)


def wrapped(text: str, width: int) -> str:
    return "\n\n".join(textwrap.fill(paragraph, width) for paragraph in text.split("\n\n"))


# Broken by: a margin one column too wide, or paragraphs ending at short lines joined.
@pytest.mark.parametrize("width", [50, 66, 72, 79, 100])
def test_wrapped_prose_gets_its_paragraphs_back(width: int) -> None:
    for text in [*PROSE, HINDI.strip()]:
        text = "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
        found = unwrap(wrapped(text, width))
        assert found.text == text
        assert found.lines_joined > 0


def test_chinese_lines_join_without_a_space() -> None:
    lines = [CHINESE[at : at + 36] for at in range(0, len(CHINESE), 36)]
    assert unwrap("\n".join(lines)).text == CHINESE


# Broken by: any one of the three kinds of evidence left out.
@pytest.mark.parametrize("text", [VERSE, CODE, ADDRESS, LIST, TABLE, EVEN, "one\ntwo", ""])
def test_lines_that_somebody_broke_stay(text: str) -> None:
    assert unwrap(text) == (text, 0, 0)


def test_what_stands_amid_wrapped_prose_stays_too() -> None:
    prose = wrapped(PROSE[0], 72)
    for block in (ADDRESS, "    " + CODE.replace("\n", "\n    "), LIST, TABLE):
        found = unwrap(f"{prose}\n\n{block}\n\n{wrapped(PROSE[1], 72)}").text
        assert f"\n\n{block}\n\n" in found and len(found.split("\n")) < 60


def test_items_and_indented_beginnings_part_paragraphs() -> None:
    items = [f"{n}. " + " ".join(PROSE[n].split()[:40]) for n in range(4)]
    hanging = [textwrap.fill(item, 72, subsequent_indent="   ") for item in items]
    assert unwrap("\n".join(hanging)).text == "\n".join(items)
    book = [textwrap.fill(" ".join(p.split()[:90]), 70, initial_indent="    ") for p in PROSE]
    assert len(unwrap("\n".join(book)).text.split("\n")) == len(book)


# Broken by: hyphens kept, or soft ones left in the text.
@pytest.mark.parametrize("hyphen", ["-", "\u00ad"])
def test_broken_words_are_mended(hyphen: str) -> None:
    text = " ".join(" ".join(PROSE[0].split()) for _ in range(3)).replace("-", " ")
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) < 72:
            lines[-1] = f"{lines[-1]} {word}".strip()
        elif word.isalpha() and word.islower() and 4 < len(word) < 72 - len(lines[-1]) + 3:
            lines[-1] += f" {word[:3]}{hyphen}"
            lines.append(word[3:])
        else:
            lines.append(word)
    found = unwrap("\n".join(lines))
    assert found.text == text and found.words_mended > 3


# Broken by: every hyphen at a line's end taken for one that the line's end made.
def test_compounds_keep_their_hyphens() -> None:
    text = " ".join(["a long-handled spade and a half-open door were all that they had left"] * 9)
    once = text.replace("half-open", "wide-open", 1)
    for width in range(60, 80):
        assert unwrap(wrapped(once, width)).text == once


READINGS = [
    f"2024-01-02 10:{n}:00 boiler {n} inlet {n}.5 outlet 55.3 pump {n} ok" for n in range(10, 22)
]
PARTS = [f"10{n} steel bolt M{n}x13 galvanised, pack of 100, {n}.50 EUR" for n in range(10, 22)]
CHAT = [f"[02/01/24, 10:{n}:12] Anna: are you coming to the meeting, {n}" for n in range(10, 22)]


# Broken by: _are_records left out of _is_wrapped, or of _paragraphs.
@pytest.mark.parametrize("lines", [READINGS, PARTS, CHAT])
def test_records_as_long_as_one_another_stay_lines(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert unwrap(text).text == text
    prose = wrapped(PROSE[0], len(lines[0]))
    assert unwrap(f"{prose}\n\n{text}").text.endswith(f"\n\n{text}")
    verse = "\n".join(
        ["the river ran so slow that day, it seemed to wait for us"[: len(lines[0])]] * 2
    )
    assert unwrap(f"{text}\n\n{verse}").text == f"{text}\n\n{verse}"


# Broken by: begins_stamped left out of _parts, or is_log.
def test_an_entry_behind_a_long_one_begins_with_its_time() -> None:
    long = textwrap.wrap(f"[02/01/24, 10:01] Anna: {' '.join(PROSE[0].split()[:60])}", 72)
    long[-1] = long[-1].ljust(70, "x")
    entry = "[02/01/24, 10:02] " + " ".join(PROSE[1].split()[:40])
    found = unwrap("\n".join([*long, *textwrap.wrap(entry, 72)])).text
    assert found.split("\n")[1] == entry
    words = PROSE[0].split()[:90]
    for at in range(20, 40):  # in prose it may stand anywhere
        text = " ".join([*words[:at], "2026-11-01 02:00,", *words[at:]])
        assert unwrap(textwrap.fill(text, 60)).text == text


# Broken by: speaker_of left out of _parts, or names asked to begin with a capital.
@pytest.mark.parametrize("names", [("CHAIR", "Mr. O’Hara"), ("Q", "A"), ("प्रश्न", "उत्तर")])
def test_turns_of_speakers_stay_apart(names: tuple[str, str]) -> None:
    said = " ".join(PROSE[0].split()[:50])
    turns = [f"{name}: {said}" for name in names * 3]
    lines = [line for turn in turns for line in textwrap.wrap(turn, 72)]
    assert unwrap("\n".join(lines)).text == "\n".join(turns)
    full = " ".join(PROSE[1].replace("\n", " ").split()[:20])[:70].ljust(70, "x")
    assert f"{full}\n{names[0]}: " in unwrap("\n".join([*lines, full, *lines])).text


# Broken by: any word before a colon parts, wherever it stands.
def test_a_name_before_a_colon_amid_a_sentence_parts_nothing() -> None:
    words = PROSE[0].split()[:90]
    for at in range(20, 60):
        text = " ".join([*words[:at], "The Times:", *words[at:]]).replace(".", "")
        assert unwrap(textwrap.fill(text, 60)).text == text


# Broken by: breaks of blocks without a full line counted.
def test_a_list_of_short_lines_hides_no_margin() -> None:
    said = " ".join(PROSE[0].split()[:70])
    items = (
        "milk\neggs\nbread\nbutter\ncheese\njam\nsalt\nsugar\ntea\nrice\noil\nflour\nnuts\nbeans"
    )
    found = unwrap(f"{textwrap.fill(said, 72)}\n\n{items}")
    assert found.text == f"{said}\n\n{items}"


# Broken by: every block without a full break left out, however few lines it has.
def test_couplets_without_marks_stay_couplets() -> None:
    short, long = (
        "दिल की बात सुनो मेरे यारो आज यहाँ तुम सब",
        "रात ढली तो चाँद भी निकला अपने घर से दूर कहीं आज",
    )
    pairs = [f"{short}\n{long}" for _ in range(12)] + [f"{long}\n{long}" for _ in range(5)]
    text = "\n\n".join(pairs)
    assert unwrap(text).text == text


# Broken by: are_values left out of _paragraphs.
def test_lines_above_named_values_stay_apart() -> None:
    first = "$ echo 'deb http://mirror/debian/ sid main' > config/archives/sid.list"
    form = f"{first}\n$ cat >> preferences\nPackage: live-*\nPin: release n=sid\nPriority: 600"
    text = "\n\n".join([wrapped(PROSE[0], 72), form, form, wrapped(PROSE[1], 72)])
    assert unwrap(text).text.count(form) == 2
