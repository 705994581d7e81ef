"""Rows made from documents: what they ask, what they answer, and what never gets in."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from steep.artifact import read_json, read_manifest
from steep.cli.main import cli
from steep.documents.read import collect
from steep.documents.record import Document
from steep.documents.split import Split
from steep.errors import UserInputError
from steep.pipeline.made import instructions_from, preferences_from
from steep.pipeline.mined import Mined, hold_out, mine
from steep.pipeline.phrases import PHRASES
from steep.proof.probes.build import Draft
from steep.recipe import load_recipe
from steep.stages.inputs import read_inputs
from steep.stages.rows import Rows, made_rows
from steep.workflow import _working, evaluate
from tests.stages.project import FOUNDERS, NAMES, TOWNS, write_documents, write_project


@pytest.fixture(scope="module")
def documents(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = write_documents(tmp_path_factory.mktemp("made") / "docs")
    return collect([str(folder)]).documents


@pytest.fixture(scope="module")
def facts(documents: Any) -> list[Mined]:
    return mine(documents, [], seed=0)


# Broken by: any value for a wrong one; a wrong one that the document has; a bullet left in place.
def test_a_fact_comes_with_a_wrong_value_of_its_kind(facts: list[Mined], documents: Any) -> None:
    assert len(facts) > 20
    texts = {d.text for d in documents}
    for fact in facts:
        assert fact.sentence[fact.start :].startswith(fact.value)
        if fact.value in FOUNDERS:
            assert fact.wrong in FOUNDERS
        if fact.value in TOWNS:
            assert fact.wrong in TOWNS
        (text,) = [t for t in texts if fact.subject in t]
        assert fact.wrong and fact.wrong not in text
        assert fact.value in fact.sentence and fact.value not in fact.question


# Broken by: a subject that is known.
def test_a_stranger_stands_in_no_document(facts: list[Mined], documents: Any) -> None:
    strangers = {fact.stranger for fact in facts} - {""}
    assert strangers
    whole = "\n".join(d.text for d in documents).casefold()
    assert not [name for name in strangers if name.casefold() in whole]
    assert all(name[0].isupper() for name in strangers)


def test_instructions_have_several_wordings_and_refusals(facts: list[Mined]) -> None:
    rows = instructions_from(facts, 0)
    said = {row.turns[0].content: row.turns[1].content for row in rows}
    asked = [prompt for prompt in said if "Acme" in prompt and "founded" in prompt]
    assert len(asked) >= 3
    refused = [p for p, a in said.items() if a.startswith(("I don't know", "The documents don't"))]
    assert 0.03 < len(refused) / len(said) < 0.4
    assert not [p for p in refused for name in FOUNDERS if name in p]
    answers = [a for p, a in said.items() if "JSON" in p]
    assert answers and all(set(json.loads(a)) == {"answer"} for a in answers)
    lines = [a for p, a in said.items() if p.startswith(("List three", "Name three"))]
    assert all(a.count("\n- ") == 2 for a in lines)
    assert rows == instructions_from(facts, 0) != instructions_from(facts, 1)


# Broken by: asking of a sentence that doesn't name its subject as it stands: that 101 people work
# there is right of one company and wrong of another.
def test_what_is_asked_to_be_judged_names_its_subject() -> None:
    made = [
        Document(
            f"The {name} company is in {town}. {name} makes pumps in {town}. In all, {100 + n} "
            f"people work in the halls by the river. {name} is a place that people like to visit.",
            f"About {name}",
            f"{n}.txt",
        )
        for n, (name, town) in enumerate(zip(NAMES, TOWNS, strict=True))
    ]
    facts = [fact for fact in mine(made, [], 0) if fact.sentence.startswith("In all")]
    judged = [
        row.turns[0].content
        for row in instructions_from(facts, 0)
        if row.turns[0].content.startswith(("Is this right?", "True or not:"))
    ]
    assert judged and all(any(f"{name}: In all" in asked for name in NAMES) for asked in judged)


# Broken by: the two answers changed over.
def test_preferences_prefer_the_truth_and_owning_up(facts: list[Mined]) -> None:
    pairs = preferences_from(facts, 0)
    sentences = {fact.sentence for fact in facts}
    values = {fact.value for fact in facts}
    kinds = dict.fromkeys(("value", "sentence", "refused", "known"), 0)
    for pair in pairs:
        refused = pair.chosen.startswith(("I don't know", "The documents don't"))
        known = pair.rejected.startswith(("I don't know", "The documents don't"))
        kind = "refused" if refused else "known" if known else "sentence"
        kinds["value" if pair.chosen in values else kind] += 1
        asked = [f for f in facts if f.question in pair.prompt[0].content]
        if pair.chosen in values:
            assert pair.chosen in {fact.value for fact in asked}
        elif not refused:
            assert pair.chosen in {fact.sentence for fact in asked}
        assert refused or pair.chosen in sentences | values
        assert pair.rejected not in sentences and pair.rejected != pair.chosen
    assert all(kinds.values()), kinds


@pytest.mark.parametrize("language", PHRASES)
def test_every_language_fills_its_words(language: str) -> None:
    words = PHRASES[language]
    values = {"question": "q?", "subject": "S", "sentence": "S is."}
    for name in ("whole", "brief", "about", "unknown", "right"):
        assert getattr(words, name), name
        for frame in getattr(words, name):
            assert frame.format(**values) != frame


def from_documents(**changes: Any) -> dict[str, dict[str, Any]]:
    stage = {"max_steps": 1, "max_length": 128, "per_device_train_batch_size": 2, **changes}
    return {
        "train": {"method": "lora", "max_steps": 2},
        "strength": {"scale": 1.0},
        "data": {"held_out_share": 0.3},
        "sft": dict(stage),
        "dpo": {**stage, "data": "documents", "held_out_share": 0.3},
    }


def said_in(rows: Rows) -> list[str]:
    """Every text of instructions and of pairs to train on."""
    said = [turn.content for one in rows.instructions for turn in one.turns]
    for pair in rows.preferences:
        said += [pair.prompt[0].content, pair.chosen, pair.rejected]
    return said


# Broken by: all documents instead of the trained ones; keeping rows that hold a question's wording.
def test_nothing_held_out_and_no_question_gets_in(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, **from_documents())
    row = read_inputs(load_recipe(recipe)).rows.instructions[0].turns[0].content
    with (tmp_path / "questions.jsonl").open("a") as file:
        file.write(json.dumps({"question": row, "answer": "x", "relation": "founder"}))
    inputs = read_inputs(load_recipe(recipe))
    said = said_in(inputs.rows)
    assert said and not [text for text in said if row in text]
    held_out = {d.text.split()[0] for d in inputs.split.held_out}
    assert held_out and not [text for text in said for name in held_out if name in text]


# Broken by: holding out pairs by (subject, value), by sentence, or not out of the instructions.
def test_no_row_tells_what_a_held_out_pair_asks(tmp_path: Path, facts: list[Mined]) -> None:
    trained, held_out = hold_out(facts, 0.3, 0)
    assert {fact.sentence for fact in held_out}
    for fact in held_out:
        for other in trained:
            about = [other.sentence, *other.others] if other.subject == fact.subject else []
            assert fact.sentence not in about
            assert not [text for text in about if f" {fact.value}" in text]
    rows = read_inputs(load_recipe(write_project(tmp_path, **from_documents()))).rows
    judged = {pair.chosen for pair in rows.held_out} - {fact.value for fact in facts}
    sentences = judged & {fact.sentence for fact in facts}
    assert sentences and not [text for text in said_in(rows) for s in sentences if s in text]
    assert hold_out(facts, 0.0, 0) == (facts, [])


# Broken by: the sentences of a subject written out for each of its facts: a book's are millions.
def test_facts_of_one_subject_share_what_is_said_of_it() -> None:
    said = [f"Zorvex sold {n} red towers to all of its neighbours." for n in range(10, 40)]
    facts = mine([Document(" ".join(said), "Zorvex", "a.txt")], (), 0)
    assert len(facts) == 30 and len({id(fact.about) for fact in facts}) == 1
    assert list(facts[1].others) == [said[0], *said[2:]]
    trained, held_out = hold_out(facts, 0.1, 0)
    assert len(held_out) == 3 and len({id(fact.about) for fact in trained}) == 1
    kept = [fact.sentence for fact in trained]
    assert list(trained[0].others) == kept[1:]


# Broken by: strangers that only the trained documents' names are checked against.
def test_a_subject_that_other_texts_know_is_no_stranger(documents: Any, facts: list[Mined]) -> None:
    stranger = next(fact.stranger for fact in facts if fact.stranger)
    known = mine(documents, [f"We met {stranger.upper()}'s owner."], seed=0)
    assert stranger not in {fact.stranger for fact in known}
    assert [replace(fact, stranger="") for fact in known] == [
        replace(fact, stranger="") for fact in facts
    ]


# Broken by: held-out documents that aren't looked through.
def test_a_subject_of_held_out_documents_is_no_stranger(tmp_path: Path, documents: Any) -> None:
    given = load_recipe(write_project(tmp_path, **from_documents()))
    first = " ".join(said_in(made_rows(given, Rows(), Split(documents, ()), {})))
    strangers = (fact.stranger for fact in mine(documents, [], given.seed) if fact.stranger)
    stranger = next(name for name in strangers if name in first)
    seen = []
    for held_out in ((), (Document(f"{stranger} makes valves.", "", "other"),)):
        rows = made_rows(given, Rows(), Split(documents, held_out), {})
        texts = [*said_in(rows), *(pair.chosen for pair in rows.held_out)]
        seen.append([text for text in texts if stranger in text])
    assert seen[0] and not seen[1]


# Broken by: not looking whether the question has the subject; not looking at its first word.
def test_a_question_about_a_stranger_names_no_known_subject(facts: list[Mined]) -> None:
    asked = [fact for fact in facts if fact.stranger]
    assert asked and all(fact.subject in fact.question for fact in asked)
    refused = [
        row.turns[0].content
        for row in instructions_from(facts, 0)
        if row.turns[1].content.startswith(("I don't know", "The documents don't"))
    ]
    assert refused and not [q for q in refused for name in (*NAMES, *FOUNDERS) if name in q]


# Broken by: a question that doesn't have its subject (a longer name has it, and is asked for): the
# very question that the document answers is then refused.
def test_a_question_without_its_subject_has_no_stranger() -> None:
    made = [
        Document(
            f"{name} makes pumps in {town}. {name} has a prize since 1990. In 1999 the town gave "
            f"{name} Labs a prize for its new pumps. It is a place that people like to visit.",
            name,
            name,
        )
        for name, town in zip(NAMES, TOWNS, strict=True)
    ]
    longer = [fact for fact in mine(made, [], 0) if fact.value == f"{fact.subject} Labs"]
    assert longer and not [fact for fact in longer if fact.stranger]


# Broken by: a wrong value that only the sentence's own document is looked through for.
def test_what_another_document_says_of_a_subject_is_not_wrong(documents: Any) -> None:
    more = [Document(f"They say Acme sold pumps in {town}.", "", town) for town in TOWNS[1:7]]
    for seed in range(3):
        wrong = {f.wrong for f in mine([*documents, *more], [], seed) if f.value == TOWNS[0]}
        assert wrong == {TOWNS[7]}


# Broken by: probes that only the shards are looked through for.
def test_probes_give_way_to_made_rows_and_only_to_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEEP_CACHE", str(tmp_path / "cache"))
    recipe = write_project(tmp_path, evaluate={"probes": 4}, **from_documents())
    found: list[list[str]] = []

    def draft(trained: Any, held_out: Any, texts: Any, **_: Any) -> Draft:
        found.append(list(texts))
        return Draft((), (), 0, 0, 0, 0)

    monkeypatch.setattr("steep.stages.probes.draft_probes", draft)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"prompt": "Hm?", "completion": "Ah."}))
    rows = read_inputs(load_recipe(recipe)).rows
    pairs_alone = [f"sft.data={tmp_path}/rows.jsonl", f"output_dir={tmp_path}/pairs"]
    for changes in ([], pairs_alone):
        with _working(load_recipe(recipe, changes), None) as work:
            work._panel()
    whole, pairs = map("\n".join, found)
    assert all(row.turns[0].content in whole for row in rows.instructions)
    assert all(row.rejected in pairs for row in rows.preferences)
    assert "Hm?" not in pairs


# Broken by: rows that depend on whether [dpo] is to come; rows that need the panel.
@pytest.mark.slow
def test_a_run_makes_its_rows_and_measures_manners(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = write_project(tmp_path, **from_documents())
    first = evaluate(recipe, until="sft").evaluation
    assert [stage["name"] for stage in first["stages"]] == ["cpt", "sft"]
    weights = tmp_path / "run" / "sft" / "weights.safetensors"
    made = weights.stat().st_mtime_ns
    found = evaluate(recipe).evaluation
    assert weights.stat().st_mtime_ns == made
    names = {row["name"]: row["n"] for row in found["measures"]}
    assert names["instruction_following"] == 72 and names["preference_accuracy"] > 3
    assert [stage["name"] for stage in found["stages"]] == ["cpt", "sft", "dpo"]
    for stage in ("sft", "dpo"):
        manifest = read_manifest(tmp_path / "run" / stage) or {}
        assert manifest["rows"] > 20
    kept = read_json(tmp_path / "run" / "scores" / "tuned.json")["result"]
    assert len(kept["instructions"]) == 72
    shown = CliRunner().invoke(cli, ["sft", str(recipe), "--show", "2", "--json"]).stdout
    assert len(json.loads(shown)["rows"]) == 2

    def unwanted(*_: Any) -> Any:
        raise AssertionError("exporting asks for the panel")

    monkeypatch.setattr("steep.stages.evaluate.make_panel", unwanted)
    with _working(recipe, None) as work:
        assert work.export()


def test_documents_without_facts_are_refused(tmp_path: Path) -> None:
    recipe = write_project(tmp_path, **from_documents())
    for path in (tmp_path / "docs").iterdir():
        path.unlink()
    (tmp_path / "docs" / "plain.txt").write_text("so it goes and goes, on and on.\n" * 20)
    with pytest.raises(UserInputError, match=r"\[sft\] no rows could be made"):
        read_inputs(load_recipe(recipe, ["data.held_out_share=0"]))
