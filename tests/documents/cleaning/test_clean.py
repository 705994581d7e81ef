import pytest

from steep.documents.cleaning.clean import clean_text, clean_title, hold

SURVIVORS = {
    "hindi": "क्‍षत्रिय हिन्दी में लिखा है। कामायनी की रचना॥",
    "persian": "می\u200cخواهم کتاب‌ها را بخوانم؟",
    "arabic": "تأسست الشركة في القاهرة، وتعمل في البرمجيات.",
    "chinese": "公司成立于一九九八年，总部位于北京。ＡＢＣ（全角）",
    "japanese": "株式会社は東京にあります。ｶﾀｶﾅ",
    "khmer": "ភាសា\u200bខ្មែរ",
    "emoji": "👩\u200d🔬 works ❤\ufe0f",
    "quotes": "“Curly” ‘quotes’ – and ﬁne… ligatures",
    "hebrew": "שלום עולם\u200f!",
    "code": "def f(x):\n    if x:\n        return [1,\n                2]",
    "tabs": "all:\n\techo done\nname\tyear",
    "entities": "write &amp;amp; for an ampersand",
}


@pytest.mark.parametrize("name", SURVIVORS)
def test_scripts_and_code_survive_unchanged(name: str) -> None:
    assert clean_text(SURVIVORS[name]) == SURVIVORS[name]


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("The Mona Lisa doesnÃƒÂ¢Ã¢â€šÂ¬Ã¢â€žÂ¢t", "The Mona Lisa doesn’t"),
        ("Mu\u0308nchen", "München"),
        ("a\r\nb\rc\u2028d\x0be", "a\nb\nc\nd\ne"),
        ("a  \t\nb   ", "a\nb"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("a\n \n\t\n \nb", "a\n\nb"),
        ("a   b\u00a0 c", "a b c"),
        ("zero\u200bwidth so\u00adft \ufeffmark \x00\x07bell\x7f", "zerowidth soft mark bell"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\u202ehidden\u202c", "hidden"),
        ("lone \ud800 half", "lone \ufffd half"),
        ("\n\n    indented\n", "    indented"),
        ("", ""),
        (" \n\u200b\n\t", ""),
    ],
)
def test_damage_and_junk_go(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


def test_it_is_idempotent() -> None:
    texts = [
        *SURVIVORS.values(),
        "Ã©Ã¨ a\u00ad\u0301  b \x1b[\x1b[31m31mz",
        "a \u200b b\u00a0\n \u200b\n",
    ]
    for text in texts:
        once = clean_text(text)
        assert clean_text(once) == once


LAYOUTS = [
    "name      age  town\nAda       36  London\nAugustus  41  Wilmslow",
    "+---+   +---+  x\n| a |   | b |  y\n+---+   +---+  z",
    "a\t\tb\nc\t\td\te\nf\t\tg",
]


# Broken by: _without_runs asking nothing of a line's neighbours, or nothing of runs of tabs.
@pytest.mark.parametrize("text", LAYOUTS)
def test_columns_side_by_side_keep_their_places(text: str) -> None:
    assert clean_text(text) == text
    alone = clean_text("\n\n".join(text.split("\n")))
    assert "  " not in alone and "\t\t" not in alone


# Broken by: any run of spaces taken for a column's.
def test_a_typist_s_two_spaces_behind_a_sentence_are_no_columns() -> None:
    assert (
        clean_text("a    b\nIt is here.  It is (there.)  So")
        == "a b\nIt is here. It is (there.) So"
    )
    sloppy = "two  words\nof  verse"
    assert clean_text(sloppy) == sloppy.replace("  ", " ")
    said = "One is here.  Two is (there.)  Three:  four\nFive is here!  Six is “there.”  Seven"
    assert clean_text(said) == said.replace("  ", " ")


# Broken by: hold holding nothing, or release left out of clean_text.
def test_code_keeps_its_spaces() -> None:
    code = 'parts = line.split("  ")  # columns  \nreturn parts'
    assert clean_text(hold(code)) == code.replace("  \n", "\n")
    assert clean_text(code) == code.replace("  ", " ").replace(" \n", "\n")


def test_a_title_is_one_short_line() -> None:
    assert clean_title("  A\n  title\t here ") == "A title here"
    assert len(clean_title("word " * 100)) <= 200


# Broken by: every repair of ftfy's taken (ߣ, а, 真), or only those of whole texts.
def test_letters_that_look_like_bytes_are_letters() -> None:
    for text in ("Große ßŁ hier", "ein ßŁ und ein Ð° für sich", "ê³µ ßŁ\nçœŸ"):
        assert clean_text(text) == text
    assert clean_text("ßŁ\nÐŸÑ€Ð¸Ð²ÐµÑ‚, Ð¼Ð¸Ñ€\nitâ€™s") == "ßŁ\nПривет, мир\nit’s"
    assert clean_text("Он сказал Ð°") == "Он сказал а"
