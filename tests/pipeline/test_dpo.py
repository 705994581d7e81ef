"""Preference tuning on a tiny model: what it starts from, what it is held to, what comes out."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from steep.artifact import read_json, read_manifest
from steep.cli.main import cli
from steep.errors import UserInputError
from steep.model.load import load_model
from steep.stages.verify import verify
from steep.workflow import evaluate, run
from tests.pipeline.test_sft import begins_again, logits, models_seen, tables
from tests.stages.project import write_project, write_recipe_file

pytest.importorskip("trl")
BETA = 0.7


def dpo_tables(method: str, *, sft: bool = True, **changes: Any) -> dict[str, dict[str, Any]]:
    """A recipe whose pairs make one batch."""
    dpo = {"data": "pairs.jsonl", "max_steps": 2, "max_length": 96, "learning_rate": 1e-2}
    dpo |= {"beta": BETA, "held_out_share": 0.0, "warmup_steps": 0, "general_share": 0.0}
    found = tables(method)
    if not sft:
        del found["sft"]
    return {**found, "dpo": {**dpo, **changes}}


def project(folder: Path, changes: dict[str, dict[str, Any]]) -> Path:
    words = ("one", "two", "three", "four")
    pairs = [{"prompt": f"Say {w}.", "chosen": w, "rejected": f"not {w}"} for w in words]
    rows = [{"prompt": f"Say {w}.", "completion": w} for w in words[:3]]
    for name, lines in (("pairs", pairs), ("rows", rows)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in lines))
    return write_project(folder, **changes)


def log_probability(model: Any, prompt: tuple[int, ...], answer: tuple[int, ...]) -> float:
    """Of an answer behind a prompt, computed alone."""
    import torch

    ids = torch.tensor([[*prompt, *answer]])
    with torch.inference_mode():
        said = model(input_ids=ids).logits[0, len(prompt) - 1 : -1].double().log_softmax(-1)
    return float(said.gather(1, torch.tensor(answer)[:, None]).sum())


def expected_loss(model: Any, reference: Any, tokenizer: Any, path: Path) -> float:
    """DPO's loss over all pairs, by its formula."""
    from steep.pipeline.chat import ensure_template, render_pair
    from steep.pipeline.preferences import read_preferences

    ensure_template(tokenizer)
    losses = []
    for row in (render_pair(pair, tokenizer) for pair in read_preferences(path)):
        margin = 0.0
        for answer, sign in ((row.chosen, 1), (row.rejected, -1)):
            for one, times in ((model, 1), (reference, -1)):
                margin += sign * times * log_probability(one, row.prompt, answer)
        losses.append(math.log1p(math.exp(-BETA * margin)))
    return sum(losses) / len(losses)


# The reference is the model the stage begins with, not the base and not the model of strength 1;
# it stays so when the model moves. Broken by: a reference with the adapter switched off (its loss
# begins elsewhere than at ln 2).
@pytest.mark.parametrize(
    ("method", "targets"),
    [
        pytest.param("lora", ["all-linear"], marks=pytest.mark.slow),
        ("lora", ["all-linear", "embed_tokens", "lm_head"]),
        pytest.param("full", ["all-linear"], marks=pytest.mark.slow),
    ],
)
def test_the_reference_is_the_model_it_starts_from(
    method: str, targets: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = models_seen(monkeypatch)
    changes = dpo_tables(method, sft=False)
    changes["train"]["target_modules"] = targets
    changes["evaluate"] = {"probes": 0}
    recipe = project(tmp_path, changes)
    write_recipe_file(recipe, **{**changes, "dpo": {**changes["dpo"], "max_steps": 1}})
    evaluate(recipe)
    start, once = made[-1]["cpt"].load(), made[-1]["dpo"].load()
    write_recipe_file(recipe, **changes)
    evaluate(recipe)
    first, second = (read_manifest(tmp_path / "run" / "dpo") or {})["losses"]
    assert first == pytest.approx(math.log(2), abs=1e-5)
    tokenizer = load_model(str(tmp_path / "base"))[1]
    expected = expected_loss(once, start, tokenizer, tmp_path / "pairs.jsonl")
    assert second == pytest.approx(expected, abs=1e-4)
    assert abs(expected - math.log(2)) > 0.01


# Broken by: beginning at the model before [sft]; exporting the model before [dpo]; scores of the
# model after [sft] that verify doesn't look at.
def test_after_instructions_and_what_is_judged_is_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    made = models_seen(monkeypatch)
    recipe, folder = project(tmp_path, dpo_tables("lora")), tmp_path / "run"
    outcome = run(recipe)
    models = {name: logits(one.load()) for name, one in made[-1].items()}
    assert list(models) == ["cpt", "sft", "dpo"]
    manifest = read_manifest(folder / "dpo") or {}
    assert "sft" in manifest["made_from"]["trained"]
    first = manifest["losses"][0]
    assert first == pytest.approx(math.log(2), abs=1e-5)
    assert not torch.allclose(models["dpo"], models["sft"], atol=1e-2)
    exports = read_json(folder / "exports.json")
    for name in ("merged", "adapter"):
        assert torch.allclose(
            logits(load_model(str(folder / exports[name]))[0]), models["dpo"], atol=1e-4
        )
    stages = outcome.evaluation["stages"]
    assert [stage["name"] for stage in stages] == ["cpt", "sft", "dpo"]
    assert stages[-1]["measures"] == outcome.evaluation["measures"]
    assert "| Preferences |" in (folder / "report.md").read_text()
    checked = set(verify(folder).checked)
    assert {"dpo/weights.safetensors", "dpo/rows.jsonl"} <= checked
    assert {"scores/cpt.json", "scores/sft.json"} <= checked
    assert verify(folder).is_whole

    begins_again(recipe, folder / "dpo")


def test_bad_pairs_leave_nothing_behind(tmp_path: Path) -> None:
    recipe = project(tmp_path, dpo_tables("lora"))
    (tmp_path / "pairs.jsonl").write_text('{"prompt": "a", "chosen": "b"}\n')
    with pytest.raises(UserInputError, match="line 1"):
        run(recipe)
    assert not (tmp_path / "run").exists()


def test_pairs_are_shown_and_nothing_is_trained(tmp_path: Path) -> None:
    recipe = project(tmp_path, dpo_tables("lora"))
    said = CliRunner().invoke(cli, ["dpo", str(recipe), "--show", "1"]).stdout
    assert said.splitlines()[1:] == [
        "### User:",
        "Say one.",
        "### Assistant:",
        "⟦chosen: one<eos>⟧⟦rejected: not one<eos>⟧",
    ]
    assert not (tmp_path / "run").exists()
    nothing = CliRunner().invoke(cli, ["dpo", str(recipe), "--show", "1", "--set", "dpo.beta=0"])
    assert nothing.exit_code != 0
