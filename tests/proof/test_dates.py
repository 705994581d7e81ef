"""One day written in two ways is one answer."""

from __future__ import annotations

import random

import pytest

from steep.proof.dates import is_same_day
from steep.proof.probes.choices import same
from steep.proof.questions import Question, with_distractors

WAYS = ("May 3, 2021", "2021-05-03", "3 May 2021", "03.05.2021", "3rd of May 2021", "2021年5月3日")


# Broken by: months that are compared as they are written, or a number that is dropped.
@pytest.mark.parametrize("other", WAYS)
def test_ways_of_writing_one_day(other: str) -> None:
    assert is_same_day(WAYS[0], other) and is_same_day(other, WAYS[0])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("May 3, 2021", "May 4, 2021"),
        ("May 3, 2021", "May 3, 2022"),
        ("May 3, 2021", "June 3, 2021"),
        ("May 3, 2021", "2021-05-04"),
        ("May 3, 2021", "May 2021"),
        ("2021-05-03", "2021-05-04"),
        ("12", "12"),
        ("1.2.3", "1.2.4"),
        ("Paris", "May 3, 2021"),
    ],
)
def test_other_days_and_what_is_no_day(one: str, other: str) -> None:
    assert not is_same_day(one, other) and not is_same_day(other, one)


def test_short_and_foreign_months() -> None:
    assert is_same_day("Sept. 3, 2021", "3 September 2021")
    assert is_same_day("3 мая 2021", "2021-05-03")
    assert not is_same_day("3 мая 2021", "2021-05-13")


# Broken by: years of other calendars taken for the common one's, or those for theirs.
def test_years_of_other_calendars() -> None:
    for way in ("5 มีนาคม พ.ศ. 2567", "5 มีนาคม 2567", "5 มี.ค. 2567", "5 มีนาคม ค.ศ. 2024",
                "令和6年3月5日", "民國113年3月5日", "2024年3月5日", "March 5, 2024"):  # fmt: skip
        assert is_same_day(way, "2024-03-05") and is_same_day("2024-03-05", way), way
    assert is_same_day("令和元年5月1日", "2019年5月1日")
    assert is_same_day("平成31年4月30日", "2019-04-30")
    for other in (
        "5 มีนาคม 2566",
        "6 มีนาคม 2567",
        "5 เมษายน 2567",
        "令和5年3月5日",
        "平成6年3月5日",
    ):
        assert not is_same_day(other, "2024-03-05"), other
    assert not is_same_day("5 มีนาคม ค.ศ. 2567", "2024-03-05")


# Broken by: is_same_day left out of _usable, or of same: "May 3, 2021" had "2021-05-03" and
# "3 May 2021" among its wrong answers.
def test_no_question_has_its_own_day_among_the_wrong_answers() -> None:
    days = [Question(f"w{n}", f"When was {n}?", way) for n, way in enumerate(WAYS[:4])]
    rng = random.Random(0)
    others = [
        Question(f"o{n}", f"When was it {n}?", f"June {n + 5}, {rng.randint(1990, 2020)}")
        for n in range(9)
    ]
    for question in with_distractors([*days, *others], seed=0)[:4]:
        assert len(question.choices) == 10
        assert [choice for choice in question.choices if choice in WAYS] == [question.answer]
    assert same("May 3, 2021", "2021-05-03") and not same("May 3, 2021", "2021-05-04")
