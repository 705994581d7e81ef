"""From calibration and workload to figures: memory and time of each stage, and what would fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from steep.planning.calibrate import Calibration
from steep.planning.machine import Memory
from steep.planning.sizes import Sizes, quantised_bytes
from steep.planning.workload import Asking, Workload
from steep.recipe import Recipe, TrainRecipe
from steep.training.replay_kl import PLACE_BYTES

_SAVE_SECONDS = 300.0  # the loop saves this often

# Answers end at their first line's end: a base model often goes on to the last token allowed, a
# tuned one seldom does (free answers of the runs in docs/RESULTS.md).
_ANSWERED_SHARE = {"base": 0.75, "tuned": 0.4}

# Both ends, guesses, and a bisection if these are wrong; two measurements where all of it fits.
_STRENGTHS = (2, 5, 9)

# Reading and writing weights, and what export and report take whatever the model.
_DISK_BYTES_PER_SECOND = 5e8
_REPORT_SECONDS = 8.0
_MATRICES = 7  # linear layers in a decoder layer of most models: q, k, v, o, gate, up, down
_ABOUT_REPLAY = "ask the base about the replay"
_UNTIL_TRAINED = ("load the base", "ask the base", _ABOUT_REPLAY, "train")
# A forward pass alone, as a share of a step: back goes to inputs and, in full training, to weights.
_FORWARD = {"lora": 1 / 2, "full": 1 / 3}
# A token of TRL's short padded rows against one of the loop's packed ones, in time; about, from
# twelve steps of SmolLM2-135M: 85 tokens/s on one thread.
_TRL = 2.0
_ROUGH = 0.35  # half the width of the range of what is only estimated


@dataclass(frozen=True)
class StageTime:
    """Predicted wall time of one stage, in seconds, and its range."""

    name: str
    seconds: float
    low: float
    high: float


@dataclass(frozen=True)
class StageMemory:
    """Predicted peak of one stage, in bytes of the process (of the GPU, if one trains)."""

    name: str
    peak: int


@dataclass(frozen=True)
class Change:
    """A change of the recipe that would need less memory: keys and values, and the peak of all."""

    changes: Mapping[str, str | int]
    peak: int


@dataclass(frozen=True)
class Prediction:
    """What a run will take.

    Attributes:
        tokens_per_second: while training.
        training_seconds: of the steps.
        recorded_peak: what metrics.jsonl will have recorded by the last step, in bytes.
        peak: of the whole run, in bytes.
        room: memory a run may take here, in bytes.
        fits: is the peak within the room?
        smaller: changes of the recipe under which it would fit, least change first; empty if it
            fits as it is.
    """

    tokens_per_second: float
    training_seconds: float
    times: tuple[StageTime, ...]
    memory: tuple[StageMemory, ...]
    recorded_peak: int
    peak: int
    room: int
    fits: bool
    smaller: tuple[Change, ...]

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return sum(time.seconds for time in self.times)

    @property
    def low(self) -> float:
        """Of the whole run, the lower end of the range."""
        return sum(time.low for time in self.times)

    @property
    def high(self) -> float:
        """Of the whole run, the upper end of the range."""
        return sum(time.high for time in self.times)


def predict(
    recipe: Recipe,
    calibration: Calibration,
    work: Workload,
    memory: Memory,
    *,
    held: int = 0,
    base_is_known: bool = False,
    half: bool = True,
    stored_half: bool = False,
    on_gpu: bool = False,
) -> Prediction:
    """Predict a run.

    Args:
        memory: of the device that trains.
        held: bytes this process holds already; they are part of the run's peak and of the room.
        base_is_known: the base's answers are kept from an earlier run.
        half: training multiplies in half precision.
        stored_half: the base's files are in half precision.
        on_gpu: it trains on one, where weights in 4 bits cost little time.
    """
    sizes = Sizes.of(calibration, held, half, stored_half, recipe.train.load_in)
    reference = 0 if on_gpu else work.held_tokens * PLACE_BYTES  # never in the GPU's memory

    def peaks_of(recipe: Recipe, sizes: Sizes) -> tuple[StageMemory, ...]:
        return stage_peaks(recipe, sizes, work, calibration, base_is_known, reference)

    peaks = peaks_of(recipe, sizes)
    peak = max(stage.peak for stage in peaks)
    room = memory.available + held
    times = stage_times(recipe, calibration, work, sizes, base_is_known)
    smaller: tuple[Change, ...] = ()
    if peak > room:
        found = changes(recipe, sizes, on_gpu, reference)
        whole = (with_other_stages(change, recipe, sizes, peaks_of) for change in found)
        smaller = tuple(change for change in whole if change.peak <= room)
    return Prediction(
        tokens_per_second=calibration.tokens_per_second,
        training_seconds=work.tokens / calibration.tokens_per_second,
        times=times,
        memory=peaks,
        recorded_peak=max(stage.peak for stage in peaks if stage.name in _UNTIL_TRAINED),
        peak=peak,
        room=room,
        fits=peak <= room,
        smaller=smaller,
    )


def stage_peaks(
    recipe: Recipe,
    sizes: Sizes,
    work: Workload,
    calibration: Calibration,
    base_is_known: bool,
    reference: int = 0,
) -> tuple[StageMemory, ...]:
    """The peak of each stage of ``steep run``, in the order in which they come.

    Args:
        reference: bytes of what the base says of the replay, which is there while training.
    """
    lora = recipe.train.method == "lora"
    searched = work.validation_tokens > 0
    copy = sizes.copied * sizes.working // 4  # merged weights in the working precision
    # The dial keeps what was trained; after full training the base is loaded again beside it.
    dial = (sizes.trained // 2 if lora else sizes.trained + sizes.loading) if searched else 0
    held = sizes.weights + (sizes.trained if lora else 0)
    again = sizes.weights if searched and not lora else 0
    lifts = recipe.train.load_in is not None
    steps = [sizes.probed, sizes.stepped]
    seconds = work.tokens / calibration.tokens_per_second
    if recipe.train.save_steps or seconds > _SAVE_SECONDS:
        steps.append(sizes.saved)
    found = {
        "load the base": sizes.loading,
        "ask the base": 0 if base_is_known else sizes.asked,
        _ABOUT_REPLAY: sizes.asked + reference if work.held_tokens else 0,
        "train": max(steps) + reference,
        "lift": sizes.frozen + 2 * sizes.trained + sizes.loading if lifts else 0,
        "graft": held + sizes.loading + (sizes.trained if lora else 0) if recipe.instruct else 0,
        "choose the strength": held + dial + copy + sizes.judging if searched else 0,
        "ask the tuned model": held + again + (sizes.copied if lora else 0) + sizes.judging,
        "export": 2 * held + again,
    }
    # Each has a copy of the model before it, in fp32, and what a step holds for rows as long.
    rows = max(0, sizes.stepped - sizes.fixed)
    before = held + again
    for stage in work.later:
        found[stage.name] = before + held + 3 * sizes.trained + rows
        before += held
    return tuple(StageMemory(name, sizes.idle + size) for name, size in found.items() if size)


def stage_times(
    recipe: Recipe,
    calibration: Calibration,
    work: Workload,
    sizes: Sizes,
    base_is_known: bool,
) -> tuple[StageTime, ...]:
    """Wall time of each stage of ``steep run`` after preparing."""
    load = sizes.weights / _DISK_BYTES_PER_SECOND + 1.0
    training = work.tokens / calibration.tokens_per_second
    wide = calibration.spread
    times = []
    if work.written_tokens:  # kept across runs, so it may cost nothing
        writing = work.written_tokens * calibration.at_depth(lambda m: m.rates.answer_seconds)
        times.append(StageTime("write the replay", writing, 0.0, writing * (1 + _ROUGH)))
    if not base_is_known:
        seconds = load + asking_seconds(calibration, work.asking.of_base, _ANSWERED_SHARE["base"])
        times.append(_around("ask the base", seconds, _ROUGH))
    if work.held_tokens:
        text = calibration.at_depth(lambda m: 1.0 / m.rates.text_tokens_per_second)
        times.append(_around(_ABOUT_REPLAY, work.held_tokens * text, _ROUGH))
    times.append(_around("train", training, wide))
    if recipe.instruct is not None:
        times.append(_around("graft", load if recipe.train.method == "lora" else 2 * load, _ROUGH))
    if work.validation_tokens:
        each = work.validation_tokens * calibration.at_depth(
            lambda m: 1.0 / m.rates.trained_text_tokens_per_second
        )
        low, usual, high = (count * each for count in _STRENGTHS)
        times.append(StageTime("choose the strength", usual, low, high))
    tuned = asking_seconds(calibration, work.asking, _ANSWERED_SHARE["tuned"])
    forward = _FORWARD[recipe.train.method]
    for stage in work.later:
        seconds = (stage.tokens + stage.read * forward) / calibration.tokens_per_second
        times.append(StageTime(stage.name, _TRL * seconds, seconds, _TRL * seconds * (1 + _ROUGH)))
        times.append(_around(f"ask the model before {stage.name}", tuned, _ROUGH))
    times.append(_around("ask the tuned model", tuned, _ROUGH))
    written = (3 if recipe.train.method == "lora" else 2) * sizes.weights
    export = written / _DISK_BYTES_PER_SECOND + _REPORT_SECONDS
    times.append(StageTime("export and report", export, export / 2, 2 * export))
    return tuple(times)


def asking_seconds(calibration: Calibration, asking: Asking, answered: float = 1.0) -> float:
    """Time to ask one model everything; ``answered`` is how long answers are, of the longest."""
    text = calibration.at_depth(lambda m: 1.0 / m.rates.text_tokens_per_second)
    choice = calibration.at_depth(lambda m: 1.0 / m.rates.choice_tokens_per_second)
    answer = calibration.at_depth(lambda m: m.rates.answer_seconds)
    return (
        asking.text_tokens * text
        + asking.choice_tokens * choice
        + asking.answer_tokens * answered * answer
    )


def changes(recipe: Recipe, sizes: Sizes, on_gpu: bool = False, reference: int = 0) -> list[Change]:
    """Smaller recipes and the peak of training under each, least change first.

    Weights in 4 bits are offered on a GPU; before and after training the model is whole.

    What a step holds for its rows is taken to grow with their tokens; the rest stays.
    """
    train = recipe.train
    rows = max(0, sizes.stepped - sizes.fixed)
    lighter: list[tuple[dict[str, str | int], float]] = [({}, 1.0)]
    if train.per_device_train_batch_size > 1:
        lighter.append(({"per_device_train_batch_size": 1}, 1 / train.per_device_train_batch_size))
    batch, share = lighter[-1]
    lengths = [n for n in (256, 128) if n < train.max_seq_length]
    lighter += [({**batch, "max_seq_length": n}, share * n / train.max_seq_length) for n in lengths]
    found = [
        Change(keys, sizes.idle + max(round(sizes.fixed + rows * part), sizes.probed))
        for keys, part in lighter[1:]
    ]
    if on_gpu and train.method == "lora" and train.load_in is None and not train.use_dora:
        small = replace(sizes, frozen=quantised_bytes(sizes.weights, sizes.layers, "4bit"))
        peak = sizes.idle + max(small.fixed + rows, sizes.asked, sizes.loading)
        found.append(Change({"load_in": "4bit"}, peak))
    if train.method == "full":
        fixed = sizes.held_by(lora_bytes(sizes, train))
        found += [
            Change({"method": "lora", **keys}, sizes.idle + round(fixed + rows * part))
            for keys, part in lighter
        ]
    return [replace(change, peak=change.peak + reference) for change in found]


def with_other_stages(
    change: Change,
    recipe: Recipe,
    sizes: Sizes,
    peaks_of: Callable[[Recipe, Sizes], tuple[StageMemory, ...]],
) -> Change:
    """The change with the peak of the whole run under it, of which training may be the least."""
    train = recipe.train.model_copy(update=dict(change.changes))
    if "method" in change.changes:
        sizes = replace(sizes, trained=lora_bytes(sizes, train))
    sizes = replace(sizes, frozen=quantised_bytes(sizes.weights, sizes.layers, train.load_in))
    others = peaks_of(recipe.model_copy(update={"train": train}), sizes)
    return replace(change, peak=max(change.peak, *(s.peak for s in others if s.name != "train")))


def lora_bytes(sizes: Sizes, train: TrainRecipe) -> int:
    """About what adapters of the recipe's rank take on all linear layers, in fp32.

    An adapter of rank r on an n by m matrix has r (n + m) numbers; the layers' matrices are taken
    to be square and seven to a layer.
    """
    matrices = _MATRICES * sizes.depth
    side = math.sqrt(sizes.layers / 4 / matrices)
    return round(4 * matrices * 2 * train.lora_r * side)


def _around(name: str, seconds: float, share: float) -> StageTime:
    return StageTime(name, seconds, seconds * (1 - share), seconds * (1 + share))
