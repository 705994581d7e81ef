"""Instruction tuning on a tiny model: what is trained, from where, and what comes out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import steep.stages.assistant
from steep.artifact import read_json, read_manifest
from steep.cli.main import cli
from steep.errors import ModelError, RecipeError, UserInputError
from steep.model.load import load_model
from steep.pipeline.chat import ensure_template, render
from steep.pipeline.rows import Conversation, Turn, read_conversations
from steep.pipeline.sft import SFT_RATES, labels_of
from steep.pipeline.trainer import Task, _settings
from steep.recipe import SftRecipe, TrainRecipe
from steep.stages.train import Trained
from steep.stages.verify import verify
from steep.workflow import evaluate, plan, run
from tests.proof.test_turns import CHATML, chat_tokenizer
from tests.stages.project import write_project, write_recipe_file
from tests.tiny import tiny_model, tiny_tokenizer

pytest.importorskip("trl")
TALK = Conversation(
    (
        Turn("user", "Who?"),
        Turn("assistant", "Ada"),
        Turn("user", "Where?"),
        Turn("assistant", "Lyon"),
    )
)

SHORTENED = "m.content if loop.last or m.role == 'user' else '-'"


# Broken by: is_target True for the prompt's tokens.
def test_only_answers_and_their_ends_are_targets() -> None:
    tokenizer = tiny_tokenizer()
    ensure_template(tokenizer)
    row = render(TALK, tokenizer)
    said = [tokenizer.decode(ids) for on, ids in row.spans() if on]
    assert said == ["Ada<eos>", "Lyon<eos>"]
    assert sum(label != -100 for label in labels_of(row)) == sum(row.is_target)
    whole = tokenizer.decode(row.ids)
    assert (
        whole
        == "### User:\nWho?\n### Assistant:\nAda<eos>\n### User:\nWhere?\n### Assistant:\nLyon<eos>"
    )


def test_a_template_of_the_models_own_is_used() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}\n{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    row = render(TALK, tokenizer)
    assert [tokenizer.decode(ids) for on, ids in row.spans() if on] == ["Ada<eos>", "Lyon<eos>"]


# Broken by: not appending the end-of-text token.
def test_a_template_without_an_end_gets_one() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = "{% for m in messages %}{{ m.content }}\n{% endfor %}"
    row = render(Conversation(TALK.turns[:2]), tokenizer)
    assert tokenizer.decode(row.ids) == "Who?\nAda<eos>" and row.is_target[-1]


# Broken by: special tokens by their names alone (then every answer ends twice).
def test_an_end_that_has_no_name_is_an_end() -> None:
    tokenizer = chat_tokenizer()
    row = render(Conversation(TALK.turns[:2]), tokenizer)
    assert [tokenizer.decode(ids) for on, ids in row.spans() if on] == ["Ada<|im_end|>"]


# Broken by: a template's own words let through as they are; one message for both faults.
@pytest.mark.parametrize(
    ("template", "roles", "says"),
    [
        ("{{ raise_exception('No system role') }}", "su a", r"system, user \(No system role\)"),
        (CHATML.replace("assistant\n{%", "assistant\n<think>{%"), "ua", "answer with '<think>'"),
        (CHATML.replace("m.content", SHORTENED), "uaua", "one question and one answer"),
    ],
)
def test_what_a_template_does_not_take_is_told(template: str, roles: str, says: str) -> None:
    names = {"s": "system", "u": "user", "a": "assistant"}
    turns: Any = tuple(Turn(names[role], "x") for role in roles.replace(" ", ""))  # type: ignore[arg-type]
    with pytest.raises(ModelError, match=says):
        render(Conversation(turns), chat_tokenizer(template))


# Broken by: the recipe's warm-up handed on as it is, where the stage has few steps.
@pytest.mark.parametrize(("steps", "warmup"), [(10, 2), (200, 5)])
def test_a_short_stage_has_a_short_warm_up(steps: int, warmup: int) -> None:
    train = TrainRecipe(max_steps=1, learning_rate=1e-4, embedding_learning_rate=1e-5)
    task = Task("sft", SftRecipe(max_steps=steps), train, SFT_RATES, seed=0)
    settings = _settings(tiny_model("llama", tiny_tokenizer()), task, "nowhere")
    assert (settings["max_steps"], settings["warmup_steps"]) == (steps, warmup)


def project(folder: Path, method: str = "lora", **changes: Any) -> Path:
    """A project whose three rows make one batch."""
    rows = [{"prompt": f"Say {word}.", "completion": word} for word in ("one", "two", "three")]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    return write_project(folder, **tables(method, **changes))


def tables(method: str, **changes: Any) -> dict[str, dict[str, Any]]:
    sft = {"data": "rows.jsonl", "max_steps": 3, "max_length": 96, "learning_rate": 1e-2}
    sft |= {"general_share": 0.0}
    return {
        "train": {"method": method, "max_steps": 3, "learning_rate": 1e-2},
        "strength": {"scale": 0.5},
        "sft": {**sft, **changes},
    }


def models_seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Trained]]:
    """What each run from now on makes, by stage."""
    made: list[dict[str, Trained]] = []
    models_by_stage = steep.stages.assistant.models_by_stage

    def seen(*given: Any) -> Any:
        made.append(models_by_stage(*given))
        return made[-1]

    monkeypatch.setattr("steep.stages.assistant.models_by_stage", seen)
    return made


def begins_again(recipe: Path, stage: Path) -> None:
    """A stage that was killed begins again and ends with the same bits."""
    weights = stage / "weights.safetensors"
    whole = weights.read_bytes()
    (stage / "manifest.json").unlink()
    weights.write_bytes(b"half")
    run(recipe)
    assert weights.read_bytes() == whole


def logits(model: Any) -> Any:
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([[5, 9, 20, 31]])).logits.float()


def loss_of(model: Any, tokenizer: Any, rows: Sequence[Conversation]) -> float:
    """Nats per target token of rows that are asked one by one."""
    import torch

    total, count = 0.0, 0
    for row in (render(conversation, tokenizer) for conversation in rows):
        ids = torch.tensor([row.ids])
        with torch.inference_mode():
            said = model(input_ids=ids).logits[0, :-1].float().log_softmax(-1)
        nats = -said.gather(1, ids[0, 1:, None])[:, 0]
        on = torch.tensor(row.is_target[1:])
        total, count = total + float(nats[on].sum()), count + int(on.sum())
    return total / count


# Broken by: sft_stage beginning at strength 1 (every B of the adapter doubled; the full weights of
# the checkpoint); labels without the end of a turn; exporting the model before this stage; what
# changed since the documents counted from the base.
@pytest.mark.parametrize("method", ["lora", pytest.param("full", marks=pytest.mark.slow)])
def test_from_the_evaluated_model_to_the_exported_one(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    made = models_seen(monkeypatch)
    recipe, folder = project(tmp_path, method, learning_rate=1e-12, max_steps=1), tmp_path / "run"

    # One step that moves nothing: the model evaluated before is the one evaluated after.
    before, after = evaluate(recipe).evaluation["stages"]
    assert (before["name"], after["name"]) == ("cpt", "sft")
    for row, then in zip(after["measures"], before["measures"], strict=True):
        assert (row["name"], row["n"]) == (then["name"], then["n"])
        assert not row["n"] or row["tuned"] == pytest.approx(then["tuned"], rel=1e-6)  # 9 digits
    assert all(row["delta"] in (0.0, None) for row in after["since_documents"])
    assert "since_documents" not in before
    evaluated = made[-1]["cpt"].load()
    assert torch.allclose(logits(made[-1]["sft"].load()), logits(evaluated), atol=1e-6)
    manifest = read_manifest(folder / "sft") or {}
    rows = read_conversations(tmp_path / "rows.jsonl")
    tokenizer = load_model(str(tmp_path / "base"))[1]
    ensure_template(tokenizer)
    expected = loss_of(evaluated, tokenizer, rows)
    assert manifest["losses"] == [pytest.approx(expected, abs=1e-4)]

    # Steps that move it: what is in memory is what is exported.
    write_recipe_file(recipe, **tables(method))
    outcome = run(recipe)
    tuned = logits(made[-1]["sft"].load())
    assert not torch.allclose(tuned, logits(evaluated), atol=1e-2)
    exports = read_json(folder / "exports.json")
    for name in ("merged", "adapter") if method == "lora" else ("merged",):
        model, tokenizer = load_model(str(folder / exports[name]))
        assert tokenizer.chat_template
        assert torch.allclose(logits(model), tuned, atol=1e-4)
    before, after = outcome.evaluation["stages"]
    assert after["measures"] == outcome.evaluation["measures"]
    for since, row, then in zip(
        after["since_documents"], after["measures"], before["measures"], strict=True
    ):
        if since["n"] and since["name"] != "longest_copied":
            assert since["base"] == then["tuned"] and since["tuned"] == row["tuned"]
    assert any(row["delta"] for row in after["since_documents"])
    assert "Stage by stage" in (folder / "report.md").read_text()
    assert "Change since the documents" in (folder / "report.html").read_text()
    assert {"sft/weights.safetensors", "scores/cpt.json"} <= set(verify(folder).checked)
    assert verify(folder).is_whole

    begins_again(recipe, folder / "sft")


def test_bad_rows_leave_nothing_behind(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    (tmp_path / "rows.jsonl").write_text('{"prompt": "a"}\n')
    with pytest.raises(UserInputError, match="line 1"):
        run(recipe)
    assert not (tmp_path / "run").exists()


# Broken by: rows looked at only when they are trained on; only the first row looked at.
@pytest.mark.parametrize(
    ("changes", "error", "says"),
    [
        ({}, ModelError, r"\[sft\] .* takes no turns of system, user"),
        ({"max_length": 16}, UserInputError, "not one of 4 rows fits 16 tokens; raise sft.max_len"),
    ],
)
def test_rows_that_the_model_cannot_take_are_known_before_any_work(
    changes: dict[str, Any], error: type[Exception], says: str, tmp_path: Path
) -> None:
    recipe = project(tmp_path, **changes)
    with (tmp_path / "rows.jsonl").open("a") as file:
        said = {"system": "Be brief.", "user": "Say four."}
        prompt = [{"role": role, "content": content} for role, content in said.items()]
        file.write(json.dumps({"prompt": prompt, "completion": "four"}) + "\n")
    refuse = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    tokenizer = load_model(str(tmp_path / "base"), device="cpu")[1]
    tokenizer.chat_template = CHATML if changes else refuse + CHATML
    tokenizer.save_pretrained(tmp_path / "base")
    for do in (run, plan):
        with pytest.raises(error, match=says):
            do(recipe)
    assert not (tmp_path / "run").exists()


# Broken by: max_length of later stages left out of the look at positions.
def test_rows_longer_than_a_table_of_positions_are_refused(tmp_path: Path) -> None:
    rows = {"data": "rows.jsonl", "max_length": 129}
    recipe = write_project(tmp_path, kind="gpt2", sft=rows)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"prompt": "Who?", "completion": "Ada"}))
    with pytest.raises(RecipeError, match=r"sft\.max_length = 129: .* 128 positions"):
        run(recipe)


# Broken by: a merged folder that names only the ends of its base's files; ends named though
# nothing was taught to answer.
@pytest.mark.parametrize("answers", [True, False])
def test_a_model_that_was_taught_answers_stops_behind_them_everywhere(
    answers: bool, tmp_path: Path
) -> None:
    recipe = project(tmp_path, max_steps=1)
    if not answers:
        write_recipe_file(recipe, train={"method": "lora"})
    tokenizer = chat_tokenizer()
    tiny_model("llama", tokenizer).save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    run(recipe)
    ends = read_json(tmp_path / "run" / "base_continued_merged" / "generation_config.json")
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert ends["eos_token_id"] == ([tokenizer.eos_token_id, end] if answers else 0)


def test_without_trl_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = project(tmp_path)
    monkeypatch.setattr("steep.pipeline.trainer.find_spec", lambda name: None)
    with pytest.raises(UserInputError, match=r"pip install \"steep\[sft\]\""):
        run(recipe)
    assert not (tmp_path / "run").exists()


# Broken by: marking every stretch.
def test_rows_are_shown_with_their_targets_and_nothing_is_trained(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    said = CliRunner().invoke(cli, ["sft", str(recipe), "--show", "1"]).stdout
    assert said.splitlines()[1:] == ["### User:", "Say one.", "### Assistant:", "⟦one<eos>⟧"]
    assert not (tmp_path / "run").exists()
