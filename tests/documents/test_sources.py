"""The collections that people name, each as a small file in its true format."""

import bz2
import io
import json
import lzma
import zipfile
from pathlib import Path

import pytest

from steep.documents.formats import Fault, Piece, read_bytes
from steep.documents.read import collect


def read(name: str, data: str | bytes) -> list[Piece | Fault]:
    return list(read_bytes(name, data.encode() if isinstance(data, str) else data))


def pieces(name: str, data: str | bytes) -> list[Piece]:
    found = read(name, data)
    return [one for one in found if isinstance(one, Piece)]


JATS = """<?xml version="1.0"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Archiving and Interchange DTD v1.2//EN"
 "JATS-archivearticle1.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink" xml:lang="en" article-type="research-article">
<front><journal-meta><journal-title>Tidal Studies</journal-title></journal-meta>
<article-meta><title-group><article-title>Reeds hold <italic>mud</italic></article-title></title-group>
<contrib-group><contrib><name><surname>Berg</surname></name></contrib></contrib-group>
<pub-date pub-type="epub"><day>2</day><month>3</month><year>2026</year></pub-date>
<permissions><license xlink:href="https://creativecommons.org/licenses/by/4.0/"><license-p>Open.</license-p></license></permissions>
<abstract><sec><title>Aims</title><p>To see&nbsp;why.</p></sec></abstract></article-meta></front>
<body><sec><title>Methods</title><p>We took cores<xref ref-type="bibr">1</xref>:
<list><list-item><p>twelve in reeds</p></list-item><list-item><p>six outside</p></list-item></list></p>
<table-wrap><label>Table 1</label><caption><p>Depths.</p></caption><table><thead><tr><th>Site</th><th>Depth</th></tr></thead>
<tbody><tr><td>North</td><td>9 m</td></tr></tbody></table></table-wrap></sec></body>
<back><ack><p>Thanks.</p></ack><ref-list><ref><mixed-citation>Poe C. Mud.</mixed-citation></ref></ref-list></back></article>"""


def test_pubmed_central() -> None:
    (piece,) = pieces("a.nxml", JATS)
    assert piece.text.split("\n\n") == [
        "Reeds hold mud",
        "Aims",
        "To see why.",
        "Methods",
        "We took cores1:",
        "- twelve in reeds\n- six outside",
        "Depths.",
        "Site: North; Depth: 9 m.",
    ]
    assert (piece.title, piece.language, piece.date) == ("Reeds hold mud", "en", "2026-03-02")
    assert piece.licence == "https://creativecommons.org/licenses/by/4.0/"
    body = JATS[JATS.index("<article ") :].replace("&nbsp;", " ")
    two = pieces("a.xml", f"<pmc-articleset>{body}{body}</pmc-articleset>")
    assert [p.locator for p in two] == ["article 1", "article 2"]


PUBMED = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE PubmedArticleSet SYSTEM "http://dtd.nlm.nih.gov/ncbi/pubmed/out/pubmed_250101.dtd">
<PubmedArticleSet><PubmedArticle><MedlineCitation><PMID>1</PMID><Article>
<Journal><JournalIssue><PubDate><Year>2026</Year></PubDate></JournalIssue></Journal>
<ArticleTitle>Reeds and <i>mud</i>.</ArticleTitle><Abstract>
<AbstractText Label="AIMS">To see.</AbstractText><AbstractText Label="RESULTS">They hold.</AbstractText></Abstract>
<Language>eng</Language></Article><MeshHeadingList><MeshHeading><DescriptorName UI="D1">Mud</DescriptorName>
</MeshHeading></MeshHeadingList></MedlineCitation></PubmedArticle>
<PubmedArticle><MedlineCitation><PMID>2</PMID><Article><ArticleTitle>Bare.</ArticleTitle></Article>
</MedlineCitation></PubmedArticle></PubmedArticleSet>"""


def test_pubmed_abstracts() -> None:
    piece, fault = read("pubmed26n0001.xml", PUBMED)
    assert isinstance(piece, Piece) and isinstance(fault, Fault)
    assert piece.text == "Reeds and mud.\n\nAims: To see.\n\nResults: They hold."
    assert (piece.title, piece.language, piece.date) == ("Reeds and mud.", "eng", "2026")
    assert piece.fields == (("subjects", "Mud"),)
    assert (fault.reason, fault.locator) == ("empty", "PubmedArticle 2")


MESH = """<?xml version="1.0"?><!DOCTYPE DescriptorRecordSet SYSTEM "https://example.org/x.dtd">
<DescriptorRecordSet><DescriptorRecord><DescriptorUI>D000001</DescriptorUI>
<DescriptorName><String>Mud</String></DescriptorName><TreeNumberList><TreeNumber>G16.1</TreeNumber></TreeNumberList>
<ConceptList><Concept><ScopeNote>Wet earth.
    </ScopeNote><TermList><Term><String>Mud</String></Term><Term><String>Silt, Wet</String></Term></TermList>
