"""Decontamination in a run: the books tell it, training text lacks it, items may change later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import steep
from steep.artifact import file_hash
from steep.progress import Silent
from steep.proof.grammar import grammar_pairs
from steep.recipe import load_recipe
from tests.stages.project import write_project

JUDGED = (
    "The ferry left at six, an hour before the fog came down, and nobody on the quay "
    "thought of it again until the bell was heard from the wrong side of the island."
)


class Heard(Silent):
    """Keeps the notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def write_texts(folder: Path, texts: dict[str, str]) -> None:
    folder.mkdir(parents=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


def project(folder: Path, questions: list[str]) -> Path:
    """A project whose replay holds a judged text, and whose documents hold a question."""
    replay = [
        f"On page {n} of the diary the weather is fair and the sea is calm." for n in range(3)
    ]
    write_texts(
        folder / "replay",
        {"0.txt": f"A story. {JUDGED}", **{f"{n}.txt": t for n, t in enumerate(replay, 1)}},
    )
    write_texts(folder / "judged", {"0.txt": JUDGED, "1.txt": "Water boils sooner on a mountain."})
    recipe = write_project(
        folder,
        data={"general": ["replay/"], "held_out_share": 0.0},
        train={"max_steps": 2},
        evaluate={"general": ["judged/"]},
    )
    faq = "Acme answers letters. Who wrote to Acme in May? Acme pumps water for Lyon since 1950."
    (folder / "docs" / "faq.txt").write_text(faq, encoding="utf-8")
    ask(folder, questions)
    return recipe


def ask(folder: Path, questions: list[str]) -> None:
    rows = [{"id": f"q{n}", "question": q, "answer": "Ada"} for n, q in enumerate(questions)]
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "questions.jsonl").write_text(text, encoding="utf-8")


def books(folder: Path) -> dict[str, Any]:
    ledger = json.loads((folder / "run" / "data" / "ledger.json").read_text(encoding="utf-8"))
    assert ledger["balanced"] is True
    assert ledger["documents"]["trained"] == 9
    return dict(ledger["contamination"])


# Broken by: _scheduled building shards of all pieces, or evaluation_items without a set.
def test_what_judges_is_left_out_and_told(tmp_path: Path) -> None:
    heard = Heard()
    recipe = project(tmp_path, ["Who wrote to Acme in May?", "Who wrote to Bolt in June?"])
    steep.prepare(recipe, progress=heard)
    found = books(tmp_path)
    assert found["removed_pieces"]["general"] == 1
    assert found["removed_pieces"]["permuted"] == 1
    assert found["items"]["questions"] == ["q0"]
    assert found["items"]["general"] == found["items"]["validation"] == []
    (judged,) = [row["holds"] for row in found["removed"] if row["kind"] == "general"]
    assert judged[0] == "general"
    assert found["against"]["questions"] == found["against"]["general"] == 2
    assert found["against"]["validation"] > 0 and found["against"]["general_questions"] > 0
    assert found["against"]["general_project"] > 0  # beside the user's own
    assert found["against"]["grammar"] == 2 * len(grammar_pairs())
    kinds = [row[0] for row in json.loads((tmp_path / "run/data/pieces.json").read_text())]
    assert kinds.count("general") == 3
    assert len(kinds) == found["checked"] - len(found["removed"])
    assert any("retellings 1, replay texts 1" in note for note in heard.notes)
    assert any("items: your questions 1 (" in note for note in heard.notes)


# Broken by: a share of replay that nothing is left for, and nobody told.
def test_replay_of_which_nothing_is_left_is_told(tmp_path: Path) -> None:
    for left, told in (("some", 0), ("none", 1)):
        heard = Heard()
        recipe = project(tmp_path / left, ["Who?"])
        if left == "none":
            for number in range(1, 4):
                (tmp_path / left / "replay" / f"{number}.txt").unlink()
        steep.prepare(recipe, progress=heard)
        assert sum("nothing is left to rehearse" in note for note in heard.notes) == told


# Broken by: items_key left out of data_key.
def test_before_training_other_questions_give_another_corpus(tmp_path: Path) -> None:
    recipe = project(tmp_path, ["Who wrote to Bolt in June?"])
    steep.prepare(recipe)
    before = books(tmp_path)
    assert "permuted" not in before["removed_pieces"] and before["items"]["questions"] == []
    ask(tmp_path, ["Who wrote to Acme in May?"])
    steep.prepare(recipe)
    assert books(tmp_path)["removed_pieces"]["permuted"] == 1


# Broken by: items in the training key, a drift of items refused, books that don't follow, or a
# manifest that isn't sealed again.
def test_after_training_other_questions_change_the_books_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = project(tmp_path, ["Who wrote to Bolt in June?"])
    steep.train(recipe)
    weights = tmp_path / "run" / "checkpoints" / "step-2" / "weights.safetensors"
    tokens = tmp_path / "run" / "data" / "tokens.safetensors"
    files = [file_hash(weights), file_hash(tokens)]
    before = books(tmp_path)
    ask(tmp_path, ["Who wrote to Acme in May?", "On page 2 of the diary the weather is what?"])

    def again(*_: object, **__: object) -> None:
        raise AssertionError("trained again")

    monkeypatch.setattr("steep.stages.train.train_model", again)
    steep.train(load_recipe(recipe))
    assert files == [file_hash(weights), file_hash(tokens)]
    after = books(tmp_path)
    # Its retelling was trained, and so was the replay: all that is left is to say so.
    assert after["items"]["questions"] == ["q0", "q1"]
    assert after["removed"] == before["removed"]
    assert len(after["removed"]) == 1
    assert after["items"]["general"] == []  # that replay was left out, and stays out
    written = (tmp_path / "run" / "data" / "ledger.json").stat().st_mtime_ns
    steep.train(recipe)
    assert (tmp_path / "run" / "data" / "ledger.json").stat().st_mtime_ns == written


# Broken by: _scheduled without held_out_items.
def test_replay_never_holds_a_held_out_document(tmp_path: Path) -> None:
    changes = {"general": ["docs/", "replay/"], "held_out_share": 0.3, "general_share": 0.4}
    recipe = write_project(tmp_path, data=changes)
    write_texts(tmp_path / "replay", {"0.txt": "On page 2 of the diary the sea is calm."})
    heard = Heard()
    steep.prepare(recipe, progress=heard)
    data = tmp_path / "run" / "data"
    ledger = json.loads((data / "ledger.json").read_text(encoding="utf-8"))
    held_out = {row["id"] for row in ledger["held_out"]}
    assert held_out
    found = ledger["contamination"]
    assert {tuple(row["holds"]) for row in found["removed"]} == {("held_out", i) for i in held_out}
    assert found["removed_pieces"] == {"general": len(held_out)}
    assert found["against"]["held_out"] == len(held_out)
    assert any(f"replay texts {len(held_out)}" in note for note in heard.notes)
