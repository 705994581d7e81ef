"""The recipes folder: every file says what it is for, validates, and resolves for any size."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from steep.documents.cleaning.clean import clean_text
from steep.recipe import load_recipe
from steep.recipe.resolve import resolve_recipe

FOLDER = Path(__file__).resolve().parent.parent / "recipes"
FILES = sorted(FOLDER.glob("*.toml"))
NAMES = {
    "company",
    "curriculum",
    "domain_expert",
    "medical",
    "legal",
    "technical",
    "new_language",
    "hindi",
    "arabic",
    "recent_events",
    "lora",
    "full",
    "notebook",
}

LANGUAGES = ("new_language", "hindi", "arabic")

every_recipe = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def test_all_promised_recipes_are_there_and_in_the_table() -> None:
    assert {path.stem for path in FILES} == NAMES
    table = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(f"({path.name})" in table for path in FILES)


@every_recipe
def test_first_line_says_what_it_is_for_and_when_to_choose_it(path: Path) -> None:
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    assert first.startswith("# ") and "choose it" in first and first.endswith(".")


@every_recipe
def test_it_loads_with_paths_from_its_own_folder(path: Path) -> None:
    recipe = load_recipe(path)
    named = [*(recipe.data.domain or ()), *(n for s in recipe.curriculum for n in s.domain)]
    assert named and all(name.startswith(str(FOLDER)) for name in named)
    assert Path(recipe.output_dir).parent == FOLDER.parent / "runs"


def test_no_two_recipes_share_a_run_folder() -> None:
    assert len({load_recipe(path).output_dir for path in FILES}) == len(FILES)


@every_recipe
def test_it_resolves(path: Path) -> None:
    asked = load_recipe(path)
    train = resolve_recipe(asked).train
    assert train.method == ("lora" if asked.train.method == "auto" else asked.train.method)
    assert train.learning_rate == (
        asked.train.learning_rate or {"full": 8e-4, "lora": 2e-3}[train.method]
    )
    assert train.embedding_learning_rate is not None and train.lora_alpha is not None


@every_recipe
def test_it_rehearses_and_retells_unless_there_is_a_reason_not_to(path: Path) -> None:
    recipe = load_recipe(path)
    bare = {"notebook": 0.0, **dict.fromkeys(LANGUAGES, 0.25)}
    assert recipe.data.general in ("reading", "self")
    assert recipe.data.general_share == {**bare, "full": 0.2}.get(path.stem, 0.6)
    assert recipe.replay_kl == ((1.0, True) if recipe.data.general_share else (0.0, False))
    assert recipe.retell.enabled == (path.stem not in bare)


def test_the_notebook_recipe_is_the_classic_one() -> None:
    values = tomllib.loads((FOLDER / "notebook.toml").read_text(encoding="utf-8"))
    assert values["train"] == {
        "method": "lora",
        "lora_r": 32,
        "lora_alpha": 32,
        "lora_dropout": 0.0,
        "target_modules": ["all-linear", "embed_tokens", "lm_head"],
        "learning_rate": 3e-4,
        "embedding_learning_rate": 5e-5,
        "max_steps": 100,
        "max_seq_length": 512,
        "per_device_train_batch_size": 2,
        "gradient_accumulation_steps": 1,
        "warmup_steps": 10,
        "lr_scheduler_type": "linear",
        "weight_decay": 0.01,
    }
    recipe = load_recipe(FOLDER / "notebook.toml")
    assert recipe.data.general_share == 0 and not recipe.retell.enabled


def test_the_lora_recipe_trains_all_linear_layers_at_a_high_rate() -> None:
    train = load_recipe(FOLDER / "lora.toml").train
    assert (train.method, train.lora_r, train.target_modules) == ("lora", 64, ["all-linear"])
    assert train.max_steps is not None and train.learning_rate is not None
    assert train.learning_rate >= 1e-3


def test_recipes_of_languages_differ_in_words_alone() -> None:
    """What is right for one language is right for any; only what is replayed is known of some."""
    found = [load_recipe(FOLDER / f"{name}.toml") for name in LANGUAGES]
    assert found[1].train == found[2].train and found[1].retell == found[2].retell
    assert found[1].data == found[2].data
    plain = found[0].train.model_dump(exclude={"target_modules"})
    assert plain == found[1].train.model_dump(exclude={"target_modules"})


# Broken by: folding digits or alefs, NFKC, or taking joiners away in clean_text.
@pytest.mark.parametrize(
    "text",
    [
        "हिन्दी और हिंदी, ०१२; क्\u200dष और क्\u200cष। वह आया॥",
        "قَلْب كبيـــر أ إ آ ا ى ة ١٢٣ ۱۲۳ ﻻ a\u200eب\u200f",
    ],
)
def test_what_they_say_of_cleaning_is_so(text: str) -> None:
    assert clean_text(text) == text
    assert clean_text("\u0958") == "\u0915\u093c"
    assert clean_text("\u202aب\u202c") == "ب"
