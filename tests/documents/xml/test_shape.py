import pytest
from lxml import etree

from steep.documents.xml.shape import attributes, find_shape


def records(text: str) -> set[str]:
    return set(find_shape(etree.fromstring(text)).records)


def repeated(text: str, times: int) -> str:
    return "".join(text.replace("#", str(n)) for n in range(times))


ITEM = "<item><sku>a long number #</sku><qty>#</qty></item>"


# Broken by: _MIN_GROUP_SHARE or _MIN_GROUP_SIZE at 0 (orders), members not looked for (shelves).
def test_groups_are_told_from_records_with_parts() -> None:
    order = f"<order><by>Ada #</by><at>2026</at><items>{repeated(ITEM, 3)}</items></order>"
    assert records(f"<orders>{repeated(order, 4)}</orders>") == {"order"}
    shelf = f"<shelf><no>#</no><room>west</room>{repeated(ITEM, 20)}</shelf>"
    assert records(f"<shop>{repeated(shelf, 4)}</shop>") == {"shelf", "item"}
    big = f"<order><by>Ada</by><at>2026</at><note>{'words ' * 90}</note>{repeated(ITEM, 9)}</order>"
    assert records(f"<orders>{repeated(big, 4)}</orders>") == {"order"}


# Broken by: leaves taken as members of a group; presence or regularity not asked for.
@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ('<row a="1" b="2"/>', {"row"}),
        ('<verse n="1">Words</verse>', {"verse"}),
        ("<row><c>1</c><c>2</c></row>", {"row"}),
        (f'<row>{repeated("""<f name="k#">1</f>""", 10)}</row>', {"row"}),
        ("<row><only>1</only></row>", set()),
        ("<row>1</row>", set()),
        ("<row><p>1</p><p>2</p></row>", set()),
    ],
)
def test_a_record_has_two_fields(record: str, expected: set[str]) -> None:
    assert records(f"<all>{record * 5}</all>") == expected
    assert "row" not in records(f"<all>{record}</all>")  # a single one is the file itself


def test_children_in_any_number_are_no_fields() -> None:
    rows = [f"<row>{'<c>1</c>' * n}</row>" for n in (2, 3, 4, 5)]
    assert records(f"<all>{''.join(rows)}</all>") == set()


# Broken by: _MIN_PRESENCE at 0.
def test_a_child_that_few_have_is_no_field() -> None:
    rows = "<row><a>1</a></row>" * 4 + "<row><a>1</a><b>2</b></row>"
    assert records(f"<all>{rows}</all>") == set()
    assert records(f"<all>{rows.replace('</a></row>', '</a><b>2</b></row>')}</all>") == {"row"}


def test_several_kinds_of_records() -> None:
    text = f"<all>{repeated(ITEM, 5)}"
    people = repeated("<person><name>P#</name><born>19#</born></person>", 5)
    assert records(f"{text}{people}</all>") == {"item", "person"}


# Broken by: _MAX_PROSE_SHARE at 1; _MIN_RECORD_SHARE at 0.
def test_references_of_an_article_are_not_its_records() -> None:
    refs = repeated("<ref><by>Poe #, with others</by><year>19#</year></ref>", 9)
    text = "<p>Long <i>mixed</i> words, and more of them, to be the article.</p>" * 3
    assert records(f"<article><body>{text}</body>{refs}</article>") == set()
    bulk = "<bulk>" + "x" * 900 + "</bulk>"
    assert records(f"<all>{bulk}{refs}</all>") == set()


# Broken by: sections counted as records for their attributes, labels and titles.
def test_sections_are_no_records_but_entries_with_prose_are() -> None:
    section = "<sec id='s#' kind='k'><label>#</label><title>T</title><p>a <b>b</b></p></sec>"
    assert records(f"<doc>{repeated(section, 4)}</doc>") == set()
    entry = "<entry><title>T#</title><id>#</id><at>2026</at><p>a <b>b</b></p><p>c</p></entry>"
    assert records(f"<feed>{repeated(entry, 4)}</feed>") == {"entry"}


# Broken by: attrname without its namespace, or values left as they come ("smart" strings).
def test_thousands_of_attributes_are_read_as_a_few_are() -> None:
    many = " ".join(f'a{n}="{n} &lt;"' for n in range(1200))
    lay_out = 'xml:space="preserve" xmlns:x="urn:x" x:b="1" c=" "'
    element = etree.fromstring(f"<a {lay_out} {many}/>")
    found = list(attributes(element))
    assert found == [("{urn:x}b", "1"), *((f"a{n}", f"{n} <") for n in range(1200))]
    assert found == [pair for pair in element.attrib.items() if pair in found]
    assert {type(part) for pair in found for part in pair} == {str}
