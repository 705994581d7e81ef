"""How many of what."""

from __future__ import annotations

import pytest

from steep.wording import counted


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "0 documents"),
        (1, "1 document"),
        (1.0, "1 document"),  # a median
        (1.5, "1.5 documents"),
        (2, "2 documents"),
        (2400, "2,400 documents"),
        (1_234_567, "1,234,567 documents"),
    ],
)
def test_one_is_one(number: float, expected: str) -> None:
    assert counted(number, "document") == expected


def test_some_nouns_have_a_plural_of_their_own() -> None:
    assert counted(1, "pass", "passes") == "1 pass"
    assert counted(0.3, "pass", "passes") == "0.3 passes"