</Concept></ConceptList></DescriptorRecord></DescriptorRecordSet>"""


def test_mesh() -> None:
    (piece,) = pieces("desc2026.xml", MESH)
    assert piece.text == "Mud: Wet earth.\n\nMud is also called Silt, Wet."
    assert piece.title == "Mud" and ("id", "D000001") in piece.fields


NOTES = """"ROW_ID","SUBJECT_ID","HADM_ID","CHARTDATE","CHARTTIME","STORETIME","CATEGORY","DESCRIPTION","CGID","ISERROR","TEXT"
1,7,8,"2151-07-16",,,"Discharge summary","Report",,,"Seen by [**First Name8 (NamePattern2) 12**]
on [**2151-7-16**]. Well."
2,7,8,"2151-07-17",,,"Nursing","Report",,"1","wrong note"
"""


# Broken by: ISERROR not looked at; marks of names left in.
def test_mimic_notes() -> None:
    note, fault = read("NOTEEVENTS.csv", NOTES)
    assert isinstance(note, Piece) and isinstance(fault, Fault)
    assert note.text == "Seen by ___\non 2151-7-16. Well."
    assert (note.title, note.date) == ("Discharge summary: Report", "2151-07-16")
    assert (fault.reason, fault.locator) == ("ignored", "row 2")


def test_case_law() -> None:
    opinion = "The pier was closed. " * 20
    case = {
        "id": 5,
        "name": "Harbour Board v. Berg",
        "decision_date": "1926-03-02",
        "casebody": {"opinions": [{"type": "majority", "author": "Ade, J.", "text": opinion}]},
    }
    (piece,) = pieces("0005-01.json", json.dumps(case))
    assert piece.text == opinion.strip()
    assert (piece.title, piece.date) == ("Harbour Board v. Berg", "1926-03-02")
    assert ("casebody opinions 1 author", "Ade, J.") in piece.fields
    rows = 'id,case_name,plain_text,html_with_citations\n1,A v. B,,"<p>It is <b>so</b> ordered.</p>"\n2,C v. D,Affirmed.,\n'
    assert [p.text for p in pieces("opinions.csv", rows)] == ["It is so ordered.", "Affirmed."]


def test_pile_of_law(tmp_path: Path) -> None:
    lines = '{"text": "It is so ordered.", "created_timestamp": "2019-03-02", "url": "https://example.org"}\n'
    (tmp_path / "a.jsonl.xz").write_bytes(lzma.compress(lines.encode()))
    (document,) = collect(tmp_path / "a.jsonl.xz").documents
    assert (document.text, document.date) == ("It is so ordered.", "2019-03-02")


USLM = """<uscDoc xmlns="http://xml.house.gov/schemas/uslm/1.0"><main><title><num value="1">Title 1</num>
<heading>Harbours</heading><section identifier="/us/usc/t1/s1"><num value="1">§ 1.</num><heading>Piers open to all</heading>
<content><p>A pier shall be open to any ship that pays the due which the board has set for the season.</p></content></section>
<section identifier="/us/usc/t1/s2"><num value="2">§ 2.</num><heading>Dues</heading>
<content><p>The board shall set the due once a year and publish it before the first day of March.</p></content></section>
</title></main></uscDoc>"""
AKOMA = """<akomaNtoso xmlns="http://docs.oasis-open.org/legaldocml/ns/akn/3.0"><act name="act"><body>
<section eId="sec_1"><num>1</num><heading>Piers</heading><content><p>A pier shall be open to any ship that pays the due which the board has set.</p></content></section>
<section eId="sec_2"><num>2</num><heading>Dues</heading><content><p>The board shall set the due once a year and publish it before March.</p></content></section>
</body></act></akomaNtoso>"""
FORMEX = """<ACT><TITLE><TI><P>Regulation on piers</P></TI></TITLE><ENACTING.TERMS>
<ARTICLE IDENTIFIER="001"><TI.ART>Article 1</TI.ART><ALINEA>A pier shall be open to any ship that pays the due which the board has set.</ALINEA></ARTICLE>
<ARTICLE IDENTIFIER="002"><TI.ART>Article 2</TI.ART><ALINEA>The board shall set the due once a year and publish it before March.</ALINEA></ARTICLE>
</ENACTING.TERMS></ACT>"""


POSTS = """<?xml version="1.0" encoding="utf-8"?><posts>
<row Id="1" PostTypeId="1" CreationDate="2026-03-02T10:00:00.000" Title="Why mud?" Tags="&lt;mud&gt;&lt;tide&gt;"
 Body="&lt;p&gt;Why is there &lt;b&gt;mud&lt;/b&gt;?&lt;/p&gt;" ContentLicense="CC BY-SA 4.0"/>
