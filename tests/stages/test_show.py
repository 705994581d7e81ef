"""The look before training: what was cut stands in it, and nothing is written."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from steep.cli.main import cli
from steep.corpus.reading import reading_texts
from steep.recipe import load_recipe
from steep.stages.show import look

HEAD = "Acme GmbH | Internal and confidential | Do not distribute"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number, text in enumerate(reading_texts()[:6]):
        wrapped = "\n\n".join(textwrap.fill(part, 72) for part in text.split("\n\n"))
        secret = f"Note {number}: password=hunter2hunter3 \x1b[31mghost\x07" if number else ""
        (docs / f"{number}.txt").write_text(f"{HEAD}\n\n{wrapped}\n\n{secret}")
    path = tmp_path / "recipe.toml"
    path.write_text(
        '[data]\ndomain = ["docs"]\nheld_out_share = 0.0\n[train]\nmax_steps = 5\n',
        encoding="utf-8",
    )
    return path


# Broken by: the text after cleaning compared with itself, or a run folder made.
def test_what_was_cut_is_told(recipe: Path) -> None:
    found = look(load_recipe(recipe), 9)
    assert len(found) == 6
    assert [one.cut for one in found] == [(), *[(HEAD,)] * 5]
    assert all((one.lines_joined or 0) > 5 for one in found)
    removed = " ".join(change.removed for change in found[1].changes)
    assert HEAD in removed and "hunter2hunter3" in removed and "\x07" in removed
    assert sum("permuted" in one.forms for one in found) == 5  # of a story nothing can be asked
    assert sorted(path.name for path in recipe.parent.iterdir()) == ["docs", "recipe.toml"]


def test_it_is_printed_without_control_characters(recipe: Path) -> None:
    shown = CliRunner().invoke(cli, ["prepare", str(recipe), "--show", "6"])
    assert shown.exit_code == 0, shown.output
    assert "document 6 of 6" in shown.output and "cut, said before" in shown.output
    assert "\x1b" not in shown.output and "\x07" not in shown.output
    listed = CliRunner().invoke(cli, ["prepare", str(recipe), "--show", "2", "--json"])
    assert len(json.loads(listed.output)["documents"]) == 2
