"""Precision: what was asked for, else what this machine is good at."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from steep.model import precision
from steep.model.precision import Precision, bound_product_caches, choose_precision

CACHES = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")


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


# Broken by: leaving one of the two names out, or by "=" in place of setdefault.
@pytest.mark.parametrize("own", CACHES)
def test_product_caches_are_bounded_unless_the_user_says_how(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CACHES:
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    bound_product_caches()
    assert [os.environ[name] for name in CACHES] == ["128", "128"]
    monkeypatch.setenv(own, "7")
    bound_product_caches()
    assert sorted(os.environ[name] for name in CACHES) == ["128", "7"]
    assert os.environ[own] == "7"


_GROWTH = """
import sys
from steep.model.precision import bound_product_caches
from steep.planning.machine import resident_bytes
if sys.argv[1] == "bounded":
    bound_product_caches()
import torch
w = torch.ones(64, 64, dtype=torch.bfloat16)
for n in range(1, 9):
    torch.nn.functional.linear(w[:n], w)
before = resident_bytes()
for n in range(100, 700):
    torch.nn.functional.linear(torch.ones(n, 64, dtype=torch.bfloat16), w)
print(resident_bytes() - before)
"""


# Broken by: bounding them under names that oneDNN doesn't read.
def test_the_bound_is_heeded() -> None:
    clean = {name: value for name, value in os.environ.items() if name not in CACHES}
    bounded, unbounded = (
        int(
            subprocess.run(
                [sys.executable, "-c", _GROWTH, how],
                env=clean,
                check=True,
                capture_output=True,
                text=True,
            ).stdout
        )
        for how in ("bounded", "unbounded")
    )
    if unbounded < 100e6:
        pytest.skip("this machine's bf16 products keep nothing: oneDNN doesn't compute them")
    assert bounded < unbounded / 2
