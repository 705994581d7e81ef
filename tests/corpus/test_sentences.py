"""Sentences of any script, with no word lost."""

from __future__ import annotations

import pytest

from steep.corpus.sentences import paragraphs, split_sentences


# Broken by: taking a word out of _ABBREVIATIONS, or _is_inside returning False.
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Dr. Smith met Prof. Jones. They spoke.", 2),
        ("J. R. R. Tolkien wrote it. He lived in Oxford.", 2),
        ("The dose is 3.5 mg per day. Version 2.0.1 is out.", 2),
        ("Some cities, e.g. Paris, are big. Others, i.e. Vaduz, aren't.", 2),
        ("It opened at 9 a.m. on Monday. It closed at noon.", 2),
        ("See Fig. 3 and vol. 2. Then go on.", 2),
        ('He said "Stop." Then he left.', 2),
        ("Is it? Yes! Well... Perhaps.", 4),
        ("It went on... and on. Then it ended.", 2),
        ("(It rained.) We stayed.", 2),
        ("Visit example.com today. Thanks.", 2),
        ("One sentence without a mark", 1),
        ("राम घर गया। सीता आई। वे खुश थे।", 3),
        ("یہ ایک جملہ ہے۔ یہ دوسرا ہے۔", 2),
        ("هل هذا سؤال؟ نعم. شكرا.", 3),
        ("我来了。他走了！真的吗？是。", 4),
        ("他说：「走吧。」然后走了。", 2),
        ("Она пришла. Он ушёл.", 2),
        ("", 0),
        (" \n\n ", 0),
    ],
)
def test_counts(text: str, count: int) -> None:
    found = split_sentences(text)
    assert len(found) == count, found
    assert all(sentence.strip() == sentence and sentence for sentence in found)


# Broken by: _is_wrapped_prose returning False.
def test_wrapped_lines_are_one_paragraph() -> None:
    text = (
        "The company was founded in the spring of 1987 by two engineers who had\n"
        "left a larger firm in the same town. It makes pumps for water works and\n"
        "sells them abroad."
    )
    assert len(paragraphs(text)) == 1
    assert split_sentences(text) == [
        "The company was founded in the spring of 1987 by two engineers who had left a larger "
        "firm in the same town.",
        "It makes pumps for water works and sells them abroad.",
    ]


# Broken by: _is_wrapped_prose returning True.
def test_lists_and_headings_stay_apart() -> None:
    text = "Opening hours\nMonday: 9 to 5\nTuesday: closed\n\n- apples\n- pears\n- plums"
    assert split_sentences(text) == text.replace("\n\n", "\n").split("\n")


@pytest.mark.parametrize("break_", ["\n\n", "\n \n", "\n\n\n\t\n"])
def test_a_blank_line_ends_a_paragraph(break_: str) -> None:
    assert paragraphs(f"One two{break_}three four") == ["One two", "three four"]


@pytest.mark.parametrize(
    "text",
    [
        "Mr. A. B. Clark paid $3.50 (approx. £2.80) on 3 Jan. 1999... and left! Why? Who knows.",
        "शीर्षक\n\nपहला वाक्य। दूसरा वाक्य! तीसरा?",
        "第一。第二！\n第三？「第四。」第五",
        "a.\n.b ... c?!\n\n!!! ???",
    ],
)
def test_every_word_is_kept_in_order(text: str) -> None:
    joined = "".join("".join(split_sentences(text)).split())
    assert joined == "".join(text.split())


