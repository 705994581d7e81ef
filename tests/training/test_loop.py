"""The loop: what it moves, what it logs, when it stops, and that resuming changes nothing."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import accelerate
import pytest
import torch
from accelerate.state import AcceleratorState

from steep.errors import TrainingAlarm
from steep.training import loop
from steep.training.loop import StepMetrics
from steep.training.loss import Way
from steep.training.stop import Interrupted, StopRequest
from tests.tiny import Kind, tiny_tokenizer
from tests.training.corpus import (
    TEXTS,
    Recording,
    make_model,
    make_recipe,
    make_schedule,
    rows_of,
    summed_loss,
    train,
    weights,
)

LORA: dict[str, Any] = {
    "method": "lora",
    "target_modules": ["all-linear", "embed_tokens", "lm_head"],
}


def _schedule() -> Recording:
    return make_schedule(tiny_tokenizer(TEXTS))


# Seen to fail: "AcceleratorState has already been initialized and cannot be changed".
@pytest.mark.usefixtures("_a_precision_of_its_own")
def test_a_process_may_train_in_one_precision_after_another(tmp_path: Path) -> None:
    for number, precision in enumerate(("fp32", "bf16", "fp32")):
        recipe = make_recipe(max_steps=1)
        training, _ = train(
            make_model("llama", recipe), recipe, tmp_path / str(number), steps=1,
            precision=precision,  # type: ignore[arg-type]
        )  # fmt: skip
        assert training.steps == 1


@pytest.fixture
def _a_precision_of_its_own() -> Iterator[None]:
    yield
    AcceleratorState._reset_state(True)


def _lines(folder: Path) -> list[tuple[int, float]]:
    lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [(row["step"], row["loss"]) for row in map(json.loads, lines)]


# Broken by: modules_to_save=None in _lora_config, or one rate for all in parameter_groups.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma"])  # tied, untied, tied
def test_each_requested_module_moves_at_its_own_rate(kind: Kind, tmp_path: Path) -> None:
    recipe = make_recipe(**LORA, max_grad_norm=None)
    model = make_model(kind, recipe)
    before = weights(model)
    training, _ = train(model, recipe, tmp_path, steps=1)
    moved = {n: float((p - before[n]).abs().max()) for n, p in weights(model).items()}
    # Adam's first step is the rate itself, wherever there is a gradient.
    for name, by in moved.items():
        if "lora_B" in name:
            assert by == pytest.approx(1e-2, rel=1e-2), name
        elif "modules_to_save" in name:
            assert by == pytest.approx(1e-3, rel=1e-2), name
        else:
            assert by == 0.0, name
    linear = [n for n in moved if "lora_B" in n]
    assert len(linear) == 2 * 7  # q, k, v, o, gate, up, down of two layers
    whole = [n for n in moved if "modules_to_save" in n]
    assert len(whole) == (2 if kind == "qwen3" else 1)
    assert training.moved
    assert all(training.moved.values())
    embedding, head = model.get_input_embeddings(), model.get_output_embeddings()
    shared = embedding.weight.data_ptr() == head.weight.data_ptr()
    assert shared == (kind != "qwen3")


def test_in_full_training_everything_moves(tmp_path: Path) -> None:
    recipe = make_recipe(weight_decay=0.5)
    model = make_model("qwen3", recipe)
    before = weights(model)
    training, _ = train(model, recipe, tmp_path, steps=1)
    for name, after in weights(model).items():
        assert not torch.equal(before[name], after), name
    assert all(training.moved.values())


# Broken by: _moved returning True for everything.
def test_a_module_that_cannot_move_is_named(tmp_path: Path) -> None:
    recipe = make_recipe(embedding_learning_rate=0.0)
    training, _ = train(make_model("llama", recipe), recipe, tmp_path, steps=1)
    assert [name for name, moved in training.moved.items() if not moved] == ["model.embed_tokens"]


# Broken by: looking at what a skipped update moved, and never again.
def test_a_first_update_that_overflows_says_nothing_of_what_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Scaling(accelerate.Accelerator):
        """As on a GPU in fp16: the first loss is scaled out of range, and its update skipped."""

        def __init__(self, **given: Any) -> None:
            super().__init__(**given)
            self.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**127, backoff_factor=2.0**-120)

    monkeypatch.setattr(accelerate, "Accelerator", Scaling)
    recipe = make_recipe(max_grad_norm=None)
    model = make_model("llama", recipe)
    before = weights(model)
    training, steps = train(model, recipe, tmp_path, steps=2)
    assert [step.grad_norm is None for step in steps] == [True, False]
    assert not any(torch.equal(before[name], p) for name, p in weights(model).items())
    assert training.moved and all(training.moved.values())


# Broken by: counting DoRA's magnitude with the pair beside it.
def test_a_magnitude_and_its_pair_are_told_apart(tmp_path: Path) -> None:
    recipe = make_recipe(method="lora", use_dora=True)
    model = make_model("llama", recipe)
    for name, parameter in model.named_parameters():
        if "q_proj.lora_magnitude_vector" in name or "k_proj.lora_B" in name:
            parameter.register_hook(torch.zeros_like)
    training, _ = train(model, recipe, tmp_path, steps=1)
    assert len(training.moved) == 2 * 2 * 7  # of two layers
    still = {name.partition("layers.")[2] for name, moved in training.moved.items() if not moved}
    assert still == {
        f"{layer}.self_attn.{name}"
        for layer in (0, 1)
        for name in ("q_proj.lora_magnitude_vector.default", "k_proj")
    }


# Broken by: freezing in make_trainable left out, or weight decay that reaches what is frozen.
@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "gpt2"])
@pytest.mark.parametrize("method", ["full", "lora"])
def test_frozen_layers_end_as_they_began(kind: Kind, method: str, tmp_path: Path) -> None:
    recipe = make_recipe(method=method, frozen_layers=[-1], weight_decay=0.1)
    model = make_model(kind, recipe)
    before = weights(model)
    training, _ = train(model, recipe, tmp_path, steps=2)
    after = weights(model)
    frozen = [name for name in after if ".1." in name and "lora_" not in name]
    assert len(frozen) > 8
    assert all(torch.equal(before[name], after[name]) for name in frozen)
    assert any(not torch.equal(before[name], after[name]) for name in after if ".0." in name)
    assert not any(".1." in name for name in training.moved)
    assert training.moved
    assert all(training.moved.values())


# Broken by: dropping torch.manual_seed, or dropping fork_rng.
def test_dropout_depends_on_the_step_alone_and_disturbs_nobody(tmp_path: Path) -> None:
    recipe = make_recipe(method="lora", lora_dropout=0.5)
    found = []
    for number, seed in enumerate((11, 22)):
        torch.manual_seed(seed)
        state = torch.get_rng_state()
        model = make_model("llama", recipe)
        train(model, recipe, tmp_path / str(number), steps=3)
        assert torch.equal(torch.get_rng_state(), state)
        found.append(weights(model))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    dry = make_recipe(method="lora")
    model = make_model("llama", dry)
    train(model, dry, tmp_path / "dry", steps=3)
    assert any(not torch.equal(found[0][name], p) for name, p in weights(model).items())
    _, metrics = train(make_model("llama", recipe), recipe, tmp_path / "other", steps=3)
    assert len({m.loss for m in metrics}) == 3


# Broken by: moving _refuse_non_finite behind optimizer.step().
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_a_non_finite_value_stops_before_the_update(where: str, tmp_path: Path) -> None:
    recipe = make_recipe(save_steps=1)
    model = make_model("llama", recipe)
    kept: dict[str, Any] = {}

    def poison(metrics: StepMetrics) -> None:
        if metrics.step != 2:
            return
        kept.update(weights(model))
        if where == "loss":
            model.model.norm.register_forward_hook(lambda _m, _i, hidden: hidden * float("nan"))
        else:
            parameter = next(model.parameters())
            parameter.register_hook(lambda gradient: gradient * float("inf"))

    with pytest.raises(TrainingAlarm, match=f"step 3: the {where} is not finite") as caught:
        train(model, recipe, tmp_path, on_step=poison)
    assert caught.value.exit_code == 3
    assert all(torch.equal(kept[name], p) for name, p in weights(model).items())
    assert [step for step, _ in _lines(tmp_path)] == [1, 2]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["step-1", "step-2"]


# Broken by: logging the last micro-batch's loss.
def test_the_logged_loss_is_the_optimised_one(tmp_path: Path) -> None:
    recipe = make_recipe()
    model = make_model("llama", recipe)
    schedule = _schedule()
    batch = schedule.batch(0)
    rows = rows_of(batch)
    with torch.no_grad():
        expected = float(summed_loss(model, rows)) / batch.targets
    _, (first, *_) = train(model, recipe, tmp_path, schedule=schedule)
    assert first.loss == pytest.approx(expected, rel=1e-6)
    assert first.target_tokens == batch.targets
    assert first.tokens == batch.targets + len(batch.segment_ids)
    assert first.lr == 1e-2
    rows_logged = [json.loads(line) for line in (tmp_path / "metrics.jsonl").open()]
    assert [row["step"] for row in rows_logged] == [1, 2, 3, 4, 5, 6]
    assert rows_logged[0]["loss"] == first.loss
    for row in rows_logged:
        assert {"tokens", "seconds", "lr", "tokens_per_second", "peak_memory_bytes"} <= row.keys()
    assert rows_logged[-1]["loss"] < rows_logged[0]["loss"]


# Broken by: _clip returning without clipping when a limit is given.
def test_clipping_scales_the_update_and_none_only_measures(tmp_path: Path) -> None:
    def update(limit: float | None, name: str) -> float:
        recipe = make_recipe(max_grad_norm=limit)
        model = make_model("llama", recipe)
        sizes: list[float] = []
        parameter = model.model.layers[0].mlp.up_proj.weight
        _, metrics = train(
            model,
            recipe,
            tmp_path / name,
            steps=1,
            on_step=lambda m: sizes.append(m.grad_norm),
        )
        assert parameter.grad is None
        moments = torch_load(tmp_path / name)
        assert metrics[0].grad_norm == sizes[0] > 0
        return float(moments.abs().max())

    def torch_load(folder: Path) -> Any:
        from safetensors.torch import load_file

        state = load_file(folder / "checkpoints" / "step-1" / "optimizer.safetensors")
        return state["model.layers.0.mlp.up_proj.weight|exp_avg"]

    free, wide, tight = update(None, "n"), update(1e9, "w"), update(1e-3, "t")
    assert free == wide
    assert tight < free / 10


class Killed(Exception):
    """Stands for a process that is gone: raised out of on_step, before the step is saved."""


def _kill_at(step: int) -> Any:
    def on_step(metrics: StepMetrics) -> None:
        if metrics.step == step:
            raise Killed

    return on_step


def _terminate_at(step: int) -> Any:
    def on_step(metrics: StepMetrics) -> None:
        if metrics.step == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return on_step


METHODS: dict[str, dict[str, Any]] = {
    "full": {"save_steps": 2},
    "lora with dropout": {**LORA, "lora_dropout": 0.3, "save_steps": 2},
    "dora of some layers, checkpointed": {
        "method": "lora",
        "use_dora": True,
        "use_rslora": True,
        "frozen_layers": [0],
        "gradient_checkpointing": True,
        "lr_scheduler_type": "warmup_stable_decay",
        "save_steps": 2,
    },
    "adafactor": {"optim": "adafactor", "weight_decay": 0.1, "save_steps": 2},
    "adafactor for adapters": {**LORA, "optim": "adafactor", "save_steps": 2},
}


@pytest.fixture(scope="module", params=list(METHODS))
def uninterrupted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """(recipe, final weights, metrics lines, segment ids) of a run that nobody stopped."""
    recipe = make_recipe(**METHODS[request.param])
    folder = tmp_path_factory.mktemp("whole")
    model = make_model("llama", recipe)
    schedule = _schedule()
    train(model, recipe, folder, schedule=schedule)
    return recipe, weights(model), _lines(folder), schedule.asked


# Broken by: first = found.step + 1; optimizer state not loaded (of either optimizer); dropout not
# seeded by step; _keep_lines_before left out.
@pytest.mark.parametrize(
    ("how", "stops"),
    [
        *[(_kill_at, stops) for stops in [(1,), (2,), (3,), (4,), (5,), (6,), (1, 1), (3, 5)]],
        *[(_terminate_at, stops) for stops in [(1,), (2,), (3,), (4,), (5,), (6,), (2, 5)]],
    ],
)
def test_resuming_changes_no_bit(
    uninterrupted: Any, stops: tuple[int, ...], how: Any, tmp_path: Path
) -> None:
    recipe, final, lines, segments = uninterrupted
    asked: dict[int, tuple[int, ...]] = {}
    for number, stop in enumerate(stops):
        torch.manual_seed(number)  # another process has other global generators
        schedule = _schedule()
        with pytest.raises((Killed, Interrupted)):
            train(
                make_model("llama", recipe), recipe, tmp_path, on_step=how(stop), schedule=schedule
            )
        asked |= schedule.asked
    torch.manual_seed(99)
    model = make_model("llama", recipe)
    schedule = _schedule()
    training, _ = train(model, recipe, tmp_path, schedule=schedule)
    asked |= schedule.asked
    if how is _terminate_at:  # a signal saves where it is
        assert training.first_step == max(stops)
    else:
        assert training.first_step == max(stop - 1 for stop in stops) // 2 * 2
    assert _lines(tmp_path) == lines
    assert asked == segments
    assert weights(model).keys() == final.keys()
    assert all(torch.equal(final[name], p) for name, p in weights(model).items())


def test_a_finished_run_trains_no_more(uninterrupted: Any, tmp_path: Path) -> None:
    recipe, final, _, _ = uninterrupted
    train(make_model("llama", recipe), recipe, tmp_path)
    model = make_model("llama", recipe)
    training, metrics = train(model, recipe, tmp_path)
    assert (training.first_step, metrics) == (6, [])
    assert all(torch.equal(final[name], p) for name, p in weights(model).items())


# Broken by: way_before that returns None (tried again), or that ignores tried_with.
@pytest.mark.parametrize(("changed", "tried"), [(False, 0), (True, 1)])
def test_a_resumed_run_is_computed_as_before(
    changed: bool, tried: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_recipe(save_steps=1)
    with pytest.raises(Killed):
        train(make_model("llama", recipe), recipe, tmp_path, on_step=_kill_at(3))
    trials: list[Way] = []

    def slowest(*_: Any) -> Way:
        trials.append(Way("alone", "logits", "plain"))
        return trials[-1]

    monkeypatch.setattr(loop, "choose_way", slowest)
    if changed:
        monkeypatch.setattr("transformers.__version__", "0.0")
    training, _ = train(make_model("llama", recipe), recipe, tmp_path)
    assert len(trials) == tried
    assert (training.way.packing == "alone") is changed
    assert training.last.state["way"]["packing"] == training.way.packing


def test_a_run_of_another_key_starts_over(tmp_path: Path) -> None:
    recipe = make_recipe(save_steps=1)
    train(make_model("llama", recipe), recipe, tmp_path)
    training, _ = train(make_model("llama", recipe), recipe, tmp_path, key={"recipe": "other"})
    assert training.first_step == 0
    assert [step for step, _ in _lines(tmp_path)] == [1, 2, 3, 4, 5, 6]


# Broken by: StopRequest that doesn't restore the handlers, or exit_code = signal_number.
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_leaves_with_its_code(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    recipe = make_recipe()
    handlers = [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)]

    def on_step(metrics: StepMetrics) -> None:
        if metrics.step == 3:
            os.kill(os.getpid(), number)

    with pytest.raises(Interrupted, match="step 3 of 6") as caught:
        train(make_model("llama", recipe), recipe, tmp_path, on_step=on_step)
    assert caught.value.exit_code == code
    assert [p.name for p in (tmp_path / "checkpoints").iterdir()] == ["step-3"]
    assert [signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)] == handlers


def test_a_second_signal_stops_at_once() -> None:
    with pytest.raises(KeyboardInterrupt), StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.signal_number == signal.SIGTERM
        os.kill(os.getpid(), signal.SIGINT)


def test_half_a_line_of_metrics_is_dropped(tmp_path: Path) -> None:
    recipe = make_recipe(save_steps=2)
    with pytest.raises(Killed):
        train(make_model("llama", recipe), recipe, tmp_path, on_step=_kill_at(3))
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 4, "lo')
    train(make_model("llama", recipe), recipe, tmp_path)
    assert [step for step, _ in _lines(tmp_path)] == [1, 2, 3, 4, 5, 6]