<row Id="2" PostTypeId="2" ParentId="1" CreationDate="2026-03-03T10:00:00.000" Body="&lt;p&gt;Tides.&lt;/p&gt;" ContentLicense="CC BY-SA 4.0"/>
<row Id="3" PostTypeId="5" Body="a tag's wiki"/></posts>"""


def test_stack_exchange() -> None:
    told = POSTS.replace("Tides.", "Tides.&lt;img alt=&quot;enter image description here&quot;&gt;")
    assert pieces("Posts.xml", told)[1].text == "Answer to: Why mud?\n\nTides."
    question, answer = pieces("Posts.xml", POSTS)
    assert question.text == "Question: Why mud?\n\nWhy is there mud?"
    assert answer.text == "Answer to: Why mud?\n\nTides."
    assert question.fields == (("tags", "mud, tide"),) and answer.title == "Why mud?"
    assert (answer.date, answer.licence, answer.locator) == ("2026-03-03", "CC BY-SA 4.0", "row 2")


WIKI = """<mediawiki xmlns="http://www.mediawiki.org/xml/export-0.11/" version="0.11" xml:lang="en"><siteinfo/>
<page><title>Reed</title><ns>0</ns><id>1</id><revision><timestamp>2026-03-02T10:00:00Z</timestamp>
<text bytes="9">{{Infobox plant|name=Reed}}
'''Reeds''' are [[grass]]es that grow in [[mud|wet mud]].&lt;ref&gt;Poe, 2001&lt;/ref&gt; [[File:Reed.jpg|thumb|A reed]]

