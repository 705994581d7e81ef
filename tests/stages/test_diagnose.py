"""Diagnose: the artifacts of a run read into the right cause, and the changed recipe."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import steep
from steep.artifact import read_json, write_json
from steep.cli.main import cli
from steep.errors import UserInputError
from steep.recipe import load_recipe, recipe_from
from steep.recipe.resolve import resolve_recipe
from steep.stages import plan as planning
from steep.stages.diagnose import _together, diagnose_run
from tests.stages.project import write_project, write_recipe_file


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run of a tiny model: every artifact as steep writes it."""
    folder = tmp_path_factory.mktemp("project")
    steep.run(write_project(folder, train={"max_steps": 20}, evaluate={"check_share": 0.0}))
    return folder / "run"


def recorded(run: Path, copy: Path, **changes: dict[str, Any]) -> Path:
    """A copy of the run's small files with values replaced, as another run would have them."""
    copy.mkdir()
    (copy / "data").mkdir()
    names = ("recipe.toml", "evaluation.json", "metrics.jsonl", "strength.json", "guard.json",
             "data/ledger.json", "data/documents.jsonl")  # fmt: skip
    for name in names:
        if (run / name).is_file():
            (copy / name).write_bytes((run / name).read_bytes())
    for name, values in changes.items():
        place = copy / {"ledger": "data/ledger.json"}.get(name, f"{name}.json")
        table = read_json(place) if place.is_file() else {}
        for key, value in values.items():
            table[key] = {**table[key], **value} if isinstance(value, dict) else value
        write_json(place, table)
    return copy


def losses(run: Path, values: list[float]) -> None:
    lines = [json.dumps({"step": n + 1, "loss": value}) for n, value in enumerate(values)]
    (run / "metrics.jsonl").write_text("\n".join([*lines, '{"step": 99, "lo']) + "\n")


SELDOM_MET = {
    "facts": {"median_exposures": 2.0, "median_wordings": 6.0, "enough": {"max_steps": 300}}
}
MET = {"facts": {"median_exposures": 30.0, "median_wordings": 9.0}}
NOT = {"learned": "no_evidence", "kept": "yes", "memorised": False}


def set_rate(run: Path, rate: float) -> None:
    text = (run / "recipe.toml").read_text()
    (run / "recipe.toml").write_text(
        "\n".join(
            f"learning_rate = {rate}" if line.startswith("learning_rate") else line
            for line in text.splitlines()
        )
    )


# Broken by: a file that isn't read, a tenth of the wrong end, or the order of the rules.
def test_causes_from_artifacts(finished: Path, tmp_path: Path) -> None:
    def first(name: str, **changes: dict[str, Any]) -> Any:
        return diagnose_run(recorded(finished, tmp_path / name, **changes)).causes[0]

    few = first("few", evaluation=NOT, ledger=SELDOM_MET)
    assert (few.cause, few.changes) == ("too_few_steps", {"train.max_steps": 300})
    slow = recorded(finished, tmp_path / "slow", evaluation=NOT, ledger=MET)
    set_rate(slow, 1e-5)
    losses(slow, [3.0 - 0.005 * n for n in range(40)])
    cause = diagnose_run(slow).causes[0]
    assert cause.cause == "rate_too_low" and "80 times below" in cause.text and "94%" in cause.text
    back = {"step": 4, "back_to": 0, "rise": 3.5}
    fast = recorded(finished, tmp_path / "fast", evaluation=NOT, ledger=MET,
                    guard={"backoffs": [back], "factor": 0.25})  # fmt: skip
    set_rate(fast, 0.5)
    cause = diagnose_run(fast).causes[0]
    assert cause.cause == "rate_too_high" and "3.50 nats" in cause.text
    forgot = {**NOT, "learned": "yes", "kept": "forgot"}
    bare = first("bare", evaluation=forgot, ledger={**MET, "trained": {"general_share": 0.0}})
    assert bare.cause == "no_replay"
    rows = read_json(finished / "data" / "ledger.json")["by_document"]
    passes = [{**row, "times_trained": [50, 50]} for row in rows]
    recites = {**NOT, "learned": "yes", "memorised": True}
    many = first("many", evaluation=recites, ledger={**MET, "by_document": passes})
    assert many.cause == "too_many_passes" and "50 times" in many.text
    dirty = recorded(finished, tmp_path / "dirty", evaluation=NOT, ledger=MET)
    lines = [json.loads(line) for line in (finished / "data" / "documents.jsonl").open()]
    (dirty / "data" / "documents.jsonl").write_text(
        "".join(
            json.dumps({**line, "text": line["text"].replace("u", "#")}) + "\n" for line in lines
        )
    )
    assert diagnose_run(dirty).causes[0].cause == "dirty_data"


