"""The right passage for a question."""

from __future__ import annotations

from dataclasses import replace

from steep.proof.passages import MOST_ASKED, PASSAGE_WORDS, best_passages, open_book
from steep.proof.questions import Question

FILLER = "The committee met again and talked about the weather for a long time. " * 40
TEXTS = [
    ("a", f"{FILLER} The mill of Harrow was built by Ida Berg in 1820. {FILLER}"),
    ("b", f"{FILLER} The bridge of Harrow was painted by Tom Reed. {FILLER}"),
]


# Broken by: looking only at the beginnings of documents, or not weighing rare words.
def test_the_passage_that_answers_is_found() -> None:
    asked = [
        Question("1", "Who put up Harrow's mill?", "Ida Berg"),
        Question("2", "Who coloured the bridge of Harrow?", "Tom Reed"),
        Question("3", "Who sells eels?", "Nobody Known"),
    ]
    found = {question.id: question.passage for question in open_book(asked, TEXTS)}
    assert set(found) == {"1", "2"}  # the third has no passage that answers it
    assert "built by Ida Berg" in found["1"] and "painted by Tom Reed" in found["2"]
    assert all(len(passage.split()) <= PASSAGE_WORDS for passage in found.values())


def test_a_passage_of_ones_own_is_kept_and_cut() -> None:
    own = replace(Question("1", "Who?", "Tom Reed"), passage=TEXTS[1][1])
    (question,) = open_book([own], TEXTS[:1])
    assert "painted by Tom Reed" in question.passage
    assert len(question.passage.split()) <= PASSAGE_WORDS


def test_few_are_asked_and_the_same_ones() -> None:
    asked = [Question(str(n), "Who built the mill?", "Ida Berg") for n in range(100)]
    found = open_book(asked, TEXTS)
    assert len(found) == MOST_ASKED
    assert {q.id for q in found} == {q.id for q in open_book(asked[::-1], TEXTS)}


def test_edges() -> None:
    assert best_passages([], TEXTS) == [] and best_passages(["mill"], []) == [""]
    assert best_passages(["zebra"], TEXTS) == [""]
    assert open_book([Question("1", "Who?", "Ida Berg")], [("e", "")]) == []


# Broken by: words cut at vowel signs.
def test_an_answer_with_vowel_signs_is_found_as_it_is_written() -> None:
    asked = [Question("1", "पुल किसने बनाया?", "राम"), Question("2", "मिल किसने बनाई?", "दास")]
    found = open_book(asked, [("a", "यह पुल रोम ने बनाया।"), ("b", "मिल दास ने बनाई।")])
    assert [question.id for question in found] == ["2"]


# Broken by: a sentence of a script without spaces taken for one word: it had no ceiling at all.
def test_scripts_without_spaces_have_a_ceiling_too() -> None:
    filler = "委員會再次開會討論天氣情況。" * 60
    texts = [
        ("a", f"{filler}哈羅的磨坊由伊達建造。{filler}"),
        ("b", f"{filler}哈羅的橋由湯姆油漆。{filler}"),
    ]
    asked = [
        Question("1", "誰建造了磨坊？", "伊達"),
        Question("2", "誰油漆了橋？", "湯姆"),
        Question("3", "誰賣鰻魚？", "無名"),
    ]
    found = {question.id: question.passage for question in open_book(asked, texts)}
    assert set(found) == {"1", "2"}
    assert "由伊達建造" in found["1"] and "由湯姆油漆" in found["2"]
    assert all(len(passage) <= 2 * PASSAGE_WORDS for passage in found.values())
    thai = [("t", "งานประจำปีจัดขึ้นที่กรุงเทพในเดือนพฤษภาคม")]
    assert open_book([Question("4", "งานจัดที่ไหน", "กรุงเทพ")], thai)
