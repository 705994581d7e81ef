import pytest

from steep.documents.tables.html_values import without_html


# Broken by: _OPENING never matching; lines of a text not kept.
@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Stop it.</p><ul><li>Oil &amp; air</li></ul>", "Stop it.\n\n- Oil & air"),
        (" <!DOCTYPE html><html><body>x</body></html>", "x"),
        ("<P CLASS='a'>One<P>Two", "One\n\nTwo"),
        ("Stop it.<br><br/>Then <b>go</b>.", "Stop it.\n\nThen go."),
        ("One.\n\nSee <a href='x'>two</a>.\nThree.", "One.\n\nSee two.\nThree."),
    ],
)
def test_html_is_read(html: str, text: str) -> None:
    assert without_html(html) == text


# Broken by: names, _ENDS or _IS_CODE not asked.
@pytest.mark.parametrize(
    "text",
    [
        "if a < b and b > c",
        "a <T> b </T> of C++",
        "The <b> tag makes letters bold.",
        "Write `<b>x</b>` for that.",
        "function f() {\n  return <div>x</div>\n}",
        "/**\n * Reads. <p>Then closes.</p>\n */",
        "def f():\n    x = '<b>x</b>'",
        "<?php echo '<b>x</b>' ?>",
        "<note><to>Ann</to></note>",
        "From <ann@example.org> to <b@example.org>",
        "<form>all of it</form>",
    ],
)
def test_other_text_stays(text: str) -> None:
    assert without_html(text) == text


# Broken by: a pattern that tries a run of blank lines or brackets from each of its places.
@pytest.mark.parametrize("part", ["\n", " ", "<", "<a ", "{ ", "; \t", "* ", "\t", "<!--"])
def test_hostile_values_take_no_time(part: str) -> None:
    text = "<T>" + part * 200_000 + ">"
    assert without_html(text) == text


def test_html_nested_without_end_stays() -> None:
    text = "<div>" * 20_000 + "x"
    assert without_html(text) == text
