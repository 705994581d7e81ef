"""Write report.md and report.html into a run folder."""

from __future__ import annotations

from pathlib import Path

from steep.artifact import write_text
from steep.report.html import render_html
from steep.report.markdown import render_markdown
from steep.report.story import read_story


def write_report(run: Path) -> tuple[Path, Path]:
    """Write both reports of ``run``, each whole or not at all.

    Returns:
        (report.md, report.html).

    Raises:
        UserInputError: the run has no evaluation yet, or a broken file.
    """
    story = read_story(run)
    markdown, html = run / "report.md", run / "report.html"
    write_text(markdown, render_markdown(story))
    write_text(html, render_html(story))
    return markdown, html
