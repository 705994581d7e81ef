import html
from typing import Any

import pytest

from steep.documents.formats import Fault, Piece, read_bytes
from steep.documents.pages.wikitext import Names, wikitext_to_text

parser: Any = pytest.importorskip("mwparserfromhell", reason="needs steep[wiki]")


def blocks(text: str, **more: Any) -> list[str]:
    return wikitext_to_text(text, parser, **more).split("\n\n")


CODE = "def f(x):\n    if x:\n        return [[1]]\n\n    return '''2'''"
MANUAL = f"""Intro, see [[HR:Remote work|remote work]] and [[IT:VPN]].

== Linux ==
Run this:
<syntaxhighlight lang="python">
{CODE}
</syntaxhighlight>
=== Notes ===
Needs root.
== Windows ==
Open the settings:
* one
* two
"""


# Broken by: a section that is cut taking what is behind it along; links of other cases dropped;
# code going through the parser.
def test_a_page_of_a_companys_manual() -> None:
    said = wikitext_to_text(MANUAL, parser)
    assert said == (
        f"Intro, see remote work and IT:VPN.\n\nLinux\n\nRun this:\n\n{CODE}\n\nNotes\n\n"
        "Needs root.\n\nWindows\n\nOpen the settings:\n\n- one\n- two"
    )


# Broken by: _section_ends ignoring levels; a list cut whatever else its section says.
def test_lists_of_links_are_cut_and_nothing_behind_them() -> None:
    page = "A.\n== {} ==\n* [[B]]\n=== Books ===\n* C\n== Use ==\nD.\n"
    for name in ("See also", "References", "External links", "Sources"):
        assert blocks(page.format(name)) == ["A.", "Use", "D."]
    assert blocks("A.\n== Sources ==\nPower comes from two.\n* North") == [
        "A.", "Sources", "Power comes from two.", "- North",
    ]  # fmt: skip
    assert blocks("A.\n== Einzelnachweise ==\n<references />\n=== B ===\n{{x}}\n") == ["A."]


def test_links() -> None:
    names = Names({"hr", "datei", "kategorie"}, {"file", "image", "category", "datei", "kategorie"})
    page = (
        "[[a|b]] [[c]]s [[:Category:IT|the category]] [[:Kategorie:X]] [[Media:x.pdf|the form]] "
        "[[hr:leave]] [[w:x|y]] [https://x.org label] [https://x.org] https://y.org "
        "[[File:a.png|thumb|a [[b]]]][[Datei:a.png]][[Kategorie:X]]\n[[de:Reet]]\n[[zh-min-nan:X]]"
    )
    assert blocks(page, names=names) == [
        "b cs the category Kategorie:X the form hr:leave y label https://y.org"
    ]
    assert blocks("[[hr:leave]] x") == ["x"]


# Broken by: rows dropped; a span or the caption lost.
def test_tables_are_said() -> None:
    table = """{| class="wikitable"
|+ Ports
! rowspan=2 | Port !! colspan=2 | Use
|-
! TCP !! UDP
|-
| 22 || [[SSH|secure shell]] || {{no}}
|-
| 80
|
* HTTP
* <code>web</code>
|}
after"""
    assert blocks(table) == [
        "Ports\nPort: 22; Use TCP: secure shell.\nPort: 80; Use TCP: HTTP web.",
        "after",
    ]
    assert blocks("<table><tr><th>A</th></tr><tr><td>b</td></tr></table>") == ["A: b."]


def test_lists() -> None:
    page = (
        "* a\n*# b\n*# c\n*: d\n# e\n<pre>\nx\n  y\n</pre>\n# f\n\n# g\n; t : u\n;v\n:w\n\n:alone"
    )
    assert blocks(page) == [
        "- a\n  1. b\n  2. c\n    d\n1. e", "x\n  y", "2. f", "1. g\nt: u\nv: w", "alone",
    ]  # fmt: skip
    assert blocks(";term :definition") == ["term: definition"]
    assert blocks("<ul><li>a</li><li>b</li></ul>") == ["- a\n- b"]


