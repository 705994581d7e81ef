import random
import subprocess
import sys
from dataclasses import replace

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


def record(text: str, locator: str, title: str = "", **fields: str) -> Document:
    told = ("title",) if title else ()
    all_fields = (("title", title), *fields.items()) if title else tuple(fields.items())
    return Document(text, title or "kb", "docs/kb.csv", locator, all_fields, told)


def left(*documents: Document) -> list[str]:
    return [document.locator for document in deduplicate(documents)[0]]


# Broken by: _record returning "" (text alone); without the title; without the fields.
def test_records_are_copies_only_with_their_titles_and_fields() -> None:
    asked = [("Is lunch paid?", "Yes."), ("Is parking free?", "No."), ("Home work?", "Yes.")]
    answers = [record(text, f"row {n}", title) for n, (title, text) in enumerate(asked, start=1)]
    again = record("yes.", "row 4", "is lunch PAID?")
    assert left(*answers, again) == ["row 1", "row 2", "row 3"]
    assert deduplicate([*answers, again])[1][0].detail == "same text as docs/kb.csv row 1"
    doses = [record("Analgesic", f"row {n}", dose=f"{n} mg") for n in (1, 2, 2)]
    assert left(*doses) == ["row 1", "row 2"]


LONG = "Rain is water that falls from clouds. " * 8


# Broken by: is_label always False; loosely always True (P-1 and P-2); loosely never.
def test_what_only_labels_a_record_makes_no_other_of_it() -> None:
    for name, one, other in (
        ("id", "17", "18"),
        ("url", "https://example.org/1", "https://example.org/2"),
        ("crawled", "2026-03-02 early", "2026-03-03 late"),
        ("seen", "2026-03-02T10:00:00Z", "2026-03-03T10:00:00Z"),
    ):
        for text in ("Great!", LONG):
            assert left(record(text, "a", **{name: one}), record(text, "b", **{name: other})) == [
                "a"
            ]
    codes = [record("Bearing", f"row {n}", part_id=f"P-{n}") for n in (1, 2)]
    assert left(*codes) == ["row 1", "row 2"]
    assert left(*(replace(code, text=LONG) for code in codes)) == ["row 1"]
    ids = [Document("Great!", n, "a.csv", n, (("id", n),), ("id",)) for n in "12"]
    assert left(*ids) == ["1"]
    sizes = [record(LONG, "a", size="40"), record(LONG, "b", size="42")]
    assert left(*sizes) == ["a", "b"]


# Broken by: _has_own_title always True.
def test_a_file_name_for_want_of_a_title_is_none() -> None:
    members = [Document("Hello.", n, "docs/all.zip", f"notes/{n}.txt") for n in ("a", "b")]
    assert left(*members) == ["notes/a.txt"]
    tables = [
        Document("Hello.", n, f"docs/{n}.csv.gz", "row 1", (("city", "Bonn"),)) for n in ("a", "b")
    ]
    assert [d.source for d in deduplicate(tables)[0]] == ["docs/a.csv.gz"]
    entries = [Document("Fixes.", f"Release {n}", "NEWS.txt", f"document {n}") for n in "12"]
    assert left(*entries) == ["document 1", "document 2"]


def test_a_text_of_its_own_is_a_copy_of_a_record_that_says_it() -> None:
    told, plain = record(LONG, "row 1", "Rain"), doc(LONG, "rain.txt")
    assert deduplicate([told, plain])[0] == (told,)
    assert deduplicate([plain, told])[0] == (plain, told)


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
