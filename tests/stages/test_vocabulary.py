"""[vocabulary] from the recipe to files that load elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import steep
from steep.corpus.shards import load_shards
from steep.documents.record import Document
from steep.documents.shelf import shelve
from steep.documents.split import Split
from steep.errors import DriftError, RecipeError
from steep.progress import Silent
from steep.recipe import load_recipe
from steep.stages.base import open_base
from steep.stages.inputs import read_inputs
from steep.stages.vocabulary import (
    extend_base,
    hold_rows,
    learning_texts,
    shape_as_grown,
    start_model,
    train_as_grown,
)
from steep.training.replay_kl import NO_PLACE
from steep.training.stop import Interrupted
from steep.workflow import evaluate, export, train
from tests.stages.project import write_project

LORA: dict[str, Any] = {"method": "lora", "lora_r": 4, "learning_rate": 1e-2, "max_steps": 4}
ADDED: dict[str, Any] = {"new_tokens": ["TechCorp", "COVID-19"], "learned": 20, "first_steps": 2}
ELSEWHERE = """
import json, sys
import torch
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, AutoTokenizer

sys.modules["steep"] = None
out = []
for kind, folder in ((AutoPeftModelForCausalLM, sys.argv[1]), (AutoModelForCausalLM, sys.argv[2])):
    model = kind.from_pretrained(folder).eval()
    ids = AutoTokenizer.from_pretrained(folder)(sys.argv[3], return_tensors="pt")["input_ids"]
    with torch.no_grad():
        out.append([ids[0].tolist(), model(ids).logits[0, -1].tolist()])
