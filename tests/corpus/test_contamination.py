"""Decontamination: what counts as the same wording, what is left out, what is only flagged."""

from __future__ import annotations

import random

import pytest

from steep.corpus.contamination import Items, decontaminate, found_in, is_spaceless, units_of
from steep.corpus.piece import Piece, PieceKind

LONG = "In which year did the founders of Acme Pumps move the company to Lyon?"
SHORT = "Who founded Acme Pumps?"
PASSAGE = (
    "The ferry left at six, an hour before the fog came down, and nobody on the quay "
    "thought of it again until the bell was heard from the wrong side of the island."
)


def piece(text: str, kind: PieceKind = "general", prompt: str = "") -> Piece:
    return Piece(kind, "d", text, (), prompt)


def holds(text: str, *, question: str = "", passage: str = "", prompt: str = "") -> bool:
    """Does a piece of this text hold the wording of the item?"""
    items = {
        "questions": Items("question", (("q", question),) if question else ()),
        "general": Items("text", (("t", passage),) if passage else ()),
    }
    (found,) = found_in([piece(text, prompt=prompt)], items)
    return bool(found)


# Broken by: no casefold, no NFKC, or punctuation kept.
@pytest.mark.parametrize(
    "text",
    [
        f"FAQ. {SHORT} Ada Weber did.",
        "he asked WHO FOUNDED, acme-pumps",
        "who\nfounded\tAcme\u00a0Pumps",
        "\uff37\uff48\uff4f founded \u201cAcme Pumps\u201d",
    ],
)
def test_a_short_question_is_its_whole_wording(text: str) -> None:
    assert holds(text, question=SHORT)


@pytest.mark.parametrize("text", ["Who founded Acme?", "Acme Pumps, who founded", "founded Acme"])
def test_part_of_a_short_question_is_nothing(text: str) -> None:
    assert not holds(text, question=SHORT)


# Broken by: QUESTION_WORDS = 7 or 9; only the first n-gram of an item taken.
def test_a_long_question_is_any_eight_words_of_it() -> None:
    words = units_of(LONG)
    assert len(words) == 14
    for start in range(len(words) - 7):
        assert holds("so " + " ".join(words[start : start + 8]) + " then", question=LONG), start
    for start in range(len(words) - 6):
        assert not holds("so " + " ".join(words[start : start + 7]) + " then", question=LONG)


# Broken by: TEXT_WORDS = 12 or 14.
def test_a_text_is_any_thirteen_words_of_it() -> None:
    words = units_of(PASSAGE)
    for start in range(len(words) - 12):
        assert holds("x " + " ".join(words[start : start + 13]) + " y", passage=PASSAGE), start
    for start in range(len(words) - 11):
        assert not holds("x " + " ".join(words[start : start + 12]) + " y", passage=PASSAGE)


def test_a_prompt_counts_and_joins_its_text() -> None:
    assert holds(" Pumps", question=SHORT, prompt="Who founded Acme")
    assert holds(" Ada", question=SHORT, prompt=SHORT)


def test_too_short_to_say_anything() -> None:
    assert not holds("What town? Lyon.", question="What town?")
    assert holds("What town is it? Lyon.", question="What town is it?")


# Broken by: \w+ for words (vowel signs would break them), or joiners kept.
def test_hindi_words_are_whole() -> None:
    question = "एक्मे पंप्स कंपनी की स्थापना किसने की थी?"
    assert units_of("स्थापना किसने") == ["स्थापना", "किसने"]
    assert holds(f"सवाल: {question} जवाब: आदा।", question=question)
    assert holds("एक्मे पंप्स कंपनी की स्थापना क\u200dिसने की थी", question=question)
    assert not holds("एक्मे पंप्स कंपनी की स्थापना आदा ने की थी।", question=question)


# Broken by: _weight giving Han a whole word's weight (8 characters would do), or characters
# left in one run (then only the same whole sentence would match).
def test_scripts_without_spaces_go_by_characters() -> None:
    question = "请问阿克米水泵公司是由哪两位工程师在里昂创立的"
    assert len(units_of(question)) == 23
    assert holds("有人问：" + question[3:19] + "？没人知道。", question=question)
    assert not holds("有人问：" + question[3:18] + "？没人知道。", question=question)
    short = "谁创立了阿克米？"
    assert holds("有人问谁创立了阿克米，没人知道", question=short)
    assert not holds("谁创立了阿克", question=short)
    thai = "บริษัทนี้ตั้งขึ้นเมื่อใดและใครเป็นผู้ก่อตั้งบริษัทนี้ขึ้นมา"
    assert holds(f"ถาม{thai}ตอบ", question=thai)
    assert not holds(thai[:20], question=thai)
    mixed = "谁在1987年创立了Acme Pumps公司？"
    assert units_of(mixed)[2:4] == ["1987", "年"]
    assert holds("问：谁在 1987 年创立了 acme pumps 公司", question=mixed)


ITEMS = {
    "questions": Items("question", (("q1", LONG), ("q2", SHORT), ("q3", "Who runs Bolt Ltd?"))),
    "general": Items("text", (("t1", PASSAGE),)),
}


