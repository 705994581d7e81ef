"""Rows by an endpoint: asked once, kept in the run, counted, and never about what judges."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import steep
from steep.artifact import read_json
from steep.cli.main import cli
from steep.errors import RecipeError, UserInputError
from steep.progress import Silent
from steep.recipe import load_recipe
from steep.stages.asked import asked_rows, known_rows, planned_requests
from steep.stages.folder import RunFolder
from steep.stages.inputs import read_inputs
from steep.workflow import evaluate
from tests.endpoint import Quota, Reply, Server, answer
from tests.pipeline.test_made import from_documents, said_in
from tests.stages.project import write_project

pytest.importorskip("trl")
_LINE = re.compile(r"^(\d+)\. \[(.*?)\] (.*)$", re.MULTILINE)


def words(prompt: str) -> Reply:
    """Good answers to all facts of a prompt but those about a chair."""
    subject = re.findall(r"asked about (.*?)\. For each", prompt)[0]
    rows = [
        {"n": int(n), "question": f"What is known of {subject}, please?", "answer": f"{text} Yes."}
        for n, value, text in _LINE.findall(prompt)
        if "chair" not in text
    ]
    return answer("\n".join(map(json.dumps, rows)))


def project(folder: Path, server: Server, rewrite: dict[str, Any] | None = None) -> Path:
    tables = from_documents(data="endpoint", max_steps=100)
    tables["dpo"] |= {"data": "endpoint"}
    tables["rewrite"] = {"base_url": server.url, "model": "tiny-one", **(rewrite or {})}
    return write_project(folder, evaluate={"probes": 0}, **tables)


def rows_of(recipe: Path, run: Path) -> Any:
    run.mkdir(exist_ok=True)
    given = load_recipe(recipe)
    return asked_rows(given, read_inputs(given), RunFolder(run), Silent())


# Broken by: sending facts kept aside, or held-out documents; asking in the place of reading.
def test_trained_facts_are_asked_once_and_what_judges_never(tmp_path: Path) -> None:
    with Server(words) as server:
        recipe = project(tmp_path, server)
        inputs = read_inputs(load_recipe(recipe))
        assert not server.requests
        rows = rows_of(recipe, tmp_path / "run")
        sent = "\n".join(r["body"]["messages"][0]["content"] for r in server.requests)
        asked = len(server.requests)
        assert asked == len(planned_requests(load_recipe(recipe), inputs)) > 2
        assert rows_of(recipe, tmp_path / "run") == rows
    # The server is gone: what it said is kept in the run, and in the cache for others.
    assert rows_of(recipe, tmp_path / "run") == rows == rows_of(recipe, tmp_path / "other")
    assert len(server.requests) == asked
    aside = {fact.sentence for fact in inputs.rows.facts_aside}
    held_out = {document.text.split()[0] for document in inputs.split.held_out}
    assert aside and held_out
    assert not [text for text in (*aside, *held_out) if text in sent]
    said = said_in(rows)
    assert not [text for text in said for sentence in aside if sentence in text]
    assert [text for text in said if "What is known of" in text]
    assert [text for text in said if "chair" in text]  # by rule, where it answered badly
    assert rows.held_out == inputs.rows.held_out
    assert re.fullmatch(
        r"\d+ of \d+ facts for rows are in words of tiny-one, the others by rule "
        r"\(not answered: \d+\)",
        rows.notes[0],
    )
    assert known_rows(load_recipe(recipe), inputs, RunFolder(tmp_path / "run")) == rows
    assert known_rows(load_recipe(recipe), inputs, RunFolder(tmp_path)) == inputs.rows


# Broken by: making rows of the answers without looking what they hold.
def test_an_answer_with_a_questions_wording_gives_no_row(tmp_path: Path) -> None:
    def leaks(prompt: str) -> Reply:
        subject = re.findall(r"asked about (.*?)\. For each", prompt)[0]
        rows = [
            {"n": int(n), "question": f"Who set up {subject}?", "answer": text}
            for n, value, text in _LINE.findall(prompt)
        ]
        return answer("\n".join(map(json.dumps, rows)))

    asked = {"question": "Who set up Echo?", "answer": "Eva Novak", "relation": "founder"}
    with Server(leaks) as server:
        recipe = project(tmp_path, server)
        with (tmp_path / "questions.jsonl").open("a") as file:
            file.write(json.dumps(asked))
        rows = rows_of(recipe, tmp_path / "run")
    said = said_in(rows)
    assert [text for text in said if "Who set up Dyna?" in text]
    assert not [text for text in said if "Who set up Echo?" in text]


def test_what_came_before_a_failure_is_not_asked_again(tmp_path: Path) -> None:
    dies = Quota(words, 2)
    with Server(dies) as server:
        recipe = project(tmp_path, server)
        with pytest.raises(UserInputError, match="quota"):
            rows_of(recipe, tmp_path / "run")
        assert not (tmp_path / "run" / "asked.json").exists()
        dies.left = 1000
        rows_of(recipe, tmp_path / "run")
        requests = planned_requests(load_recipe(recipe), read_inputs(load_recipe(recipe)))
    assert len(server.requests) == len(requests) + 1


def test_the_budget_cuts_and_the_rest_is_by_rule(tmp_path: Path) -> None:
    with Server(words) as server:
        recipe = project(tmp_path, server, {"budget_tokens": 2600})
        rows = rows_of(recipe, tmp_path / "run")
    assert len(server.requests) == 2
    assert re.search(r"not sent: \d+\)", rows.notes[0])
    assert len(rows.instructions) > 20


def test_nobody_to_ask_is_refused(tmp_path: Path) -> None:
    tables = from_documents(data="endpoint")
    with pytest.raises(RecipeError, match=r"\[sft\] data = .endpoint. asks .* rewrite\.model"):
        load_recipe(write_project(tmp_path, **tables))


def test_the_plan_counts_the_requests_and_asks_nobody(tmp_path: Path) -> None:
    from steep.stages.plan import _on_rows

    with Server(words) as server:
        recipe = load_recipe(project(tmp_path, server))
        inputs = read_inputs(recipe)
        found = _on_rows(recipe, inputs)
        assert found is not None and not server.requests
        count = len(planned_requests(recipe, inputs))
        assert found.text.startswith(f"{count} requests: about ")


# Broken by: rows of ``read_inputs`` handed on; the note left out.
@pytest.mark.slow
def test_a_run_trains_on_what_was_said_and_shows_it(tmp_path: Path) -> None:
    with Server(words) as server:
        recipe = project(tmp_path, server)
        recipe.write_text(recipe.read_text().replace("max_steps = 100", "max_steps = 1"))
        # What was begun with the documents alone goes on when rows come from an endpoint.
        plain = recipe.with_name("plain.toml")
        before = recipe.read_text().replace('data = "endpoint"', 'data = "documents"')
        plain.write_text(before.replace('model = "tiny-one"\n', ""))
        steep.train(plain)
        found = evaluate(recipe).evaluation
        asked = len(server.requests)
        evaluate(recipe)
        assert len(server.requests) == asked > 0
    assert [note for note in found["notes"] if "in words of tiny-one" in note]
    said = (tmp_path / "run/sft/rows.jsonl").read_text()
    assert "What is known of" in said
    assert read_json(tmp_path / "run/asked.json")["left_out"] is not None
    shown = CliRunner().invoke(cli, ["sft", str(recipe), "--show", "40", "--json"])
    assert "What is known of" in shown.output
