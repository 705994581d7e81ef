"""How many of what."""

from __future__ import annotations

import pytest

from steep.wording import counted


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 documents"), (1, "1 document"), (2, "2 documents"), (2400, "2,400 documents")],
)
def test_one_is_one(number: int, expected: str) -> None:
    assert counted(number, "document") == expected
