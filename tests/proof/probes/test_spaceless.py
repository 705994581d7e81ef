"""Scripts without spaces: values, sentences, and questions made of them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from steep.corpus.retell import retell
from steep.corpus.sentences import split_sentences
from steep.documents.record import Document
from steep.proof.probes.build import Draft, draft_probes
from steep.proof.probes.choices import Choices
from steep.proof.probes.index import Index
from steep.proof.probes.items import find_items
from steep.proof.probes.screen import Wanted, screen
from steep.proof.probes.spaceless import Spaceless, is_spaceless_statement, sentences_of
from steep.proof.probes.told import Told
from steep.proof.probes.units import grams_of, script_of
from steep.proof.questions import DISTRACTORS
from steep.proof.tokens import written_units
from steep.recipe import RetellRecipe
from tests.proof.probes.corpus import mills
from tests.proof.probes.spaceless import KEEPERS, MAKERS, SHIPS, ferry, garden, tea_house
from tests.proof.probes.test_screen import Told as Knows

MAKES = (garden, ferry, tea_house)
Make = Callable[[int], Document]


def values(sentence: str) -> list[tuple[str, str, str]]:
    found = Spaceless([[sentence]], lambda word: word == "table").values(0, sentence)
    assert all(sentence[v.start : v.end] == v.text for v in found)
    return [(value.text, value.kind, value.unit) for value in found]


# Broken by: any of the patterns left out, or tried in another order.
@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("该公司的注册资本为3000万元，由三位股东出资。", ("3000万", "amount", "元")),
        ("資本金は1億2000万円で、三人が出した。", ("1億2000万", "amount", "円")),
        ("仓库里存放着25个木箱，都贴着封条。", ("25", "number", "个")),
        ("全长约12,500米的栈道环绕着湖面。", ("12,500", "number", "米")),
        ("馆内收藏古籍4300余册，其中多为孤本。", ("4300", "number", "册")),
        ("床面積は1800平方メートルである。", ("1800", "number", "平方メートル")),
        ("彼は三人と3年間そこで研究を続けた。", ("3", "number", "年間")),
        ("展览在2024年3月5日正式对外开放。", ("2024年3月5日", "date", "")),
        ("式典は令和6年4月1日に行われた。", ("令和6年4月1日", "date", "")),
        ("文件签署于二〇二四年三月五日，一式三份。", ("二〇二四年三月五日", "date", "")),
        ("系统于2024-03-05完成升级并恢复服务。", ("2024-03-05", "date", "")),
        ("藏书楼于1702年毁于一场大火。", ("1702", "year", "年")),
        ("会议于上午9时30分在礼堂开始。", ("9时30分", "time", "")),
        ("门票在旺季上涨了12.5%，游客仍然很多。", ("12.5%", "percentage", "")),
        ("每件的价格为¥3,500，含运费和税。", ("¥3,500", "amount", "")),
        ("他发表了《水乡的春天》并获奖。", ("水乡的春天", "title", "")),
        ("駅前に「みなと水族館」が建てられた。", ("みなと水族館", "title", "")),
        ("創業者のスズキ・タロウは島で育った。", ("スズキ・タロウ", "katakana", "")),
        ("连夜进行维修的是Norvik Marine的工程师。", ("Norvik Marine", "name", "")),
        ("翻译部分由模型GPT-4负责完成初稿。", ("GPT-4", "code", "")),
        ("ร้านเปิดเมื่อวันที่ 5 มีนาคม พ.ศ. 2567 ริมน้ำ", ("5 มีนาคม พ.ศ. 2567", "date", "")),
        ("ร้านเปิดเมื่อวันที่ 5 มี.ค. 2567 ริมน้ำ", ("5 มี.ค. 2567", "date", "")),
        ("โรงงานสร้างขึ้นในปี 2539 ริมแม่น้ำ", ("2539", "year", "")),
        ("กาแฟแก้วละ 120 บาท รวมภาษีแล้ว", ("120", "amount", "บาท")),
        ("กาแฟแก้วละ ๑๒๐ บาท รวมภาษีแล้ว", ("๑๒๐", "amount", "บาท")),
        ("ลงทุนไปทั้งหมด 3 ล้านบาทในปีแรก", ("3 ล้าน", "amount", "บาท")),
        ("มีพนักงานประจำ 1,250 คน ทำงานที่นี่", ("1,250", "number", "คน")),
        ("ร้านเปิดทุกวันเวลา 8.30 น. ถึงเย็น", ("8.30", "time", "")),
    ],
)
def test_kinds(sentence: str, expected: tuple[str, str, str]) -> None:
    assert expected in values(sentence)


# Broken by: no _JOINED_BEFORE or _JOINED_BEHIND; months and days alone; quoted speech; any Latin.
@pytest.mark.parametrize(
    "sentence",
    [
        "具体的处罚办法见本规定第12条。",
        "报名的人数大约有10~20人左右。",
        "每年的庆典都在3月举行，很热闹。",
        "他笑着说「今天真热闹！明天再来。」就走了。",
        "请用table标签来排列这些内容。",
    ],
)
def test_what_states_nothing(sentence: str) -> None:
    assert values(sentence) == []


# Broken by: katakana whatever number of documents has it.
def test_katakana_that_other_documents_have_asks_for_nothing() -> None:
    texts = [[f"このサービスでは{ship}という船を予約できる。"] for ship in SHIPS]
    finder = Spaceless(texts, lambda _: False)
    for number, (text,) in enumerate(texts):
        assert [value.text for value in finder.values(number, text)] == [SHIPS[number]]


# Broken by: terms and katakana that a tokenizer has as one token.
def test_everyday_words_ask_for_nothing() -> None:
    everyday = {"公司", "メーカー"}
    chinese = ["公司成立。", "这家公司很大。", "人人都说公司好。"]
    chinese += ["青石镇来了。", "人在青石镇。", "说到青石镇，好。"]
    texts = [chinese, ["ミナモはメーカーが造った。"]]
    for is_common, kinds in ((lambda _: False, 4), (everyday.__contains__, 2)):
        finder = Spaceless(texts, is_common)
        found = [v.text for n, own in enumerate(texts) for t in own for v in finder.values(n, t)]
        assert len(set(found)) == kinds and {"青石镇", "ミナモ"} <= set(found)


def test_statements() -> None:
    # Broken by: any test in is_spaceless_statement left out.
    assert is_spaceless_statement("藏书楼于1702年毁于一场大火。")
    assert is_spaceless_statement("ร้านนี้เปิดทุกวันตั้งแต่เช้าจนถึงค่ำ")
    for text in (
        "目录", "藏书楼毁于哪一年的大火？", "藏书楼（于1702年毁于一场大火。", "园林" * 100,
        "见 {{ 园林 }} 的页面上的藏书楼大火记载。", "园主如下所列的几位先生：",
        "一 二 三 四 五 … … … … … … … … … … … … … … …",
    ):  # fmt: skip
        assert not is_spaceless_statement(text), text


# Broken by: split_sentences alone, for which all of it is one sentence cut behind "พ.ศ.".
def test_thai_is_cut_at_its_spaces() -> None:
    parts = sentences_of(tea_house(0).text)
    assert len(parts) > 2 and " ".join(parts) == tea_house(0).text
    assert any("พ.ศ. 2531" in part for part in parts)
    assert not any(part[0].isdigit() or part[-1].isdigit() for part in parts)
    assert sentences_of(garden(0).text) == [f"{s}。" for s in garden(0).text.split("。")[:-1]]
    assert sentences_of(mills(1)[0].text) == split_sentences(mills(1)[0].text)


def drafted(make: Make, *extra: str, trained: int = 12) -> Draft:
    documents = [make(number) for number in range(14)]
    some = documents[:trained]
    texts = [p.prompt + p.text for p in retell(some, RetellRecipe(), random.Random(0))]
    return draft_probes(
        some, documents[trained:], [*texts, *extra], is_common=lambda _: False, wanted=99, seed=0
    )


# Broken by: words_of that takes a clause for a word: no question has anything that tells.
@pytest.mark.parametrize(
    ("make", "kinds"),
    [
        (garden, {"number", "year", "date", "amount", "title", "term"}),
        (ferry, {"number", "date", "amount", "title", "katakana", "name"}),
        (tea_house, {"number", "date", "amount", "year", "name"}),
    ],
)
def test_every_script_is_asked(make: Make, kinds: set[str]) -> None:
    draft = drafted(make)
    asked = Counter(candidate.question.relation for candidate in draft.facts)
    assert set(asked) == kinds and min(asked.values()) >= 9, asked
    assert len(draft.controls) >= 9 and draft.worded_as_trained == 0
    assert len({candidate.question.cluster for candidate in draft.facts}) == 12


# Broken by: a pool of all scripts, or one that puts size before what is counted.
@pytest.mark.parametrize("make", MAKES)
def test_choices_are_of_one_sort(make: Make) -> None:
    for candidate in drafted(make).facts:
        question = candidate.question
        assert len(set(question.choices)) == DISTRACTORS + 1
        assert question.choices.count(question.answer) == 1
        assert len({script_of(choice) for choice in question.choices}) == 1, question.choices
        assert len({any(c.isdigit() for c in choice) for choice in question.choices}) == 1


# Broken by: a pool of all scripts: six Chinese dates, and Thai ones beside them.
def test_too_few_of_a_script_are_not_asked_with_another_ones() -> None:
    documents = [*(garden(n) for n in range(6)), *(tea_house(n) for n in range(12))]
    draft = draft_probes(documents, [], (), is_common=lambda _: False, wanted=999, seed=0)
    asked = [c.question for c in draft.facts if c.question.relation == "date"]
    assert asked and all("พ.ศ." in choice for q in asked for choice in q.choices)
    assert draft.without_choices >= 6


# Broken by: other counters among the wrong answers though there are enough of the same.
def test_numbers_stand_against_what_is_counted_alike() -> None:
    said = "港湾倉庫には昭和初期製造の救命胴衣が現在も{}着保管されている。"
    ferries = [replace(d := ferry(n), text=d.text + said.format(121 + 35 * n)) for n in range(14)]
    draft = draft_probes(ferries, [], (), is_common=lambda _: False, wanted=999, seed=0)
    asked = [c.question for c in draft.facts if c.question.relation == "number"]
    for counted in (120, 121):
        alike = {str(counted + 35 * number) for number in range(14)}
        assert sum(set(question.choices) <= alike for question in asked) == 14


# Broken by: grams of four units that WORD finds: a clause is one, and no question has four.
@pytest.mark.parametrize("make", MAKES)
def test_no_question_has_four_words_of_a_training_text(make: Make) -> None:
    free = drafted(make)
    documents = [make(number) for number in range(12)]
    texts = [p.prompt + p.text for p in retell(documents, RetellRecipe(), random.Random(0))]
    held = {gram for text in texts for gram in grams_of(written_units(text))}
    for candidate in free.facts:
        for question in (candidate.question, candidate.other):
            _, _, notes = question.question.partition(": ")  # the title doesn't count as wording
            assert notes and not held & set(grams_of(written_units(notes)))
    said = [c.question.question.partition(": ")[2] for c in free.facts[:20]]
    bound = drafted(make, " ".join(said))
    assert bound.worded_as_trained >= 20 and len(bound.facts) <= len(free.facts) - 20


# Broken by: _tells that asks for many stretches, or for none.
def test_a_control_that_a_trained_document_tells_is_left_out() -> None:
    documents = [garden(number) for number in range(14)]
    index = Index(documents, lambda _: False, ())
    items = find_items(index, Choices(index, range(12)))
    carp = next(item for item in items if item.value == "168")

    def tells(text: str) -> bool:
        note = Document(text, "", "note.txt")
        trained = [*documents[:12], note]
        told = Told(Index([*trained, *documents[12:]], lambda _: False, ()), trained)
        apart = Told(index, documents[:12]).untold([carp], [note]) == []
        assert told.holds(carp) is apart
        return apart

    assert tells("有人数过，池塘里一共养着168条锦鲤。")
    assert not tells("有人数过，池塘里一共有68条锦鲤。")
    assert not tells("那一年的花会上一共来了168位摄影师。")
    assert not tells("那一年在池塘边一共来了168位摄影师。")
    assert tells("落霞园的门票上印着号码168。") and not tells("落霞园的门票上印着号码167。")


# Broken by: find_facts without _gives_away: the garden's name answers.
def test_what_shares_characters_with_its_title_is_not_asked() -> None:
    named = [replace(garden(n), title=f"{KEEPERS[n][1:]}与园林") for n in range(14)]
    draft = draft_probes(named, [], (), is_common=lambda _: False, wanted=99, seed=0)
    asked = {candidate.question.relation for candidate in draft.facts}
    assert "number" in asked and "term" not in asked


# Broken by: frames of the corpus for all its sentences, or a corpus that its stretches outvote.
def test_in_a_mixed_corpus_each_is_asked_in_its_own_way() -> None:
    documents = [*mills(12), *(garden(number) for number in range(12))]
    draft = draft_probes(documents, [], (), is_common=lambda _: False, wanted=999, seed=0)
    mixed = {c.question.question for c in draft.facts if script_of(c.question.question)}
    english = {c.question.question for c in draft.facts} - mixed
    assert len(mixed) > 40 and len(english) > 20
    assert not any("gap" in question or "notes" in question for question in mixed)
    assert all("gap" in q or "notes" in q or "complete" in q.casefold() for q in english)


# Broken by: a pattern that counts the values of the sentence in.
def test_what_documents_say_alike_is_asked_once() -> None:
    said = "{}与{}提醒各位来访者，观赏票自售出之日起5天内在门口有效。"
    alike = [
        replace(d := garden(n), text=d.text + said.format(d.title, MAKERS[n])) for n in range(12)
    ]
    draft = draft_probes(alike, [], (), is_common=lambda _: False, wanted=999, seed=0)
    assert sum(c.question.answer == "5" for c in draft.facts) == 1


# Broken by: _lead that takes any beginning, or asks for three stretches to be telling.
def test_the_beginning_of_a_sentence_is_asked_where_it_says_whose() -> None:
    texts = [c.text for c in drafted(ferry).facts if c.text is not None]
    assert texts and all(text.question.endswith("大人が") for text in texts)
    assert {text.answer for text in texts} == {str(1500 + 120 * number) for number in range(12)}


def test_too_little_is_no_error() -> None:
    # Broken by: a finder that needs documents, or nine values of a kind.
    for texts in ([], [""], ["园林。"], [garden(0).text], [MAKERS[0]]):
        documents = [Document(text, "", f"{n}.txt") for n, text in enumerate(texts)]
        draft = draft_probes(documents, [], (), is_common=lambda _: False, wanted=9, seed=0)
        assert draft.facts == ()


# Broken by: choices in a sentence that begin with a space, or a beginning that isn't asked.
def test_what_the_base_model_knows_is_left_out() -> None:
    facts = drafted(ferry).facts
    known = next(c for c in facts if c.text is not None and c.question.answer == "1860")
    assert known.text is not None
    answer = known.question.answer
    both = {known.other.question: answer, known.text.question: answer}
    for likes, left in ((both, 1), ({known.other.question: answer}, 0)):
        scorer: Any = Knows(likes)
        found = screen(scorer, Draft(facts, (), 9, 9, 0, 0), Wanted(99, 9, 9, 9), None)
        assert found.counts.known == left
        assert (known.question in found.questions) is (left == 0)


# Broken by: Choices without _is_same_year: 2024 beside 2567 in one corpus.
def test_a_year_of_another_calendar_is_no_wrong_answer() -> None:
    said = "อาคารหลังใหม่ของโรงเรียนริมน้ำสร้างเสร็จเรียบร้อยเมื่อปี {} และเปิดใช้ทันที"
    years = [*range(2560, 2570), *range(2017, 2027)]
    documents = [
        Document(said.format(year), f"โรงเรียนที่ {n}", f"{n}.txt") for n, year in enumerate(years)
    ]
    draft = draft_probes(documents, [], (), is_common=lambda _: False, wanted=99, seed=0)
    asked = [c.question for c in draft.facts if c.question.relation == "year"]
    assert len(asked) == 20
    for question in asked:
        year = int(question.answer)
        assert not {str(year + 543), str(year - 543)} & set(question.choices)
