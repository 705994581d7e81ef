"""Grading free answers, and asking."""

from __future__ import annotations

import subprocess
import sys

import pytest

from steep.proof.answers import evaluate_accuracy, normalise_answer, same_answer, test_knowledge
from tests.tiny import tiny_model, tiny_tokenizer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Eiffel Tower.", "eiffel tower"),
        ("  “A dog”\nand more", "dog"),
        ("Vitamin A", "vitamin a"),
        ("the", "the"),
        ("1,234,567 people", "1234567 people"),
        ("3.5", "3.5"),
        ("-5 °C", "-5 c"),
        ("1987\u20131990", "1987 1990"),
        ("STRASSE", normalise_answer("straße")),
        ("\uff21\uff22\uff23", "abc"),
        ("C++", "c++"),
        ("हिन्दी", normalise_answer("हिन्दी।")),
        ("> 5 mmol/L", ">5 mmol l"),
        ("at least 5 days", "≥5 days"),
        ("US$ 500", "us $500"),
        ("500 €", "€500"),
        ("२०२३", "2023"),
        ("٥٫٥", "5.5"),
        ("0,5 mg", "0.5 mg"),
        ("1.234.567,5", "1234567.5"),
        ("1,00,000", "100000"),
        ("pages 5-10", "pages 5 10"),
        ("10 minus 5", "10 minus 5"),
        ("", ""),
        ("…", ""),
    ],
)
def test_normalise(text: str, expected: str) -> None:
    assert normalise_answer(text) == expected


def test_scripts_keep_their_marks() -> None:
    assert normalise_answer("हिन्दी") != normalise_answer("हनद")
    assert normalise_answer("C") != normalise_answer("C++")


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("Paris", "paris"),
        ("Paris, France.", "Paris"),
        ("It is Paris.", "Paris"),
        ("The answer is: Paris\n\nQuestion: next", "Paris"),
        ("the Eiffel Tower", "Eiffel Tower"),
        ("Paris, not London", "Paris"),
        ("It is not London but Paris", "Paris"),
        ("It isn't London, it is Paris", "Paris"),
        ("1,000,000", "1000000"),
        ("1 000 000", "1000000"),
        ("1987.", "1987"),
        ("in 1987, in a garage", "1987"),
        ("It was founded in March 1987", "1987"),
        ("12 million", "12 million"),
        ("NYC", ["New York City", "NYC"]),
        ("No", "no"),
        ("東京です", "東京"),
        ("O'Neill", "o\u2019neill"),
        ("McDonald's", "McDonalds"),
        ("It was a dog", "A dog"),
        ("42%", "42 percent"),
        ("A positive", "A positive"),
        ("On May 3rd, 2021.", "3 May 2021"),
        ("2021-05-03", "May 3, 2021"),
        ("3 May 2021", "2021-05-03"),
        ("2021-05-03", "2021"),
        ("healthcare", "health care"),
        ("co-operation", "cooperation"),
        ("5 days or more", "5 days"),
        ("it takes 5 to 10 days", "5 to 10 days"),
        ("TCP/IP", "TCP/IP"),
        ("o Brasil", "Brasil"),
        ("Brasil é o país", "Brasil"),
        ("Berlin - 1999", "Berlin"),
        ("nicht erlaubt", "nicht erlaubt"),
        ("Paris and London", "Paris"),
    ],
)
def test_right(answer: str, truth: str | list[str]) -> None:
    assert evaluate_accuracy(answer, truth)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("19870", "1987"),
        ("1987.5", "1987"),
        ("12,000", "12"),
        ("12 million", "12"),
        ("-5", "5"),
        ("not Paris", "Paris"),
        ("It is not Paris but London", "Paris"),
        ("It isn't Paris.", "Paris"),
        ("Paris is not the capital", "Paris"),
        ("London rather than Paris", "Paris"),
        ("It wasn't O'Neill", "O'Neill"),
        ("no, Paris", ["Paris"]),
        ("Parisian", "Paris"),
        ("Vitamin C", "Vitamin A"),
        ("O positive", "A positive"),
        ("", "Paris"),
        ("Paris", ""),
        ("London\nParis", "Paris"),
        ("We met many people that year, and someone who came from Paris told us so", "Paris"),
        ("York", "New York"),
        ("May 4, 2021", "3 May 2021"),
        ("05/03/2021", "3 May 2021"),
        ("type A or type B", "type B"),
        ("type A or type B", "type A"),
        ("yes or no", "yes"),
        ("yes/no", "no"),
        ("1998, 1999 or 2000", "1998"),
        ("1998, 1999 or 2000", "1999"),
        ("1998, 1999 or 2000", "2000"),
        ("5-10", "5"),
        ("between 5 and 10 days", "10 days"),
        ("2020-2021", "2020"),
        ("15 km/h", "15 km"),
        ("Berlin oder Bonn", "Bonn"),
        ("nicht erlaubt", "erlaubt"),
        ("kein Paris", "Paris"),
        ("pas Paris", "Paris"),
        ("не Москва", "Москва"),
        ("ليس باريس", "باريس"),
        ("hardly 5 days", "5 days"),
        ("far from Paris", "Paris"),
    ],
)
def test_wrong(answer: str, truth: str | list[str]) -> None:
    assert not evaluate_accuracy(answer, truth)


