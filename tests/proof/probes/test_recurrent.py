"""Strings that one document repeats."""

from __future__ import annotations

from steep.proof.probes.recurrent import recurrent
from tests.proof.probes.spaceless import KEEPERS, garden

HOME = ["沈怀谷早年经商。", "园主沈怀谷喜欢饮茶。", "邻居都记得沈怀谷的笑声。"]
PLAIN = ["这里的茶很香。", "今天的风很大。", "门前的路很窄。", "远处的山很高。"]


# Broken by: any repeated string, also one that always stands inside a longer one.
def test_a_string_that_stands_alone_is_whole() -> None:
    assert recurrent([HOME]) == [("沈怀谷",)]
    framed = ["园主沈怀谷来了。", "园主沈怀谷走了。", "园主沈怀谷笑了。"]
    assert recurrent([framed]) == [("园主沈怀谷",)]
    assert recurrent([HOME[:2]]) == [()]


# Broken by: no look at other documents, or none at characters that all of them have.
def test_what_other_documents_have_is_no_ones_own() -> None:
    others = [PLAIN, PLAIN[::-1], [*PLAIN, "沈怀谷来过。"]]
    assert recurrent([HOME, *others]) == [(), (), (), ()]
    assert recurrent([HOME, *others[:2]])[0] == ("沈怀谷",)
    likes = [["茶的香气。", "茶的味道很好。", "喝茶的人。"], *[["山的那边。"]] * 4]
    assert recurrent(likes)[0] == ()


def test_every_garden_has_its_keeper() -> None:
    # Broken by: no look at the characters that half of the documents have.
    documents = [garden(n).text.split("。") for n in range(14)]
    told = [keeper for keeper in KEEPERS if keeper[-1] not in "年楼山林"]
    assert len(told) == 10
    assert recurrent(documents) == [(keeper,) if keeper in told else () for keeper in KEEPERS]


# Broken by: Thai cut inside a syllable, or where no phrase begins or ends.
def test_thai_strings_are_cut_at_syllables_and_phrases() -> None:
    texts = ["คุณสมหญิง เปิดร้าน", "วันนี้คุณสมหญิง ไม่อยู่", "ป้ายชื่อคุณสมหญิง ยังอยู่"]
    assert recurrent([texts]) == [("คุณสมหญิง",)]
    inside = ["นั่งสมหญิงยืน", "เดินสมหญิงวิ่ง", "นอนสมหญิงตื่น"]
    assert recurrent([inside]) == [()]
    assert recurrent([["บ้านสวนา", "บ้านสวนี", "บ้านสวนุ"]]) == [()]
