"""Whole runs on a tiny random model: every promised file, and nothing done twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

import steep
from steep.artifact import file_hash
from steep.errors import DocumentError, DriftError, RecipeError, UserInputError
from steep.progress import Silent
from steep.recipe import load_recipe
from steep.training.stop import Interrupted
from steep.workflow import Outcome, export
from tests.stages.project import write_project, write_recipe_file

LORA = {
    "method": "lora",
    "lora_r": 4,
    "learning_rate": 1e-2,
    "target_modules": ["all-linear", "embed_tokens", "lm_head"],
}
MEASURES = [
    "domain_bits_per_byte",
    "domain_perplexity",
    "general_bits_per_byte",
    "general_perplexity",
    "fact_accuracy",
    "control_accuracy",
    "general_fact_accuracy",
    "verbatim_rate",
    "fact_exact",
]


@dataclass(frozen=True)
class Done:
    recipe: Path
    run: Path
    outcome: Outcome

    @property
    def evaluation(self) -> dict[str, Any]:
        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} in evaluation.json")

        text = (self.run / "evaluation.json").read_text(encoding="utf-8")
        return dict(json.loads(text, parse_constant=refuse))


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Done:
    folder = tmp_path_factory.mktemp("full")
    recipe = write_project(folder)
    return Done(recipe, folder / "run", steep.run(recipe))


@pytest.fixture(scope="module")
def lora(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """LoRA with its embeddings, on a model whose head is tied to them."""
    folder = tmp_path_factory.mktemp("lora")
    recipe = write_project(folder, train=LORA)
    return Done(recipe, folder / "run", steep.run(load_recipe(recipe)))


@pytest.fixture(params=["full", "lora"])
def done(request: pytest.FixtureRequest) -> Done:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


# Broken by: leaving out any stage of workflow.run.
def test_every_promised_file_is_there(done: Done) -> None:
    names = [
        "recipe.toml",
        "data/manifest.json",
        "data/ledger.json",
        "data/documents.jsonl",
        "data/tokens.safetensors",
        "metrics.jsonl",
        "checkpoints/step-3/manifest.json",
        "evaluation.json",
        "report.html",
        "report.md",
        "base_continued_merged/config.json",
        "base_continued_merged/model.safetensors",
        "base_continued_merged/tokenizer.json",
        "base_continued_merged/README.md",
    ]
    if "lora" in str(done.run):
        names += [
            f"continued_pretrain_base/{name}"
            for name in ("adapter_config.json", "adapter_model.safetensors", "tokenizer.json",
                         "README.md")
        ]  # fmt: skip
    missing = [name for name in names if not (done.run / name).is_file()]
    assert not missing
    unsafe = {".bin", ".pt", ".pth", ".pkl", ".pickle"}
    assert not [path for path in done.run.rglob("*") if path.suffix in unsafe]
    left = [path for path in done.run.rglob("*") if path.name.endswith(".tmp")]
    assert not left


def test_the_evaluation_keeps_its_promises(done: Done) -> None:
    evaluation = done.evaluation
    assert evaluation == done.outcome.evaluation
    assert evaluation["schema"] == 1
    assert evaluation["learned"] in {"yes", "no_evidence", "worse"}
    assert evaluation["kept"] in {"yes", "within_budget", "forgot"}
    assert isinstance(evaluation["memorised"], bool)
    assert evaluation["ship"] is done.outcome.ship
    assert evaluation["ship"] == (
        evaluation["learned"] == "yes"
        and evaluation["kept"] != "forgot"
        and not evaluation["memorised"]
    )
    assert evaluation["verdict"] == done.outcome.verdict
    measures = {measure["name"]: measure for measure in evaluation["measures"]}
    assert set(MEASURES) <= set(measures)
    for measure in measures.values():
        assert {"n", "base", "tuned", "delta", "ci95", "better"} <= measure.keys()
        if measure["n"] > 1:  # one item alone has no interval
            low, high = measure["ci95"]
            assert low <= measure["delta"] <= high
        if measure["n"]:
            assert measure["delta"] == pytest.approx(measure["tuned"] - measure["base"], abs=2e-6)
    for name in ("domain_perplexity", "general_perplexity", "fact_accuracy", "control_accuracy"):
        assert measures[name]["n"] > 0, name
    assert isinstance(evaluation["samples"], list)


# Broken by: a ledger that isn't closed, or splitting after packing.
def test_the_ledger_balances(done: Done) -> None:
    ledger = json.loads((done.run / "data" / "ledger.json").read_text())
    assert ledger["balanced"] is True
    documents = ledger["documents"]
    assert documents["found"] == 10  # 8 companies, a copy, a picture
    assert documents["held_out"] == 1
    assert documents["trained"] == 7
    assert documents["dropped_by_reason"] == {"duplicate": 1, "unsupported format": 1}
    trained = {row["id"] for row in ledger["by_document"]}
    held_out = {row["id"] for row in ledger["held_out"]}
    assert not trained & held_out
    lines = [json.loads(line) for line in (done.run / "data" / "documents.jsonl").open()]
    assert {r["id"] for r in lines if r["split"] == "trained"} == trained
    rows = [json.loads(line) for line in (done.run / "metrics.jsonl").open()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    assert sum(row["tokens"] for row in rows) == ledger["trained"]["tokens"]
    assert sum(row["target_tokens"] for row in rows) == ledger["trained"]["target_tokens"]
    assert ledger["trained"]["by_kind"]["general"] > 0


def test_the_recipe_is_kept_with_every_default(done: Done) -> None:
    kept = tomllib.loads((done.run / "recipe.toml").read_text(encoding="utf-8"))
    assert kept["model"] == str(done.recipe.parent / "base")
    assert kept["train"]["method"] in str(done.run)
    assert kept["train"]["max_steps"] == 3
    assert kept["retell"]["cloze"] == 3
    assert kept["train"]["embedding_learning_rate"] > 0
    assert load_recipe(done.run / "recipe.toml").output_dir == str(done.run)


def test_exports_are_the_trained_model(done: Done) -> None:
    exports = json.loads((done.run / "exports.json").read_text())
    assert exports["parity"]["max_logit_difference"] < 1e-3
    merged = load_file(done.run / "base_continued_merged" / "model.safetensors")
    base = load_file(done.recipe.parent / "base" / "model.safetensors")
    assert merged.keys() == base.keys()  # the tied head is stored once, as in the base
    changed = [name for name in base if not bool((merged[name] == base[name]).all())]
    linear = [name for name in base if name.endswith("proj.weight")]
    assert set(linear) <= set(changed)
    assert "model.embed_tokens.weight" in changed
    config = json.loads((done.run / "base_continued_merged" / "config.json").read_text())
    assert config["tie_word_embeddings"] is True


# Broken by: ensure_weight_tying=False in adapters._lora_config.
def test_adapter_and_merged_agree_where_steep_is_not_installed(lora: Done, tmp_path: Path) -> None:
    code = f"""