# Broken by: taking only U+0300 to U+036F for marks, in tokens.MARKS or in its _TOKEN.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("राम", "रोम"),
        ("दिन", "दान"),
        ("की", "का"),
        ("রাম", "রোম"),
        ("বাবা", "বোবা"),
        ("மணி", "மணா"),
        ("தாய்", "தீய்"),
        ("తాత", "తోత"),
        ("ಕಾಲು", "ಕೂಲು"),
        ("പാൽ", "പൂൽ"),
        ("ਦਿਨ", "ਦਾਨ"),
        ("દિન", "દાન"),
        ("දින", "දාන"),
        ("กิน", "กัน"),
        ("ปี", "ปู"),
        ("ດີ", "ດູ"),
        ("មី", "មូ"),
        ("မိ", "မု"),
        ("ꯃꯤ", "ꯃꯨ"),
        ("𑄇𑄨", "𑄇𑄪"),
        ("كَتَبَ", "كُتِبَ"),
        ("סֵפֶר", "סַפָּר"),
        ("resume", "résumé"),
        ("ha\u0300", "ha\u0301"),
    ],
)
def test_words_that_differ_in_one_sign_differ(one: str, other: str) -> None:
    for said, true in ((one, other), (other, one)):
        assert not evaluate_accuracy(said, true) and not same_answer(said, true)
        assert normalise_answer(said) != normalise_answer(true)
        assert evaluate_accuracy(said, said)
    assert not evaluate_accuracy(f"x {one} y", other) and evaluate_accuracy(f"x {one} y", one)


# Broken by: comparing optional signs as letters, or leaving them all out.
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("محمد", "مُحَمَّد"),
        ("محمّد", "مُحَمَّد"),
        ("كتاب", "كِتَاب"),
        ("كتاب", "كتـــاب"),
        ("ספר", "סֵפֶר"),
        ("שָׁלוֹם", "שלום"),
        ("می\u200cشود", "میشود"),
    ],
)
def test_signs_that_may_be_left_out_count_only_where_both_have_them(one: str, other: str) -> None:
    assert evaluate_accuracy(one, other) and evaluate_accuracy(other, one)
    assert same_answer(one, other) and same_answer(other, one)


