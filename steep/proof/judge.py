"""From raw results of two models to evaluation.json: measures, intervals, verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steep.proof.advice import Setting
from steep.proof.advise import next_steps
from steep.proof.deciding import ceiling
from steep.proof.measures import Compared, Contaminated, Raw, Row, better, compare
from steep.proof.reasons import reasons
from steep.proof.rules import (
    is_contaminated,
    is_format_drift,
    is_reciting_tested,
    judge_controls,
    judge_kept,
    judge_learned,
    judge_memorised,
    kept_rests_on,
    may_ship,
    nothing_moved,
)
from steep.proof.shares import cluster_changes, sign_flip
from steep.proof.statistics import Difference
from steep.proof.words import Findings, Flips, verdict

SCHEMA = 1
SAMPLES = 6
FORGETTING_BUDGET = 0.05
JUDGE_VERSION = 4
"""Goes up whenever the same results may be judged otherwise."""


def judge(
    base: Raw,
    tuned: Raw,
    *,
    forgetting_budget: float = FORGETTING_BUDGET,
    notes: Sequence[str] = (),
    contaminated: Contaminated | None = None,
    setting: Setting | None = None,
    alarm: str | None = None,
    happened: Sequence[str] = (),
) -> dict[str, Any]:
    """Compare two results of ``measure`` on the same panel.

    Args:
        base, tuned: raw results of the base and the tuned model.
        forgetting_budget: allowed rise on general text, nats per token.
        notes: plain sentences to keep with the result ("resumed twice", …).
        contaminated: ids of questions whose wording stands in training text, by set ("questions",
            "probes"); they don't count.
        setting: how it was trained, for what to try next.
        alarm: what stopped training before its end; such a model is never to be shipped.
        happened: plain sentences about the training, to stand first among the reasons.

    Returns:
        What evaluation.json holds, its fingerprint and seal apart: ``schema``, ``verdict``,
        ``learned``, ``kept``, ``memorised``, ``controls``, ``contaminated``, ``ship``,
        ``measures``, ``general_loss`` (in nats per token, and the ``kind`` of text it is of),
        ``rests_on`` (which measure decided each part; null where none could), ``ceiling``,
        ``samples``, ``reasons``, ``next``, ``chance``,
        ``contamination``, ``forgetting_budget``, ``alarm`` and ``notes``.
        Numbers are rounded to 6 decimals.

    Raises:
        DriftError: the two were measured on different items or by different scorers.
    """
    found = compare(base, tuned, contaminated)
    sort = {"first": "accuracy", "exact": "exact"}[found.answers]
    fact, control = found.measures[f"fact_{sort}"], found.measures[f"control_{sort}"]
    few_shot = found.measures["general_fact_accuracy_few_shot"]
    facts = found.measures["general_fact_accuracy"]
    learned = judge_learned(fact, control, found.contaminated, found.one_answer)
    grammar = found.measures["grammar_accuracy"]
    loss = found.general_loss
    kept = judge_kept(loss, facts, forgetting_budget, few_shot=few_shot, grammar=grammar)
    kept_on = kept_rests_on(loss, facts, forgetting_budget, few_shot=few_shot, grammar=grammar)
    memorised = judge_memorised(found.measures["verbatim_rate"])
    limit = ceiling(base)
    findings = Findings(
        learned=learned,
        kept=kept,
        memorised=memorised,
        ship=may_ship(learned, kept, memorised) and alarm is None,
        fact=fact,
        control=control,
        flips=_flips(found.fact_rows, found.answers),
        measures=found.measures,
        general_loss=loss,
        kept_on=kept_on,
        lost_most=found.lost_most,
        budget=forgetting_budget,
        controls=judge_controls(control),
        contaminated=found.contaminated,
        drift=is_format_drift(facts, few_shot),
        no_change=nothing_moved(found.measures.values()),
        facts=found.facts,
        ceiling=limit[sort],
        commonest=found.commonest,
        one_answer=found.one_answer,
        unranked=0
        if found.answers == "exact"
        else sum(b["first"] is None for b, _ in found.fact_rows),
        alarm=alarm,
    )
    return {
        "schema": SCHEMA,
        "verdict": verdict(findings),
        "learned": learned,
        "kept": kept,
        "memorised": memorised,
        "controls": findings.controls,
        "contaminated": is_contaminated(found.contaminated),
        "ship": findings.ship,
        "measures": [_row(name, difference) for name, difference in found.measures.items()],
        "general_loss": {**_row("general_loss", loss), "kind": found.lost_most},
        "rests_on": {
            "learned": f"fact_{sort}",
            "controls": f"control_{sort}",
            "kept": kept_on,
            "memorised": "verbatim_rate"
            if is_reciting_tested(found.measures["verbatim_rate"])
            else None,
        },
        "ceiling": limit,
        "samples": _samples(found.fact_rows),
        "reasons": [*happened, *reasons(findings)],
        "next": next_steps(findings, setting or Setting()),
        "chance": _chance(found),
        "contamination": {
            "share": _rounded(found.contaminated),
            "items": {name: sorted(ids) for name, ids in (contaminated or {}).items() if ids},
        },
        "forgetting_budget": forgetting_budget,
        "alarm": alarm,
        "notes": list(notes),
    }


def _flips(pairs: Sequence[tuple[Row, Row]], key: str) -> Flips:
    """What changed between the two models, and the p-value of the test over its clusters."""
    told = [(b, t) for b, t in pairs if b[key] is not None is not t[key]]
    changes = cluster_changes(
        [float(b[key]) for b, _ in told],
        [float(t[key]) for _, t in told],
        [str(b["cluster"]) for b, _ in told],
    )
    return Flips(
        lost=sum(bool(b[key]) and not t[key] for b, t in told),
        gained=sum(bool(t[key]) and not b[key] for b, t in told),
        questions=len(told),
        clusters=len(changes),
        p=sign_flip(changes),
    )


def _chance(found: Compared) -> float | None:
    """The share that guessing would get right: the mean of one over the number of choices."""
    counts = [len(b["choices"]) for b, _ in found.fact_rows if b["first"] is not None]
    return round(sum(1 / count for count in counts) / len(counts), 6) if counts else None


def _row(name: str, found: Difference) -> dict[str, Any]:
    return {
        "name": name,
        "n": found.n,
        "base": _rounded(found.base),
        "tuned": _rounded(found.tuned),
        "delta": _rounded(found.delta),
        "ci95": None if found.ci95 is None else [_rounded(end) for end in found.ci95],
        "detectable": _rounded(found.detectable),
        "better": better(name),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6) + 0.0


def _samples(pairs: Sequence[tuple[Row, Row]]) -> list[dict[str, str]]:
    """Six questions, the three most telling first: one learned, one not, one lost.

    Of each sort those whose margin changed most come first; where a sort is empty the next ones
    move up.
    """
    sorts: dict[tuple[bool, bool], list[tuple[Row, Row]]] = {}
    answered = [(b, t) for b, t in pairs if b["answer"] is not None is not t["answer"]]
    for b, t in sorted(answered, key=_telling):
        sorts.setdefault((bool(b["exact"]), bool(t["exact"])), []).append((b, t))
    gained, still, lost, right = (
        sorts.get(sort, []) for sort in ((False, True), (False, False), (True, False), (True, True))
    )
    chosen = [*gained[:1], *still[:1], *lost[:1], *gained[1:3], *still[1:2]]
    taken = {id(b) for b, _ in chosen}
    rest = [pair for pair in (*gained, *still, *lost, *right) if id(pair[0]) not in taken]
    return [
        {
            "question": str(b["question"]),
            "truth": str(b["truth"]),
            "base": str(b["answer"]),
            "tuned": str(t["answer"]),
        }
        for b, t in [*chosen, *rest][:SAMPLES]
    ]


def _telling(pair: tuple[Row, Row]) -> float:
    """Lowest for the pair whose margin changed most."""
    before, after = pair[0]["margin"], pair[1]["margin"]
    return 0.0 if before is None or after is None else -abs(after - before)


def recomputed(base: Raw, tuned: Raw, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """What the raw results give under the settings that an evaluation says it was made with."""
    return judge(
        base,
        tuned,
        forgetting_budget=evaluation["forgetting_budget"],
        contaminated=evaluation["contamination"]["items"],
        alarm=evaluation.get("alarm"),
    )
