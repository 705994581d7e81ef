"""What the report says of text that too few probes could be made of."""

from __future__ import annotations

from steep.proof.questions import Form, Question
from steep.stages.probes import unprobed


def asked(count: int, form: Form = "new") -> list[Question]:
    """Probes of a document in Chinese."""
    return [
        Question(f"{form}{n}", f"仓库: 本仓库于____年建立 {n}", "1980", form=form)
        for n in range(count)
    ]


# Broken by: unprobed that returns nothing, that counts every probe, or that asks for ten of a few.
def test_prose_without_spaces_that_gives_too_little_is_named() -> None:
    english = ("b", "The store was founded by Wang Wei.")
    texts = [*((f"a{n}", "本仓库于1980年由王伟先生建立。") for n in range(30)), english]
    (note,) = unprobed(texts, [])
    assert "no probes" in note and "30 of 31 documents" in note
    (note,) = unprobed(texts, [*asked(9), Question("e", "Who founded it?", "Wang Wei")])
    assert "9 probes" in note
    assert len(unprobed(texts, asked(20, "text"))) == 1
    assert unprobed(texts, asked(10)) == []
    assert len(unprobed(texts[-3:], asked(1))) == 1 and unprobed(texts[-3:], asked(2)) == []
    assert unprobed([english], []) == []