# Broken by: a _NEGATION that is searched without looking at _LIMIT.
@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("Not later than 30 days after receipt", "30 days"),
        ("No more than 4 g in 24 hours", "4 g"),
        ("not exceeding 4 g", "4 g"),
        ("must not exceed 4 g", "4 g"),
        ("without exceeding 4 g", "4 g"),
        ("The dose isn't to exceed 4 g", "4 g"),
        ("no later than 1 May 2024", "1 May 2024"),
        ("not before May 2024", "May 2024"),
        ("no fewer than 3 sites", "3 sites"),
        ("no longer than four weeks", "four weeks"),
        ("It should not be given for longer than five days", "five days"),
        ("It can't be more than 5 mg", "5 mg"),
        ("It was not until 1994", "1994"),
        ("not only Paris", "Paris"),
        ("no más de 4 g", "4 g"),
        ("no más tarde del 3 de mayo", "3 de mayo"),
        ("no máximo 4 g", "4 g"),
        ("No later than 30 days", "No later than 30 days"),
        ("at most 4 g", "no more than 4 g"),
        ("less than 5 mmol/L", "< 5 mmol/L"),
        ("<= 5 %", "≤ 5%"),
    ],
)
def test_a_limit_is_no_denial(answer: str, truth: str) -> None:
    assert evaluate_accuracy(answer, truth)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("not 30 days", "No later than 30 days"),
        ("not 30 days", "30 days"),
        ("not more than 4 g", "more than 4 g"),
        ("not later than May", "later than May"),
        ("no less than 4 g", "no more than 4 g"),
        ("not before Churchill", "Churchill"),
        ("not Paris, but no later than May", "Paris"),
        ("no later than May, not in Paris", "Paris"),
        ("no antibiotics", "antibiotics"),
        ("not < 5", "< 5"),
    ],
)
def test_a_denial_beside_a_limit_stays_one(answer: str, truth: str) -> None:
    assert not evaluate_accuracy(answer, truth)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("5人です", "5人"),
        ("約5人", "5人"),
        ("2013年、5人", "5人"),
        ("1987年3月", "3月"),
        ("不是上海，而是北京", "北京"),
        ("上海没有，北京有", "北京"),
        ("北京，不是上海", "北京"),
        ("不仅北京", "北京"),
        ("不超过5克", "5克"),
        ("南非开普敦", "开普敦"),
        ("東京しかない", "東京"),
        ("1995年になくなった", "1995年"),
        ("กรุงเทพครับ", "กรุงเทพ"),
        ("北" * 60 + "です", "北" * 60),
        ("東京から来た", "東京"),
        ("大阪から東京", "東京"),
    ],
)
def test_right_without_spaces(answer: str, truth: str) -> None:
    assert evaluate_accuracy(answer, truth)


# Broken by: a plain "in" for scripts without spaces.
@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("15人", "5人"),
        ("1.5人", "5人"),
        ("-5度", "5度"),
        ("2013年", "13年"),
        ("13年", "3年"),
        ("十五人", "五人"),
        ("第12", "第1"),
        ("5万", "5"),
        ("不是北京", "北京"),
        ("不同意", "同意"),
        ("没有证据", "证据"),
        ("北京不是首都", "北京"),
        ("北京ではない", "北京"),
        ("北京じゃありません", "北京"),
        ("ไม่ใช่กรุงเทพ", "กรุงเทพ"),
        ("กี่", "กี"),
        ("not 北京", "北京"),
        ("दिल्ली नहीं", "दिल्ली"),
        ("Ankara değil", "Ankara"),
        (
            "我们今年一月份在这里和那里的很多地方见过很多人其中有一位后来告诉我们说他自己其实最初是从北京来的",
            "北京",
        ),
        ("北京或上海", "北京"),
        ("北京或上海", "上海"),
        ("東京か大阪", "東京"),
        ("東京または大阪", "大阪"),
    ],
)
def test_wrong_without_spaces(answer: str, truth: str) -> None:
    assert not evaluate_accuracy(answer, truth)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("$500", "$500"),
        ("500", "$500"),
        ("$500", "500"),
        ("500 €", "€500"),
        ("2023", "२०२३"),
        ("५ दिन", "5 दिन"),
        ("5", "٥"),
        ("> 5 mmol/L", "5 mmol/L"),
        ("Settings > Privacy", "Settings, Privacy"),
        ("0.5 mg", "0,5 mg"),
        ("0.125 mg", "0,125 mg"),
        ("1000000", "1.000.000"),
        ("100000", "1,00,000"),
        ("5 per cent", "5%"),
        ("minus 5 °C", "-5 °C"),
        ("–5 °C", "-5 °C"),
        ("-$5", "$-5"),
    ],
)
def test_numbers_are_told_by_what_they_say(answer: str, truth: str) -> None:
    assert evaluate_accuracy(answer, truth)


