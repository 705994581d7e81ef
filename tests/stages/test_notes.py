"""What a recipe doesn't get from this model or this budget is said before training and after."""

from __future__ import annotations

from pathlib import Path

import pytest

import steep
from steep.artifact import read_table
from steep.errors import RecipeError
from steep.progress import Silent
from steep.recipe import load_recipe
from steep.stages.base import open_base
from tests.stages.project import write_project

LONG = "train.max_seq_length = 200: the model was made for 128 tokens at once"
SHORT = "train.warmup_steps = 9 is more than a fifth of the 10 steps: 2 of them warm up"


class Heard(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


# Broken by: warnings that open_base doesn't keep, or notes without them.
def test_long_rows_and_a_long_warm_up_are_told(tmp_path: Path) -> None:
    train = {"max_seq_length": 200, "max_steps": 10, "warmup_steps": 9}
    path = write_project(tmp_path, train=train, evaluate={"check_share": 0.0, "probes": 0})
    heard = Heard()
    outcome = steep.evaluate(path, progress=heard)
    for said, told in ((LONG, f"warning: {LONG}"), (SHORT, SHORT)):
        assert sum(note.startswith(said) for note in outcome.evaluation["notes"]) == 1
        assert sum(note.startswith(told) for note in heard.notes) == 1
    rates = [row["lr"] for row in map(read_line, (tmp_path / "run" / "metrics.jsonl").open())]
    assert rates[1] < rates[2] == max(rates)
    assert load_recipe(tmp_path / "run" / "recipe.toml").train.warmup_steps == 9
    assert read_table(tmp_path / "run" / "data" / "ledger.json")["trained"]["steps"] == 10


def read_line(line: str) -> dict[str, float]:
    import json

    found: dict[str, float] = json.loads(line)
    return found


# Broken by: no look at the stages behind the documents, or one at the base's own length alone.
@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_rows_of_later_stages_fit_the_model_too(name: str, tmp_path: Path) -> None:
    learned = write_project(tmp_path / "learned", kind="gpt2", **{name: {"max_length": 129}})
    with pytest.raises(RecipeError, match=rf"{name}\.max_length = 129: .* 128 positions"):
        open_base(load_recipe(learned))
    open_base(load_recipe(learned, [f"{name}.max_length=128"]))
    rotary = write_project(tmp_path / "rotary", **{name: {"max_length": 129}})
    _, base = open_base(load_recipe(rotary))
    (said,) = base.warnings
    assert said.startswith(f"{name}.max_length = 129: the model was made for 128 tokens at once")
    _, base = open_base(load_recipe(rotary, [f"{name}.max_length=128"]))
    assert base.warnings == ()
