"""The guard of a run: what it looks at, its record, and what the ledger and the report are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from steep.artifact import read_sealed, sealed, text_hash, write_sealed
from steep.model.precision import Precision
from steep.progress import Progress
from steep.recipe import Recipe
from steep.stages.checks import LightCheck, Sample, shortened
from steep.stages.folder import RunFolder
from steep.stages.inputs import Inputs
from steep.stages.prepare import Prepared, recount
from steep.training.guard import Guard, look_steps, record_of, steps_in_model

# Looks are planned to take a fortieth of the training, half of what checks may take by default;
# they read their tokens at about twice the rate of training or better.
_SHARE = 0.025
_FASTER = 2.0
_FEWEST_TOKENS = 384  # of a look: below that its numbers say nothing

# A text shorter than that is mostly its beginning, which no model predicts well.
_LEAST_OF_A_TEXT = 64
_GENERAL_TEXTS, _DOMAIN_TEXTS = 12, 6
_MOST_TOKENS = 3072


def guard_sample(inputs: Inputs, prepared: Prepared, tokenizer: Any) -> Sample:
    """Texts for the guard: twice as much general text as the user's own.

    The general texts are neither trained on nor judged on, and nothing is chosen on the packaged
    ones. The user's are the held-out documents, or trained ones where none is held out.
    """

    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    looks = len(look_steps(prepared.steps)) + 1
    trained = int(prepared.ledger["trained"]["tokens"])
    tokens = round(_SHARE * _FASTER * trained / looks)
    tokens = min(_MOST_TOKENS, max(_FEWEST_TOKENS, tokens))
    own = [document.text for document in prepared.held_out or prepared.trained]
    return Sample(
        domain=_within(own, tokens // 3, _DOMAIN_TEXTS, count),
        general=_within(inputs.guard, tokens - tokens // 3, _GENERAL_TEXTS, count),
        questions=(),
        facts="fact_accuracy",
    )


def _within(
    texts: Sequence[str], tokens: int, most: int, count: Callable[[str], int]
) -> tuple[str, ...]:
    """The beginnings of a few texts, about ``tokens`` long together; the same in any order."""
    number = min(most, max(2, tokens // _LEAST_OF_A_TEXT))
    chosen = sorted(texts, key=text_hash)[:number]
    return tuple(shortened(text, tokens // number, count) for text in chosen)


def make_guard(
    recipe: Recipe,
    inputs: Inputs,
    prepared: Prepared,
    run: RunFolder,
    model: Any,
    tokenizer: Any,
    precision: Precision,
    state: Mapping[str, Any],
    progress: Progress,
) -> Guard | None:
    """The guard of a run, going on from a checkpoint's ``state``; None if the recipe has none."""
    if not recipe.guard.enabled:
        run.guard.unlink(missing_ok=True)
        return None
    if kept := state.get("sample"):
        sample = Sample(tuple(kept["domain"]), tuple(kept["general"]), (), "fact_accuracy")
    else:
        sample = guard_sample(inputs, prepared, tokenizer)

    def tell(record: Mapping[str, Any], said: str | None) -> None:
        write_sealed(run.guard, record)
        if said is not None:
            progress.note(f"guard: {said}")

    return Guard(
        LightCheck(model, tokenizer, sample, precision),
        recipe.guard,
        steps=prepared.steps,
        sample={"domain": sample.domain, "general": sample.general},
        tell=tell,
    )


def settle(
    recipe: Recipe,
    run: RunFolder,
    prepared: Prepared,
    state: Mapping[str, Any],
    alarm_at: int | None = None,
) -> None:
    """After training: keep the record, and count only the steps left in the model as trained.

    Args:
        state: the guard's, from the last checkpoint; empty without one.
        alarm_at: after how many steps an alarm ended training.
    """
    kept: Sequence[int] = range(prepared.steps if alarm_at is None else alarm_at)
    if state:
        record = record_of(recipe.guard, state)
        if read_sealed(run.guard) != sealed(record):
            write_sealed(run.guard, record)
        kept = steps_in_model(record, alarm_at)
    if prepared.ledger["trained"]["steps"] != len(kept):
        recount(run, prepared, kept)


def guard_sentences(record: Mapping[str, Any], alarm_at: int | None = None) -> list[str]:
    """What the verdict has to say of the guard; nothing if it never intervened.

    Args:
        alarm_at: after how many steps an alarm ended training, whose state then is judged.
    """
    backoffs = record.get("backoffs") or []
    if not backoffs:
        return []
    times = "once" if len(backoffs) == 1 else f"{len(backoffs)} times"
    worst = max((b["rise"] for b in backoffs if b["rise"] is not None), default=None)
    lost = (
        "it could no longer be scored"
        if worst is None
        else f"its loss rose by up to {worst:.2f} nats per token, limit {record['limit']:g}"
    )
    steps, kept = record["steps"], len(steps_in_model(record, alarm_at))
    model = f"step {record['best_step']}" if record["best_step"] else "the untouched base model"
    said = f"The guard took training back {times}, because general text was being lost ({lost}): "
    if record["stopped_at"] is not None:
        said += f"it stopped at step {record['stopped_at']} of {steps}, and {model} is judged."
    elif alarm_at is not None:
        said += f"it went on at {record['factor']:g} times the rate until an alarm stopped it, and "
        said += f"what there was after step {alarm_at} of {steps} is judged."
    elif all(backoff["step"] == steps for backoff in backoffs):  # nothing was left to go on with
        said += f"{model} is judged."
    else:
        said += f"it went on at {record['factor']:g} times the rate, and {model} is judged."
    return [f"{said} {kept} of {steps} steps are in the model."]
