"""Calibration: children in processes of their own, and answers that are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steep.errors import PlanningError, RecipeError
from steep.model.load import cache_folder
from steep.planning import calibrate as calibrating
from steep.planning.calibrate import Question, calibrate
from steep.planning.measured import Order
from steep.planning.shape import shape_of
from tests.planning.calibrations import children_in_process
from tests.planning.test_child import FIRSTS, ROWS
from tests.tiny import tiny_config, tiny_tokenizer
from tests.training.corpus import make_recipe


def question(**changes: Any) -> Question:
    values: dict[str, Any] = {
        "shape": shape_of(tiny_config("llama", tiny_tokenizer())),
        "train": make_recipe(),
        "precision": "fp32",
        "threads": 1,
        "device": "cpu",
        "rows": ROWS,
        "firsts": FIRSTS,
    }
    return Question(**{**values, **changes})


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEEP_CACHE", str(tmp_path / "cache"))


# Broken by: the child writing anything else to stdout, or -P without PYTHONPATH.
def test_a_child_of_its_own_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "random.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    found = calibrate(question())
    assert [row.layers for row in found.measured] == [1, 2]
    assert found.depth == 2
    assert found.tokens_per_second > 0
    parts = [found.at_depth(lambda m: m.weight_bytes), found.at_depth(lambda m: m.asked_bytes)]
    assert 0 < parts[0] < parts[1]


# Broken by: a key of the depth alone, or not looking into the cache.
def test_the_same_again_is_not_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = children_in_process(monkeypatch)
    first = calibrate(question())
    assert asked == [2, 1]
    assert calibrate(question()) == first
    assert calibrate(question(train=make_recipe(learning_rate=0.5, max_steps=99))) == first
    assert asked == [2, 1]
    for changes in (
        {"train": make_recipe(method="lora")},
        {"threads": 2},
        {"rows": (((19, 11), (30,)), *ROWS[1:])},
        {"firsts": (((2, 5), (1,)), *FIRSTS[1:])},
    ):
        calibrate(question(**changes))
    assert len(asked) == 10


# Broken by: leaving "steep", "code", "cpu" or "torch" out of the key.
@pytest.mark.parametrize("name", ["processor", "_code"])
def test_the_key_holds_machine_and_code(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = question().key
    monkeypatch.setattr(calibrating, name, lambda: "another")
    assert question().key != before


# Broken by: trusting whatever stands in the cache.
@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": "other"}', '{"measured": 3}'])
def test_a_broken_cache_is_measured_again(content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = children_in_process(monkeypatch)
    found = calibrate(question())
    path = cache_folder() / "plans" / f"{found.key[:32]}.json"
    path.write_text(content)
    calibrate(question())
    assert len(asked) == 4
    assert json.loads(path.read_text())["key"] == found.key


def test_a_childs_answer_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in ("", "{}", '{"layers": 1}'):
        monkeypatch.setattr(calibrating.Child, "ask", lambda *_, said=answer: said)
        with pytest.raises(PlanningError, match="no answer"):
            calibrate(question())
    assert not (cache_folder() / "plans").exists()


# Broken by: raising PlanningError for what the user can mend.
def test_a_module_that_is_not_there_is_the_users_error() -> None:
    with pytest.raises(RecipeError, match="'query'"):
        calibrate(question(train=make_recipe(method="lora", target_modules=["query"])))


# Broken by: handing frozen_layers to a model that doesn't have as many.
def test_layers_beyond_the_truncated_model_may_be_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    children_in_process(monkeypatch)
    config = tiny_config("llama", tiny_tokenizer())
    config.num_hidden_layers = 12
    deep = question(shape=shape_of(config), train=make_recipe(frozen_layers=[-1, 10]))
    assert calibrate(deep).depth == 12


# Broken by: copies made, or not, by the size of the part that is measured.
def test_a_part_is_measured_as_the_whole_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    orders: list[Order] = []
    children_in_process(monkeypatch)
    child = calibrating.Child
    real = child.ask

    def ask(self: Any, text: str) -> str:
        orders.append(Order.read(json.loads(text)))
        return real(self, text)

    monkeypatch.setattr(child, "ask", ask)
    calibrate(question())
    monkeypatch.setattr(calibrating, "MOST_COPIED", 1000)
    calibrate(question(ask=False))
    assert [order.copies for order in orders] == [True, True, False, False]
