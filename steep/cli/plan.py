"""The plan and the diagnosis as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from steep.planning.advice import minutes
from steep.planning.doctor import Diagnosis, Trains
from steep.planning.predict import Change, Prediction
from steep.stages.plan import Plan
from steep.wording import counted


def plan_lines(plan: Plan) -> list[str]:
    """The corpus, the prediction stage by stage, whether it fits, and the advice."""
    documents, training = plan.documents, plan.training
    machine = plan.machine
    rows = [
        (
            "documents",
            f"{documents['trained']:,} to train, {documents['held_out']:,} held out, "
            f"{documents['dropped']:,} dropped; {counted(training['domain_tokens'], 'token')}",
        ),
        (
            "training",
            f"{training['method']}, {counted(training['steps'], 'step')}, "
            f"{counted(training['tokens'], 'token')} ({training['general_share']:.0%} replay), "
            f"{counted(training['passes'], 'pass', 'passes')}",
        ),
        *(
            (
                f"stage {stage['name']}",
                f"{counted(stage['steps'], 'step')}, {counted(stage['passes'], 'pass', 'passes')}",
            )
            for stage in training.get("stages", ())
        ),
        ("facts", _facts(plan.facts)),
        (
            "precision",
            f"{machine['precision']} on {machine['device']}, "
            f"{counted(machine['threads'], 'thread')} ({machine['why']})",
        ),
    ]
    if plan.prediction is None:
        rows.append(("prediction", f"none: {plan.problem}"))
        return [*_columns(rows), *_advice(plan)]
    found = plan.prediction
    rows += [
        ("memory", _memory(found)),
        ("speed", f"{found.tokens_per_second:,.0f} tokens/s while training"),
    ]
    times = [
        (time.name, f"{minutes(time.seconds)} ({minutes(time.low)} to {minutes(time.high)})")
        for time in found.times
    ]
    times.append(
        ("in all", f"{minutes(found.seconds)} ({minutes(found.low)} to {minutes(found.high)})")
    )
    lines = [*_columns(rows), "", "Time of each stage:", *_columns(times, "  ")]
    if found.fits:
        return [*lines, "", "It fits this machine.", *_advice(plan)]
    lines += ["", "It does not fit this machine's memory."]
    lines += _what_would(found)
    return [*lines, *_advice(plan)]


def doctor_lines(found: Diagnosis) -> list[str]:
    """The machine, its problems, and what it can train."""
    memory = found.memory
    limit = f", limit {_gb(memory.limit)}" if memory.limit is not None else ""
    rows = [
        ("cpu", f"{found.cpu}, {found.usable_cores:g} of {found.cores} cores usable"),
        ("instructions", " ".join(found.flags) or "unknown"),
        ("gpu", found.gpu or "none"),
        ("memory", f"{_gb(memory.total)}, {_gb(memory.available)} available{limit}"),
        ("versions", ", ".join(f"{k} {v or 'missing'}" for k, v in found.versions.items())),
        ("threads", f"{found.threads}"),
        ("products", ", ".join(f"{k} {v:g} GFLOP/s" for k, v in found.gflops.items())),
        ("precision", f"{found.precision} ({found.why})"),
        ("disk free", ", ".join(f"{k} {_gb(v)}" for k, v in found.disk_free.items())),
        ("packaged model", "there" if found.packaged_model else "missing"),
    ]
    lines = _columns(rows)
    lines += ["", f"Training {found.model} with the default recipe (2 rows of 512 tokens):"]
    lines += _columns([(one.method, _trains(one)) for one in found.trains], "  ")
    lines += ["", "The largest common model whose training fits (an estimate):"]
    largest = [
        (one.method, "none" if one.name is None else f"{one.name}, about {_gb(one.peak or 0)}")
        for one in found.largest
    ]
    lines += _columns(largest, "  ")
    if found.problems:
        lines += ["", "To mend:", *_bullets(found.problems)]
    return lines


def _facts(facts: dict[str, Any]) -> str:
    if not facts.get("count"):
        return "none found"
    return (
        f"{facts['count']:,}; the median fact is met {counted(facts['median_exposures'], 'time')} "
        f"in {counted(facts['median_wordings'], 'wording')}"
    )


def _memory(found: Prediction) -> str:
    most = max(found.memory, key=lambda stage: stage.peak)
    return (
        f"{_gb(found.peak)} at the most ({most.name}), {_gb(found.recorded_peak)} by the end of "
        f"training; {_gb(found.room)} available"
    )


def _what_would(found: Prediction) -> list[str]:
    """What of a run that doesn't fit would, or which stage besides training keeps it from that."""
    if found.smaller:
        return ["What would (set in [train]):", *_bullets(map(_change, found.smaller))]
    others = [stage for stage in found.memory if stage.name != "train"]
    most = max(others, key=lambda stage: stage.peak)
    why = f' ("{most.name}" alone takes {_gb(most.peak)})' if most.peak > found.room else ""
    return [f"No smaller batch, row or method would{why}: use a smaller model or more memory."]


def _change(change: Change) -> str:
    keys = ", ".join(
        f"{key} = {value!r}".replace("'", '"') for key, value in change.changes.items()
    )
    return f"{keys}: about {_gb(change.peak)}"


def _trains(one: Trains) -> str:
    if one.tokens_per_second is None or one.peak is None:
        return f"unknown: {one.problem}"
    fits = "" if one.fits else "; does not fit"
    return f"{one.tokens_per_second:,.0f} tokens/s, {_gb(one.peak)}{fits}"


def _advice(plan: Plan) -> list[str]:
    if not plan.advice:
        return ["Nothing speaks against continued pre-training here."]
    return ["", "Advice:", *_bullets(advice.text for advice in plan.advice)]


def _columns(rows: Sequence[tuple[str, str]], indent: str = "") -> list[str]:
    width = max(len(name) for name, _ in rows)
    return [f"{indent}{name.ljust(width)}  {text}" for name, text in rows]


def _bullets(lines: Iterable[str]) -> list[str]:
    return [f"- {line}" for line in lines]


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
