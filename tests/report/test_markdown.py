"""report.md: order, numbers in words, and nothing that breaks out of its place."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from steep.report.markdown import render_markdown
from steep.report.story import read_story
from tests.report.test_story import HOSTILE, make_run


class Tags(HTMLParser):
    """Tags of a page, and the cells of each table row."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.cells.append(0)
        elif tag in ("td", "th"):
            self.cells[-1] += 1


def parsed(markdown: str) -> Tags:
    tags = Tags()
    tags.feed(MarkdownIt("commonmark").enable("table").render(markdown))
    return tags


def test_order_and_content(tmp_path: Path) -> None:
    text = render_markdown(read_story(make_run(tmp_path, documents=53)))
    wanted = [
        "**Ship it: it learned your facts",
        "| your facts, asked in new words | 200 | 11% | 87% | +76.0 points |",
        "### Kept",
        "### Memorised",
        "Not measured: automatic probes.",
        "## Why",
        "## Samples",
        "(no answer)",
        "53 trained, 1 held out, 2 dropped",
        "fill in the blank | 12,000 | 19.5%",
        "met 31 times in 6 wordings",
        "| md | 53 | 21,000 |",
        "2 documents have some; none is left out for it unless asked",
        "| password | 1 | blanked |",
        "Of 23,000 characters read 21,000 were kept; taken out: line breaks 40, repair 1,900",
        "4 paragraphs stand in several documents (6 copies, 900 characters); they were counted",
        "The books balance",
        "and 3 more",
        "## Training",
        "- time: 5.4 min",
        "## Files",
    ]
    places = [text.index(part) for part in wanted]
    assert places == sorted(places)
    assert "What to try next" not in text


def test_failing_run(tmp_path: Path) -> None:
    assert "**Do not ship: " in render_markdown(read_story(make_run(tmp_path, ship=False)))


@pytest.mark.parametrize("text", [HOSTILE, "| --- |\n\n    code", "\n- item\n1. one\n> q\n==="])
def test_hostile_text_changes_no_structure(tmp_path: Path, text: str) -> None:
    plain = parsed(render_markdown(read_story(make_run(tmp_path / "a"))))
    hostile = parsed(render_markdown(read_story(make_run(tmp_path / "b", text=text))))
    assert hostile.tags == plain.tags
    assert hostile.cells == plain.cells
