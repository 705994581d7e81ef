"""What of a page is content."""

import pytest

from steep.documents.formats import Piece
from steep.documents.pages.markup import read_html

LONG = "<p>" + "A long text that fills the page. " * 9 + "</p>"


def said(page: str, *, is_book: bool = False) -> list[str]:
    """The paragraphs of a page, without the long one."""
    (piece,) = read_html(page, is_book=is_book)
    assert isinstance(piece, Piece)
    return [block for block in piece.text.split("\n\n") if not block.startswith("A long text")]


# Broken by: _keep_labels not called; a button of any block unwrapped.
def test_the_words_of_a_button_are_a_heading() -> None:
    page = (
        f'<h2><button class="accordion-button">May I return it?</button></h2><div>Yes.</div>{LONG}'
    )
    assert said(page) == ["May I return it?", "Yes."]
    assert said(f"<ul><li>Press <button>Save</button> now.</li></ul>{LONG}") == [
        "- Press Save now."
    ]
    for tool in (
        "<h2>Install <button>Copy link</button></h2>",
        "<h2>Install</h2><ul><li><button>Share</button></li></ul>",
        "<h2>Install</h2><ul><li><div><button>Copy</button></div></li></ul>",
    ):
        assert said(tool + LONG) == ["Install"]


# Broken by: main_part without the siblings.
def test_an_article_among_others_is_not_all() -> None:
    page = f"<div><article>{LONG}</article><article><h2>B</h2><p>Short.</p></article></div>"
    assert said(page) == ["B", "Short."]
    assert said(f"<p>Menu</p><article>{LONG}</article><article> </article>") == []


def test_the_header_of_a_section_holds_its_heading() -> None:
    page = f"<header>Logo</header><section><header><h2>Dosage</h2></header>{LONG}</section>"
    assert said(page) == ["Dosage"]


# Broken by: every aside dropped, or none.
@pytest.mark.parametrize(
    "kind", ['class="note"', 'class="admonition-tip"', 'role="note"', 'role="doc-footnote"']
)
def test_an_aside_that_is_a_remark(kind: str) -> None:
    page = f"<aside {kind}>Mind the gap.</aside><aside class='toolbox tooltip'>Ad</aside>{LONG}"
    assert said(page) == ["Mind the gap."]


def test_a_book_keeps_all_but_its_navigation() -> None:
    page = (
        "<header><h1>1 Wounds</h1></header><nav>Contents</nav>"
        f'<article>{LONG}</article><aside epub:type="footnote">Rarely.</aside>'
        '<aside data-type="sidebar">Aside.</aside><footer>End.</footer>'
    )
    assert said(page, is_book=True) == ["1 Wounds", "Rarely.", "Aside.", "End."]


# Broken by: links with the sign alone kept; every link of a heading dropped.
def test_signs_beside_headings() -> None:
    sphinx = '<h1>Install<a class="headerlink" href="#install">¶</a></h1>'
    assert said(sphinx + LONG) == ["Install"]
    others = '<h2><a href="#x">#</a> Use <a href="#use">C#</a></h2><p><a href="#y">#</a>5</p>'
    assert said(others + LONG) == ["Use C#", "#5"]


KATEX = (
    '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><msup><mi>x</mi>'
    '<mn>2</mn></msup></mrow>{}</semantics></math></span><span class="katex-html"'
    ' aria-hidden="true"><span>x</span><span>2</span></span></span>'
)


# Broken by: annotations beside the signs; aria-hidden kept; msup not raised.
def test_a_formula_is_said_once() -> None:
    tex = '<annotation encoding="application/x-tex">x^2</annotation>'
    assert said(f"<p>Let {KATEX.format(tex)} be.</p>{LONG}") == ["Let x^2 be."]
    assert said(f"<p>Let {KATEX.format('')} be.</p>{LONG}") == ["Let x² be."]
    half = "<math><mfrac><mn>1</mn><mn>2</mn></mfrac></math>"
    assert said(f"<p>Take {half}.</p>{LONG}") == ["Take 1/2."]


# Broken by: hidden kept; what a reader can open dropped; the whole page dropped for a dialogue.
def test_hidden_parts() -> None:
    page = (
        '<div hidden>No.</div><div role="tabpanel" hidden>Tab.</div><button aria-controls="a">'
        '</button><div id="a" hidden>Answer.</div><div hidden="until-found">Found.</div>'
        '<dd aria-hidden="true">Folded.</dd><i aria-hidden="true">icon</i><svg aria-hidden="true"><g></g></svg>'
    )
    assert said(page + LONG) == ["Tab.", "Answer.", "Found.", "Folded."]
    assert said(f"<div hidden><h1>All.</h1>{LONG}</div>") == ["All."]


def test_a_drawing_does_not_title_the_page() -> None:
    (piece,) = read_html("<body><svg><title>Icon</title></svg><h1>Pier</h1><p>Open.</p>")
    assert isinstance(piece, Piece) and piece.title == "Pier"


# Broken by: sizes of elements taken one by one, siblings searched for one by one.
@pytest.mark.parametrize(
    "page",
    [
        "<p>text</p>" * 3_000 + "<div hidden>a</div>" * 3_000,
        "<ul><li>x" + "<button>a</button>" * 3_000,
        "<h2>" + "<a href='#a'>#</a>" * 3_000 + "Head",
        "<p>a<script>b</script>" * 3_000,
        "<a>" + "<sup>1</sup>" * 3_000 + "</a>",
    ],
)
def test_many_siblings_are_read_in_linear_time(page: str) -> None:
    assert said(page)


# Broken by: no look at the depth (each way up from an element is as long as the page).
@pytest.mark.parametrize("tag", ["<div hidden>", "<article>", "<header>", "<sup>"])
def test_endless_nesting_is_refused(tag: str) -> None:
    with pytest.raises(RecursionError):
        said(f"{tag}a" * 3_000)


# Broken by: any of the selectors left out; the heading of attachments dropped without its section.
def test_what_confluence_writes_around_a_page_is_furniture() -> None:
    page = f"""<div id="main-header"><div id="breadcrumb-section"><ol><li>Space</li></ol></div></div>
    <div class="page-metadata">Created by Ada, last modified on May 1</div>
    <div class="expand-container"><div class="expand-control">Click here to expand...</div>
    <div class="expand-content">Folded words.</div></div>{LONG}
    <div class="pageSection group"><div class="pageSectionHeader"><h2 id="attachments"
    class="pageSectionTitle">Attachments:</h2></div><div><a href="a.png">a.png</a></div></div>"""
    assert said(page) == ["Folded words."]