# Broken by: _WORD, _sentences or the table of names unused; a reference said.
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("It is {{convert|5|km}} away.", "It is 5 km away."),
        ("It is {{cvt|5|to|10|sqmi|km2}}.", "It is 5 to 10 sq mi."),
        ("The {{lang|fr|mot}} and {{lang-la|verbum}}.", "The mot and verbum."),
        ("In {{nowrap|wet [[mud]]}}.", "In wet mud."),
        ("A{{snd}}b{{!}}c", "A – b|c"),
        ("Ask {{Product|Pump 3}} support.", "Ask Pump 3 support."),
        ("Ask.{{r|poe}} It{{rp|5}} is.{{sfn|Poe|2001}}", "Ask. It is."),
        ("So{{efn|It is a note of some words.}}.", "So."),
        ("Reed ({{IPA|/x/}}; {{lang|la|R}}) is ({{IPA|x}}) f().", "Reed (R) is f()."),
        ("{{Note|Restart the server first.}}", "Restart the server first."),
        ("{{Warning|text=Never open it while it runs!}}", "Never open it while it runs!"),
        ("{{Infobox x|name=A thing that is.}}\nA.", "A."),
        ("{{Short description|Genus of plants}}\nA.", "A."),
        ("{{PAGENAME}} pumps {{formatnum:5}}.", "The pump pumps 5."),
        ("{{frac|1|2}} {{key|Ctrl|C}} {{As of|2020}}", "1/2 Ctrl+C As of 2020"),
    ],
)
def test_templates(call: str, said: str) -> None:
    assert blocks(call, title="The pump") == [said]


def test_what_else_stands_in_a_line() -> None:
    page = (
        "'''''Both''''' ''i''<ref name=a>x</ref><ref name=b/> &lt;x&gt; 10<sup>3</sup><br>"
        "<math>E = mc^2</math> <nowiki>'''[[x]]</nowiki> <code>a_<nowiki>{{b}}</nowiki></code>"
        "<!-- no <ref> -->.\ngoes on\n__NOTOC__\n----\n<div>box</div>"
    )
    assert blocks(page) == [
        "Both i <x> 10³\nE = mc^2 '''[[x]] a_{{b}}. goes on",
        "box",
    ]
    assert blocks("<poem>\nRoses ''are''\nred.\n\nV\n</poem>") == ["Roses are\nred.", "V"]
    assert blocks(" typed [[a|b]]\n   so\n\nnot") == ["typed b\n  so", "not"]


# Broken by: an opening tag that is never closed taking the rest along.
def test_broken_markup_loses_nothing() -> None:
    assert blocks("A <ref>b\n\nc <!-- d") == ["A b", "c d"]
    assert "after" in wikitext_to_text("{| \n| x\nafter [[b", parser)


SITE = """<siteinfo><base>{}</base><namespaces><namespace key="0"/><namespace key="1">Talk</namespace>
<namespace key="6">Datei</namespace><namespace key="100">Portal</namespace>
<namespace key="3000">HR</namespace><namespace key="3001">HR talk</namespace></namespaces></siteinfo>"""


def export(*pages: tuple[str, int | None, str], base: str) -> list[Piece | Fault]:
    inner = "".join(
        f"<page><title>{title}</title>{'' if space is None else f'<ns>{space}</ns>'}"
        f"<revision><text>{html.escape(text)}</text></revision></page>"
        for title, space, text in pages
    )
    return list(read_bytes("w.xml", f"<mediawiki>{SITE.format(base)}{inner}</mediawiki>".encode()))


# Broken by: namespaces of a wiki's own passed over; those passed over not told.
def test_a_wiki_with_namespaces_of_its_own() -> None:
    found = export(
        ("HR:Leave", 3000, "See [[hr:rules]].[[Datei:x.png]]"),
        ("HR talk:Leave", 3001, "Why?"),
        ("Talk:Pump", None, "Why?"),
        ("Leave", 0, "#WEITERLEITUNG [[HR:Leave]]"),
        ("Portal:HR", 100, "All"),
        ("HR:Old", None, "Old."),
        base="https://wiki.example.com/Main",
    )
    pages = [one for one in found if isinstance(one, Piece)]
    assert [(p.title, p.text, p.licence) for p in pages] == [
        ("HR:Leave", "See hr:rules.", None),
        ("HR:Old", "Old.", None),
    ]
    faults = [one for one in found if isinstance(one, Fault)]
    assert len(faults) == 3 and not any(fault.fatal for fault in faults)
    assert "'HR talk' (1)" in faults[-1].detail
    (piece,) = export(("A", 0, "B."), base="https://de.wikipedia.org/wiki/A")
    assert isinstance(piece, Piece) and piece.licence == "CC BY-SA"
