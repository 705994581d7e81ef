"""Whole XML files of four kinds, and files made to do harm."""

import gzip
import json
from pathlib import Path

import pytest

from steep.documents.files.entry import UnreadableError
from steep.documents.formats import Fault, Piece, read_bytes
from steep.documents.read import collect
from steep.documents.split import Split
from steep.documents.xml import safe, xml_files
from steep.documents.xml.xml_files import read_xml, title_of
from steep.errors import DocumentError
from steep.stages.prepare import _document_lines

CATALOGUE = """<?xml version="1.0" encoding="utf-8"?>
<catalog xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:noNamespaceSchemaLocation="c.xsd">
  <!-- not text -->
  <book id="b1"><author>Asha Rao</author><title>The Tide Tables</title>
    <price currency="EUR">44.95</price><publishDate>2020-10-01</publishDate><ISBN>978-3</ISBN>
    <subjects><subject>sea</subject><subject>ships, sails</subject></subjects>
    <blurb>A guide to <b>tides</b>.</blurb></book>
  <book id="b2"><author>Ben Ito</author><title>Cook &amp; Eat</title>
    <price currency="USD">5.95</price><publishDate>2021-01-02</publishDate><ISBN>978-4</ISBN>
    <subjects><subject>food</subject></subjects>
    <blurb><![CDATA[<p>First <i>line</i>.</p><p>Second, if 1 < 2.</p>]]></blurb></book>
  <book id="b3"><author>रवि</author><title>रात</title><price currency="INR">300</price>
    <publishDate>2022-05-06</publishDate><ISBN>978-5</ISBN><blurb></blurb></book>
</catalog>"""

TAXONOMY = """<taxonomy><version>7</version>
<kingdom><code>P</code><label>Plants</label>
 <order id="P1"><label>Grasses</label>
  <taxon><code>P1.1</code><label>Reeds</label><note>tall</note>
   <taxon><code>P1.11</code><label>Common reed</label>
    <synonyms><name>ditch reed</name><name>giant reed</name></synonyms></taxon>
   <taxon><code>P1.12</code><label>Flag reed</label></taxon></taxon>
  <taxon><code>P1.2</code><label>Bamboos</label></taxon></order></kingdom>
<kingdom><code>F</code><label>Fungi</label>
 <order id="F1"><label>Cup fungi</label>
  <taxon><code>F1.1</code><label>Morels</label></taxon></order>
</kingdom></taxonomy>"""

RSS = """<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="urn:media">
<channel><title>Harbour news</title><link>https://example.org/</link>
<item><title>New crane</title><pubDate>Mon, 02 Mar 2026</pubDate><dc:creator>Ida Berg</dc:creator>
<media:title>crane.jpg</media:title><category>port</category><category>machines</category>
<description>&lt;p&gt;A &lt;b&gt;new&lt;/b&gt; crane.&lt;/p&gt;
&lt;p&gt;40 tonnes.&lt;/p&gt;</description></item>
<item><title>Dredging ends</title><pubDate>Tue, 03 Mar 2026</pubDate><dc:creator>Olu</dc:creator>
<description>The fairway is deep again.</description></item></channel></rss>"""

ARTICLE = """<article xml:lang="en"><front><journal-title>Tidal Studies</journal-title>
<title-group><article-title>Reeds hold <i>mud</i></article-title></title-group>
<contrib type="author"><surname>Berg</surname><given>Ida</given></contrib>
<contrib type="author"><surname>Ade</surname><given>Olu</given></contrib></front>
<body><sec id="s1" kind="intro"><label>1</label><title>Introduction</title>
<p>Reeds (<i>Phragmites</i>) grow in mud <xref rid="r1">[<sup>1</sup>]</xref>.</p>
<p>Few have
   measured it.</p></sec>
<sec id="s2" kind="methods"><label>2</label><title>Methods</title>
<p>We took cores: <list><item><p>twelve in reeds,</p></item>
<item><p>six outside.</p></item></list>
 All were dried.</p></sec></body>
<back><ref id="r1"><label>1</label>
<cite><name><last>Poe</last><first>C</first></name>. <i>Mud</i>.</cite>
</ref><ref id="r2"><label>2</label>
<cite><name><last>Rao</last><first>A</first></name>. 2001.</cite>
</ref></back></article>"""