# Broken by: another number of exposures in either, or steps where the recipe counts otherwise.
def test_plan_and_diagnose_advise_the_same_budget(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unmeasured(*_: Any, **__: Any) -> None:
        raise RuntimeError("nothing is measured here")

    monkeypatch.setattr(planning, "calibrate", unmeasured)
    write_recipe_file(finished.parent / "short.toml", train={"max_steps": 4})
    (planned,) = (
        advice.text
        for advice in steep.plan(finished.parent / "short.toml", quick=True).advice
        if advice.about == "exposures"
    )
    facts = {**read_json(finished / "data" / "ledger.json")["facts"], "median_exposures": 4.0}
    run = recorded(finished, tmp_path / "run", evaluation=NOT, ledger={"facts": facts})
    (found,) = (cause for cause in diagnose_run(run).causes if cause.cause == "too_few_steps")
    assert f"train.max_steps = {found.changes['train.max_steps']} would give 30" in planned


# Broken by: two budgets in one recipe, or an embedding rate that stays where it was.
def test_apply_writes_a_recipe_that_loads(finished: Path, tmp_path: Path) -> None:
    run = recorded(finished, tmp_path / "run", evaluation=NOT,
                   ledger=SELDOM_MET)  # fmt: skip
    set_rate(run, 1e-5)
    losses(run, [3.0] * 40)
    found, written = steep.diagnose(run, apply=True)
    assert written == tmp_path / "run-changed.toml"
    changed, before = load_recipe(written), load_recipe(run / "recipe.toml")
    assert changed.output_dir == str(tmp_path / "run-changed")
    assert changed.train.learning_rate == 8e-4
    assert changed.train.max_steps == 300
    assert before.train.embedding_learning_rate == 1e-3
    assert changed.train.embedding_learning_rate == pytest.approx(0.08)
    assert changed.data == before.data
    assert set(found.changes) == {
        "train.learning_rate", "train.embedding_learning_rate", "train.max_steps"
    }  # fmt: skip
    with pytest.raises(UserInputError, match="there already"):
        steep.diagnose(run, apply=True)


# Broken by: with_suffix, which takes "llama-3.2-1b" for "llama-3" with a suffix.
def test_a_dot_in_a_runs_name_is_kept(finished: Path, tmp_path: Path) -> None:
    run = recorded(finished, tmp_path / "llama-3.2-1b", evaluation=NOT, ledger=SELDOM_MET)
    mine = tmp_path / "llama-3.toml"
    mine.write_text("mine")
    assert steep.diagnose(run, apply=True)[1] == tmp_path / "llama-3.2-1b-changed.toml"
    assert mine.read_text() == "mine"


def test_the_command_prints_causes_or_one_json_object(finished: Path) -> None:
    text = CliRunner().invoke(cli, ["diagnose", str(finished)])
    assert text.exit_code == 0, text.output
    assert text.output.startswith("Do not ship")
    assert "1. " in text.output and "In the recipe: " in text.output
    found = json.loads(CliRunner().invoke(cli, ["diagnose", str(finished), "--json"]).output)
    assert found["causes"][0]["text"] and found["written"] is None
    said = [cause["text"] for cause in found["causes"]]
    assert said == read_json(finished / "evaluation.json")["next"]


@pytest.mark.parametrize(("made", "match"), [(False, "no run folder"), (True, "no evaluation")])
def test_what_is_no_finished_run(made: bool, match: str, tmp_path: Path) -> None:
    if made:
        write_project(tmp_path)
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "recipe.toml").write_bytes((tmp_path / "recipe.toml").read_bytes())
    with pytest.raises(UserInputError, match=match):
        diagnose_run(tmp_path / "run")


