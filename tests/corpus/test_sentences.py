"""Sentences of any script, with no word lost."""

from __future__ import annotations

import pytest

from steep.corpus.sentences import paragraphs, split_sentences


# Broken by: taking a word out of _ABBREVIATIONS, or _is_inside returning False.
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith met Prof. Jones. They spoke.", 2),
        ("J. R. R. Tolkien wrote it. He lived in Oxford.", 2),
        ("The dose is 3.5 mg per day. Version 2.0.1 is out.", 2),
        ("Some cities, e.g. Paris, are big. Others, i.e. Vaduz, aren't.", 2),
        ("It opened at 9 a.m. on Monday. It closed at noon.", 2),
        ("See Fig. 3 and vol. 2. Then go on.", 2),
        ('He said "Stop." Then he left.', 2),
        ("Is it? Yes! Well... Perhaps.", 4),
        ("It went on... and on. Then it ended.", 2),
        ("(It rained.) We stayed.", 2),
        ("Visit example.com today. Thanks.", 2),
        ("One sentence without a mark", 1),
        ("राम घर गया। सीता आई। वे खुश थे।", 3),
        ("یہ ایک جملہ ہے۔ یہ دوسرا ہے۔", 2),
        ("هل هذا سؤال؟ نعم. شكرا.", 3),
        ("我来了。他走了！真的吗？是。", 4),
        ("他说：「走吧。」然后走了。", 2),
        ("Она пришла. Он ушёл.", 2),
        ("", 0),
        (" \n\n ", 0),
    ],
)
def test_counts(text: str, count: int) -> None:
    found = split_sentences(text)
    assert len(found) == count, found
    assert all(sentence.strip() == sentence and sentence for sentence in found)


# Broken by: _is_wrapped_prose returning False.
def test_wrapped_lines_are_one_paragraph() -> None:
    text = (
        "The company was founded in the spring of 1987 by two engineers who had\n"
        "left a larger firm in the same town. It makes pumps for water works and\n"
        "sells them abroad."
    )
    assert len(paragraphs(text)) == 1
    assert split_sentences(text) == [
        "The company was founded in the spring of 1987 by two engineers who had left a larger "
        "firm in the same town.",
        "It makes pumps for water works and sells them abroad.",
    ]


# Broken by: _is_wrapped_prose returning True.
def test_lists_and_headings_stay_apart() -> None:
    text = "Opening hours\nMonday: 9 to 5\nTuesday: closed\n\n- apples\n- pears\n- plums"
    assert split_sentences(text) == text.replace("\n\n", "\n").split("\n")


@pytest.mark.parametrize("break_", ["\n\n", "\n \n", "\n\n\n\t\n"])
def test_a_blank_line_ends_a_paragraph(break_: str) -> None:
    assert paragraphs(f"One two{break_}three four") == ["One two", "three four"]


@pytest.mark.parametrize(
    "text",
    [
        "Mr. A. B. Clark paid $3.50 (approx. £2.80) on 3 Jan. 1999... and left! Why? Who knows.",
        "शीर्षक\n\nपहला वाक्य। दूसरा वाक्य! तीसरा?",
        "第一。第二！\n第三？「第四。」第五",
        "a.\n.b ... c?!\n\n!!! ???",
    ],
)
def test_every_word_is_kept_in_order(text: str) -> None:
    joined = "".join("".join(split_sentences(text)).split())
    assert joined == "".join(text.split())
