"""What the report says of text that no probes can be made of."""

from __future__ import annotations

from steep.stages.probes import unprobed


def test_prose_without_spaces_is_named() -> None:
    # Broken by: unprobed that returns nothing.
    texts = (("a", "本仓库于1980年由王伟先生建立。"), ("b", "The store was founded by Wang Wei."))
    (note,) = unprobed(texts)
    assert "1 of 2 documents" in note
    assert unprobed(texts[1:]) == []
