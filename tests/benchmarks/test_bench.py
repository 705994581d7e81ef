"""``steep.bench`` and ``steep bench``: which models are asked, and what is said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import steep
from steep.benchmarks import tasks
from steep.benchmarks.words import HEADER, benchmark_rows
from steep.cli.main import cli
from steep.errors import UserInputError
from steep.recipe import recipe_from, write_recipe
from steep.stages import benchmarks as stage
from steep.stages.exported import base_of, model_of
from tests.benchmarks import files
from tests.tiny import save_tiny_model

needs_lm_eval = pytest.mark.skipif(
    importlib.util.find_spec("lm_eval") is None, reason="needs steep[bench]"
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, and a run folder that exported the second one, tuned from the first."""
    folder = tmp_path_factory.mktemp("world")
    save_tiny_model(folder / "base")
    save_tiny_model(folder / "run" / "merged", seed=1)
    (folder / "run" / "exports.json").write_text(json.dumps({"merged": "merged"}))
    values = {"data": {"domain": ["docs"]}, "train": {"max_steps": 1}}
    write_recipe(
        recipe_from({**values, "model": str(folder / "base")}), folder / "run" / "recipe.toml"
    )
    files.lines(folder / "lambada.jsonl", files.LAMBADA)
    return folder


def test_which_models_are_meant(world: Path, tmp_path: Path) -> None:
    merged = world / "run" / "merged"
    assert model_of(str(world / "run")) == str(merged)
    assert model_of("smollm2-135m") == "smollm2-135m"
    assert base_of(merged) == str(world / "base")
    assert base_of(world / "base") is None
    assert base_of(Path("smollm2-135m")) is None
    adapter = tmp_path / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/name"}')
    assert base_of(adapter) == "owner/name"


@needs_lm_eval
def test_a_run_is_asked_beside_its_base(world: Path) -> None:
    spec = f"lambada={world / 'lambada.jsonl'}"
    found = steep.bench(world / "run", [spec], limit=4)
    assert (found.base, found.limit) == (str(world / "base"), 4)
    assert [(row.metric, row.n) for row in found.rows] == [("perplexity", 4), ("acc", 4)]
    assert found.rows[0].base != found.rows[0].tuned
    other = steep.bench(world / "base", [spec], base=world / "run", limit=4)
    assert other.rows[0].base == found.rows[0].tuned
    alone = steep.bench(world / "base", [spec], limit=4)
    assert alone.base is None
    assert alone.rows[0].tuned == found.rows[0].base


@needs_lm_eval
def test_the_command(world: Path) -> None:
    arguments = ["bench", str(world / "run"), "--tasks", f"lambada={world / 'lambada.jsonl'}"]
    done = CliRunner().invoke(cli, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["schema"] == 1
    assert [row["benchmark"] for row in found["rows"]] == ["lambada", "lambada"]
    assert set(found["rows"][0]) == {
        "benchmark", "metric", "n", "clusters", "base", "tuned", "delta", "ci95", "better",
    }  # fmt: skip
    table = CliRunner().invoke(cli, arguments).stdout.splitlines()
    assert table[0].split() == " ".join(HEADER).split()
    assert table[3].startswith("lambada, acc ")
    alone = CliRunner().invoke(cli, ["bench", str(world / "base"), *arguments[2:]]).stdout
    assert "asked alone" in alone and "Score" in alone


# Broken by: need_harness without its check (ModuleNotFoundError instead).
def test_without_lm_eval_the_extra_is_named(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UserInputError, match=r"pip install 'steep\[bench\]'"):
        steep.bench(world / "base", ["mmlu"])


@pytest.mark.parametrize(
    ("names", "said"), [(["humaneval"], "--allow-code-execution"), ([], "no benchmark is named")]
)
def test_wrong_input_is_exit_2(world: Path, names: list[str], said: str) -> None:
    with pytest.raises(UserInputError, match=said) as caught:
        steep.bench(world / "base", names)
    assert caught.value.exit_code == 2


def test_large_and_small_numbers_are_readable() -> None:
    row = {"benchmark": "x", "metric": "word_perplexity", "n": 1200}
    values: dict[str, Any] = {"base": 1234.5, "tuned": 0.25, "delta": -12.0, "ci95": None}
    assert benchmark_rows([{**row, **values}]) == [
        ("x, word perplexity", "1,200", "1,234.50", "0.2500", "-12.00", "")
    ]


def test_recipes_name_benchmarks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from steep.recipe import recipe_from

    files.lines(tmp_path / "mmlu.jsonl", [{"question": "?"}])
    values = {
        "data": {"domain": ["x"]},
        "train": {"max_steps": 1},
        "evaluate": {"benchmarks": ["mmlu=mmlu.jsonl", "piqa"]},
    }
    recipe = recipe_from(values, folder=tmp_path)
    assert recipe.evaluate.benchmarks == [f"mmlu={tmp_path / 'mmlu.jsonl'}", "piqa"]
    monkeypatch.setattr(tasks, "need_harness", lambda: None)
    with pytest.raises(UserInputError, match="line 1: there is no 'answer_a'"):
        stage.check_benchmarks(recipe)
    with pytest.raises(UserInputError, match="allow_code_execution"):
        stage.check_benchmarks(recipe_from(values, ['evaluate.benchmarks=["humaneval"]']))


# Broken by: a bootstrap alone. Four gains among sixty lay above zero, sixty of sixty had no width,
# and two of sixty began below none.
def test_few_changes_of_right_and_wrong_prove_little() -> None:
    from steep.benchmarks.run import Scores
    from steep.benchmarks.run import compare as table

    def scores(right: int) -> list[Scores]:
        count = 60
        return [Scores(
            "mmlu", "acc", "higher", "plain", tuple(("mmlu", n) for n in range(count)),
            tuple(float(n < right) for n in range(count)), (1.0,) * count,
            tuple(str(n) for n in range(count)),
        )]  # fmt: skip

    (few,), (none,), (many,) = (
        table(scores(tuned), scores(base)) for base, tuned in ((0, 4), (60, 60), (0, 20))
    )
    assert few.delta == pytest.approx(4 / 60) and few.ci95 is not None and few.ci95[0] <= 0
    assert none.delta == 0 and none.ci95 is not None and none.ci95[0] < 0 < none.ci95[1]
    assert many.ci95 is not None and many.ci95[0] > 0
    (all_right,), (seldom,) = table(scores(60)), table(scores(2))
    assert all_right.ci95 is not None and 0.8 < all_right.ci95[0] < all_right.ci95[1] == 1.0
    assert seldom.ci95 is not None and 0 <= seldom.ci95[0] < 2 / 60 < seldom.ci95[1]
