"""Instruction tuning on a tiny model: what is trained, from where, and what comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steep.artifact import read_json, read_manifest
from steep.errors import UserInputError
from steep.model.load import load_model
from steep.pipeline.chat import ensure_template, render
from steep.pipeline.rows import Conversation, Turn
from steep.pipeline.sft import labels_of
from steep.workflow import run
from tests.stages.project import write_project
from tests.tiny import tiny_tokenizer

pytest.importorskip("trl")
TALK = Conversation(
    (
        Turn("user", "Who?"),
        Turn("assistant", "Ada"),
        Turn("user", "Where?"),
        Turn("assistant", "Lyon"),
    )
)


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


def project(folder: Path, method: str, **changes: Any) -> Path:
    folder.mkdir(exist_ok=True)
    rows = [{"prompt": f"Say {word}.", "completion": word} for word in ("one", "two", "three")]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    sft = {"data": "rows.jsonl", "max_steps": 3, "max_length": 96, "learning_rate": 1e-2}
    tables = {
        "train": {"method": method, "max_steps": 3, "learning_rate": 1e-2},
        "strength": {"scale": 0.5},
        "sft": {**sft, **changes},
    }
    return write_project(folder, **tables)


def weights(folder: Path) -> bytes:
    return (folder / "run" / "sft" / "weights.safetensors").read_bytes()


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_whole_run_with_instructions(method: str, tmp_path: Path) -> None:
    import torch

    recipe = project(tmp_path / "one", method)
    outcome = run(recipe)
    names = [stage["name"] for stage in outcome.evaluation["stages"]]
    assert names == ["cpt", "sft"]
    assert outcome.evaluation["stages"][1]["measures"] == outcome.evaluation["measures"]
    kept = read_manifest(tmp_path / "one" / "run" / "sft")
    assert kept is not None and len(kept["losses"]) == 3 and kept["rows"] == 3

    exports = read_json(tmp_path / "one" / "run" / "exports.json")
    ids = torch.tensor([[5, 9, 20, 31]])
    logits = []
    for what in ("merged", "adapter"):
        if exports.get(what):
            model, tokenizer = load_model(str(tmp_path / "one" / "run" / exports[what]))
            assert tokenizer.chat_template
            with torch.inference_mode():
                logits.append(model(input_ids=ids).logits)
    assert all(torch.allclose(logits[0], other, atol=1e-4) for other in logits)

    # A killed stage begins again and ends with the same bits; a finished one is skipped.
    before = weights(tmp_path / "one")
    assert run(recipe).evaluation == outcome.evaluation
    (tmp_path / "one" / "run" / "sft" / "manifest.json").unlink()
    (tmp_path / "one" / "run" / "sft" / "weights.safetensors").write_bytes(b"half")
    run(recipe)
    assert weights(tmp_path / "one") == before


def test_bad_rows_leave_nothing_behind(tmp_path: Path) -> None:
    recipe = project(tmp_path / "one", "lora")
    (tmp_path / "one" / "rows.jsonl").write_text('{"prompt": "a"}\n')
    with pytest.raises(UserInputError, match="line 1"):
        run(recipe)
    assert not (tmp_path / "one" / "run").exists()


def test_without_trl_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = project(tmp_path / "one", "lora")
    monkeypatch.setattr("steep.pipeline.sft.find_spec", lambda name: None)
    with pytest.raises(UserInputError, match=r"pip install \"steep\[sft\]\""):
        run(recipe)
    assert not (tmp_path / "one" / "run").exists()
