"""Right-to-left and combining text comes through reading, cleaning and tokens byte for byte."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pytest

from steep.documents.cleaning.clean import clean_text
from steep.documents.read import read_documents
from steep.model.vocabulary import Wanted, extend_tokenizer
from tests.tiny import tiny_tokenizer

# Letters, and marks that stand behind some of them.
SCRIPTS = {
    "hindi": (
        "कखगघचजटडतदनपबमयरलवशसह",
        [
            "ा",
            "ि",
            "ी",
            "ु",
            "ू",
            "े",
            "ै",
            "ो",
            "ौ",
            "ं",
            "ः",
            "ँ",
            "्",
            "़",
            "्र",
            "्य",
            "\u200d",
            "\u200c",
        ],
    ),
    "arabic": (
        "ابتثجحخدذرزسشصضطظعغفقكلمنهوي",
        ["َ", "ِ", "ُ", "ّ", "ْ", "ً", "ٌ", "ٍ", "\u200f", "\u200c"],
    ),
    "hebrew": ("אבגדהוזחטיכלמנסעפצקרשת", ["ָ", "ַ", "ֶ", "ֵ", "ִ", "ֹ", "ּ", "ׁ"]),
    "latin": ("aeioucnsz", ["́", "̈", "̧", "̣", "̇", "̱"]),
    "thai": ("กขคงจชซดตทนบปผพมยรลวสหอ", ["ิ", "ี", "ึ", "ื", "ุ", "ู", "่", "้", "์", "\u200b"]),
}
STOPS = {"hindi": "।", "arabic": "؟", "thai": ""}


def running_text(script: str, seed: int) -> str:
    """Paragraphs of random words of a script, as a careful writer leaves them (NFC, tidy)."""
    draw = random.Random(seed)
    letters, marks = SCRIPTS[script]

    def word() -> str:
        parts = (
            draw.choice(letters) + (draw.choice(marks) if draw.random() < 0.5 else "")
            for _ in range(draw.randint(2, 8))
        )
        return "".join(parts).rstrip("\u200b\u200c\u200d\u200f")

    def sentence() -> str:
        words = [word() for _ in range(draw.randint(5, 12))]
        if draw.random() < 0.3:
            words.insert(draw.randrange(len(words)), draw.choice(["1987", "(abc)", "x+1", "😀"]))
        return " ".join(words) + STOPS.get(script, ".")

    paragraphs = (" ".join(sentence() for _ in range(draw.randint(2, 5))) for _ in range(4))
    return unicodedata.normalize("NFC", "\n\n".join(paragraphs))


@pytest.mark.parametrize("script", SCRIPTS)
def test_it_comes_through(script: str, tmp_path: Path) -> None:
    # Seen to fail with marks or joiners (Mn, Cf) taken out in cleaning.
    texts = [running_text(script, seed) for seed in range(20)]
    for number, text in enumerate(texts):
        (tmp_path / f"{number:02d}.txt").write_bytes(text.encode())
    read = {document.text for document in read_documents([str(tmp_path)])}
    assert read == set(texts)


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("script", SCRIPTS)
def test_tokens_decode_to_the_same_bytes(script: str, exact: bool) -> None:
    # Seen to fail with the text normalised (NFD) before it is split.
    texts = [running_text(script, seed) for seed in range(40)]
    old = tiny_tokenizer()
    word = texts[0].split()[0]
    wanted = Wanted([word], 80, texts[:10], whole_words=exact, join_marks=exact)
    found = extend_tokenizer(old, wanted, len(old))
    assert found is not None
    for text in texts:
        assert clean_text(text) == text
        for tokenizer in (old, found.tokenizer):
            ids = tokenizer.encode(text, add_special_tokens=False)
            assert tokenizer.decode(ids).encode() == text.encode()
    saved = sum(len(found.tokenizer.encode(text)) for text in texts)
    assert saved < sum(len(old.encode(text)) for text in texts)
