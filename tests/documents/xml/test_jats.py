"""Journal articles: what stands in their bodies, block by block."""

from steep.documents.formats import Piece
from steep.documents.xml.jats import read_jats

MATH = 'xmlns:mml="http://www.w3.org/1998/Math/MathML"'


def said(body: str) -> list[str]:
    text = f"<article {MATH}><front><article-meta/></front><body>{body}</body></article>"
    (piece,) = read_jats(text)
    assert isinstance(piece, Piece)
    return piece.text.split("\n\n")


# Broken by: <sup> not raised; references raised.
def test_powers() -> None:
    line = (
        "<p>12 x 10<sup>9</sup>/L, m<sup>2</sup>, p &lt; 10<sup>-8</sup>, the 1<sup>st</sup>,"
        " reeds<xref><sup>1</sup></xref>, mud<sup><xref>2</xref>,<xref>3</xref></sup>.</p>"
    )
    assert said(line) == ["12 x 10⁹/L, m², p < 10⁻⁸, the 1st, reeds1, mud2,3."]
    power = "<mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup>"
    half = "<mml:mfrac><mml:mn>1</mml:mn><mml:mn>2</mml:mn></mml:mfrac>"
    both = f"<mml:math>{half}{power}</mml:math>"
    assert said(f"<p>Let <inline-formula>{both}</inline-formula> be.</p>") == ["Let 1/2x² be."]


# Broken by: the term of a definition left out.
def test_lists_of_terms() -> None:
    items = (
        "<def-item><term>CI</term><def><p>confidence interval</p></def></def-item>"
        "<def-item><term>SD</term><def><p>standard deviation</p></def></def-item>"
    )
    assert said(f"<sec><def-list><title>Terms</title>{items}</def-list></sec>") == [
        "Terms",
        "CI: confidence interval\nSD: standard deviation",
    ]


# Broken by: <preformat> or <verse-line> without words; their lines joined.
def test_what_is_set_in_lines() -> None:
    code = "for x in y:\n    go(x)"
    assert said(f"<preformat>{code}</preformat><code>{code}</code>") == [code, code]
    assert said(f"<p>Run <code>go(x)</code> as in<preformat>{code}</preformat>always.</p>") == [
        "Run go(x) as in",
        code,
        "always.",
    ]
    verse = "<verse-line>Reeds hold</verse-line><verse-line>the mud</verse-line>"
    attributed = f"<verse-group><title>Song</title>{verse}<attrib>Ade</attrib></verse-group>"
    assert said(f"<disp-quote>{attributed}</disp-quote>") == ["Song", "Reeds hold\nthe mud", "Ade"]


# Broken by: "alternatives" in _LEFT_OUT, or each of its renderings taken.
def test_renderings_of_one_table() -> None:
    table = "<table><thead><tr><td>Site</td></tr></thead><tr><td><p>North</p><p>Pier</p></td></tr></table>"
    text = "<textual-form>North</textual-form>"
    wrap = f"<table-wrap><alternatives><graphic/>{table}{text}</alternatives></table-wrap>"
    assert said(wrap) == ["Site: North Pier."]
    assert said("<p>See</p><table-wrap><alternatives><graphic/></alternatives></table-wrap>") == [
        "See"
    ]


# Broken by: words in elements that aren't known passed over.
def test_unknown_elements_with_words() -> None:
    speech = "<speech><speaker><bold>Ade</bold></speaker><p>Well.</p></speech>"
    quote = "<disp-quote>It holds.<attrib>Berg</attrib></disp-quote>"
    loose = "<sec>Loose <bold>words</bold>.<p>And a paragraph.</p></sec>"
    figure = "<fig><permissions><copyright-statement>©</copyright-statement></permissions></fig>"
    assert said(speech + quote + loose + figure) == [
        "Ade",
        "Well.",
        "It holds.",
        "Berg",
        "Loose words.",
        "And a paragraph.",
    ]


def test_lists_within_lists() -> None:
    inner = "<list><list-item><p>b</p></list-item></list>"
    assert said(f"<list><list-item><p>a</p>{inner}</list-item></list>") == ["- a\n  - b"]
