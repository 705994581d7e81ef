"""How a run was trained, as far as advice depends on it, read from its files."""

from __future__ import annotations

import json
from pathlib import Path

from steep.artifact import read_table
from steep.documents.cleaning.quality import garbled_share, repeated_share
from steep.proof.advice import Setting
from steep.recipe import Recipe, default_rate
from steep.stages.folder import RunFolder
from steep.stages.prepare import DOCUMENTS_FILE, LEDGER_FILE

_END = 10  # the first and the last tenth of the steps are compared


def read_setting(recipe: Recipe, run: RunFolder) -> Setting:
    """The setting of a run with a resolved recipe; what its files don't tell is None."""
    train = recipe.train
    ledger = read_table(run.data / LEDGER_FILE)
    facts, trained = ledger.get("facts") or {}, ledger.get("trained") or {}
    times = [sum(row["times_trained"]) / 2 for row in ledger.get("by_document") or ()]
    searched = recipe.strength.fixed is None
    chosen, guard = read_table(run.strength), read_table(run.guard)
    whole = [p["rise"] for p in chosen.get("points") or () if p["strength"] == 1.0]
    backoffs = guard.get("backoffs") or []
    rises = [backoff["rise"] for backoff in backoffs if backoff["rise"] is not None]
    losses = read_losses(run.path / "metrics.jsonl")
    texts = _trained_texts(run.data / DOCUMENTS_FILE)
    budget = train.budget
    return Setting(
        general_share=trained.get("general_share"),
        exposures=facts.get("median_exposures"),
        wordings=facts.get("median_wordings"),
        strength=chosen.get("strength") if searched else recipe.strength.fixed,
        strength_searched=searched,
        retells=recipe.retell.enabled,
        passes=sum(times) / len(times) if times else None,
        documents=len(times) or None,
        budget=budget,
        enough=None if budget is None else (facts.get("enough") or {}).get(budget[0]),
        rate=train.learning_rate,
        usual_rate=default_rate(train),
        steps=len(losses) or None,
        loss_fell_to=_fell_to(losses),
        whole_rise=whole[0] if whole else None,
        guard_factor=float(guard["factor"]) if backoffs else None,
        guard_rise=max(rises, default=None),
        alarm=_first_part(read_table(run.alarm).get("message")),
        best_step=guard.get("best_step"),
        garbled=garbled_share(texts),
        repeated=repeated_share(texts),
        dropout=train.lora_dropout if train.method == "lora" else None,
        decay=train.weight_decay,
    )


def _first_part(message: str | None) -> str | None:
    """What happened, without what to do about it."""
    return None if message is None else message.split("; ")[0].split(". ")[0]


def read_losses(path: Path) -> list[float]:
    """Training losses by step; damaged lines are left out."""
    if not path.is_file():
        return []
    found: list[float] = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            found.append(float(json.loads(line)["loss"]))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def _fell_to(losses: list[float]) -> float | None:
    """The last tenth's mean loss over the first's; None for too few steps to tell."""
    if len(losses) < 2 * _END:
        return None
    size = len(losses) // _END
    first, last = sum(losses[:size]), sum(losses[-size:])
    return last / first if first > 0 else None


def _trained_texts(path: Path) -> list[str]:
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return [str(row["text"]) for row in rows if row["split"] == "trained"]
