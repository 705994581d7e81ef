"""From raw results of two models to evaluation.json: measures, intervals, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from steep.errors import DriftError
from steep.proof.rules import judge_kept, judge_learned, judge_memorised, may_ship
from steep.proof.statistics import Difference, mcnemar_exact, paired, ratio_difference
from steep.proof.words import Findings, reasons, verdict

SCHEMA = 1
SAMPLES = 6
FORGETTING_BUDGET = 0.05

Raw = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]
Better = Literal["higher", "lower"]


@dataclass(frozen=True)
class Compared:
    """Every measure of evaluation.json by name, and the change in general loss.

    ``general_loss`` is in nats per token of the base model's tokenizer.
    """

    measures: dict[str, Difference]
    general_loss: Difference
    control_exact: Difference


def judge(
    base: Raw,
    tuned: Raw,
    *,
    forgetting_budget: float = FORGETTING_BUDGET,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Compare two results of ``measure`` on the same panel.

    Args:
        base, tuned: raw results of the base and the tuned model.
        forgetting_budget: allowed rise on general text, nats per token.
        notes: plain sentences to keep with the result ("resumed twice", …).

    Returns:
        What evaluation.json holds: ``schema``, ``verdict``, ``learned``, ``kept``,
        ``memorised``, ``ship``, ``measures``, ``samples``, ``reasons``, ``chance``,
        ``forgetting_budget`` and ``notes``. Numbers are rounded to 6 decimals.

    Raises:
        DriftError: the two were measured on different items or by different scorers.
    """
    found = compare(base, tuned)
    fact, control = found.measures["fact_accuracy"], found.measures["control_accuracy"]
    if fact.n == 0:  # no question has choices: then the free answers decide
        fact, control = found.measures["fact_exact"], found.control_exact
    learned = judge_learned(fact, control)
    kept = judge_kept(
        found.general_loss, found.measures["general_fact_accuracy"], forgetting_budget
    )
    memorised = judge_memorised(found.measures["verbatim_rate"])
    findings = Findings(
        learned=learned,
        kept=kept,
        memorised=memorised,
        ship=may_ship(learned, kept, memorised),
        fact=fact,
        control=control,
        flips=_flips(
            base["questions"], tuned["questions"], exact=fact.n != 0 and not _ranked(base)
        ),
        measures=found.measures,
        general_loss=found.general_loss,
        budget=forgetting_budget,
    )
    return {
        "schema": SCHEMA,
        "verdict": verdict(findings),
        "learned": learned,
        "kept": kept,
        "memorised": memorised,
        "ship": findings.ship,
        "measures": [_row(name, difference) for name, difference in found.measures.items()],
        "samples": _samples(base["questions"], tuned["questions"]),
        "reasons": reasons(findings),
        "chance": _chance(base["questions"]),
        "forgetting_budget": forgetting_budget,
        "notes": list(notes),
    }


def compare(base: Raw, tuned: Raw) -> Compared:
    """Paired differences of every measure; one that can't be taken has n 0.

    Raises:
        DriftError: the two were measured on different items or by different scorers.
    """
    if base["scorer_version"] != tuned["scorer_version"]:
        raise DriftError(
            f"the base model was judged by scorer {base['scorer_version']} and the tuned one by "
            f"{tuned['scorer_version']}; delete the older results and evaluate again"
        )
    for name in ("domain", "general", "questions", "controls", "general_questions", "probes"):
        if [row["id"] for row in base[name]] != [row["id"] for row in tuned[name]]:
            raise DriftError(
                f"the two models were judged on different {name.replace('_', ' ')}; delete the "
                "older results and evaluate again"
            )
    measures: dict[str, Difference] = {}
    for name in ("domain", "general"):
        measures[f"{name}_bits_per_byte"] = _texts(base[name], tuned[name], "bytes", "bits")
        measures[f"{name}_perplexity"] = _texts(base[name], tuned[name], "tokens", "exp")
    measures["fact_accuracy"] = _rate(base["questions"], tuned["questions"], "first")
    measures["fact_accuracy_beyond_prior"] = _rate(
        base["questions"], tuned["questions"], "first_beyond_prior"
    )
    measures["fact_exact"] = _rate(base["questions"], tuned["questions"], "exact")
    measures["control_accuracy"] = _rate(base["controls"], tuned["controls"], "first")
    general = (base["general_questions"], tuned["general_questions"])
    measures["general_fact_accuracy"] = _rate(*general, "first")
    measures["verbatim_rate"] = _verbatim(base["verbatim"], tuned["verbatim"])
    measures["probe_accuracy"] = _rate(base["probes"], tuned["probes"], "first")
    measures["probe_exact"] = _rate(base["probes"], tuned["probes"], "exact")
    return Compared(
        measures=measures,
        general_loss=_loss(base["general"], tuned["general"]),
        control_exact=_rate(base["controls"], tuned["controls"], "exact"),
    )


