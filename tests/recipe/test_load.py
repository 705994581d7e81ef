"""Reading recipes: paths, overrides, and one clear line for each thing that can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from steep.artifact import write_manifest
from steep.errors import RecipeError
from steep.recipe import Recipe, load_recipe, recipe_from, write_recipe

STAGED = '[train]\n[[train.stages]]\ndomain = ["broad/"]\nepochs = 3\n'
GOOD = '[data]\ndomain = ["docs/"]\n[train]\nmax_steps = 3\n'


def _write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _error(path: Path, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load_recipe(path, overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


# Broken by: cutoff=1.0 in get_close_matches, or error["loc"] left out of the message.
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('modle = "x"\n' + GOOD, ["unknown key 'modle'", "did you mean 'model'?"]),
        (GOOD + "lora_rank = 8\n", ["[train]", "'lora_rank'", "did you mean 'lora_r'?"]),
        (GOOD + "[[train.stages]]\nepochs = 3\n", ["'train.stages.0.domain' is missing"]),
        (GOOD + "[retel]\n", ["unknown key 'retel'", "did you mean 'retell'?"]),
        (GOOD + "[retell]\nclose = 3\n", ["[retell]", "'close'", "did you mean 'cloze'?"]),
        ("[train]\nmax_steps = 3\n", ["'data.domain' is missing"]),
        ("[data]\n[train]\nmax_steps = 3\n", ["'data.domain' is missing"]),
        ("[data]\ndomain = []\n[train]\nmax_steps = 3\n", ["'data.domain'", "empty list"]),
        (GOOD + 'learning_rate = "fast"\n', ["'train.learning_rate'", "'fast'", "number"]),
        (GOOD + "learning_rate = -1.0\n", ["'train.learning_rate'", "-1.0", "greater than 0"]),
        (GOOD + "learning_rate = inf\n", ["'train.learning_rate'", "finite"]),
        (GOOD + 'method = "qlora"\n', ["'train.method'", "'qlora'", "'full'"]),
        (GOOD + "lora_dropout = 1.0\n", ["'train.lora_dropout'", "less than 1"]),
        (GOOD + "use_dora = 1.5\n", ["'train.use_dora'", "1.5"]),
        (GOOD + "frozen_layers = 3\n", ["'train.frozen_layers'", "list"]),
        (GOOD + "frozen_layers = [0.5]\n", ["'train.frozen_layers.0'", "0.5"]),
        (GOOD + "load_in_4bit = true\n", ["'load_in_4bit'", "did you mean 'load_in'?"]),
        (GOOD + 'load_in = "nf4"\n', ["'train.load_in'", "'4bit'", "'8bit'"]),
        (GOOD + 'load_in = "4bit"\nmethod = "full"\n', ["is for adapters", 'method = "lora"']),
        (GOOD + 'load_in = "8bit"\nuse_dora = true\n', ["use_dora needs the weights as they"]),
        (GOOD + 'optim = "sgd"\n', ["'train.optim'", "'sgd'", "'adafactor'"]),
        (GOOD + "optimizer = 'adamw'\n", ["'optimizer'", "did you mean 'optim'?"]),
        (GOOD + "gradient_checkpointing = 3\n", ["'train.gradient_checkpointing'", "3"]),
        (GOOD + 'lr_scheduler_type = "wsd"\n', ["'wsd'", "'warmup_stable_decay'"]),
        (GOOD + "decay_steps = true\n", ["train.decay_steps", "true is no value for it"]),
        (GOOD + "decay_steps = 0\n", ["'train.decay_steps'", "greater than or equal to 1"]),
        (STAGED + "rate = 1\n", ["unknown key 'rate'", "train.stages", "general_share"]),
        (STAGED + "max_steps = 1\n", ["train.stages.0", "max_steps and epochs are both budgets"]),
        (STAGED.replace("epochs = 3\n", ""), ["train.stages.0", "no budget"]),
        (STAGED.replace("[train]\n", "[train]\nepochs = 1\n"), ["no domain", "data.domain"]),
        (STAGED.replace("[train]", '[data]\ndomain = ["d"]\n[train]'), ["has no budget"]),
        (GOOD + "rewarm_stages = true\n", ["no effect without stages"]),
        (GOOD + 'precision = """a\nb"""\n', ["'train.precision'"]),
        (GOOD.replace('["docs/"]', "3"), ["'data.domain'", "list"]),
        (GOOD.replace('["docs/"]', "[3]"), ["'data.domain.0'", "string"]),
        (GOOD.replace("[train]", "general = 3\n[train]"), ["'data.general'", "string"]),
        ("train = 3\n" + GOOD.split("[train]")[0], ["'train'", "3", "write [train]"]),
        (GOOD.replace('["docs/"]', '"docs/"'), ["'data.domain' is a list", "docs/", 'write ["']),
        ("max_steps = 3\n" + GOOD, ["'max_steps'", "did you mean 'train.max_steps'?"]),
        ("held_out_share = 0.1\n" + GOOD, ["did you mean 'data.held_out_share'?"]),
    ],
)
def test_an_error_names_file_key_and_remedy(tmp_path: Path, text: str, parts: list[str]) -> None:
    path = _write(tmp_path, text)
    message = _error(path)
    assert str(path) in message
    for part in parts:
        assert part in message


# Broken by: one_budget returning self at once.
def test_two_budgets_are_refused(tmp_path: Path) -> None:
    message = _error(_write(tmp_path, GOOD + "epochs = 2\n"))
    assert "max_steps and epochs" in message
    assert "exactly one" in message


def test_no_budget_is_refused(tmp_path: Path) -> None:
    message = _error(_write(tmp_path, GOOD.replace("max_steps = 3", "")))
    for name in ("max_steps", "epochs", "max_tokens"):
        assert name in message


# Broken by: nothing_without_effect returning self at once.
@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("decay_steps = 3\n", ["[train]", "decay_steps", '"linear"', '"warmup_stable_decay"']),
        (
            'decay_steps = 3\nlr_scheduler_type = "cosine"\n',
            ["[train]", "decay_steps", '"cosine"', "remove it"],
        ),
        ('method = "full"\nuse_dora = true\n', ["[train]", "use_dora", '"lora"']),
        ('method = "full"\nuse_rslora = true\n', ["[train]", "use_rslora", '"lora"']),
    ],
)
def test_what_would_have_no_effect_is_refused(tmp_path: Path, text: str, parts: list[str]) -> None:
    message = _error(_write(tmp_path, GOOD + text))
    for part in parts:
        assert part in message


@pytest.mark.parametrize("value", ["0", "0.0", "inf", "nan"])
def test_a_budget_is_positive_and_finite(tmp_path: Path, value: str) -> None:
    assert "'train.epochs'" in _error(
        _write(tmp_path, GOOD.replace("max_steps = 3", f"epochs = {value}"))
    )


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    message = _error(tmp_path / "none.toml")
    assert "none.toml" in message
    assert "No such file" in message
    assert str(tmp_path) in _error(tmp_path)  # a folder is no recipe either


@pytest.mark.parametrize("raw", [b"[data\n", b"a = 'x", b"\xff\xfe\x00", b"x = [1,,2]"])
def test_what_is_not_toml_is_named(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(raw)
    message = _error(path)
    assert str(path) in message
    assert "not valid TOML" in message


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_recipe(path).train.max_steps == 3


# Broken by: Path.cwd() instead of path.parent.
def test_paths_count_from_the_recipes_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r" / "base").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    head = 'model = "base"\noutput_dir = "runs/x"\n'
    tail = '[evaluate]\nquestions = "../q.jsonl"\ngeneral = ["g/", "h.txt"]\n'
    _write(tmp_path / "r", head + GOOD.replace('"docs/"', '"docs/", "../kb.csv", "/a/b"') + tail)
    recipe = load_recipe("r/recipe.toml")
    assert recipe.model == f"{tmp_path}/r/base"
    assert recipe.output_dir == f"{tmp_path}/r/runs/x"
    assert recipe.data.domain == [f"{tmp_path}/r/docs/", f"{tmp_path}/kb.csv", "/a/b"]
    assert recipe.evaluate.questions == f"{tmp_path}/q.jsonl"
    assert recipe.evaluate.general == [f"{tmp_path}/r/g/", f"{tmp_path}/r/h.txt"]


# Broken by: overrides merged before the recipe's paths are made absolute.
def test_overrides_count_from_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r").mkdir()
    monkeypatch.chdir(tmp_path)
    path = _write(tmp_path / "r", GOOD)
    recipe = load_recipe(path, ['data.domain=["here.txt"]', "output_dir=out", "model=base"])
    assert recipe.data.domain == [f"{tmp_path}/here.txt"]
    assert recipe.output_dir == f"{tmp_path}/out"
    assert recipe.model == "base"  # not a folder: an alias or an id


def test_self_and_hub_paths_are_left_alone(tmp_path: Path) -> None:
    hub = "hf://owner/name?split=train&field=text"
    text = GOOD.replace('"docs/"', f'"{hub}"').replace("[train]", 'general = "self"\n[train]')
    recipe = load_recipe(_write(tmp_path, text))
    assert recipe.data.domain == [hub]
    assert recipe.data.general == "self"
    assert load_recipe(_write(tmp_path, text), [f"data.general={hub}"]).data.general == hub


# Broken by: dropping the filter over ``budgets`` in _with_value.
@pytest.mark.parametrize("budget", ["epochs=2", "max_tokens=100", "max_steps=9"])
def test_a_set_budget_replaces_the_recipes(tmp_path: Path, budget: str) -> None:
    train = load_recipe(_write(tmp_path, GOOD), [f"train.{budget}"]).train
    name, value = budget.split("=")
    given = {
        key: getattr(train, key)
        for key in ("max_steps", "epochs", "max_tokens")
        if getattr(train, key) is not None
    }
    assert given == {name: int(value)}


def test_overrides_are_toml_or_plain_text(tmp_path: Path) -> None:
    overrides = ["seed=7", "model=owner/name", 'train.target_modules=["q_proj"]']
    overrides += ["train.method=full", "retell.enabled=false", "train.lora_alpha = 8"]
    recipe = load_recipe(_write(tmp_path, GOOD), overrides)
    assert (recipe.seed, recipe.model, recipe.train.method) == (7, "owner/name", "full")
    assert recipe.train.target_modules == ["q_proj"]
    assert recipe.retell.enabled is False
    assert recipe.train.lora_alpha == 8


@pytest.mark.parametrize(
    ("override", "part"),
    [
        ("seed", "key=value"),
        ("=3", "key=value"),
        ("train.max_step=3", "did you mean 'max_steps'?"),
        ("seed.deep=3", "'seed' is not a table"),
        ("seed=minus", "'seed'"),
    ],
)
def test_a_wrong_override_is_named(tmp_path: Path, override: str, part: str) -> None:
    path = _write(tmp_path, "seed = 1\n" + GOOD)
    assert part in _error(path, override)


# Broken by: exclude_defaults=True (then a changed default would change an old run).
def test_a_written_recipe_reads_back_with_its_defaults(tmp_path: Path) -> None:
    recipe = load_recipe(_write(tmp_path, GOOD), ['train.target_modules=["all-linear", "wte"]'])
    write_recipe(recipe, tmp_path / "out" / "recipe.toml")
    assert load_recipe(tmp_path / "out" / "recipe.toml") == recipe
    written = (tmp_path / "out" / "recipe.toml").read_text(encoding="utf-8")
    for default in (
        "general_share = 0.2",
        "max_seq_length = 512",
        "cloze = 3",
        "seed = 0",
        "use_rslora = false",
        "use_dora = false",
        "frozen_layers = []",
        'optim = "adamw"',
        "gradient_checkpointing = false",
    ):
        assert default in written


def test_recipes_are_frozen_and_made_from_mappings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = {"data": {"domain": ["docs"]}, "train": {"epochs": 1.5}}
    recipe = recipe_from(values)
    assert recipe.data.domain == [f"{tmp_path}/docs"]
    assert values["data"]["domain"] == ["docs"]  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 3  # type: ignore[misc]
    assert isinstance(recipe, Recipe)


def test_stages_come_before_the_domain_of_data(tmp_path: Path) -> None:
    path = _write(tmp_path, GOOD + '[[train.stages]]\nname = "a"\ndomain = ["b/"]\nepochs = 2\n')
    recipe = load_recipe(path)
    first, last = recipe.curriculum
    assert first.domain == [f"{tmp_path}/b/"] and (first.epochs, first.max_steps) == (2, None)
    assert last.domain == recipe.data.domain and (last.epochs, last.max_steps) == (None, 3)
    assert load_recipe(_write(tmp_path, STAGED)).curriculum[0].name is None
    assert load_recipe(_write(tmp_path, GOOD)).curriculum == ()
    write_recipe(recipe, tmp_path / "resolved.toml")
    assert load_recipe(tmp_path / "resolved.toml").curriculum == recipe.curriculum


# Broken by: no names_of_their_own: "../../victim" and "data" were replaced by the model.
@pytest.mark.parametrize(
    ("merged", "part"),
    [
        ("../../victim", "without a path"),
        ("/victim", "without a path"),
        ("a\\b", "without a path"),
        ("..", "without a path"),
        (" ", "without a path"),
        ("data", "the run itself uses"),
        ("Checkpoints", "the run itself uses"),
        ("x", "folders of their own"),
        ("X", "folders of their own"),
    ],
)
def test_exports_have_names_of_their_own(merged: str, part: str) -> None:
    values = {"data": {"domain": ["docs"]}, "train": {"max_steps": 1}}
    with pytest.raises(RecipeError, match=part):
        recipe_from({**values, "export": {"merged": merged, "adapter": "x"}})
    with pytest.raises(RecipeError, match="folders of their own"):
        recipe_from({**values, "export": {"merged": "y", "adapter": "y_gguf"}})
    assert recipe_from({**values, "export": {"merged": "my model", "adapter": "x"}})


# Broken by: an empty path taken for the current folder.
@pytest.mark.parametrize("override", ["output_dir=", "model=", "data.domain=['']"])
def test_an_empty_path_is_refused(override: str) -> None:
    with pytest.raises(RecipeError, match="is empty"):
        recipe_from({"data": {"domain": ["docs"]}, "train": {"max_steps": 1}}, [override])


# Seen to fail with Path.expanduser, which raises RuntimeError for a user who isn't there.
def test_a_tilde_that_is_no_user_is_a_name(tmp_path: Path) -> None:
    values = {
        "data": {"domain": ["~$open.docx"]},
        "train": {"max_steps": 1},
        "model": "~nobody-here",
    }
    found = recipe_from(values, folder=tmp_path)
    assert found.data.domain == [str(tmp_path / "~$open.docx")]
    assert found.model == "~nobody-here"
    with pytest.raises(RecipeError, match="NUL"):
        recipe_from({**values, "output_dir": "a\0b"})


# Broken by: the output_dir that the file names (a moved run was trained anew in its old place), or
# taking a resolved recipe that was copied from a run for that run's own.
def test_a_runs_own_recipe_means_the_folder_it_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = load_recipe(_write(tmp_path, GOOD), ["output_dir=/old/run"])
    write_recipe(old, tmp_path / "moved" / "recipe.toml")
    assert load_recipe(tmp_path / "moved" / "recipe.toml").output_dir == "/old/run"
    write_manifest(tmp_path / "moved" / "data", "prepare", {}, [])
    monkeypatch.chdir(tmp_path / "moved")
    assert load_recipe("recipe.toml").output_dir == str(tmp_path / "moved")
    assert load_recipe("recipe.toml", ["output_dir=/other"]).output_dir == "/other"
    write_recipe(old, tmp_path / "moved" / "mine.toml")
    assert load_recipe("mine.toml").output_dir == "/old/run"


# Broken by: an empty path made absolute (the recipe's folder became the benchmark's items).
@pytest.mark.parametrize("override", [(), ("evaluate.benchmarks=['mmlu= ']",)])
def test_a_benchmark_without_its_path_is_refused(override: tuple[str, ...]) -> None:
    named = {} if override else {"evaluate": {"benchmarks": ["mmlu="]}}
    with pytest.raises(RecipeError, match="write it as name or name=path"):
        recipe_from({"data": {"domain": ["d"]}, "train": {"max_steps": 1}, **named}, override)
