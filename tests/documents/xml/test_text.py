import pytest
from lxml import etree

from steep.documents.xml.shape import find_shape
from steep.documents.xml.text import read_fields, read_prose, words


def fields(record: str, other: str = "") -> dict[str, str]:
    """The fields of the first of two records."""
    root = etree.fromstring(f"<all>{record}{other or record}</all>")
    return read_fields(root[0], find_shape(root)).fields


@pytest.mark.parametrize(
    ("name", "said"),
    [("pubDate", "pub date"), ("ISBN", "ISBN"), ("{urn:x}Last_Name", "last name"), ("a", "a")],
)
def test_names_are_words(name: str, said: str) -> None:
    assert words(name) == said


# Broken by: the branch for a row's cells left out of _collect.
def test_the_cells_of_a_row_are_numbered() -> None:
    row = "<row><cell>Pune</cell><cell>Maharashtra</cell></row>"
    assert fields(row) == {"cell 1": "Pune", "cell 2": "Maharashtra"}


# Broken by: "!= {1}" left out of _only_wraps (the year loses its name).
def test_lists_go_by_the_name_around_them_and_single_things_by_both() -> None:
    one = (
        "<book><no>1</no><title>T</title><issue><year>1999</year></issue>"
        "<tags><tag>a</tag><tag>b</tag></tags></book>"
    )
    two = one.replace("<tag>b</tag>", "")
    assert fields(one, two) == {"no": "1", "title": "T", "issue year": "1999", "tags": "a; b"}
    assert fields(two, one)["tags"] == "a"


# Broken by: lstrip or the replacing of ":; " left out; attributes of list items left out.
def test_lists_read_well() -> None:
    notes = "<notes><note>, if known, one of:</note><note>a</note><note n='2'>b</note></notes>"
    found = fields(f"<entry><no>1</no><at>2026</at>{notes}</entry>")
    assert found["notes"] == "if known, one of: a; b (n: 2)"


# Broken by: RecursionError not caught.
def test_html_nested_without_end_costs_no_other_record() -> None:
    deep = "&lt;div&gt;" * 5_000 + "x"
    record = f"<item><no>1</no><at>2026</at><text>{deep}</text></item>"
    assert fields(record) == {"no": "1", "at": "2026"}


def test_leaves_that_name_what_they_hold() -> None:
    doc = '<doc><s name="city">Pune</s><s name="state">MH</s><s name="zip" value="411001"/></doc>'
    assert fields(doc) == {"city": "Pune", "state": "MH", "zip": "411001"}


# Broken by: asking only how much of an element is prose, not whether it has fields of its own.
def test_an_abstract_does_not_make_the_fields_beside_it_prose() -> None:
    text = "<abstract><p>Long <i>mixed</i> words of an abstract.</p><p>And more.</p></abstract>"
    article = (
        f"<article><journal>J Mud</journal><year>1999</year><volume>3</volume>{text}</article>"
    )
    found = fields(f"<citation><no>1</no><at>2026</at>{article}</citation>")
    assert found["article journal"] == "J Mud" and found["article volume"] == "3"


def prose(text: str) -> list[str]:
    root = etree.fromstring(text)
    return read_prose(root, find_shape(root))


CODE = "if pump:\n    start()\nfor i in range(3):\n    wait(i)"


# Broken by: any name left out of _VERBATIM; _small_data of an example with code.
@pytest.mark.parametrize(
    "name",
    ["programlisting", "screen", "literallayout", "codeblock", "msgblock", "pre", "lines", "code"],
)
def test_code_keeps_its_lines(name: str) -> None:
    code = f"<{name}>\n{CODE}\n</{name}>"
    assert prose(f"<a><p>Run <b>this</b>.</p>{code}<p>And so on.</p></a>") == [
        "Run this.",
        CODE,
        "And so on.",
    ]
    assert prose(f"<a><p>Words.</p><example><title>T</title>{code}</example></a>") == [
        "Words.",
        "T",
        CODE,
    ]
    if name != "code":
        assert prose(f"<a><p>Run {code} as said.</p></a>") == ["Run", CODE, "as said."]


# Broken by: words in a line taken for lines of code; paragraphs that say their space counts.
def test_what_only_looks_like_code() -> None:
    text = "<a><p>The <screen>Home</screen> of <code>f(x,\n  y)</code> is.</p></a>"
    assert prose(text) == ["The Home of f(x, y) is."]
    kept = (
        '<a><p xml:space="preserve">Long\n words.</p><q xml:space="preserve">x\n  <b>y</b></q></a>'
    )
    assert prose(kept) == ["Long words.", "x\n  y"]
    whole = '<a xml:space="preserve">Loose\n<p>Words <b>in\nlines</b>.</p></a>'
    assert " ".join(prose(whole)) == "Loose Words in lines."


def test_code_in_a_record_keeps_its_lines() -> None:
    root = etree.fromstring(f"<all>{f'<r><no>1</no><at>2</at><code>{CODE}</code></r>' * 2}</all>")
    said = read_fields(root[0], find_shape(root))
    assert said.blocks == [f"code:\n{CODE}"] and "code" not in said.fields


# Broken by: superscripts of other schemas not raised.
def test_powers() -> None:
    text = "<a><p>10<superscript>9</superscript>/L, m<sup>2</sup>, 1<sup>st</sup></p></a>"
    assert prose(text) == ["10⁹/L, m², 1st"]
