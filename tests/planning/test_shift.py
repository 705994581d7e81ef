"""More replay is proposed for another language, and not for other words."""

from __future__ import annotations

import pytest

from steep.documents.record import Document
from steep.planning.advice import Predicted
from steep.planning.shift import is_new_language, on_language, scripts

ENGLISH = ["The pump drives the valve when it rains, said Zoë of the naïve café."]
HINDI = ["पंप वाल्व को चलाता है जब बारिश होती है।", "The café."]
GERMAN = ["Die Pumpe treibt das Ventil an, wenn es regnet."]


def predicted(domain: float, general: float = 0.9) -> Predicted:
    return Predicted(domain, general, 1000)


# Broken by: foreign counted over all characters, or a threshold on the wrong side.
@pytest.mark.parametrize(
    ("texts", "known", "share", "is_new"),
    [
        (HINDI, None, 0.2, True),
        (HINDI, predicted(1.3), 0.2, True),
        (HINDI, predicted(0.6), 0.2, False),  # another script that the model reads well
        (HINDI, predicted(1.3), 0.25, False),  # enough already
        (GERMAN, None, 0.2, False),  # the script can't tell
        (GERMAN, predicted(2.0), 0.2, True),
        (ENGLISH, predicted(1.4), 0.2, False),  # a subject of its own, in the model's language
        (ENGLISH, None, 0.0, False),
        ([], None, 0.2, False),
        (["1234 + 5"], None, 0.2, False),
    ],
)
def test_a_new_language_asks_for_more_replay(
    texts: list[str], known: Predicted | None, share: float, is_new: bool
) -> None:
    documents = [Document(text, f"{n}", "x.txt", f"line {n}") for n, text in enumerate(texts)]
    found = on_language(documents, known, share)
    assert (found is not None) == is_new
    if share < 0.25:
        assert is_new_language(documents, known) == is_new
    if found is not None:
        assert "data.general_share = 0.25" in found.text
        assert ("Devanagari" in found.text) == (texts is HINDI)
        assert ("bits per byte" in found.text) == (known is not None)


def test_scripts_are_shares_of_letters() -> None:
    assert scripts(["ab1!", "пр"]) == {"LATIN": 0.5, "CYRILLIC": 0.5}
    assert scripts(["日本語"]) == {"CJK": 1.0}
    assert scripts([]) == {}