# Broken by: a Token.says that looks at words alone.
@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("> 5 mmol/L", "< 5 mmol/L"),
        ("≥ 5 mmol/L", "> 5 mmol/L"),
        ("5 mmol/L", "< 5 mmol/L"),
        ("$500", "€500"),
        ("500 £", "€500"),
        ("$-5", "$5"),
        ("minus 5 °C", "5 °C"),
        ("5 °C", "-5 °C"),
        ("1.5", "15"),
        ("1.5", "1,500"),
        ("0.125", "125"),
        ("5 Millionen", "5"),
        ("5 lakh", "5"),
    ],
)
def test_another_sign_or_currency_is_another_number(answer: str, truth: str) -> None:
    assert not evaluate_accuracy(answer, truth)


def test_a_long_truth_may_be_led_up_to() -> None:
    truth = "the first and the second and the third party to this very agreement of May"
    assert evaluate_accuracy(f"It was {truth}", truth)
    assert not evaluate_accuracy(f"{'very ' * 16}{truth}", truth)


def test_megabytes_are_graded_in_linear_time() -> None:
    for part in ("not ", "n't", "1,111 ", "11,", "1.000", "< ", "-$", "क्", "5人", "不是北京"):
        assert not evaluate_accuracy(part * 20_000, "x")
        assert not evaluate_accuracy(part * 20_000, "人北")


def test_asking_gives_one_answer_and_repeats_it() -> None:
    tokenizer = tiny_tokenizer()
    model = tiny_model("llama", tokenizer)
    first = test_knowledge(model, tokenizer, "Who?", max_new_tokens=12, temperature=1.0, seed=3)
    again = test_knowledge(model, tokenizer, "Who?", max_new_tokens=12, temperature=1.0, seed=3)
    assert isinstance(first, str) and first and first == again
    others = {
        test_knowledge(model, tokenizer, "Who?", max_new_tokens=12, temperature=1.0, seed=seed)
        for seed in range(5)
    }
    assert len(others) > 1


def test_imports_are_light() -> None:
    code = (
        "import sys, steep.proof.answers, steep.proof.perplexity, steep.proof.questions, "
        "steep.proof.statistics, steep.proof.judge; "
        "sys.exit(bool({'torch', 'transformers', 'scipy', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Broken by: a point that is dropped where no digit stands before it: "$.50" was "50".
def test_a_decimal_without_its_zero() -> None:
    assert evaluate_accuracy("p = .05", "0.05") and evaluate_accuracy("$0.50", "$.50")
    assert evaluate_accuracy("minus .5", "-0.5") and evaluate_accuracy("less than .05", "< 0.05")
    assert not evaluate_accuracy(".5", "5") and not evaluate_accuracy("$.50", "50")
    assert evaluate_accuracy("It is ...5", "5") and evaluate_accuracy("1.5", "1.5.")


# Broken by: casefold alone, which leaves a dot above the small letter.
def test_a_dotted_capital_is_its_small_letter() -> None:
    assert evaluate_accuracy("istanbul", "İstanbul")
    assert evaluate_accuracy("İSTANBUL", "istanbul")
    assert not evaluate_accuracy("ıstanbul", "İstanbul")


# Broken by: letters and digits compared as they are written.
@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("ایران", "إيران"),
        ("کتاب", "كتاب"),
        ("در تهران، ایران", "ايران"),
        ("احمد", "أحمد"),
        ("أحمد", "احمد"),
        ("２０２４年", "2024年"),
        ("１，０００", "1,000"),
        ("1，000人", "1000人"),
        ("１．５", "1.5"),
        ("2023，2024", "2024"),
        ("२०२४ में", "2024"),
        ("٣٥ يوما", "35"),
        ("১২০ টাকা", "120"),
    ],
)
def test_letters_and_digits_of_other_keyboards(answer: str, truth: str) -> None:
    assert evaluate_accuracy(answer, truth)


