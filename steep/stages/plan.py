"""Plan: what a run will take on this machine, whether it fits, and whether it is the right tool.

Nothing here changes what a run gives. ``plan.json`` and ``steep plan --json`` have this schema::

    {"schema": 1, "key": "…",
     "documents": {"found", "trained", "held_out", "dropped"},
     "training": {"steps", "tokens", "domain_tokens", "passes", "general_share", "method"},
     "facts": {"count", "median_exposures", "median_wordings", …} or {"count": 0},
     "machine": {"device", "threads", "precision", "why"},
     "predicted": null or {"tokens_per_second", "training_seconds", "seconds", "low", "high",
         "recorded_peak", "peak", "room", "fits", "times": [{"name", "seconds", "low", "high"}…],
         "memory": [{"name", "peak"}…], "smaller": [{"changes", "peak"}…],
         "calibration_seconds"},
     "problem": null or why nothing could be predicted,
     "advice": [{"about", "text"}…],
     "actual": {"seconds"} once a run that was not interrupted is finished}

Seconds are wall time, memory is in bytes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from steep.artifact import key_of, read_json
from steep.corpus.retell import most_forms
from steep.corpus.schedule import Schedule
from steep.errors import RecipeError
from steep.model.load import best_device
from steep.model.precision import BF16_WORTH_IT, Precision, choose_precision, matmul_rates
from steep.planning.advice import (
    Advice,
    minutes,
    on_behaviour,
    on_exposures,
    on_known_text,
    on_little_text,
    on_wordings,
)
from steep.planning.calibrate import Calibration, Question, calibrate
from steep.planning.machine import memory, resident_bytes
from steep.planning.predict import Prediction, predict
from steep.planning.shape import weight_bytes
from steep.planning.shift import is_new_language, on_language
from steep.planning.workload import Workload, asking_of, sample_steps, tokens_of
from steep.progress import Progress
from steep.proof.measure import Panel, fingerprint
from steep.recipe import Recipe
from steep.stages.asked import planned_requests
from steep.stages.base import Base
from steep.stages.evaluate import kept_scores, make_panel
from steep.stages.folder import RunFolder, training_key
from steep.stages.inputs import Inputs
from steep.stages.known import base_on_such_text
from steep.stages.later import later_warmup, later_work
from steep.stages.manners import with_manners
from steep.stages.order import crude_tokens, passes_of, self_written_tokens
from steep.stages.prepare import Draft, Prepared, data_key
from steep.stages.probes import known_probes, stand_ins
from steep.stages.replay_kl import rehearsed
from steep.stages.rewrite import estimate, planned
from steep.stages.vocabulary import shape_as_grown, train_as_grown
from steep.training.rates import warmup_notes

# A run that is over sooner isn't worth half a minute of measuring.
WORTH_SECONDS = 60.0
# Of a core, of a GPU and of a Mac's, roughly and on the high side.
_CPU_FLOPS, _GPU_FLOPS, _MPS_FLOPS = 5e10, 1e14, 5e12

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class Plan:
    """What a run will take (fields as in the module's schema)."""

    key: str
    documents: dict[str, int]
    training: dict[str, Any]
    facts: dict[str, Any]
    machine: dict[str, Any]
    prediction: Prediction | None
    calibration_seconds: float | None
    problem: str | None
    advice: tuple[Advice, ...]

    def as_json(self) -> dict[str, Any]:
        """The plan in the module's schema."""
        found = self.prediction
        predicted: dict[str, Any] | None = None
        if found is not None:
            predicted = {
                **asdict(found),
                "seconds": found.seconds,
                "low": found.low,
                "high": found.high,
                "calibration_seconds": self.calibration_seconds,
            }
        return {
            "schema": 1,
            "key": self.key,
            "documents": self.documents,
            "training": self.training,
            "facts": self.facts,
            "machine": self.machine,
            "predicted": predicted,
            "problem": self.problem,
            "advice": [asdict(advice) for advice in self.advice],
        }


def plan_key(recipe: Recipe, inputs: Inputs, base: Base) -> str:
    """What a plan depends on, beside the machine."""
    data = key_of(data_key(recipe, base, inputs))
    return key_of(
        {
            "training": training_key(recipe, data, base.fingerprint),
            "strength": recipe.strength.model_dump(),
            "evaluate": recipe.evaluate.model_dump(),
            **{name: t.model_dump() for name in ("sft", "dpo") if (t := getattr(recipe, name))},
        }
    )


def kept_plan(recipe: Recipe, inputs: Inputs, base: Base, run: RunFolder) -> bool:
    """Does the run folder hold the plan of this very run?"""
    try:
        return bool(read_json(run.plan)["key"] == plan_key(recipe, inputs, base))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def plan_line(plan: Plan) -> str:
    """The plan in one line."""
    found = plan.prediction
    if found is None:
        return f"nothing could be predicted: {plan.problem}"
    line = (
        f"predicted: {minutes(found.training_seconds)} of training at "
        f"{found.tokens_per_second:.0f} tokens/s, {minutes(found.seconds)} in all, "
        f"{found.peak / 1e9:.1f} GB of memory ({found.room / 1e9:.1f} GB available)"
    )
    return line if found.fits else f"warning: {line}: it may not fit; see steep plan"


def is_worth_planning(recipe: Recipe, inputs: Inputs, base: Base) -> bool:
    """Will the run take long enough for half a minute of measuring? By arithmetic alone."""
    import torch

    try:
        parameters = weight_bytes(shape_as_grown(base)) / 4
    except Exception:  # whatever it is: a plan is never a reason not to train
        return False
    rates = {"cpu": _CPU_FLOPS * torch.get_num_threads(), "mps": _MPS_FLOPS}
    rate = rates.get(best_device(), _GPU_FLOPS)
    return 6 * parameters * _crude_tokens(recipe, inputs) / rate > WORTH_SECONDS


def make_plan(
    recipe: Recipe,
    inputs: Inputs,
    base: Base,
    corpus: Draft | Prepared,
    progress: Progress,
    *,
    ask: bool,
) -> Plan:
    """Calibrate, predict and advise.

    Args:
        corpus: the schedule to come, drafted or prepared.
        ask: load the base model and see how well it predicts the documents already.
    """
    import torch

    device = best_device()
    precision, why = _precision(recipe, device)
    ledger = corpus.ledger
    data = key_of(data_key(recipe, base, inputs))
    probes = known_probes(recipe, data, inputs.rows, base.home)
    panel, _ = make_panel(inputs, probes)
    if probes is None:
        panel = replace(panel, probes=stand_ins(recipe.evaluate.probes))
    panel = with_manners(recipe, panel, inputs.rows, base.home)
    work = _workload(recipe, inputs, base, corpus, panel)
    prediction, calibration, problem = None, None, None
    progress.stage("Measuring small models of the same shape")
    try:
        calibration = calibrate(
            Question(
                shape_as_grown(base),
                train_as_grown(recipe, base),
                precision,
                torch.get_num_threads(),
                device,
                work.rows,
                work.firsts,
            ),
            progress=progress.at,
        )
        prediction = predict(
            recipe,
            calibration,
            work,
            memory(device),
            held=0 if device != "cpu" else resident_bytes() or 0,
            base_is_known=kept_scores(fingerprint(panel, base.home.fingerprint)).is_file(),
            half=precision != "fp32",
            stored_half=_config(base).dtype in (torch.bfloat16, torch.float16),
            on_gpu=device == "cuda",
        )
    except RecipeError:
        raise
    except Exception as error:  # whatever it is: a plan is never a reason not to train
        problem = " ".join(str(error).split()) or repr(error)
    domain_tokens = int(ledger["tokens"]["by_kind"].get("document", 0))
    return Plan(
        key=plan_key(recipe, inputs, base),
        documents={n: ledger["documents"][n] for n in ("found", "trained", "held_out", "dropped")},
        training={
            "steps": corpus.steps,
            "tokens": work.tokens,
            "domain_tokens": domain_tokens,
            "passes": round(corpus.schedule.epoch_of(corpus.steps), 2),
            "general_share": ledger["trained"]["general_share"],
            "method": recipe.train.method,
            **({"stages": stages} if (stages := _stages(corpus.schedule)) else {}),
        },
        facts=ledger["facts"],
        machine={
            "device": device,
            "threads": torch.get_num_threads(),
            "precision": precision,
            "why": why,
        },
        prediction=prediction,
        calibration_seconds=None if calibration is None else calibration.seconds,
        problem=problem,
        advice=tuple(
            _advice(recipe, inputs, base, corpus, domain_tokens, calibration, progress, ask)
        ),
    )


def _stages(schedule: Schedule) -> list[dict[str, Any]]:
    return [
        {
            "name": stage.name,
            "steps": stage.steps,
            "passes": round(schedule.epoch_of(stage.first + stage.steps), 2),
        }
        for stage in schedule.stages
    ]


def _advice(
    recipe: Recipe,
    inputs: Inputs,
    base: Base,
    corpus: Draft | Prepared,
    domain_tokens: int,
    calibration: Calibration | None,
    progress: Progress,
    ask: bool,
) -> list[Advice]:
    facts, steps = corpus.ledger["facts"], corpus.steps
    budgets, budget = facts.get("enough"), recipe.train.budget
    enough = None if budgets is None or budget is None else (budget[0], budgets[budget[0]])
    seconds = None
    if calibration is not None and enough is not None and budget is not None:
        tokens = corpus.ledger["trained"]["tokens"] * enough[1] / budget[1]
        seconds = tokens / calibration.tokens_per_second
    known = base_on_such_text(recipe, inputs, base, progress) if ask else None
    found = [
        on_behaviour(inputs.split.trained),
        on_little_text(domain_tokens, _context(base)),
        None if is_new_language(inputs.split.trained, known) else on_known_text(known),
        on_language(inputs.split.trained, known, corpus.ledger["trained"]["general_share"]),
        on_exposures(facts.get("median_exposures"), steps, enough, seconds),
        on_wordings(facts.get("count", 0), facts.get("under_3_wordings", 0)),
        _on_rewriting(recipe, inputs),
        _on_rows(recipe, inputs),
    ]
    found += [Advice("context", warning) for warning in base.warnings]
    found += [Advice("warm-up", words) for words in _on_warmup(recipe, corpus)]
    return [advice for advice in found if advice is not None]


def _on_warmup(recipe: Recipe, corpus: Draft | Prepared) -> list[str]:
    """Warm-ups that are too long for what they are of."""
    return [
        *warmup_notes(recipe.train, corpus.steps, corpus.schedule.stages),
        *(words for name, stage in recipe.later.items() if (words := later_warmup(name, stage))),
    ]


def _on_rewriting(recipe: Recipe, inputs: Inputs) -> Advice | None:
    """What a language model will be asked for; its answers aren't in the plan's tokens."""
    if not recipe.rewrite.enabled:
        return None
    asked = planned(inputs.split.trained, recipe.rewrite)
    return Advice("rewriting", f"{estimate(asked, recipe.rewrite)}; their text isn't planned for")


def _on_rows(recipe: Recipe, inputs: Inputs) -> Advice | None:
    """What it will be asked for to word instructions and preferences."""
    asked = planned_requests(recipe, inputs)
    if not asked:
        return None
    return Advice("rows", f"{estimate(asked, recipe.rewrite)}; for questions and answers of facts")


def _workload(
    recipe: Recipe, inputs: Inputs, base: Base, corpus: Draft | Prepared, panel: Panel
) -> Workload:
    rows, firsts = sample_steps(corpus.schedule, corpus.steps)
    searched = recipe.strength.fixed is None
    validation = (*inputs.validation, *inputs.validation_reference)
    written = 0
    if inputs.replay is None:
        written = self_written_tokens(recipe, passes_of(corpus.schedule.shards, inputs.stages))
    return Workload(
        steps=corpus.steps,
        tokens=int(corpus.ledger["trained"]["tokens"]),
        rows=rows,
        firsts=firsts,
        asking=asking_of(panel, base.tokenizer),
        validation_tokens=tokens_of(validation, base.tokenizer) if searched else 0,
        later=later_work(recipe, inputs.rows, base.home),
        written_tokens=written,
        held_tokens=_held_tokens(corpus) or written if recipe.train.replay_kl_coef else 0,
    )


def _held_tokens(corpus: Draft | Prepared) -> int:
    """Of the replay that comes up; none while the base still has to write it."""
    shards = corpus.schedule.shards
    return sum(int(shards.lengths[i]) for i in rehearsed(corpus.schedule, corpus.steps))


def _precision(recipe: Recipe, device: str) -> tuple[Precision, str]:
    """The precision a run would choose, and why."""
    asked = recipe.train.precision
    if asked != "auto":
        return asked, "as the recipe says"
    if device != "cpu":
        return choose_precision(asked, device), "what this device supports"
    rates = matmul_rates()
    ratio = rates["bf16"] / rates["fp32"]
    chosen: Precision = "bf16" if ratio > BF16_WORTH_IT else "fp32"
    return chosen, (
        f"products measured at {rates['fp32']:.0f} GFLOP/s in fp32 and {rates['bf16']:.0f} in "
        f"bf16; bf16 is taken from {BF16_WORTH_IT:g} times the speed on"
    )


def _crude_tokens(recipe: Recipe, inputs: Inputs) -> float:
    """About as many tokens as a run trains at most, without making the corpus."""
    trained = inputs.split.trained
    stages = inputs.stages or (frozenset(document.id for document in trained),)
    characters = [sum(len(d.text) for d in trained if d.id in stage) for stage in stages]
    retold = most_forms(recipe.retell) / _CHARACTERS_PER_TOKEN
    tokens, _ = crude_tokens(recipe, [retold * count for count in characters])
    return tokens


def _config(base: Base) -> Any:
    from transformers import AutoConfig

    return AutoConfig.from_pretrained(base.path, trust_remote_code=False)


def _context(base: Base) -> int | None:
    shape = shape_as_grown(base)
    text = shape.get("text_config") or shape
    found = text.get("max_position_embeddings") or text.get("n_positions")
    return int(found) if found else None