print(json.dumps(out))
"""
TEXT = "Acme was founded by TechCorp after COVID-19."


def project(folder: Path, train: dict[str, Any] = LORA, **tables: Any) -> Path:
    return write_project(
        folder,
        kind=tables.pop("kind", "llama"),
        data={"general": "reading"},
        train=train,
        **{"evaluate": {"probes": 0}, "vocabulary": ADDED, **tables},
    )


@pytest.mark.parametrize("kind", ["llama", pytest.param("qwen3", marks=pytest.mark.slow)])
def test_what_is_exported_is_the_trained_model_without_steep(tmp_path: Path, kind: Any) -> None:
    # Seen to fail with rows beyond the tokenizer's length, which nobody else would add.
    recipe = project(tmp_path, kind=kind)
    found = export(recipe)
    assert found["figures"]["adapter"]["equal_strings"] == 1000
    run = tmp_path / "run"
    folders = [str(run / found[name]) for name in ("adapter", "merged")]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *folders, TEXT],
        capture_output=True,
        text=True,
        check=True,
    )
    model, tokenizer = steep.load_model(folders[0])
    ids = tokenizer(TEXT, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        here = model(ids).logits[0, -1]
    for other_ids, logits in json.loads(done.stdout):
        assert other_ids == ids[0].tolist()
        assert torch.allclose(torch.tensor(logits), here, atol=1e-4)
    assert tokenizer.convert_tokens_to_ids("TechCorp") in ids[0].tolist() or "ĠTechCorp" in (
        tokenizer.convert_ids_to_tokens(ids[0])
    )
    measures = {m["name"]: m for m in json.loads((run / "evaluation.json").read_text())["measures"]}
    assert measures["domain_perplexity"]["n"] == 0
    assert measures["domain_perplexity"]["base"] is None
    assert measures["domain_bits_per_byte"]["n"] == 1


def test_the_same_words_can_be_said_to_llama_cpp(tmp_path: Path) -> None:
    recipe = project(tmp_path, export={"gguf": "F32"})
    found = export(recipe)
    assert found["figures"]["F32"]["equal_strings"] == 1000
    assert load_recipe(tmp_path / "run/recipe.toml").vocabulary.whole_words is False  # type: ignore[union-attr]


def rows_of(run: Path, step: int) -> Any:
    weights = load_file(run / f"checkpoints/step-{step}/weights.safetensors")
    return next(w for name, w in weights.items() if "embed_tokens" in name)


def test_new_rows_are_trained_alone_at_first_and_old_ones_never(tmp_path: Path) -> None:
    # Seen to fail with hold() left out of the loop, and with first_steps one too many.
    recipe = project(tmp_path, {**LORA, "save_steps": 1})
    train(load_recipe(recipe, ["train.max_steps=2"]))
    old, tokenizer = steep.load_model(str(tmp_path / "base"))
    before = old.get_input_embeddings().weight
    after = rows_of(tmp_path / "run", 2)
    assert torch.equal(after[: len(tokenizer)], before)
    weights = load_file(tmp_path / "run/checkpoints/step-2/weights.safetensors")
    assert not any(w.any() for name, w in weights.items() if "lora_B" in name)
    (tmp_path / "run").rename(tmp_path / "two")
    train(recipe)
    last = rows_of(tmp_path / "run", 4)
    assert torch.equal(last[: len(tokenizer)], before)
    assert not torch.equal(last[len(tokenizer) :], after[len(tokenizer) :])
    weights = load_file(tmp_path / "run/checkpoints/step-3/weights.safetensors")
    assert all(w.any() for name, w in weights.items() if "lora_B" in name)


# Seen to fail with the rate not among the sound changes.
def test_the_new_rows_rate_may_change_when_told(tmp_path: Path) -> None:
    recipe = project(tmp_path, {**LORA, "save_steps": 1})
    train(load_recipe(recipe, ["train.max_steps=4"]))
    shutil.rmtree(tmp_path / "run/checkpoints/step-4")
    changed = load_recipe(recipe, ["vocabulary.learning_rate=0.5"])
    with pytest.raises(DriftError, match=r"vocabulary\.learning_rate: None -> 0\.5"):
        train(changed)
    before = rows_of(tmp_path / "run", 3)
    train(changed, accept_change=True)
    assert float((rows_of(tmp_path / "run", 4) - before).abs().max()) > 0.05


# Seen to fail with the pace left out of the loop or of NewRows, and with the root left out.
@pytest.mark.parametrize("method", ["lora", "full"])
def test_new_rows_have_a_rate_of_their_own(tmp_path: Path, method: str) -> None:
    settings = {"method": method, "max_steps": 1, "warmup_steps": 0, "max_grad_norm": 1.0}
    path = project(tmp_path, settings, vocabulary={"learned": 20, "pad_to_multiple_of": 1})
    recipe, base = open_base(load_recipe(path))
    entries = base.model.get_input_embeddings().weight.detach()
    size = float(entries.square().mean().sqrt())
    extend_base(recipe, read_inputs(recipe), base, Silent())
    start = base.take().get_input_embeddings().weight.detach()
    for rate, expected in ((None, 0.06 * size), (0.003, 0.003)):
        given = [] if rate is None else [f"vocabulary.learning_rate={rate}"]
        run = Path(train(load_recipe(path, given)))
        moved = (rows_of(run, 1) - start).abs()
        # Adam's first step takes every entry that has a gradient by its rate.
        assert float(moved[len(entries) :].median()) == pytest.approx(expected, rel=0.05)
        old = moved[: len(entries)].max()
        assert float(old) <= (recipe.train.embedding_learning_rate or 0.0) * 1.01
        run.rename(tmp_path / f"run-{rate}")


@pytest.mark.parametrize(("method", "stop"), [("lora", 1), ("lora", 3), ("full", 2)])
def test_a_run_that_was_stopped_ends_with_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, stop: int
) -> None:
    settings = {**LORA, "method": method, "save_steps": 1}
    if method == "full":
        settings.pop("lora_r")
    recipe = project(tmp_path, settings)
    train(recipe)
    whole = load_file(tmp_path / "run/checkpoints/step-4/weights.safetensors")
    (tmp_path / "run").rename(tmp_path / "whole")
    from steep.training import loop

    kept = loop.save_checkpoint

    def stopping(folder: Path, step: int, *args: Any, **options: Any) -> Any:
        made = kept(folder, step, *args, **options)
        if step == stop:
            raise Interrupted("stopped here", 15)
        return made

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_checkpoint", stopping)
        with pytest.raises(Interrupted):
            train(recipe)
    train(recipe)
    again = load_file(tmp_path / "run/checkpoints/step-4/weights.safetensors")
    assert whole.keys() == again.keys()
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_what_comes_after_leaves_embeddings_that_were_not_asked_for(tmp_path: Path) -> None:
    # Seen to fail with nothing held: instructions would move every old row.
    recipe, base = open_base(load_recipe(project(tmp_path)))
    extend_base(recipe, read_inputs(recipe), base, Silent())
    model, held = start_model(recipe, base)
    assert held is not None and held.only == {"embed_tokens", "lm_head"}
    hold_rows(recipe, base, model)
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained and all(".lora_" in name for name in trained)


def test_words_that_cannot_be_added_leave_no_run_behind(tmp_path: Path) -> None:
    # Seen to fail with the tokens made after the run folder: the recipe without the word was
    # refused there, as another one.
    recipe = load_recipe(project(tmp_path, vocabulary={"new_tokens": ["TechCorp", "a<eos>b"]}))
    with pytest.raises(RecipeError, match="special token"):
        train(recipe)
    assert not (tmp_path / "run").exists()


def test_tokens_are_learned_from_trained_text_alone(tmp_path: Path) -> None:
    # Seen to fail with the held-out documents among what is learned from.
    recipe, base = open_base(load_recipe(project(tmp_path, vocabulary={"learned": 200})))
    inputs = read_inputs(recipe)
    told = replace(inputs.split.held_out[0], text="zqxj " * 50)
    extend_base(recipe, replace(inputs, split=Split(inputs.split.trained, (told,))), base, Silent())
    assert "zq" not in " ".join(base.tuned_tokenizer.get_vocab())
    assert base.extension is not None and any(base.extension.parts.values())


def test_documents_on_disk_are_taken_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    # Seen to fail with the documents themselves sorted.
    documents = shelve(Document(f"text {n}", "", "a.txt") for n in range(50))
    held: weakref.WeakSet[Document] = weakref.WeakSet()
    get = documents.shelf.get

    def counted(place: int) -> Document:
        document = get(place)
        held.add(document)
        return document

    monkeypatch.setattr(documents.shelf, "get", counted)
    most, texts = 0, []
    for text in learning_texts(documents):
        texts.append(text)
        most = max(most, len(held))
    assert sorted(texts) == sorted(d.text for d in documents) and most <= 2
    kept = [d for d in documents][::-1]
    assert list(learning_texts(kept)) == texts  # whatever their order is


def test_a_plan_is_of_the_grown_model(tmp_path: Path) -> None:
    # Seen to fail with the base's own rows, and with the embeddings left out.
    recipe, base = open_base(load_recipe(project(tmp_path)))
    before = shape_as_grown(base)["vocab_size"]
    assert train_as_grown(recipe, base) == recipe.train
    extend_base(recipe, read_inputs(recipe), base, Silent())
    after = shape_as_grown(base)["vocab_size"]
    assert after == len(base.tuned_tokenizer) > before
    asked = train_as_grown(recipe, base).target_modules
    assert asked == [*recipe.train.target_modules, "embed_tokens", "lm_head"]


def test_a_run_that_trains_new_rows_alone_says_so(tmp_path: Path) -> None:
    # Seen to fail with "beyond" for "up to".
    run = evaluate(project(tmp_path, {**LORA, "max_steps": 2})).folder
    notes = json.loads((run / "evaluation.json").read_text())["notes"]
    assert any(note.startswith("only rows of new tokens were trained") for note in notes)


def test_other_tokens_over_a_run_are_refused(tmp_path: Path) -> None:
    recipe = project(tmp_path)
    train(recipe)
    with pytest.raises(DriftError, match="learned"):
        train(load_recipe(recipe, ["vocabulary.learned=10"]))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"first_steps": 3}, "nothing is added"),
        ({"new_tokens": ["a", "a"]}, "'a' twice"),
        ({"new_tokens": [""]}, "'': empty"),
        ({"new_tokens": [" TechCorp"]}, "space around"),
        ({"learned": -1}, "vocabulary.learned"),
        ({"learned": 5, "first_steps": -1}, "vocabulary.first_steps"),
        ({"new_token": ["a"]}, "did you mean 'new_tokens'"),
    ],
)
def test_a_table_without_sense_is_refused(tmp_path: Path, given: Any, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        load_recipe(write_project(tmp_path, vocabulary=given))


# Broken by: asking the base about ids that it has no row for, or not holding to it at all.
def test_replay_is_held_to_the_base_where_that_knows_every_token(tmp_path: Path) -> None:
    general = tmp_path / "general"
    general.mkdir()
    texts = [f"The river number {n} rises in the hills and runs to the sea." for n in range(20)]
    texts += [f"TechCorp number {n} sells ladders." for n in range(20)]
    for n, text in enumerate(texts):
        (general / f"{n}.txt").write_text(text, encoding="utf-8")
    recipe = load_recipe(
        project(tmp_path, {**LORA, "max_steps": 8}, vocabulary={"new_tokens": ["TechCorp"]}),
        [f'data.general=["{general}"]', "data.general_share=0.5"],
    )
    run = train(recipe)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert any(line["kl"] is not None for line in lines)
    with np.load(run / "scores/replay.npz") as kept:
        starts, ids = kept["starts"], kept["ids"]
    base = open_base(recipe)[1]
    assert ids.max() < len(base.tokenizer)
    extend_base(recipe, read_inputs(recipe), base, Silent())
    shards = load_shards(run / "data")
    asked = {n: start != NO_PLACE for n, start in enumerate(starts)}
    for n in np.flatnonzero(shards.is_general()).tolist():
        knows = base.knows(shards.segment(n).tolist())
        assert knows or not asked[n]
        assert knows == ("TechCorp" not in base.tuned_tokenizer.decode(shards.segment(n)))
    assert any(asked.values())