# Broken by: taking a word out of its list, _is_of_date returning False, or any abbreviation
# counting whatever follows.
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Das Werk wurde am 3. März 1954 von Anna Weber gegründet.", 1),
        ("Ab dem 1. Juli gilt das. Der 2. Weltkrieg endete im 20. Jahrhundert.", 2),
        ("Das gilt bis zum 30. April. Danach nicht.", 2),
        ("Am 3. August wurde es eröffnet. Es kam am 4. August.", 2),
        ("Am 3. 5. 1954 kam er. Er blieb.", 2),
        ("Er kam am 3.5.1954. Er blieb bis 1960. Danach ging er.", 3),
        ("Gemäß Abs. 2 gilt § 5 Nr. 3 bzw. Art. 7 entsprechend.", 1),
        ("Vgl. § 5 Abs. 2 S. 1 Nr. 3 lit. a BGB.", 1),
        ("Obst, z. B. Äpfel, d. h. Kernobst, u. a. Birnen usw. Der Rest fehlt.", 2),
        ("z.B. Bücher, u.a. Hefte usw. sind da.", 1),
        ("Sie kostet ca. 30 Euro. Das sind 5 Mio. Euro.", 2),
        ("Der Verein e. V. tagt in der Goethestr. 5 in Ulm.", 1),
        ("Kunst dieser Art. Die Leute mögen sie.", 2),
        ("Hr. Maier und Fr. Kunz kamen um 3. Sie gingen um 5. Dann war Ruhe.", 3),
        ("Das war 44 v. Chr. in Rom.", 1),
        ("Notice under Sec. 12 must be given.", 1),
        ("See Art. IV and cl. 3(b). Then go.", 2),
        ("He loves art. The museum is near.", 2),
        ("He said no. Then he left.", 2),
        ("He said no. I was sad.", 2),
        ("No. 5 is alive. It took 5 sec. The end.", 3),
        ("It was built in 1954. The town grew.", 2),
        ("It was week 12. August came.", 2),
        ("I am 19. My brother is 12. April is his month.", 3),
        ("He was 5. May came late.", 2),
        ("Smith v. Jones was decided. See p. 12 and c. 1850.", 2),
        ("Apples, pears, etc. The shop sells them.", 2),
        ("Apples, pears, etc. are sold.", 1),
        ("It weighs 5 g. 3 days later it grew.", 2),
        ("She met Mt. Everest. The mt. is high.", 2),
        (
            "El Sr. López vive en la Av. Libertador 5. La Sra. Díaz no. Nació el 3 de mayo.",
            3,
        ),
        ("Véase el art. 5 y la pág. 3. Luego siga.", 2),
        ("Viajó a los EE. UU. en 1990. ¿Volvió? No.", 3),
        ("M. Dupont et Mme. Martin habitent au n° 5. MM. Leroy aussi. Voir p. 3.", 3),
        ("Cf. art. L. 123-4 du code. Il est là. C'est un des 12. Il part.", 4),
        ("O Sr. Silva e a Dra. Costa, art. 5. A partir das 12. Outra frase.", 3),
        ("Den 3. marts 1954 kom han. Det sker den 12. Kom nu. Han bor i nr. 5, jf. § 3.", 4),
        ("Mötet är den 12. Kom i tid, t.ex. Tisdag.", 2),
        ("Syntynyt 3. maaliskuuta 1954 Helsingissä. Hän kuoli 1990. Niin.", 3),
        ("Urodzony 3. maja, ul. Długa 5, np. Warszawa, św. Anna. Powiedział im. Potem poszedł.", 3),
        ("Narozen 3. 5. 1954, např. Praha, čl. 5 odst. 2. Pak šel.", 2),
        ("A szerződés 2024. 05. 17-én lépett hatályba. 1848. március 15. óta. Pl. Budapest.", 3),
        (
            "Жил в г. Москва (ул. Мира) в 1954 г. Завод закрыт. См. ст. 5, стр. 3. Сказал им. Да.",
            5,
        ),
        ("А. С. Пушкин, проф. Иванов и др. Они были там, т. е. Здесь.", 2),
        ("डॉ. शर्मा आए। वे गए। रु. 500 लगे।", 3),
        ("وصل د. أحمد إلى المستشفى. ثم غادر.", 2),
        ("我来了。他走了！", 2),
        ("ไทยไม่มีเครื่องหมายจบประโยค เขาไปแล้ว", 1),
        ("네. 그렇습니다. 갔다.", 3),
        ("彼は来た。終わり", 2),
        ("1. Open the valve. 2. Close it.", 2),
        ("1. Open the valve\n2. Close it", 2),
        ("II. The fee. III. The term.", 2),
        ("1.1. The Client pays. 1.2. The Supplier works.", 2),
        ("Compró Iberdrola S.A. La empresa cerró.", 2),
        ("a member of the EU-U.S. Framework since 2020. He left the U.S. They stayed.", 3),
        ("F.W.J. Hurst was second in command.", 1),
        ("Ο κ. Παπαδόπουλος, π.χ. Αθήνα, άρθρ. 5. Τέλος.", 2),
        ("Version 3. The new one.", 2),
        ("Rated 3. 12 people came.", 2),
        ("Sn. Ahmet Bey 19. yüzyılda. Geldi.", 2),
        ("Ludwig II. war König. Das 3. Kapitel.", 3),
        ("Dhr. Jansen, bijv. Amsterdam, d.w.z. Nederland. Op 3 maart. En nr. 5.", 3),
        ("Il sig. Rossi e il dott. Bianchi, art. 5. La sig.ra Verdi no.", 2),
    ],
)
def test_dots_of_dates_and_abbreviations(text: str, count: int) -> None:
    found = split_sentences(text)
    assert len(found) == count, found
    assert "".join(found).replace(" ", "") == "".join(text.split())


# Broken by: marks tried anywhere in a run of them, or the whole text copied at each.
@pytest.mark.parametrize(
    "text", ["." * 300_000, "a. " * 20_000, "z. B. " * 10_000, "x " * 99_999, "1. X? " * 50_000]
)
def test_long_lines_of_marks_take_linear_time(text: str) -> None:
    assert split_sentences(text)