# Broken by: removing documents too, removing nothing, or flagging what was removed.
def test_documents_stay_and_everything_else_goes() -> None:
    pieces = [
        piece("Acme makes pumps.", "document"),
        piece(f"Frequent questions. {SHORT}", "document"),
        piece("Acme makes. Pumps.", "permuted"),
        piece(f"{LONG} {SHORT}", "permuted"),
        piece(" Pumps", "cloze", "Fill in the blank: Who founded Acme"),
        piece(f"A story. {PASSAGE}", "general"),
        piece("Water boils.", "general"),
    ]
    found = decontaminate(pieces, ITEMS)
    assert found.kept == (pieces[0], pieces[1], pieces[2], pieces[6])
    assert [(place, gone) for place, gone, _ in found.removed] == [
        (3, pieces[3]),
        (4, pieces[4]),
        (5, pieces[5]),
    ]
    assert [holds for _, _, holds in found.removed][-1] == ("general", "t1")
    assert found.flagged == {"questions": ("q2",), "general": ()}
    books = found.as_ledger()
    assert books["removed_pieces"] == {"permuted": 1, "cloze": 1, "general": 1}
    assert (books["checked"], books["against"]) == (7, {"questions": 3, "general": 1})
    assert books["items"] == {"questions": ["q2"], "general": []}


def test_an_item_in_a_document_is_flagged_though_its_retelling_is_gone() -> None:
    found = decontaminate([piece(SHORT, "document"), piece(SHORT, "permuted")], ITEMS)
    assert (len(found.kept), len(found.removed)) == (1, 1)
    assert found.flagged["questions"] == ("q2",)


# Broken by: comparing retellings too, or the user's documents, or no replay.
@pytest.mark.parametrize("longer", ["replay", "held out"])
def test_replay_alone_is_compared_with_held_out_documents(longer: str) -> None:
    kinds = ("document", "permuted", "general")
    pieces = [piece(f"A story. {PASSAGE * (1 + 9 * (longer == 'replay'))}", k) for k in kinds]
    held_out = {"held_out": Items("text", (("d1", PASSAGE),))}
    found = decontaminate(pieces, {"questions": ITEMS["questions"]}, of_replay=held_out)
    assert found.kept == tuple(pieces[:2])
    assert [holds for _, _, holds in found.removed] == [("held_out", "d1")]
    assert (found.checked, found.against) == (3, {"questions": 3, "held_out": 1})
    assert found.flagged == {"questions": ()}


# Broken by: short documents looked for as a whole, as items that judge are.
@pytest.mark.parametrize("replay", ["He said: I don't know. " + PASSAGE, "I don't know."])
def test_a_held_out_commonplace_takes_no_replay(replay: str) -> None:
    held_out = Items("text", (("d1", "I don't know."), ("d2", "I don't know. " * 30)))
    found = decontaminate([piece(replay)], {}, of_replay={"held_out": held_out})
    assert not found.removed


# Broken by: one length kept for each beginning.
def test_wordings_of_several_lengths_may_begin_alike() -> None:
    asked = ("Who founded Acme in Lyon?", "Who founded Acme?", "Who founded Acme in 1950?")
    for text, expected in [(asked[0], ["0", "1"]), (asked[1], ["1"]), (asked[2], ["1", "2"])]:
        items = Items("question", tuple((str(n), question) for n, question in enumerate(asked)))
        (found,) = found_in([piece(f"He asked: {text}")], {"questions": items})
        assert sorted(id for _, id in found) == expected


def test_nothing_to_compare_with_keeps_all() -> None:
    pieces = [piece(PASSAGE), piece(""), piece("one two")]
    found = decontaminate(pieces, {"questions": Items("question", ())})
    assert (found.kept, found.removed, found.checked) == (tuple(pieces), (), 3)
    assert decontaminate(pieces[1:], ITEMS).kept == tuple(pieces[1:])


# Broken by: an n-gram hash or a search that loses some beginnings: compared with plain sets.
def test_the_search_finds_what_plain_sets_find() -> None:
    rng = random.Random(1)
    words = ["a", "b"]
    texts = [" ".join(rng.choices(words, k=rng.randrange(3, 40))) for _ in range(60)]
    items = tuple((str(n), " ".join(rng.choices(words, k=9))) for n in range(40))

    def plainly(text: str) -> set[str]:
        units = text.split()
        grams = {tuple(units[i : i + 8]) for i in range(len(units) - 7)}
        return {
            id
            for id, wording in items
            if {tuple(wording.split()[i : i + 8]) for i in (0, 1)} & grams
        }

    given = {"questions": Items("question", items)}
    found = [{id for _, id in row} for row in found_in([piece(t) for t in texts], given)]
    assert 5 < sum(map(bool, found)) < 60
    assert found == [plainly(text) for text in texts]


def test_scripts_without_spaces_are_told_by_their_letters() -> None:
    # Broken by: signs and digits that count as letters.
    assert is_spaceless("本仓库于1980年由王伟先生建立。")
    assert is_spaceless("ไทยไม่มีเครื่องหมาย") and is_spaceless("これは本です。")
    for text in ("A book named 道德經.", "कर्म का अर्थ", "Она пришла.", "123 !?", ""):
        assert not is_spaceless(text)
