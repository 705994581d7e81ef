"""Names, numbers and dates in a sentence, found without knowing its language."""

from __future__ import annotations

import pytest

from steep.corpus.spans import SpanFinder

CORPUS = [
    "The company Acme Corp was founded by Maria de la Cruz in Lyon.",
    "However, the firm Acme Corp moved from Lyon to Berlin.",
    "In the spring, however, it sold the pumps of Acme Corp.",
    "Pumps are made in the town of Lyon, and pumps are sold in Berlin.",
]


@pytest.fixture(scope="module")
def finder() -> SpanFinder:
    return SpanFinder(CORPUS)


def _texts(finder: SpanFinder, sentence: str, kind: str | None = None) -> list[str]:
    spans = finder.find(sentence)
    ends = 0
    for span in spans:
        assert sentence[span.start : span.end] == span.text
        assert span.start >= ends  # left to right, none overlapping
        ends = span.end
    return [span.text for span in spans if kind in (None, span.kind)]


# Broken by: dropping the _JOINERS branch, or removesuffix("'s").
@pytest.mark.parametrize(
    ("sentence", "names"),
    [
        ("the firm of Maria de la Cruz and Acme Corp", ["Maria de la Cruz", "Acme Corp"]),
        ("we visited Acme Corp's office in Lyon", ["Acme Corp", "Lyon"]),
        ("they met Smith & Sons, Berlin", ["Smith & Sons", "Berlin"]),
        ("the eBay page and the iPhone", ["eBay", "iPhone"]),
        ("a plain sentence without any", []),
        ("he met Anna of", ["Anna"]),
    ],
)
def test_names(finder: SpanFinder, sentence: str, names: list[str]) -> None:
    assert _texts(finder, sentence, "name") == names


# Broken by: _is_name ignoring position.
def test_a_capital_at_the_start_counts_only_for_words_never_written_small(
    finder: SpanFinder,
) -> None:
    assert _texts(finder, "However, pumps sell.") == []
    assert _texts(finder, "Pumps sell in Lyon.") == ["Lyon"]
    assert _texts(finder, "Acme sells.") == ["Acme"]
    assert _texts(finder, "Unseen things happen.") == []


# Broken by: _opens_name returning False ("Corp" alone would stand for the company).
def test_a_name_at_the_start_is_whole_though_its_first_word_is_never_inside() -> None:
    finder = SpanFinder(["Anna Weber left.", "Anna Weber came in May.", "the town saw no Weber"])
    assert _texts(finder, "Anna Weber left.") == ["Anna Weber"]
    assert _texts(finder, "The Weber house.") == ["Weber"]
    assert _texts(finder, "Anna, Weber and May") == ["Weber", "May"]


@pytest.mark.parametrize(
    ("sentence", "numbers"),
    [
        ("it opened on 3 March 1987 with 250 people", ["3 March 1987", "250"]),
        ("it opened on March 3, 1987 and cost $3.50", ["March 3, 1987", "$3.50"]),
        ("it opened in March 1987 at 9:30", ["March 1987", "9:30"]),
        ("on the 21st March it grew by 12.5% to 1,200,000", ["21st March", "12.5%", "1,200,000"]),
        ("on 2024-05-17 and 17/05/2024", ["2024-05-17", "17/05/2024"]),
        ("am 3. März 1954 und ab dem 1. Juli um 5 Uhr", ["3. März 1954", "1. Juli", "5"]),
        ("syntyi 3. maaliskuuta 1954", ["3. maaliskuuta 1954"]),
        ("narozen 3. 5. 1954", ["3. 5. 1954"]),
        ("nació el 3 de marzo de 1954", ["3 de marzo de 1954"]),
        ("le 1er mai, en mars 1954", ["1er mai", "mars 1954"]),
        ("родился 3 марта 1954 г.", ["3 марта 1954"]),
        ("5 Mars bars, 12 houses 1954", ["5", "12", "1954"]),
        ("version v2 of the B12 pill", []),
        ("वह १९८७ में खुला", ["१९८७"]),
    ],
)
def test_numbers_and_dates(finder: SpanFinder, sentence: str, numbers: list[str]) -> None:
    assert _texts(finder, sentence, "number") == numbers


HINDI = [
    "भारतीय रेल का मुख्यालय नई दिल्ली में है।",
    "यह रेल का सबसे बड़ा कारखाना है।",
    "रेल का इतिहास लंबा है।",
]


# Broken by: \w alone for a word's letters (vowel signs aren't \w, so words are torn apart).
def test_a_script_without_capitals_gives_whole_rare_words() -> None:
    finder = SpanFinder(HINDI)
    found = _texts(finder, HINDI[0], "term")
    assert "भारतीय" in found
    assert "मुख्यालय" in found
    words = HINDI[0].rstrip("।").split()
    assert set(found) <= set(words)


@pytest.mark.parametrize("text", ["", "।", "我来了。", "123", "...", "’s", "É"])
def test_any_text_passes(finder: SpanFinder, text: str) -> None:
    _texts(finder, text)
    _texts(SpanFinder([]), text)
