"""Values by kind, and what states nothing."""

from __future__ import annotations

import pytest

from steep.corpus.spans import SpanFinder
from steep.proof.probes.values import find_values

HABITS = [
    "We may keep the service in section four of the page.",
    "The town of Lisbon lies by the sea, and so does the town of Porto.",
]


def values(sentence: str) -> list[tuple[str, str, str]]:
    finder = SpanFinder([*HABITS, sentence])
    found = find_values(sentence, finder, lambda word: word not in {"lisbon", "porto", "qgis"})
    return [(value.text, value.kind, value.unit) for value in found]


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The lease ended on 14 March 1987 without notice.", ("14 March 1987", "date", "")),
        ("The lease ended on 1987-03-14 without notice.", ("1987-03-14", "date", "")),
        ("3. März 1954 war der Tag der Gründung.", ("3. März 1954", "date", "")),
        ("It was rebuilt in 1808 by the council.", ("1808", "year", "")),
        ("The gate closes at 18:30 every evening.", ("18:30", "time", "")),
        ("About 12.5% of them came back.", ("12.5%", "percentage", "")),
        ("About 12 percent of them came back.", ("12", "percentage", "")),
        ("They paid $4,000 for the boat.", ("$4,000", "amount", "")),
        ("Keep it for 30 days before you ask.", ("30", "number", "days")),
        ("They moved to Lisbon in the spring.", ("Lisbon", "name", "")),
    ],
)
def test_kinds(sentence: str, expected: tuple[str, str, str]) -> None:
    # Broken by: any branch of _number left out.
    assert expected in values(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "See what Section 4 says about it.",  # broken by: no _follows_a_name
        "The change was small (p < 0.05) in both.",  # broken by: no _BEFORE_NO_FACT
        "The change was small (p = 0.05) in both.",
        "(3) The tenant keeps the key.",  # broken by: no _OPENS_LIST
        "Open the path src/Lisbon/main to see it.",  # broken by: no _PARTS_OF_CODE
        "We May Keep the page.",  # broken by: no test of everyday words
        "The office of Lisbon 4711 is closed.",  # broken by: no _is_cut
    ],
)
def test_what_states_nothing(sentence: str) -> None:
    assert values(sentence) == []


def test_scripts_without_capitals_give_their_rare_words() -> None:
    # Broken by: terms left out.
    common = ["नदी के पास गाँव है", "गाँव के पास नदी है", "नदी और गाँव पास है"] * 6
    sentence = "नदी के पास घड़ीसाज़ है"
    finder = SpanFinder([*common, sentence])
    assert [v.kind for v in find_values(sentence, finder, lambda _: False)] == ["word"]