== Use ==
They thatch [https://example.org roofs].
{| class="wikitable"
|-
| a || b
|}

== References ==
{{reflist}}
[[Category:Plants]]</text></revision></page>
<page><title>Reeds</title><ns>0</ns><redirect title="Reed"/><revision><text>#REDIRECT [[Reed]]</text></revision></page>
<page><title>Talk:Reed</title><ns>1</ns><revision><text>Hello</text></revision></page></mediawiki>"""


# Broken by: redirects and other name spaces read; files and categories kept.
def test_wikipedia(tmp_path: Path) -> None:
    pytest.importorskip("mwparserfromhell", reason="needs steep[wiki]")
    (tmp_path / "enwiki-pages-articles.xml.bz2").write_bytes(bz2.compress(WIKI.encode()))
    (found,) = collect(tmp_path).documents
    said = ["Reeds are grasses that grow in wet mud.", "Use", "They thatch roofs.", "a; b."]
    assert found.text.split("\n\n") == said
    assert (found.title, found.date, found.licence) == ("Reed", "2026-03-02", "CC BY-SA")


def test_oscar(tmp_path: Path) -> None:
    zstandard = pytest.importorskip("zstandard", reason="needs steep[zstd]")
    line = {
        "content": "Reeds hold mud.\nTides bring it.",
        "warc_headers": {"warc-date": "2026-03-02T10:00:00Z"},
        "metadata": {"identification": {"label": "en", "prob": 0.99}, "quality_warnings": None},
    }
    path = tmp_path / "en_part_1.jsonl.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(json.dumps(line).encode()))
    (found,) = collect(path).documents
    assert found.text == "Reeds hold mud.\nTides bring it."
    assert ("metadata identification label", "en") in found.fields


# Broken by: the option not handed on.
def test_cc100(tmp_path: Path) -> None:
    path = tmp_path / "en.txt.xz"
    path.write_bytes(lzma.compress(b"First line.\nIts second.\n\nAnother document.\n\n\nThird.\n"))
    found = collect(f"{path}?split=blank").documents
    assert [(d.text, d.locator) for d in found] == [
        ("First line.\nIts second.", "document 1"),
        ("Another document.", "document 2"),
        ("Third.", "document 3"),
    ]
    assert len(collect(path).documents) == 1


GUTENBERG = """The Project Gutenberg eBook of Reeds\r
\r
This eBook is for the use of anyone anywhere.\r
\r
Title: Reeds\r
Language: English\r
\r
*** START OF THE PROJECT GUTENBERG EBOOK REEDS ***\r
\r
Produced by Someone\r
and others\r
\r
CHAPTER I\r
\r
They grew.\r
\r
End of Project Gutenberg's Reeds\r
\r
*** END OF THE PROJECT GUTENBERG EBOOK REEDS ***\r
\r
Section 1. General Terms of Use"""


def test_gutenberg() -> None:
    (piece,) = pieces("pg1.txt", GUTENBERG)
    assert piece.text.strip() == "CHAPTER I\n\nThey grew." and piece.title == "Reeds"
    stars = "BOOK OF A TITLE\r\nTHAT IS LONG ***"
    long = GUTENBERG.replace("BOOK REEDS ***", stars).replace(
        "Title: Reeds", "Title: Reeds,\r\n  and mud"
    )
    (piece,) = pieces("pg1.txt", long)
    assert piece.text.strip() == "CHAPTER I\n\nThey grew." and piece.title == "Reeds, and mud"
    (other,) = pieces("a.txt", "About PROJECT GUTENBERG.\n\nIt is old.")
    assert other.text == "About PROJECT GUTENBERG.\n\nIt is old."


def zipped(members: dict[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def test_notion_and_confluence() -> None:
    part = zipped(
        {
            "Home 0f3c/Pier 1a2b.md": "# Pier\n\nIt is open.",
            "Home 0f3c/Dues 3c4d.csv": "Name,Due\nNorth,9\n",
        }
    )
    pier_csv = pieces("Export-1.zip", zipped({"Export-Part-1.zip": part}))
    assert sorted((p.title, p.text) for p in pier_csv) == [
        ("North", "Name: North. Due: 9."),
        ("Pier", "Pier\n\nIt is open."),
    ]
    page = """<html><head><title>Port : Pier</title></head><body><div id="page"><div id="breadcrumb-section"><ol><li>Port</li></ol></div>
<div id="main-content" class="wiki-content"><p>It is open.</p></div></div><div id="footer" role="contentinfo"><section><p>Generated by Confluence</p></section></div></body></html>"""
    (found,) = pieces("Confluence-export.zip", zipped({"PORT/pier_1.html": page}))
    assert found.title == "Port : Pier" and "It is open." in found.text
    assert "Generated by" not in found.text


RSS = """<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel><title>Harbour news</title><language>en</language>
<item><title>New crane</title><pubDate>Mon, 02 Mar 2026 10:00:00 +0000</pubDate><category>port</category>
<description>Short.</description><content:encoded><![CDATA[<p>A new <b>crane</b>.</p><p>40 tonnes.</p>]]></content:encoded></item>
<item><title>Later</title><wp:status>draft</wp:status><description>Not yet.</description></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Harbour</title><entry><title>New crane</title>
<published>2026-03-02T10:00:00Z</published><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>A new <b>crane</b>.</p></div></content></entry></feed>"""


def test_feeds() -> None:
    item, draft = read("feed.rss", RSS)
    assert isinstance(item, Piece) and isinstance(draft, Fault)
    assert item.text == "A new crane.\n\n40 tonnes." and item.fields == (("categories", "port"),)
    assert (item.title, item.language, item.date) == ("New crane", "en", "2026-03-02")
    assert draft.reason == "ignored"
    (entry,) = pieces("feed.atom", ATOM)
    assert (entry.text, entry.title, entry.date) == ("A new crane.", "New crane", "2026-03-02")


# Broken by: blank lines of WordPress's classic posts not parting paragraphs; what isn't a post read.
def test_posts_as_wordpress_writes_them() -> None:
    post = 'First.\n\nSecond <b>one</b>.\n\n<pre>a\n\n  b</pre>\n\n[gallery ids="1"]See [1] and [video].'
    styles = (
        "<item><wp:post_type>wp_global_styles</wp:post_type><description>{}</description></item>"
    )
    feed = RSS.replace("<p>A new <b>crane</b>.</p><p>40 tonnes.</p>", post)
    item, _, fault = read("feed.rss", feed.replace("</channel>", f"{styles}</channel>"))
    assert isinstance(item, Piece) and item.text.split("\n\n") == [
        "First.", "Second one.", "a", "  b", "See [1] and [video].",
    ]  # fmt: skip
    assert isinstance(fault, Fault) and fault.reason == "ignored"


# Broken by: Atom's plain text read as markup; markup left in titles.
def test_what_atom_says_in_text() -> None:
    feed = ATOM.replace("<title>New crane", '<title type="html">A &lt;b&gt;new&lt;/b&gt; crane')
    content = feed[feed.index("<content") : feed.index("</entry>")]
    (entry,) = pieces(
        "a.atom", feed.replace(content, "<content>Use &lt;name&gt; if a &lt; b.</content>")
    )
    assert (entry.title, entry.text) == ("A new crane", "Use <name> if a < b.")


API = """openapi: 3.0.0
info: {title: Harbour API, description: Ships and piers.}
paths:
  /piers/{id}:
    parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
    get:
      summary: Get a pier
      parameters: [{$ref: '#/components/parameters/Unit'}]
      responses: {'200': {description: The pier}, '404': {description: No such pier}}
components:
  parameters: {Unit: {name: unit, in: query, schema: {type: string, enum: [m, ft]}, description: Of depth}}
  schemas:
    Pier: {type: object, required: [name], properties: {name: {type: string, description: Its name}, ships: {type: array, items: {$ref: '#/components/schemas/Pier'}}}}
"""


def test_api_descriptions() -> None:
    import yaml

    for name, data in (("api.yaml", API), ("api.json", json.dumps(yaml.safe_load(API)))):
        about, operation, schema = pieces(name, data)
        assert about.text == "Harbour API\n\nShips and piers."
        assert operation.text.split("\n\n") == [
            "GET /piers/{id} (Harbour API): Get a pier",
            "Parameters:\n- id (in path, integer, required)\n- unit (in query, one of m, ft, optional): Of depth",
            "Responses:\n- 200: The pier\n- 404: No such pier",
        ]
        assert schema.text.endswith("- name (string, required): Its name\n- ships (list of Pier)")
    (settings,) = pieces("settings.yaml", "a: 1\nb:\n  - c\n")
    assert settings.text == "a: 1\nb:\n  - c\n"
    (fault,) = read("bad.yaml", "openapi: [")
    assert isinstance(fault, Fault) and fault.reason == "unreadable file"


def test_a_broken_dump_keeps_what_came_before() -> None:
    found = read("Posts.xml", POSTS.replace('<row Id="3"', "<row <"))
    assert len(found) == 3 and isinstance(found[-1], Fault)
    assert "not well-formed XML after 2 records" in found[-1].detail
    (fault,) = read(
        "Posts.xml", POSTS.replace("<posts>", '<!DOCTYPE posts [<!ENTITY a "b">]><posts>')
    )
    assert isinstance(fault, Fault) and "document type definition" in fault.detail
