"""Precision: what was asked for, else what this machine is good at."""

from __future__ import annotations

import pytest

from steep.model import precision
from steep.model.precision import Precision, choose_precision


# Broken by: "auto" rules applied to everything.
@pytest.mark.parametrize("asked", ["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("device", ["cpu", "cuda", "mps"])
def test_an_explicit_choice_is_kept(asked: Precision, device: str) -> None:
    assert choose_precision(asked, device) == asked


@pytest.mark.parametrize(
    ("fp32", "bf16", "chosen"), [(1.0, 0.3, "bf16"), (1.0, 0.9, "fp32"), (1.0, 50.0, "fp32")]
)
def test_a_cpu_is_measured(
    fp32: float, bf16: float, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        precision, "_matmul_seconds", lambda kind: {"fp32": fp32, "bf16": bf16}[kind]
    )
    assert choose_precision("auto", "cpu") == chosen


def test_the_measurement_gives_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_SIZE", 16)
    assert 0.0 < precision._matmul_seconds("fp32") < 1.0


@pytest.mark.parametrize(("has_bf16", "chosen"), [(True, "bf16"), (False, "fp16")])
def test_a_gpu_gets_what_it_supports(
    has_bf16: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda **_: has_bf16)
    assert choose_precision("auto", "cuda:0") == chosen
    assert choose_precision("auto", "mps") == "fp32"
