import random
import subprocess
import sys

import numpy as np

from steep.documents.deduplicate import deduplicate, near_duplicate_groups, signature
from steep.documents.record import Document


def doc(text: str, source: str = "docs/a.txt", locator: str = "") -> Document:
    return Document(text, "t", source, locator)


def prose(seed: int, words: int = 120) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=6)) for _ in range(words)]


def test_exact_copies_keep_the_first() -> None:
    first, other = doc("Hello  World", locator="row 1"), doc("else", "b.txt")
    kept, drops = deduplicate([first, other, doc("hello\nworld", "c.txt"), doc(" ", "d.txt")])
    assert kept == (first, other)
    assert [(d.source, d.reason, d.detail) for d in drops] == [
        ("c.txt", "duplicate", "same text as docs/a.txt row 1"),
        ("d.txt", "empty", "no text after cleaning"),
    ]


def test_near_copies_share_a_group_and_others_do_not() -> None:
    base = prose(1)
    changed = [*base]
    changed[10], changed[60], changed[100] = "changed", "words", "here"
    texts = [" ".join(prose(2)), " ".join(base), " ".join(prose(3)), " ".join(changed), "", "ab"]
    assert near_duplicate_groups([doc(t) for t in texts]) == [0, 1, 2, 1, 3, 4]
    assert near_duplicate_groups([]) == []


def test_near_copies_in_other_scripts() -> None:
    chinese = "公司成立于一九九八年，总部位于北京，主要从事软件开发工作，产品销往全球各地的客户。"
    hindi = "कंपनी की स्थापना पुणे में हुई और वह सॉफ्टवेयर बनाती है, जो पूरे देश में बिकता है। "
    groups = near_duplicate_groups(
        [doc(chinese), doc(hindi), doc(chinese + "完"), doc(hindi + "बस।")]
    )
    assert groups == [0, 1, 0, 1]


def test_groups_are_closed_over_chains() -> None:
    base = prose(4)
    chain = [doc(" ".join([*prose(5, step * 14), *base[step * 14 :]])) for step in range(6)]
    assert len(set(near_duplicate_groups([chain[0], chain[-1]]))) == 2
    assert len(set(near_duplicate_groups(chain))) == 1


def test_many_copies_in_one_bucket() -> None:
    base = prose(6)
    copies = [doc(" ".join([*base, str(number)])) for number in range(200)]
    assert set(near_duplicate_groups(copies)) == {0}


def test_signatures_estimate_jaccard() -> None:
    words = prose(7, 2000)
    half = " ".join(words[:1000]), " ".join(words[500:1500])
    agreement = float(np.mean(signature(half[0]) == signature(half[1])))
    assert abs(agreement - 1 / 3) < 0.2


def test_signatures_are_the_same_in_another_process() -> None:
    code = (
        "from steep.documents.deduplicate import signature;"
        "print(signature('the same text, नमस्ते').tolist())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == str(signature("the same text, नमस्ते").tolist())