# Broken by: hamzas left out always; a full-width comma that parts any numbers.
@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("علي", "على"),
        ("أن", "إن"),
        ("کتب", "كتاب"),
        ("２１，５００", "1,500"),
        ("21,500", "1,500"),
        ("21,500", "500"),
        ("21，500円", "1,500円"),
        ("२१,५००", "1,500"),
        ("2023，2024", "20232024"),
        ("१२", "2"),
    ],
)
def test_other_letters_and_numbers_of_other_keyboards(answer: str, truth: str) -> None:
    assert not evaluate_accuracy(answer, truth)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("10⁶", "10^6"),
        ("10**6 cells", "10^6"),
        ("10^{6}", "10⁶"),
        ("10⁻⁶", "10^-6"),
        ("1.5 x 10^6", "1.5 × 10⁶"),
        ("5 m²", "5 m2"),
        ("**10** 6", "10"),
    ],
)
def test_a_power_is_one_number(answer: str, truth: str) -> None:
    assert evaluate_accuracy(answer, truth)


# Broken by: no power in a number's token, no _RAISED, no "^" inside a number without spaces.
@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("10^6", "10"),
        ("10^6", "6"),
        ("10⁶", "10"),
        ("10⁶", "106"),
        ("10^-6", "10^6"),
        ("1.5 × 10^6", "1.5"),
        ("5 × 10^6", "10^6"),
        ("5e6", "5"),
        ("10^6人", "6人"),
        ("10⁶人", "10人"),
        ("2^n", "2"),
        ("x^2", "2"),
    ],
)
def test_a_part_of_a_power_is_another_number(answer: str, truth: str) -> None:
    assert not evaluate_accuracy(answer, truth)


@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("No, it isn't", "No"),
        ("No it is not", "No"),
        ("The answer is no.", "No"),
        ("No - nobody knows", "no"),
        ("Нет, это не так", "Нет"),
        ("没有。", "没有"),
        ("不是的", "不是"),
        ("ไม่ครับ", "ไม่"),
        ("no information", "no information"),
    ],
)
def test_a_bare_no_is_an_answer(answer: str, truth: str) -> None:
    assert evaluate_accuracy(answer, truth)


# Broken by: no _DENIAL_ALONE for words, or for scripts without spaces.
@pytest.mark.parametrize(
    ("answer", "truth"),
    [
        ("no information", "No"),
        ("not known", "No"),
        ("There is no information", "No"),
        ("No one knows", "No"),
        ("No-one", "No"),
        ("No. 5", "No"),
        ("Нет данных", "Нет"),
        ("没有信息", "没有"),
        ("无法确定", "无"),
        ("ไม่ทราบ", "ไม่"),
    ],
)
def test_a_no_that_denies_something_else_is_none(answer: str, truth: str) -> None:
    assert not evaluate_accuracy(answer, truth)


# Broken by: scales of English and German alone, or no look at what stands right behind a number.
@pytest.mark.parametrize(
    ("answer", "scaled"),
    [
        ("5천만 원", "5천만"),
        ("5만 명", "5만"),
        ("3조 원", "3조"),
        ("5千円", "5千"),
        ("5 ล้านบาท", "5 ล้าน"),
        ("5 млн рублей", "5 млн"),
        ("5 millones de euros", "5 millones"),
        ("5 bin lira", "5 bin"),
        ("5 ألف دولار", "5 ألف"),
        ("5 आलू", "5"),
        ("5 करोड़ रुपये", "5 करोड़"),
        ("5조각", "5"),
        ("5百分", "5"),
    ],
)
def test_a_number_that_is_multiplied_is_another(answer: str, scaled: str) -> None:
    assert evaluate_accuracy(answer, scaled)
    assert evaluate_accuracy(answer, answer[0]) is (scaled == answer[0])