def test_a_run_of_stages_alone_is_given_no_budget_beside_theirs() -> None:
    stages = [{"domain": ["a"], "epochs": 2}]
    recipe = recipe_from({"train": {"stages": stages, "learning_rate": 1e-3}})
    changes = {"train.max_steps": 100, "train.learning_rate": 2e-3}
    assert _together(changes, recipe) == {"train.learning_rate": 2e-3}
    with_last = recipe_from({"data": {"domain": ["b"]}, "train": {"stages": stages, "epochs": 1}})
    assert _together(changes, with_last)["train.max_steps"] == 100


# Broken by: the budget left as it was counted at the old share (0.2 to 0.6 halves the documents').
def test_the_budget_grows_with_the_share_of_replay() -> None:
    def together(budget: dict[str, Any], **changes: Any) -> dict[str, Any]:
        values = {"data": {"domain": ["a"], "general_share": 0.2}, "train": budget}
        keys = {name.replace("_", ".", 1): value for name, value in changes.items()}
        found = _together({"data.general_share": 0.6, **keys}, recipe_from(values))
        return {name: value for name, value in found.items() if value is not None}

    raised = {"data.general_share": 0.6}
    assert together({"max_steps": 100}) == {**raised, "train.max_steps": 200}
    assert together({"max_tokens": 5000}) == {**raised, "train.max_tokens": 10000}
    longer = together({"max_steps": 100}, train_max_steps=300)
    assert longer == {**raised, "train.max_steps": 600}
    assert together({"epochs": 2}) == raised
    assert together({"epochs": 2}, train_epochs=5) == {**raised, "train.epochs": 5}


# Seen to fail on the share alone: a resolved recipe without replay has a coefficient of 0.
def test_replay_that_is_turned_on_is_held_to_the_base() -> None:
    resolved = resolve_recipe(
        recipe_from({"data": {"domain": ["a"], "general_share": 0.0}, "train": {"max_steps": 1}})
    )
    assert resolved.train.replay_kl_coef == 0.0
    values = resolved.model_dump(mode="json", exclude_none=True)
    for dotted, value in _together({"data.general_share": 0.2}, resolved).items():
        table, key = dotted.split(".")
        values[table].pop(key, None)
        if value is not None:
            values[table][key] = value
    assert recipe_from(values).replay_kl == (1.0, True)


# Broken by: taking the rise from general_perplexity, which a grown vocabulary hasn't (nobody could
# say what was forgotten), or facts and controls that the verdict didn't rest on.
def test_what_the_verdict_rests_on_is_diagnosed(finished: Path, tmp_path: Path) -> None:
    rows = {row["name"]: row for row in read_json(finished / "evaluation.json")["measures"]}
    untaken = {"n": 0, "base": None, "tuned": None, "delta": None, "ci95": None}
    risen = {"n": 40, "base": 0.1, "tuned": 0.5, "delta": 0.4, "ci95": [0.3, 0.5]}
    for name in ("general_perplexity", "fact_accuracy", "control_accuracy"):
        rows[name] = {**rows[name], **untaken}
    for name in ("fact_exact", "control_exact"):
        rows[name] = {**rows[name], **risen}
    free = {
        "learned": "no_evidence", "kept": "forgot", "memorised": False,
        "measures": list(rows.values()),
        "rests_on": {"learned": "fact_exact", "controls": "control_exact"},
        "general_loss": {"ci95": [0.31, 0.42]},
    }  # fmt: skip
    ledger = {**MET, "trained": {"general_share": 0.0}}
    run = recorded(finished, tmp_path / "free", evaluation=free, ledger=ledger)
    (run / "strength.json").unlink(missing_ok=True)
    said = [cause.text for cause in diagnose_run(run).causes]
    assert any("general text rose by 0.31 to 0.42 nats per token" in text for text in said)
    assert any("untrained facts rose as much as yours" in text for text in said)
    assert not any("nobody can say" in text or 'kind "control"' in text for text in said)