import sys, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer
run, base = {str(lora.run)!r}, {str(lora.recipe.parent / "base")!r}
tokenizer = AutoTokenizer.from_pretrained(run + "/continued_pretrain_base")
plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
ids = tokenizer("Acme was founded in 1950 by Ada Weber.", return_tensors="pt")["input_ids"]
with torch.no_grad():
    before = plain(ids).logits.clone()
    adapted = PeftModel.from_pretrained(plain, run + "/continued_pretrain_base").eval()(ids).logits
    merged = AutoModelForCausalLM.from_pretrained(run + "/base_continued_merged").eval()
    assert merged.get_input_embeddings().weight.data_ptr() == merged.lm_head.weight.data_ptr()
    difference = float((adapted - merged(ids).logits).abs().max())
assert "steep" not in sys.modules
print(difference, float((adapted - before).abs().max()))
"""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    difference, moved = map(float, done.stdout.split())
    assert difference < 1e-4
    assert moved > 1e-2


def _heavy(*_: object, **__: object) -> None:
    raise AssertionError("done again")


# Broken by: a cache key that holds the time, or skipping no stage.
def test_running_again_does_nothing_heavy(done: Done, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "steep.stages.train.train_model",
        "steep.stages.evaluate.measure",
        "steep.stages.prepare.retell",
        "steep.stages.prepare.write_general_text",
        "steep.stages.export.save_merged",
        "steep.stages.export.save_adapter",
    ):
        monkeypatch.setattr(name, _heavy)
    names = ["checkpoints", "data", "base_continued_merged/model.safetensors"]
    files = [p for name in names for p in [done.run / name, *(done.run / name).rglob("*")]]
    before = {path: path.stat().st_mtime_ns for path in files if path.is_file()}
    again = steep.run(done.recipe)
    assert again.evaluation == done.outcome.evaluation
    assert before == {path: path.stat().st_mtime_ns for path in before}


# Broken by: the output_dir that the moved run's recipe names.
def test_a_moved_run_goes_on_where_it_is(
    full: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = shutil.copytree(full.run, tmp_path / "moved")
    for name in ("steep.stages.train.train_model", "steep.stages.evaluate.measure"):
        monkeypatch.setattr(name, _heavy)
    before = file_hash(full.run / "recipe.toml")
    assert steep.run(moved / "recipe.toml").folder == moved
    assert load_recipe(moved / "recipe.toml").output_dir == str(moved)
    assert steep.verify(moved).is_whole
    assert file_hash(full.run / "recipe.toml") == before
    steep.compare(full.run, moved)


# Broken by: _changes returning [].
@pytest.mark.parametrize(
    ("override", "says"),
    [("train.max_steps=4", "train.max_steps: 3 -> 4"), ("seed=1", "seed: 0 -> 1")],
)
def test_another_recipe_in_the_same_folder_is_refused(full: Done, override: str, says: str) -> None:
    before = file_hash(full.run / "recipe.toml")
    with pytest.raises(DriftError, match=says) as caught:
        steep.run(load_recipe(full.recipe, [override]))
    assert str(full.run) in str(caught.value)
    assert "output_dir" in str(caught.value)
    assert file_hash(full.run / "recipe.toml") == before


def test_what_training_does_not_depend_on_may_change(full: Done) -> None:
    outcome = steep.evaluate(load_recipe(full.recipe, ["evaluate.forgetting_budget=1.0"]))
    assert outcome.evaluation["forgetting_budget"] == 1.0
    steep.evaluate(full.recipe)


# Broken by: _refuse_drift returning at once.
@pytest.mark.parametrize("change", ["text", "title"])
def test_changed_documents_under_a_begun_run_are_refused(change: str, tmp_path: Path) -> None:
    recipe = write_project(tmp_path, data={"general_share": 0.0})
    table = tmp_path / "docs" / "table.csv"
    table.write_text("title,text\nIota,Iota makes clocks in Kiel and sells them to Graz.\n")
    steep.train(recipe)
    if change == "text":
        table.write_text("title,text\nIota,Iota makes clocks in Kiel and sells them to Linz.\n")
    else:
        table.write_text("title,text\nKilo,Iota makes clocks in Kiel and sells them to Graz.\n")
    with pytest.raises(DriftError, match="documents"):
        steep.train(recipe)


# Broken by: counting a run of steep's among what data_key says was dropped.
def test_a_run_below_its_own_documents_is_gone_on_with(tmp_path: Path) -> None:
    recipe = load_recipe(
        write_project(tmp_path, data={"general_share": 0.0}),
        [f"output_dir='{tmp_path / 'docs' / 'run'}'"],
    )
    steep.prepare(recipe)
    made = (tmp_path / "docs" / "run" / "data" / "tokens.safetensors").stat().st_ino
    steep.train(recipe)
    steep.train(load_recipe(tmp_path / "recipe.toml"))  # another run of the same documents
    steep.train(recipe)
    assert (tmp_path / "docs" / "run" / "data" / "tokens.safetensors").stat().st_ino == made


def test_without_held_out_documents_the_domain_is_not_measured(tmp_path: Path) -> None:
    recipe = write_project(
        tmp_path,
        data={"held_out_share": 0.0, "general_share": 0.0},
        retell={"enabled": False},
        train={"max_steps": 1},
    )
    evaluation = steep.evaluate(recipe).evaluation
    measures = {measure["name"]: measure for measure in evaluation["measures"]}
    for name in ("domain_perplexity", "domain_bits_per_byte"):
        assert measures[name]["n"] == 0
        for field in ("base", "tuned", "delta", "ci95"):
            assert measures[name][field] is None
    ledger = json.loads((tmp_path / "run" / "data" / "ledger.json").read_text())
    assert ledger["documents"]["held_out"] == 0
    assert ledger["trained"]["general_share"] == 0.0
    assert set(ledger["tokens"]["by_kind"]) == {"document"}


class _Terminating(Silent):
    """Sends SIGTERM when training says that a step is done."""

    def at(self, done: int, total: int, text: str) -> None:
        if total == 3 and done == 2:
            os.kill(os.getpid(), signal.SIGTERM)


# Broken by: anything in a stage that draws from a global generator.
def test_stopped_and_started_again_gives_the_same_bits(lora: Done, tmp_path: Path) -> None:
    recipe = write_project(tmp_path, train=LORA)
    with pytest.raises(Interrupted) as caught:
        steep.train(recipe, progress=_Terminating())
    assert caught.value.exit_code == 143
    saved = {p.name for p in (tmp_path / "run" / "checkpoints").iterdir()}
    assert "step-2" in saved and "step-3" not in saved
    steep.train(recipe)
    name = "checkpoints/step-3/weights.safetensors"
    assert file_hash(tmp_path / "run" / name) == file_hash(lora.run / name)


def test_stages_one_by_one_give_what_a_run_gives(full: Done, tmp_path: Path) -> None:
    recipe = write_project(tmp_path)
    assert steep.prepare(recipe) == tmp_path / "run" / "data"
    assert not (tmp_path / "run" / "checkpoints").exists()
    assert steep.train(recipe) == tmp_path / "run"
    for name in ("data/tokens.safetensors", "checkpoints/step-3/weights.safetensors"):
        assert file_hash(tmp_path / "run" / name) == file_hash(full.run / name)


# Broken by: open_run before read_inputs, or no check_trainable in open_base.
def test_wrong_input_leaves_no_run_folder(tmp_path: Path) -> None:
    good = write_project(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notamodel").mkdir()
    wrong: list[tuple[list[str], type[UserInputError]]] = [
        (["data.domain=['none.txt']"], DocumentError),
        ([f"data.domain=['{tmp_path}/empty']"], DocumentError),
        ([f"data.general=['{tmp_path}/none']"], DocumentError),
        ([f"evaluate.questions='{tmp_path}/none.jsonl'"], UserInputError),
        ([f"evaluate.general=['{tmp_path}/none']"], DocumentError),
        ([f"model='{tmp_path}/notamodel'"], UserInputError),
        (["model='no-such-alias'"], UserInputError),
        (["train.method='lora'", "train.target_modules=['query']"], RecipeError),
        (["train.frozen_layers=[2]"], RecipeError),
        (["train.method='lora'", "train.frozen_layers=[0, 1]"], RecipeError),
    ]
    for overrides, error in wrong:
        with pytest.raises(error) as caught:
            steep.train(load_recipe(good, overrides))
        assert caught.value.exit_code == 2
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "run").exists(), overrides


def test_an_output_that_cannot_be_written_is_the_users_error(tmp_path: Path) -> None:
    recipe = write_project(tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserInputError, match="output_dir"):
        steep.prepare(load_recipe(recipe, [f"output_dir='{tmp_path}/file/run'"]))


def test_an_untied_model_runs_too(tmp_path: Path) -> None:
    write_project(tmp_path, kind="qwen3", data={"general_share": 0.0})
    recipe = write_recipe_file(
        tmp_path / "recipe.toml",
        data={"general_share": 0.0},
        train={**LORA, "max_steps": 2},
        evaluate={},
    )
    exports = export(recipe)
    assert exports["parity"]["max_logit_difference"] < 1e-3