def better(name: str) -> Better:
    """Which direction of a measure is good."""
    lower = ("_bits_per_byte", "_perplexity", "verbatim_rate")
    return "lower" if name.endswith(lower) else "higher"


def _texts(
    base: Rows, tuned: Rows, unit: Literal["bytes", "tokens"], scale: Literal["bits", "exp"]
) -> Difference:
    """Bits per byte or perplexity, resampling documents."""
    return ratio_difference(
        _column(base, "nats"),
        _column(tuned, "nats"),
        _column(base, unit),
        _column(tuned, unit),
        clusters=[str(row["id"]) for row in base],
        scale=scale,
    )


def _loss(base: Rows, tuned: Rows) -> Difference:
    """Nats per token of the base's tokenizer, so that another tokenizer can't hide a change."""
    return ratio_difference(
        _column(base, "nats"),
        _column(tuned, "nats"),
        _column(base, "tokens"),
        clusters=[str(row["id"]) for row in base],
    )


def _rate(
    base: Rows, tuned: Rows, key: Literal["first", "first_beyond_prior", "exact"]
) -> Difference:
    """Share of questions that are right, resampling facts; those without a result are left out."""
    pairs = [(b, t) for b, t in zip(base, tuned, strict=True) if b[key] is not None is not t[key]]
    return paired(
        [float(b[key]) for b, _ in pairs],
        [float(t[key]) for _, t in pairs],
        [str(b["cluster"]) for b, _ in pairs],
    )


def _verbatim(base: Rows, tuned: Rows) -> Difference:
    """Share of trained windows recited, over the windows that both models were given."""
    after = {(row["id"], row["start"]): bool(row["same"]) for row in tuned}
    pairs = [
        (str(row["id"]), bool(row["same"]), after[row["id"], row["start"]])
        for row in base
        if (row["id"], row["start"]) in after
    ]
    return paired(
        [float(b) for _, b, _ in pairs],
        [float(t) for _, _, t in pairs],
        [name for name, _, _ in pairs],
    )


def _column(rows: Rows, key: str) -> list[float]:
    return [float(row[key]) for row in rows]


def _ranked(raw: Raw) -> bool:
    """True if any question has choices."""
    return any(row["first"] is not None for row in raw["questions"])


def _flips(base: Rows, tuned: Rows, *, exact: bool) -> tuple[int, int, float]:
    """Questions that only the base, and that only the tuned model got right; exact McNemar p."""
    key = "exact" if exact else "first"
    lost = sum(bool(b[key]) and not t[key] for b, t in zip(base, tuned, strict=True))
    gained = sum(bool(t[key]) and not b[key] for b, t in zip(base, tuned, strict=True))
    return lost, gained, mcnemar_exact(lost, gained)


def _chance(questions: Rows) -> float | None:
    """What guessing would give: one over the mean number of choices."""
    counts = [len(row["choices"]) for row in questions if row["first"] is not None]
    return round(len(counts) / sum(counts), 6) if counts else None


def _row(name: str, found: Difference) -> dict[str, Any]:
    return {
        "name": name,
        "n": found.n,
        "base": _rounded(found.base),
        "tuned": _rounded(found.tuned),
        "delta": _rounded(found.delta),
        "ci95": None if found.ci95 is None else [_rounded(end) for end in found.ci95],
        "better": better(name),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6) + 0.0


def _samples(base: Rows, tuned: Rows) -> list[dict[str, str]]:
    """Six telling questions: three learned, two not learned, one lost, then whatever is left."""
    sorts: dict[tuple[bool, bool], list[int]] = {}
    for number, (b, t) in enumerate(zip(base, tuned, strict=True)):
        sorts.setdefault((bool(b["exact"]), bool(t["exact"])), []).append(number)
    gained, still, lost = (
        sorts.get(sort, []) for sort in ((False, True), (False, False), (True, False))
    )
    chosen = gained[:3] + still[:2] + lost[:1]
    rest = [n for n in [*gained, *still, *lost, *sorts.get((True, True), [])] if n not in chosen]
    return [
        {
            "question": str(base[number]["question"]),
            "truth": str(base[number]["truth"]),
            "base": str(base[number]["answer"]),
            "tuned": str(tuned[number]["answer"]),
        }
        for number in [*chosen, *rest][:SAMPLES]
    ]
