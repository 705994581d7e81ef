"""Signs of dirty documents: seen where there are some, and not in clean text of any script."""

from __future__ import annotations

import random

import pytest

from steep.corpus.reading import reading_texts
from steep.documents.cleaning.quality import garbled_share, repeated_share

CLEAN = [
    "Acme was founded in 1951 by Ada Weber. It's a well-known (and/or feared) e-mail.",
    "J45.0 predominantly allergic asthma; ICD-10 code A01.1, see https://example.org/a_b?c=1",
    "Price: 5€, 20% off (see §3) for C++, C# and A&B.",
    "कंपनी की स्थापना 1951 में हुई थी। 会社は1951年に設立された。 تأسست الشركة عام 1951.",
    "L'été, l\u2019eau: Straßenbahn\u2013Haltestelle, naïve co\u00f6perators.",
]


def garbled(text: str, share: float) -> str:
    rng = random.Random(0)
    return "".join(rng.choice("0|#~1") if c.isalpha() and rng.random() < share else c for c in text)


# Broken by: digits behind letters counted (codes), hyphens taken for noise, or
# letters without case for letters with it.
@pytest.mark.parametrize("text", CLEAN)
def test_clean_text_is_clean(text: str) -> None:
    assert not garbled_share([text])


def test_badly_recognised_text_is_garbled() -> None:
    texts = reading_texts()[:5]
    assert garbled_share(texts) == 0.0
    assert (garbled_share([garbled(text, 0.1) for text in texts]) or 0.0) > 0.15
    assert garbled_share([]) is None
    assert garbled_share(["1 2 3 --"]) is None


# Broken by: lines of one document counted twice, or two documents that agree by chance.
def test_repeated_lines_are_those_of_many_documents() -> None:
    texts = [f"Page header of Acme\nText {n} says this.\nText {n} says that." for n in range(9)]
    share = repeated_share(texts)
    assert share is not None and 0.3 < share < 0.45
    assert repeated_share([text.split("\n", 1)[1] for text in texts]) == 0.0
    assert repeated_share(["Same.\nSame.\nSame."] * 2) is None
