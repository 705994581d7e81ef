"""Laws in USLM, Akoma Ntoso and Formex: sections with what they stand in, and every word once."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest

from steep.documents.formats import Fault, Piece, read_bytes


def pieces(law: str) -> list[Piece]:
    found = list(read_bytes("law.xml", law.encode()))
    assert all(isinstance(one, Piece) for one in found), found
    return [one for one in found if isinstance(one, Piece)]


USLM = """<?xml version="1.0" encoding="UTF-8"?>
<uscDoc xmlns="http://xml.house.gov/schemas/uslm/1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:dcterms="http://purl.org/dc/terms/" identifier="/us/usc/t60" xml:lang="en">
<meta><dc:title>Title 60</dc:title><dc:type>USCTitle</dc:type><docNumber>60</docNumber>
<dcterms:created>2026-03-02T09:00:00</dcterms:created><property role="is-positive-law">yes</property></meta>
<main><title identifier="/us/usc/t60"><num value="60">Title 60—</num><heading>HARBOURS</heading>
<note topic="enactment"><p>This title was enacted by editors.</p></note>
<toc><layout><header role="tocColumnHeader"/><tocItem><column>1.</column><column>Piers.</column></tocItem></layout></toc>
<chapter identifier="/us/usc/t60/ch1"><num value="1">CHAPTER 1—</num><heading>PIERS</heading>
<section identifier="/us/usc/t60/s1"><num value="1">§ 1.</num><heading> Piers open to all</heading>
<subsection identifier="/us/usc/t60/s1/a"><num value="a">(a)</num><heading> In general.—</heading>
<content>A pier shall be open, as <ref href="/us/usc/t60/s2">section 2 of this title</ref> says.</content></subsection>
<subsection identifier="/us/usc/t60/s1/b"><num value="b">(b)</num><chapeau>The board may—</chapeau>
<paragraph identifier="/us/usc/t60/s1/b/1"><num value="1">(1)</num><content> close a pier; or</content></paragraph>
<paragraph identifier="/us/usc/t60/s1/b/2"><num value="2">(2)</num>
<subparagraph><num value="A">(A)</num><content> set a due<ref class="footnoteRef" idref="fn1"/><note type="footnote" id="fn1"><num>1</num> So in original.</note>; and</content></subparagraph>
<subparagraph><num value="B">(B)</num><content> publish it.</content></subparagraph></paragraph>
<continuation>It shall give reasons.</continuation></subsection>
<sourceCredit>(July 30, 1947, ch. 388, 61 Stat. 633.)</sourceCredit>
<notes type="uscNote"><note topic="amendments"><heading>Amendments</heading><p>1951—Act Oct. 31, 1951.</p></note></notes>
</section>
<section status="repealed"><num value="2">[§ 2.</num><heading> Repealed.]</heading>
<notes type="uscNote"><note><p>Section repealed.</p></note></notes></section>
</chapter>
<chapter><num value="2">CHAPTER 2—</num><heading>DUES</heading>
<subchapter><num value="I">SUBCHAPTER I—</num><heading>SEASONS</heading>
<section><num value="11">§ 11.</num><heading>Dues by season</heading><content><p>The due is set once a year:</p>
<table xmlns="http://www.w3.org/1999/xhtml"><thead><tr><th>Season</th><th>Due</th></tr></thead>
<tbody><tr><td>Summer</td><td>4 crowns</td></tr><tr><td>Winter</td><td>2 crowns</td></tr></tbody></table></content></section>
</subchapter></chapter></title></main></uscDoc>"""


# Broken by: notes and credits kept; a line for each number; a chain that is lost.
def test_a_title_of_the_united_states_code() -> None:
    chapter, piers, dues = pieces(USLM)
    assert piers.title == "Title 60—HARBOURS > § 1. Piers open to all"
    assert piers.text.split("\n\n") == [
        "CHAPTER 1—PIERS",
        "§ 1. Piers open to all",
        "(a) In general.— A pier shall be open, as section 2 of this title says.",
        "(b) The board may—",
        "(1) close a pier; or",
        "(2) (A) set a due; and",
        "(B) publish it.",
        "It shall give reasons.",
    ]
    assert (piers.locator, piers.date, piers.language) == ("section 1", "2026-03-02", "en")
    assert piers.fields == (("within", "Title 60—HARBOURS > CHAPTER 1—PIERS"),)
    assert chapter.text.split("\n\n") == ["CHAPTER 1—PIERS", "[§ 2. Repealed.]"]
    assert dues.text.split("\n\n") == [
        "CHAPTER 2—DUES > SUBCHAPTER I—SEASONS",
        "§ 11. Dues by season",
        "The due is set once a year:",
        "Season: Summer; Due: 4 crowns.\nSeason: Winter; Due: 2 crowns.",
    ]


AKOMA = """<akomaNtoso xmlns="http://docs.oasis-open.org/legaldocml/ns/akn/3.0"><act name="act">
<meta><identification source="#board"><FRBRWork><FRBRthis value="/akn/xx/act/2026/7"/><FRBRdate date="2026-01-05" name="enacted"/>
<FRBRalias value="Piers Act 2026"/></FRBRWork><FRBRExpression><FRBRdate date="2026-03-02" name="validFrom"/>
<FRBRlanguage language="eng"/></FRBRExpression></identification><references source="#x"><TLCOrganization showAs="Harbour Board"/></references>
<notes><note eId="n1"><p>Words substituted.</p></note></notes></meta>
<preface><p class="title"><shortTitle>Piers Act 2026</shortTitle></p><longTitle><p>An Act to open the piers.</p></longTitle></preface>
<preamble><p>Whereas ships need piers,</p></preamble>
<body><part eId="part_1"><num>Part 1</num><heading>General</heading>
<chapter><num>Chapter 1</num>
<section eId="sec_1"><num>1</num><heading>Piers</heading>
<subsection><num>(1)</num><intro><p>A pier is open to<authorialNote><p>As amended.</p></authorialNote>—</p></intro>
<level><num>(a)</num><content><p>any ship, and</p></content></level>
<level><num>(b)</num><content><p>any <term refersTo="#boat">boat</term>.</p></content></level></subsection>
<subsection><num>(2)</num><content><p>In section 3 for the words substitute
<mod><quotedStructure startQuote="“" endQuote="”"><section><num>9</num><content><p>Boats pay nothing.</p></content></section></quotedStructure></mod></p></content></subsection>
</section></chapter></part>
<part><num>Part 2</num><heading>Dues</heading><section><num>2</num><content><p>Dues are set in March.</p></content></section></part>
<hcontainer name="schedule"><num>Schedule 1</num><heading>Ports</heading><paragraph><num>1</num><content><p>Moss Landing.</p></content></paragraph>
<paragraph><num>2</num><content><p>Tern Harbour.</p></content></paragraph></hcontainer>
</body></act></akomaNtoso>"""


# Broken by: quoted law as a section of its own; a schedule's words in the act's own text.
def test_an_act_in_akoma_ntoso() -> None:
    act, preamble, piers, dues, ports = pieces(AKOMA)
    assert act.title == "Piers Act 2026"
    assert act.text.split("\n\n") == ["Piers Act 2026", "An Act to open the piers."]
    assert preamble.text == "Whereas ships need piers,"
    assert piers.title == "Piers Act 2026 > 1 Piers"
    assert piers.text.split("\n\n") == [
        "Part 1 – General > Chapter 1",
        "1 Piers",
        "(1) A pier is open to—",
        "(a) any ship, and",
        "(b) any boat.",
        "(2) In section 3 for the words substitute",
        "“9 Boats pay nothing.”",
    ]
    assert (piers.date, piers.language) == ("2026-03-02", "en")
    assert dues.text.split("\n\n") == ["Part 2 – Dues", "2", "Dues are set in March."]
    assert ports.title == "Piers Act 2026 > Schedule 1 – Ports"
    assert ports.text.split("\n\n") == ["Schedule 1 – Ports", "1 Moss Landing.", "2 Tern Harbour."]


FORMEX = """<ACT xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xsi:noNamespaceSchemaLocation="http://formex.publications.europa.eu/schema/formex-06.00-20210715.xd">
<BIB.INSTANCE><DOCUMENT.REF FILE="L_2026.xml"><COLL>L</COLL></DOCUMENT.REF><DATE ISO="20260302">20260302</DATE><LG.DOC>EN</LG.DOC></BIB.INSTANCE>
<TITLE><TI><P>REGULATION (EU) 2026/7</P><P>of <DATE ISO="20260302">2 March 2026</DATE></P><P>on piers</P></TI></TITLE>
<PREAMBLE><PREAMBLE.INIT>THE COUNCIL,</PREAMBLE.INIT><GR.VISA><VISA>Having regard to the Treaty,</VISA></GR.VISA>
<GR.CONSID><GR.CONSID.INIT>Whereas:</GR.CONSID.INIT><CONSID><NP><NO.P>(1)</NO.P><TXT>Ships need piers<NOTE NOTE.ID="E1"><P>OJ L 1.</P></NOTE>.</TXT></NP></CONSID></GR.CONSID>
<PREAMBLE.FINAL>HAS ADOPTED THIS REGULATION:</PREAMBLE.FINAL></PREAMBLE>
<ENACTING.TERMS><DIVISION><TITLE><TI><P>CHAPTER I</P></TI><STI><P>GENERAL</P></STI></TITLE>
<ARTICLE IDENTIFIER="001"><TI.ART>Article 1</TI.ART><STI.ART><P>Subject matter</P></STI.ART>
<PARAG IDENTIFIER="001.001"><NO.PARAG>1.</NO.PARAG><ALINEA><P>In this Regulation <QUOT.START CODE="2018" ID="Q1" REF.END="Q2"/>pier<QUOT.END CODE="2019" ID="Q2" REF.START="Q1"/> means:</P>
<LIST TYPE="alpha"><ITEM><NP><NO.P>(a)</NO.P><TXT>a <HT TYPE="ITALIC">landing</HT> stage;</TXT></NP></ITEM>
<ITEM><NP><NO.P>(b)</NO.P><TXT>a quay.</TXT></NP></ITEM></LIST></ALINEA></PARAG>
<PARAG IDENTIFIER="001.002"><NO.PARAG>2.</NO.PARAG><ALINEA>The dues are:<TBL COLS="2"><CORPUS>
<ROW TYPE="HEADER"><CELL COL="1">Season</CELL><CELL COL="2">Due</CELL></ROW><ROW><CELL COL="1">Summer</CELL><CELL COL="2">4</CELL></ROW></CORPUS></TBL></ALINEA></PARAG></ARTICLE></DIVISION>
<ARTICLE IDENTIFIER="002"><TI.ART>Article 2</TI.ART><ALINEA>This Regulation enters into force.</ALINEA></ARTICLE></ENACTING.TERMS>
<FINAL><P>This Regulation is binding.</P><SIGNATURE><PL.DATE><P>Done at Brussels.</P></PL.DATE></SIGNATURE></FINAL></ACT>"""


# Broken by: footnotes kept; quotation marks, which are elements, lost.
def test_a_regulation_in_formex() -> None:
    rest, preamble, first, second = pieces(FORMEX)
    name = "REGULATION (EU) 2026/7 of 2 March 2026 on piers"
    assert first.title == f"{name} > Article 1 – Subject matter"
    assert first.text.split("\n\n") == [
        "CHAPTER I GENERAL",
        "Article 1 – Subject matter",
        "1. In this Regulation ‘pier’ means:",
        "(a) a landing stage;",
        "(b) a quay.",
        "2. The dues are:",
        "Season: Summer; Due: 4.",
    ]
    assert second.text.split("\n\n") == ["Article 2", "This Regulation enters into force."]
    assert (first.date, first.language, preamble.title) == ("2026-03-02", "en", name)
    assert preamble.text.split("\n\n") == [
        "THE COUNCIL,",
        "Having regard to the Treaty,",
        "Whereas:",
        "(1) Ships need piers.",
        "HAS ADOPTED THIS REGULATION:",
    ]
    assert rest.text.split("\n\n") == ["This Regulation is binding.", "Done at Brussels."]


# Broken by: a division that is quoted taken for one of the law's own (its paragraph's words lost).
def test_what_a_law_quotes_is_text() -> None:
    law = (
        "<akomaNtoso><act><body><hcontainer name='schedule'><num>Schedule</num><paragraph><num>1</num>"
        "<content><p>Before Part 2 insert <mod><quotedStructure startQuote='“' endQuote='”'><part>"
        "<num>Part 1A</num><section><num>4</num><content><p>Boats.</p></content></section></part>"
        "</quotedStructure></mod> and renumber.</p></content></paragraph></hcontainer></body></act></akomaNtoso>"
    )
    (schedule,) = pieces(law)
    assert schedule.text.split() == (
        [
            "Schedule",
            "1",
            "Before",
            "Part",
            "2",
            "insert",
            "“Part",
            "1A",
            "4",
            "Boats.”",
            "and",
            "renumber.",
        ]
    )


def subdivision(rng: random.Random, words: Iterator[str], depth: int = 0) -> str:
    """A subdivision of a section in USLM, at random, no word twice."""
    kind = ("subsection", "paragraph", "subparagraph", "clause")[depth]
    said = [f"<num>({next(words)})</num>"] if rng.random() < 0.5 else []
    if rng.random() < 0.5:
        said.append(f"<heading>{next(words)} {next(words)}{rng.choice(['.—', ''])}</heading>")
    inline = f"{next(words)} <ref href='x'>{next(words)}</ref> {next(words)}"
    form = rng.choice(["content", "mixed", "paragraphs", "quoted", "deeper"])
    if form == "deeper" and depth < 3:
        said.append(f"<chapeau>{inline}</chapeau>")
        said += [subdivision(rng, words, depth + 1) for _ in range(rng.randint(1, 3))]
        said.append(f"<continuation>{next(words)}</continuation>")
    elif form == "mixed":
        said.append(f"<content>{inline} <p>{next(words)}</p> {next(words)}</content>")
    elif form == "paragraphs":
        said.append(f"<content><p>{inline}</p>\n <p>{next(words)}</p></content>")
    elif form == "quoted":
        quoted = f"<quotedContent><section><num>{next(words)}</num></section></quotedContent>"
        said.append(f"<content>{inline}{quoted}</content>")
    else:
        said.append(f"<content>{inline}</content>")
    return f"<{kind}>{''.join(said)}</{kind}>"


# Broken by: a branch of the reader that drops its words or says them twice.
@pytest.mark.parametrize("seed", range(40))
def test_every_word_of_a_section_is_read_once_and_in_order(seed: int) -> None:
    rng, words = random.Random(seed), iter(f"w{n}" for n in range(10_000))
    inner = "".join(subdivision(rng, words) for _ in range(rng.randint(1, 4)))
    law = (
        '<lawDoc xmlns="http://schemas.gpo.gov/xml/uslm"><main><section><num>§ 7.</num>'
        f"{inner}</section></main></lawDoc>"
    )
    text = "\n".join(piece.text for piece in pieces(law))
    assert re.findall(r"w\d+", text) == re.findall(r"w\d+", inner)


@pytest.mark.parametrize("root", ["DOC", "PUBLICATION"])
def test_what_only_names_other_files_is_told(root: str) -> None:
    schema = "http://formex.publications.europa.eu/x"
    listing = f'<{root} xmlns:x="{schema}"><BIB.DOC><NO.DOC>7</NO.DOC></BIB.DOC></{root}>'
    (fault,) = read_bytes("L_2026.doc.xml", listing.encode())
    assert isinstance(fault, Fault) and fault.reason == "no text" and not fault.fatal


@pytest.mark.parametrize("law", [USLM, AKOMA, FORMEX])
def test_damaged_laws_are_told(law: str) -> None:
    (fault,) = read_bytes("law.xml", law[: len(law) // 2].encode())
    assert isinstance(fault, Fault) and "well-formed" in fault.detail


def test_divisions_without_end_are_told() -> None:
    law = f"<akomaNtoso><act><body>{'<part>' * 5000}x{'</part>' * 5000}</body></act></akomaNtoso>"
    (fault,) = read_bytes("law.xml", law.encode())
    assert isinstance(fault, Fault) and fault.reason == "unreadable file"


# Broken by: taking any file with an element of these names for a law.
def test_other_xml_is_left_to_the_reader_of_any() -> None:
    other = "<ACT><SCENE><LINE>Enter a harbour master.</LINE><LINE>Exit.</LINE></SCENE></ACT>"
    text = "\n".join(piece.text for piece in pieces(other))
    assert "Enter a harbour master." in text and "Exit." in text


# Broken by: what is printed at the head ("An Act") as the name; a long name kept whole; margin notes.
@pytest.mark.parametrize(
    ("filed", "cited", "name"),
    [
        ("Harbour Act 1956", "", "Harbour Act 1956"),
        ("Public Law 9–9: To amend the law on " + "piers and " * 20, "", "Public Law 9–9"),
        ("Public Law 9–9: To amend", "This Act may be cited as the", "Harbour Act of 2026"),
        ("Public Law 9–9: To amend", "This title may be cited as the", "Public Law 9–9: To amend"),
    ],
)
def test_what_an_american_law_is_called(filed: str, cited: str, name: str) -> None:
    short = f"{cited} <shortTitle>“Harbour Act of 2026”</shortTitle>." if cited else "Piers."
    law = (
        '<pLaw xmlns="http://schemas.gpo.gov/xml/uslm" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<meta><dc:title>{filed}</dc:title></meta><main><longTitle><docTitle>An Act</docTitle></longTitle>"
        f"<section><num>SEC. 1.</num><content>{short}<sidenote><p>49 USC 1 note.</p></sidenote></content>"
        "</section></main><legislativeHistory><p>Passed.</p></legislativeHistory></pLaw>"
    )
    act, section = pieces(law)
    assert (act.title, act.text) == (name, "An Act")
    assert section.title == f"{name} > SEC. 1."
    assert "note" not in section.text and section.text.endswith(".")


# Broken by: a day that stands for "not known" taken for one; an attachment's title as the law's.
def test_what_an_act_without_a_title_of_its_own_is_called() -> None:
    law = (
        "<akomaNtoso><act><meta><identification><FRBRWork><FRBRdate date='2006-07-31'/></FRBRWork>"
        "<FRBRExpression><FRBRdate date='2999-01-01'/><FRBRlanguage language='http://x.eu/language/FRA'/>"
        "</FRBRExpression></identification></meta><preface><longTitle><p>Loi sur les quais</p></longTitle>"
        "</preface><body><article><num>Art. 1.</num><content><p>Les quais.</p></content></article>"
        "<chapter><num>Chapitre 2</num><heading>Abrogé</heading></chapter></body>"
        "<attachments><attachment><docTitle>Le Ministre,</docTitle></attachment></attachments>"
        "</act></akomaNtoso>"
    )
    act, first, attached = pieces(law)
    assert (first.title, first.date, first.language) == (
        "Loi sur les quais > Art. 1.",
        "2006-07-31",
        "fr",
    )
    # Broken by: a division that has nothing but a heading left out.
    assert act.text.split("\n\n") == ["Loi sur les quais", "Chapitre 2 – Abrogé"]
    assert attached.text == "Le Ministre,"
