"""Cleaning keeps every letter of every script: properties over generated texts."""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter

import pytest

from steep.documents.cleaning.clean import clean_text
from steep.documents.cleaning.tally import Tally, characters_kept
from steep.documents.cleaning.unwrap import unwrap
from steep.documents.formats import Piece
from steep.documents.sandbox.child import Terms, clean_piece

SCRIPTS = {
    "hindi": "कखगघङचछजझञटठडढणतथदधनपफबभमयरलवशषसह" + "ािीुूृेैोौंः्",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهوي" + "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652",
    "persian": "پچژگکیابتد" + "\u200c",
    "hebrew": "אבגדהוזחטיכלמנסעפצקרשת" + "\u05b0\u05b4\u05b8\u05bc",
    "chinese": "公司成立于年总部位北京主要从事软件开发工作",
    "japanese": "かきくけこサシスセソ東京会社設立が゛",
    "thai": "กขคงจฉชซญฐณดตถทธนบปผฝพฟภมยรลวศษสหอฮ" + "ะัาิีึืุูเแโใไ็่้๊๋์",
    "korean": "가나다라마바사아자차카타파하한국어",
    "tamil": "கஙசஞடணதநபமயரலவழளறன" + "ாிீுூெேைொோௌ்",
    # Of the European ones no two accented letters stand side by side: such runs ("ßŁ", "çœ") stand
    # in no word, and are what ftfy takes for UTF-8 read as something else, and repairs.
    "german": "abcdefghijklmnopqrstuvwxyzäöüß",
    "french": "abcdefghijklmnopqrstuvxyzéèêëàâçîïôûùœ",
    "polish": "abcdefghijklmnoprstuwyząćęłńóśźż",
    "czech": "abcdefghijklmnoprstuvyzáčďéěíňóřšťúůýž",
    "danish": "abcdefghijklmnoprstuvyæøå",
    "vietnamese": "abcdeghiklmnopqrstuvxyăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệ",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєґ",
    "combining": "aeiou" + "\u0300\u0301\u0302\u0303\u0308\u0323\u0327",
    "emoji": "😀🎉👩❤🔬" + "\u200d\ufe0f",
}
SEEDS = range(25)
ACCENTS = re.compile(r"([^\x00-\x7f])[^\x00-\x7f]")


def generated(script: str, seed: int) -> str:
    """Words, lines and paragraphs of a script's letters; no word begins with a mark."""
    rng = random.Random(f"{script} {seed}")
    letters = [c for c in SCRIPTS[script] if unicodedata.category(c)[0] in "LS"]
    words = []
    for _ in range(rng.randint(1, 120)):
        inner = rng.choices(SCRIPTS[script], k=rng.randint(0, 7))
        word = rng.choice(letters) + "".join(inner) + rng.choice(letters)
        words.append(ACCENTS.sub(r"\1a", word) if letters[0] == "a" else word)
    return "".join(
        word + rng.choice([" ", " ", " ", "\n", "\n\n", "  ", "\t", "\r\n"]) for word in words
    )


def letters(text: str) -> Counter[str]:
    """Everything that is to be seen, in composed form, and the joiners that shape it."""
    text = unicodedata.normalize("NFC", text)
    return Counter(c for c in text if not c.isspace())


# Broken by: joiners taken for junk, or marks (category Mn) removed.
@pytest.mark.parametrize("script", SCRIPTS)
def test_no_letter_is_lost(script: str) -> None:
    for seed in SEEDS:
        text = generated(script, seed)
        cleaned = clean_text(text)
        assert letters(cleaned) == letters(text)
        assert clean_text(cleaned) == cleaned


@pytest.mark.parametrize("script", SCRIPTS)
def test_words_keep_their_order_when_lines_are_joined(script: str) -> None:
    for seed in SEEDS:
        text = generated(script, seed).replace("\r\n", "\n").replace("\t", " ")
        found = unwrap(text)
        assert "".join(found.text.split()) == "".join(text.split())


# Broken by: a step of cleaning that takes something out without counting it.
@pytest.mark.parametrize("script", SCRIPTS)
def test_the_books_of_cleaning_balance(script: str) -> None:
    for seed in SEEDS:
        tally = Tally()
        text = generated(script, seed) + "\x00\u00ad\x1b[31m password=hunter2hunter3"
        piece = clean_piece(Piece(text, may_be_wrapped=seed % 2 == 0), "a.txt", Terms(), tally)
        assert isinstance(piece, Piece)
        assert characters_kept(tally.cleaning) == len(piece.text)


def test_code_keeps_its_shape() -> None:
    for seed in SEEDS:
        rng = random.Random(seed)
        lines = []
        for number in range(40):
            depth = rng.randint(0, 4)
            lines.append(f"{'    ' * depth}x{number} = f({rng.randint(0, 9)}, 'a  b')")
        code = "\n".join(lines).strip()
        kept = clean_text(code).split("\n")
        assert [len(a) - len(a.lstrip()) for a in kept] == [
            len(b) - len(b.lstrip()) for b in code.split("\n")
        ]
        assert unwrap(code).text == code