def pieces(text: str) -> list[Piece]:
    found = list(read_xml(text))
    assert all(isinstance(piece, Piece) for piece in found), found
    return [piece for piece in found if isinstance(piece, Piece)]


def fault(text: str) -> Fault:
    (found,) = read_xml(text)
    assert isinstance(found, Fault) and "\n" not in found.detail
    return found


# Broken by: schema attributes kept; the "; " of lists; HTML left in a text; comments kept.
def test_a_catalogue_is_a_document_per_entry() -> None:
    first, second, third = pieces(CATALOGUE)
    assert first.text == (
        "id: b1. author: Asha Rao. title: The Tide Tables. price: 44.95. price currency: EUR. "
        "publish date: 2020-10-01. ISBN: 978-3. subjects: sea; ships, sails. "
        "blurb: A guide to tides."
    )
    assert (first.title, first.locator, first.title_fields) == (
        "The Tide Tables",
        "book 1",
        ("title",),
    )
    assert first.fields[:3] == (("id", "b1"), ("author", "Asha Rao"), ("title", "The Tide Tables"))
    assert second.text.split("\n\n")[1:] == ["blurb: First line.", "Second, if 1 < 2."]
    assert "blurb" not in dict(second.fields)
    assert third.title == "रात" and third.text.endswith("ISBN: 978-5.")


# Broken by: no members added for nested records; WITHIN left out; labels not put behind codes.
def test_a_taxonomy_is_a_document_per_node_that_knows_its_parents() -> None:
    found = pieces(TAXONOMY)
    assert [(piece.locator, piece.title) for piece in found] == [
        ("", None),
        ("kingdom 1", "P Plants"),
        ("order 1", "P1 Grasses"),
        ("taxon 1", "P1.1 Reeds"),
        ("taxon 2", "P1.11 Common reed"),
        ("taxon 3", "P1.12 Flag reed"),
        ("taxon 4", "P1.2 Bamboos"),
        ("kingdom 2", "F Fungi"),
        ("order 2", "F1 Cup fungi"),
        ("taxon 5", "F1.1 Morels"),
    ]
    reeds, common = found[3], found[4]
    assert reeds.text == "code: P1.1. label: Reeds. note: tall. within: P Plants > P1 Grasses."
    assert common.fields == (
        ("code", "P1.11"),
        ("label", "Common reed"),
        ("synonyms", "ditch reed; giant reed"),
        ("within", "P Plants > P1 Grasses > P1.1 Reeds"),
    )
    assert common.title_fields == ("code", "label")
    assert found[0].text == "version: 7."


# Broken by: _nearest saying all of the chain.
def test_the_nearest_parents_are_said_if_all_are_too_long() -> None:
    long = "Grasses " + "and more " * 18 + "grasses"
    found = pieces(TAXONOMY.replace("Grasses", long))
    assert dict(found[4].fields)["within"] == f"P1 {long} > P1.1 Reeds"
    assert "P Plants" not in found[4].text


# Broken by: names without prefixes for shared ones; the rest left out; no carriers' titles.
def test_a_feed_is_a_document_per_item() -> None:
    feed, crane, dredging = pieces(RSS)
    assert feed.text == (
        "version: 2.0. channel title: Harbour news. channel link: https://example.org/."
    )
    assert (feed.title, feed.locator) == ("Harbour news", "")
    assert crane.text == (
        "title: New crane. pub date: Mon, 02 Mar 2026. creator: Ida Berg. media title: crane.jpg. "
        "category: port; machines. within: Harbour news.\n\nA new crane.\n\n40 tonnes."
    )
    assert (dredging.title, dredging.locator) == ("Dredging ends", "item 2")
    assert "description: The fairway is deep again." in dredging.text


