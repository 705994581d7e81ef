"""The plot of exposures and wordings: from the first bin that holds facts to the last."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from steep.report.coverage import coverage_plots
from steep.report.story import read_story
from tests.report.test_story import make_run

FACTS = {
    "count": 12,
    "median_exposures": 12.0,
    "median_wordings": 2.0,
    "exposures": [[0, 0, 0], [1, 9, 0], [10, 19, 8], [20, 39, 0], [40, None, 4]],
    "wordings": [[1, 1, 0], [2, 2, 9], [3, None, 3]],
}


def test_both_distributions_are_drawn_and_said(tmp_path: Path) -> None:
    story = replace(read_story(make_run(tmp_path)), ledger={"facts": FACTS})
    (plot,) = coverage_plots(story)
    for words in ("8 facts with 10\u201319 exposures", "0 facts with 20\u201339 exposures",
                  "4 facts with 40+ exposures", "9 facts with 2 wordings"):  # fmt: skip
        assert words in plot.svg
    assert "with 0 exposures" not in plot.svg and "1\u20139" not in plot.svg
    assert "with 1 wordings" not in plot.svg


def test_a_run_without_distributions_has_no_such_plot(tmp_path: Path) -> None:
    story = read_story(make_run(tmp_path))
    for ledger in (None, {}, {"facts": {"count": 0}}, story.ledger):
        assert coverage_plots(replace(story, ledger=ledger)) == []
