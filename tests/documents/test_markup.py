import warnings

from steep.documents.formats import Piece
from steep.documents.markup import read_html, read_markdown

MARKDOWN = """---
title: "Front title"
redirect_from:
  - /old
---
# The *handbook*

A [link](https://example.com/secret) and `code` for <your-name>,
wrapped.<br>Next line. ![a chart](x.png)

## Steps
1. First
2. Second
   - nested **point**

```python
def f():
    return "  two"
```

| Name | Year |
|------|-----:|
| Ann  | 1999 |

中文段落
继续。 <!-- hidden -->
"""


def html(page: str) -> Piece:
    (piece,) = read_html(page)
    assert isinstance(piece, Piece)
    return piece


def markdown(text: str) -> Piece:
    (piece,) = read_markdown(text)
    assert isinstance(piece, Piece)
    return piece


def test_markdown_keeps_what_it_says_and_drops_markup() -> None:
    piece = markdown(MARKDOWN)
    assert piece.title == "The handbook"
    assert piece.text.split("\n\n") == [
        "The handbook",
        "A link and code for <your-name>, wrapped.\nNext line. a chart",
        "Steps",
        "1. First\n2. Second\n  - nested point",
        'def f():\n    return "  two"',
        "Name: Ann; Year: 1999.",
        "中文段落继续。",
    ]


def test_a_front_matter_title_beats_a_lower_heading() -> None:
    assert markdown("---\ntitle: Policy\n---\n## Overview\n\ntext\n").title == "Policy"
    assert markdown('+++\ntitle = "Policy"\n+++\ntext\n') == Piece("text", "Policy")
    assert markdown("## Overview\n\ntext\n").title == "Overview"
    assert markdown("text").title is None


def test_a_thematic_break_is_not_front_matter() -> None:
    assert markdown("---\n\nkept\n\n---\n\nalso").text == "kept\n\nalso"


def test_markdown_with_windows_line_ends_and_file_like_text() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert markdown("---\r\ntitle: T\r\n---\r\nreadme.txt\r\n") == Piece("readme.txt", "T")


def test_deep_lists_are_kept() -> None:
    text = "\n".join("  " * depth + f"- level {depth}" for depth in range(20))
    assert "level 19" in markdown(text).text


PAGE = """<!DOCTYPE html><html><head><title>Guide | Acme</title><style>p{}</style></head><body>
<header>Logo</header><nav>Menu</nav>
<main><article><header><h1>Guide</h1></header>
<p>Hello <b>bo</b>ld   world</p><div>Loose <p>inner</p> tail</div>
<script>alert(1)</script><noscript>no</noscript><template>tpl</template>
<pre>if x:
    go()
</pre></article></main>
<aside>Advert</aside><form>Search</form><footer>Copyright</footer></body></html>"""


def test_html_drops_furniture_and_makes_paragraphs() -> None:
    piece = html(PAGE)
    assert piece.title == "Guide | Acme"
    assert piece.text.split("\n\n") == [
        "Guide",
        "Hello bold world",
        "Loose",
        "inner",
        "tail",
        "if x:\n    go()",
    ]


def test_main_is_preferred_only_if_it_holds_most_of_the_text() -> None:
    long, short = "long " * 30, "short"
    assert "short" not in html(f"<div>{short}</div><main>{long}</main>").text
    assert "long" in html(f"<div>{long}</div><article>{short}</article>").text


def test_a_form_around_the_whole_page_is_kept() -> None:
    assert html("<body><form><p>The whole page.</p></form></body>").text == "The whole page."


def test_table_rows_name_their_headers() -> None:
    page = """<table><caption>Firms</caption>
    <tr><th>Name</th><th>Town</th><th>Year</th></tr>
    <tr><td rowspan=2>Ann</td><td>Bonn</td><td>1999</td></tr>
    <tr><td>पुणे</td><td></td></tr></table>"""
    assert html(page).text == "Firms\n\nName: Ann; Town: Bonn; Year: 1999.\nName: Ann; Town: पुणे."


def test_layout_tables_are_read_as_blocks() -> None:
    assert html("<table><tr><td><table><tr><td>a</td></tr></table></td></tr></table>").text == "a."


def test_title_falls_back_to_a_heading() -> None:
    assert html("<h2>Head</h2><p>x</p>").title == "Head"