# Broken by: sections as records; lists inside paragraphs run together; no title preferred.
def test_an_article_is_one_document_of_paragraphs() -> None:
    (piece,) = pieces(ARTICLE)
    assert piece.title == "Reeds hold mud" and piece.fields == ()
    assert piece.text.split("\n\n") == [
        "Tidal Studies",
        "Reeds hold mud",
        "surname: Berg. given: Ida.",
        "surname: Ade. given: Olu.",
        "1 Introduction",
        "Reeds (Phragmites) grow in mud [1].",
        "Few have measured it.",
        "2 Methods",
        "We took cores:",
        "twelve in reeds,",
        "six outside.",
        "All were dried.",
        "1 Poe C. Mud.",
        "2 Rao A. 2001.",
    ]


# Broken by: _has_doctype always False, or not skipping comments and instructions, with the look
# at docinfo gone too.
@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE a [<!ENTITY x "y">]>',
        '<!-- <a> --><?pi <b>?>\n<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a" [<!ENTITY x "y">]>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
    ],
)
def test_document_type_definitions_are_refused(head: str) -> None:
    found = fault(f"{head}<a><b>&x;</b></a>")
    assert found.reason == "unreadable file" and "document type definition" in found.detail


# Broken by: a definition that is only named refused; the characters it brings left undefined.
@pytest.mark.parametrize(
    "doctype",
    [
        "<!DOCTYPE a>",
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">',
        '<!DOCTYPE a\n PUBLIC "-//NLM//DTD A 1.0//EN" "a.dtd">',
    ],
)
def test_a_definition_that_is_only_named_is_passed_over(doctype: str) -> None:
    (piece,) = pieces(f"<?xml version='1.0'?>{doctype}<a><b>caf&eacute;&nbsp;&amp;</b><c>2</c></a>")
    assert piece.text == "b: café &. c: 2."
    assert fault(f"{doctype}<a>&secret;</a>").reason == "unreadable file"


# Broken by: comments and instructions not skipped, or looking for the words anywhere.
def test_definitions_are_seen_before_the_parser_starts() -> None:
    head = '\ufeff <?xml version="1.0"?>\n<!-- <a> --><?p <b>?>\n'
    with pytest.raises(UnreadableError, match="document type definition"):
        safe.refuse_definitions(f"{head}<!DOCTYPE a [")
    safe.refuse_definitions("<!-- <!DOCTYPE a [> --><a>1</a>")
    safe.refuse_definitions("<!-- never closed <!DOCTYPE a [>")
    (piece,) = pieces("<a><b>say <![CDATA[<!DOCTYPE a>]]></b><c>2</c></a>")
    assert piece.text == "b: say <!DOCTYPE a>. c: 2."


def hostile(kind: str, secret: Path) -> str:
    if kind == "laughs":
        entities = "".join(
            f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">'
            for n in range(12)
        )
        return f"<!DOCTYPE a [{entities}]><a>&l11;</a>"
    return f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}">]><a><b>&x;</b></a>'


