"""steep vocab: counts, an honest word, and a recipe that keeps its comments."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from steep.cli.main import cli
from steep.errors import SteepError
from steep.planning.fertility import Fertility, most_useful, recommend, speed_ratio
from steep.recipe import load_recipe
from steep.stages.vocab import vocab
from tests.stages.project import write_recipe_file
from tests.tiny import save_tiny_model

STARTS = ["न", "म", "स्ते", "दु", "नि", "या"]
MIDDLES = ["पु", "क", "वि", "द्या", "लय", "ता", "बें"]
ENDS = ["प", "री", "क्ष", "ण", "हि", "न्दी", "शि"]
HINDI = ["".join(word) for word in itertools.product(STARTS, MIDDLES, ENDS)]


def write_hindi(folder: Path, documents: int = 6, words: int = 400) -> Path:
    """Documents of random Hindi words, and a tokenizer that has seen English only."""
    draw = random.Random(0)
    (folder / "docs").mkdir(parents=True)
    for number in range(documents):
        words_of_it = draw.sample(HINDI, 60)
        lines = [" ".join(draw.choices(words_of_it, k=10)) + "।" for _ in range(words // 10)]
        (folder / f"docs/{number}.txt").write_text("\n\n".join(lines), encoding="utf-8")
    save_tiny_model(folder / "base")
    recipe = write_recipe_file(folder / "recipe.toml", data={"general": "reading"})
    text = recipe.read_text().replace('questions = "questions.jsonl"', "probes = 0  # none")
    recipe.write_text("# What it is for.\n" + text)
    return recipe


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hindi(tmp_path_factory.mktemp("hindi"))


def test_text_the_tokenizer_tears_is_worth_extending_for(recipe: Path) -> None:
    found = vocab(recipe, tokens=120)
    (hindi,) = found.languages
    assert hindi.language == "hi" or hindi.language == "DEVANAGARI"
    assert found.judged_on == "held_out" and hindi.documents < 6
    assert hindi.per_word > 10 and hindi.after is not None and hindi.after < hindi.tokens / 2
    assert found.fewer == pytest.approx(hindi.tokens / hindi.after)
    assert 1.0 < found.faster < found.fewer  # a larger head costs
    assert found.words_after == pytest.approx(found.fewer * found.words_before)
    assert found.extend and found.recommendation.startswith("Extend")
    assert any(token.text.strip() in HINDI for token in found.useful)


def test_apply_changes_the_table_and_keeps_the_comments(recipe: Path, tmp_path: Path) -> None:
    copy = own_copy(recipe, tmp_path)
    found = vocab(copy, tokens=40, apply=True)
    assert found.written == copy
    after = copy.read_text()
    assert after.startswith("# What it is for.\n") and "probes = 0  # none" in after
    asked = load_recipe(copy).vocabulary
    assert asked is not None and asked.learned == 40
    assert load_recipe(copy, ["vocabulary.learned=7"]).vocabulary.learned == 7  # type: ignore[union-attr]


def own_copy(recipe: Path, folder: Path) -> Path:
    """The recipe in a folder of its own."""
    copy = folder / "recipe.toml"
    text = recipe.read_text().replace('model = "base"', f'model = "{recipe.parent / "base"}"')
    copy.write_text(text.replace("docs/", f"{recipe.parent / 'docs'}/"))
    return copy


# Broken by: every key written anew over the user's recipe, or the old budget left beside the new.
def test_apply_never_writes_a_recipe_anew(recipe: Path, tmp_path: Path) -> None:
    copy = own_copy(recipe, tmp_path)
    was = next(line for line in copy.read_text().splitlines() if line.startswith("max_steps"))
    copy.write_text(copy.read_text().replace(was, "epochs = 3"))
    assert vocab(copy, overrides=["train.max_steps=50"], tokens=40, apply=True).written == copy
    assert copy.read_text().startswith("# What it is for.\n") and "epochs" not in copy.read_text()
    assert load_recipe(copy).train.max_steps == 50
    given = own_copy(recipe, tmp_path)
    given.write_text('vocabulary = { new_tokens = ["Acme"] } # mine\n' + given.read_text())
    before = given.read_text()
    with pytest.raises(SteepError, match=r"by hand: seed=3, vocabulary\.learned=40"):
        vocab(given, overrides=["seed=3"], tokens=40, apply=True)
    assert given.read_text() == before


# Broken by: an OSError that nobody tells.
def test_a_recipe_that_cannot_be_written_is_told(
    recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path, text: str) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("steep.stages.vocab.write_text", refused)
    with pytest.raises(SteepError, match="Permission denied; it stays"):
        vocab(own_copy(recipe, tmp_path), tokens=40, apply=True)


def test_the_command_prints_one_json_object_or_lines(recipe: Path) -> None:
    done = CliRunner().invoke(cli, ["vocab", str(recipe), "--tokens", "30", "--json"])
    assert done.exit_code == 0, done.output
    table = json.loads(done.stdout)
    assert table["tokens"] == 30 and table["written"] is None
    assert table["english"]["language"] == "en"
    done = CliRunner().invoke(cli, ["vocab", str(recipe), "--tokens", "30"])
    assert "general English" in done.stdout and "--apply" in done.stdout


def test_nothing_to_learn_is_said(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("steep.stages.vocabulary.learning_texts", lambda documents: iter(["x"]))
    with pytest.raises(SteepError, match="no token could be learned"):
        vocab(recipe, tokens=5)


# Seen to fail with can_learn always true (the survey ended with an error), and with the words of
# the recipe left out.
@pytest.mark.parametrize("words", [[], ["पुस्तकालय"]])
def test_what_text_costs_is_told_behind_any_tokenizer(
    recipe: Path, tmp_path: Path, words: list[str]
) -> None:
    copy = own_copy(recipe, tmp_path)
    copy.write_text(copy.read_text().replace(str(recipe.parent / "base"), str(tmp_path / "base")))
    if words:
        copy.write_text(f"{copy.read_text()}\n[vocabulary]\nnew_tokens = {json.dumps(words)}\n")
    shutil.copytree(recipe.parent / "base", tmp_path / "base")
    file = tmp_path / "base/tokenizer.json"
    made = json.loads(file.read_text())
    vocabulary = {letter: number for number, letter in enumerate(["<unk>", *"पुस्तकालय abcdeth"])}
    model = {"type": "WordLevel", "vocab": vocabulary, "unk_token": "<unk>"}
    letters = {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False}
    changes = {"model": model, "pre_tokenizer": letters, "decoder": None, "added_tokens": []}
    file.write_text(json.dumps(made | changes | {"post_processor": None, "normalizer": None}))
    (tmp_path / "base/tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "<unk>"})
    )
    found = vocab(copy)
    (hindi,) = found.languages
    assert hindi.per_word > 3 and found.english.tokens > 1000
    assert not found.extend and found.tokens == len(words)
    assert "new_tokens" in found.recommendation
    assert (found.fewer, found.faster) == (1.0, 1.0) or words
    done = CliRunner().invoke(cli, ["vocab", str(copy)])
    assert done.exit_code == 0 and ("Most useful" in done.stdout) == bool(words)
    before = copy.read_text()
    with pytest.raises(SteepError, match="stays as it is: no tokens can be learned"):
        vocab(copy, apply=True)
    assert copy.read_text() == before


def _fertility(**values: Any) -> Fertility:
    return Fertility(**{"language": "x", "documents": 1, "words": 100, "bytes": 600, **values})


# Broken by: a threshold the wrong way round.
@pytest.mark.parametrize(
    ("after", "seen", "extend", "said"),
    [
        (190, 100, False, "save only 5%"),
        (100, 3, False, "3 times or fewer"),
        (100, 100, True, "save 50%"),
    ],
)
def test_it_recommends_only_what_saves_and_can_be_learned(
    after: int, seen: int, extend: bool, said: str
) -> None:
    english = _fertility(tokens=130)
    found = recommend(_fertility(tokens=200, after=after), english, {1: seen, 2: seen}, 50)
    assert found[0] is extend and said in found[1]


def test_it_says_how_many_tokens_there_were_to_learn() -> None:
    # Seen to fail on the number asked for: "50 more tokens would save 50%".
    english = _fertility(tokens=130)
    said = recommend(_fertility(tokens=200, after=100), english, {1: 100, 2: 100}, 50)[1]
    assert said.startswith("Extend: 2 more tokens (50 were asked for")
    exact = recommend(_fertility(tokens=200, after=100), english, {1: 100, 2: 100}, 2)[1]
    assert exact.startswith("Extend: 2 more tokens would save 50%")


def test_text_without_spaces_is_not_measured_in_words() -> None:
    # Seen to fail with words whatever they are: "at 77.0 times English's tokens a word".
    english = _fertility(tokens=130)
    chinese = Fertility("zh", 1, words=2, bytes=600, tokens=200, after=190)
    assert "save only 5%" in recommend(chinese, english, {}, 50)[1]
    assert "a word" not in recommend(chinese, english, {}, 50)[1]
    assert "a word" in recommend(_fertility(tokens=200, after=190), english, {}, 50)[1]


def test_useful_tokens_save_most_and_are_whole_characters() -> None:
    parts = {5: (1, 2), 6: (1, 2, 3, 4), 7: (1, 2), 8: ()}
    found = most_useful(
        {5: 10, 6: 4, 7: 99, 8: 9}, parts, {5: "a", 6: "b", 7: "\ufffd"}.__getitem__
    )
    assert [(token.text, token.saves) for token in found] == [("b", 12), ("a", 10)]


def test_speed_counts_the_larger_head() -> None:
    assert speed_ratio(2.0, body=900, width=10, rows=10, new_rows=0) == 2.0
    assert speed_ratio(2.0, body=900, width=10, rows=10, new_rows=100) == 1.0
