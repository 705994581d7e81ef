"""One key changed, everything else as it was written."""

from __future__ import annotations

import tomllib

import pytest

from steep.recipe.edit import with_changes

TEXT = """# mine
seed = 3   # lucky

[data]  # what
domain = ["a # b", "c"]
general_share = 0.2    # "of" tokens

[train]
max_steps = 100
  learning_rate = 1e-3# close
name = "x # y" # z

[train.deep]
learning_rate = 5

# end
"""


# Broken by: the comment dropped, or a key of the next table taken.
@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"data.general_share": 0.05}, {5: 'general_share = 0.05   # "of" tokens'}),
        ({"train.learning_rate": 2e-3}, {9: "  learning_rate = 0.002# close"}),
        ({"seed": 4}, {1: "seed = 4   # lucky"}),
        ({"train.name": "q"}, {10: 'name = "q"     # z'}),
        ({"data.domain": ["d"]}, {4: 'domain = [\n    "d",\n]'}),
    ],
)
def test_one_line_changes(changes: dict[str, object], lines: dict[int, str]) -> None:
    expected = TEXT.splitlines()
    for number, line in lines.items():
        expected[number] = line
    assert with_changes(TEXT, changes) == "\n".join(expected) + "\n"


def test_what_is_new_is_added_and_what_is_none_goes() -> None:
    changes = {
        "train.epochs": 2.0,
        "train.max_steps": None,
        "strength.scale": 0.5,
        "output_dir": "r",
        "data.nothing": None,
        "none.such": None,
    }
    text = with_changes(TEXT, changes)
    values = tomllib.loads(text)
    assert values["train"]["epochs"] == 2.0
    assert "max_steps" not in values["train"]
    assert values["strength"] == {"scale": 0.5}
    assert values["output_dir"] == "r"
    assert "none" not in values
    assert values["train"]["deep"] == {"learning_rate": 5}
    assert text.count("#") == TEXT.count("#")