# Broken by: the checks before and after parsing both gone, with resolve_entities=True.
@pytest.mark.parametrize("kind", ["laughs", "external"])
@pytest.mark.parametrize("first_look", [True, False])
def test_entities_are_never_expanded(
    kind: str, first_look: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    if not first_look:  # the parser alone must be safe too
        monkeypatch.setattr(safe, "_without_doctype", lambda text: (text, False))
    (found,) = read_xml(hostile(kind, secret))
    assert isinstance(found, Fault) and "secret" not in found.detail.replace(str(secret), "")


def test_includes_and_stylesheets_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the secret")
    (piece,) = pieces(
        f'<?xml-stylesheet href="{secret.as_uri()}"?><a xmlns:xi="http://www.w3.org/2001/XInclude">'
        f'<b>kept</b><xi:include parse="text" href="{secret.as_uri()}"/></a>'
    )
    assert "kept" in piece.text and "the secret" not in piece.text


# Broken by: recover=True; the depth limit above the recursion limit; MAX_XML_CHARACTERS unused.
def test_broken_files_are_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = fault("<a>\n<b>1</a>")
    assert broken.locator == "line 2" and "not well-formed" in broken.detail
    assert "not well-formed" in fault("<a>&nbsp;</a>").detail
    assert "not well-formed" in fault("").detail
    assert "too deeply" in fault("<a>" * 201 + "</a>" * 201).detail
    assert fault("<a>" * 100_000).reason == "unreadable file"
    monkeypatch.setattr(xml_files, "MAX_XML_CHARACTERS", 10)
    (large,) = read_bytes("a.xml", b"<a>12345678</a>")
    assert isinstance(large, Fault) and large.reason == "too large"


def test_deep_files_within_the_limit_are_read() -> None:
    (piece,) = pieces("<a>" * 199 + "<b>deep</b>" + "</a>" * 199)
    assert "deep" in piece.text


# Broken by: "encoding" of the parser left out; .xml missing from _DECLARE_ENCODINGS.
@pytest.mark.parametrize("encoding", ["windows-1251", "utf-16", "koi8-r", "utf-8"])
def test_declared_encodings_are_followed(encoding: str) -> None:
    text = f'<?xml version="1.0" encoding="{encoding}"?><a><b>Да</b><c>Ёж</c></a>'
    (piece,) = read_bytes("a.xml", text.encode(encoding))
    assert isinstance(piece, Piece) and piece.text == "b: Да. c: Ёж."


@pytest.mark.parametrize(
    ("fields", "title", "names"),
    [
        ({"id": "7", "name": "Ida"}, "Ida", ("name",)),
        ({"name": "A1", "desc": "Cholera"}, "A1 Cholera", ("name", "desc")),
        ({"code": "9", "desc": "Ears (H60-H95)"}, "9 Ears (H60-H95)", ("code", "desc")),
        ({"id": "H60", "desc": "Ears (H60)"}, "Ears (H60)", ("id", "desc")),
        ({"id": "7", "town": "Bonn"}, "7", ("id",)),
        ({"journal title": "J", "article title": "T"}, "T", ("article title",)),
        ({"editor 1 name": "E", "town": "Bonn"}, None, ()),
    ],
)
def test_titles(fields: dict[str, str], title: str | None, names: tuple[str, ...]) -> None:
    assert title_of(fields, "article") == (title, names)


# Broken by: fields left out of Document in read.py, of _document_lines, or put into the id.
def test_fields_reach_the_documents_and_their_file(tmp_path: Path) -> None:
    (tmp_path / "a.xml.gz").write_bytes(gzip.compress(CATALOGUE.encode()))
    (tmp_path / "b.txt").write_text("Plain.")
    documents = collect(tmp_path).documents
    assert dict(documents[0].fields)["author"] == "Asha Rao"
    assert documents[0].title_fields == ("title",) and documents[-1].fields == ()
    rows = [json.loads(line) for line in _document_lines(Split(documents, ())).splitlines()]
    assert rows[0]["fields"]["price"] == "44.95" and rows[0]["title_fields"] == ["title"]
    assert "fields" not in rows[-1]


# Broken by: fields in Document's key.
def test_fields_do_not_change_the_id() -> None:
    from steep.documents.record import Document

    bare = Document("text", "t", "a.csv", "row 1")
    assert Document("text", "t", "a.csv", "row 1", (("a", "b"),), ("a",)).id == bare.id


def test_a_named_file_with_a_definition_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    path.write_text("<!DOCTYPE a [<!ENTITY x 'y'>]><a>1</a>")
    with pytest.raises(DocumentError, match=r"a\.xml has a document type definition"):
        collect(path)
