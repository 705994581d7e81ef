"""The verdict in words: one or two plain sentences, the reasons, and a table to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from steep.proof.rules import Kept, Learned, explained_by_controls
from steep.proof.statistics import Difference

NAMES = {
    "domain_bits_per_byte": "your held-out documents, bits per byte",
    "domain_perplexity": "your held-out documents, perplexity",
    "general_bits_per_byte": "general text, bits per byte",
    "general_perplexity": "general text, perplexity",
    "fact_accuracy": "your facts, asked in new words",
    "fact_accuracy_beyond_prior": "the same, each choice's prior taken off",
    "fact_exact": "your facts, answered freely",
    "control_accuracy": "untrained control facts (must not move)",
    "general_fact_accuracy": "general knowledge",
    "verbatim_rate": "training text recited word for word",
    "probe_accuracy": "automatic probes",
    "probe_exact": "automatic probes, answered freely",
}
RATES = frozenset(name for name in NAMES if not name.endswith(("_bits_per_byte", "_perplexity")))
SMALL = 0.05


@dataclass(frozen=True)
class Findings:
    """All that the words are made from.

    ``fact`` and ``control`` are the measures that decided; ``flips`` counts questions that only
    the base, and that only the tuned model got right, with the exact McNemar p-value.
    """

    learned: Learned
    kept: Kept
    memorised: bool
    ship: bool
    fact: Difference
    control: Difference
    flips: tuple[int, int, float]
    measures: Mapping[str, Difference]
    general_loss: Difference
    budget: float


class TableRow(NamedTuple):
    """One line of the base-versus-tuned table, ready to print."""

    name: str
    n: str
    base: str
    tuned: str
    change: str
    interval: str


def verdict(found: Findings) -> str:
    """One or two plain sentences: learned, kept, memorised, ship."""
    recited = found.measures["verbatim_rate"]
    parts = [_learned_words(found), _kept_words(found)]
    if found.memorised:
        parts.append(
            f"it recites {_percent(recited.tuned)} of the training passages tried word for word "
            f"({_percent(recited.base)} before)"
        )
    advice = "Ship it" if found.ship else "Do not ship"
    return f"{advice}: {'; '.join(parts)}."


def reasons(found: Findings) -> list[str]:
    """Plain sentences, one for each thing the verdict rests on."""
    lost, gained, p = found.flips
    said = [_sentence(_learned_words(found))]
    if found.fact.n:
        said.append(
            f"{gained} questions went from wrong to right and {lost} from right to wrong "
            f"(exact McNemar p = {p:.2g})."
        )
        if found.learned == "yes" and p >= SMALL:
            said.append(f"With {found.fact.n} questions this is thin evidence: ask more of them.")
    if found.fact.n and found.fact.ci95 is None:
        said.append("All questions are about one fact, so no interval can be taken: ask more.")
    if found.control.n:
        said.append(
            f"Control facts that no training text holds went from {_percent(found.control.base)} "
            f"to {_percent(found.control.tuned)} (n {found.control.n})."
        )
    elif found.fact.n:
        said.append("No control questions were asked, so a gain in form alone can't be told apart.")
    said.append(_sentence(_kept_words(found)))
    facts = found.measures["general_fact_accuracy"]
    if facts.n:
        said.append(
            f"General knowledge went from {_percent(facts.base)} to {_percent(facts.tuned)} "
            f"(n {facts.n})."
        )
    recited = found.measures["verbatim_rate"]
    if recited.n:
        said.append(
            f"Of {recited.n} training passages {_percent(recited.tuned)} are recited word for "
            f"word, {_percent(recited.base)} before."
        )
    else:
        said.append("No training passage was long enough to test for word-for-word recall.")
    return said


def verdict_table(evaluation: Mapping[str, Any]) -> list[TableRow]:
    """The measures of an evaluation.json as lines of text; those not taken are left out."""
    return [_table_row(row) for row in evaluation["measures"] if row["n"]]


def _table_row(row: Mapping[str, Any]) -> TableRow:
    rate = row["name"] in RATES
    interval = row["ci95"]
    return TableRow(
        name=NAMES.get(row["name"], str(row["name"]).replace("_", " ")),
        n=f"{row['n']:,}",
        base=_percent(row["base"]) if rate else f"{row['base']:,.3f}",
        tuned=_percent(row["tuned"]) if rate else f"{row['tuned']:,.3f}",
        change=_change(row["delta"], rate),
        interval="–"
        if interval is None
        else f"{_change(interval[0], rate)} to {_change(interval[1], rate)}",
    )


def _learned_words(found: Findings) -> str:
    fact = found.fact
    if not fact.n:
        return (
            "no evidence that it learned facts, because no questions were asked (how well it "
            f"predicts held-out documents{_documents(found)} says nothing about knowledge)"
        )
    numbers = (
        f"{_percent(fact.tuned)} of {fact.n} questions about your documents right, "
        f"{_percent(fact.base)} before"
    )
    if found.learned == "yes":
        return f"it learned your facts ({numbers})"
    if found.learned == "worse":
        return f"it answers worse than before ({numbers})"
    if explained_by_controls(fact, found.control):
        return (
            f"no evidence that it learned your facts: {numbers}, but facts it never saw rose from "
            f"{_percent(found.control.base)} to {_percent(found.control.tuned)} too"
        )
    return f"no evidence that it learned your facts ({numbers})"


def _documents(found: Findings) -> str:
    bits = found.measures["domain_bits_per_byte"]
    if bits.base is None or bits.tuned is None:
        return ""
    return f", here {bits.base:.3f} to {bits.tuned:.3f} bits per byte,"


def _kept_words(found: Findings) -> str:
    loss = found.general_loss
    if loss.delta is None or loss.ci95 is None:
        return "whether it kept its general ability couldn't be measured (too few general texts)"
    numbers = (
        f"general text {loss.delta:+.3f} nats per token, interval {loss.ci95[0]:+.3f} to "
        f"{loss.ci95[1]:+.3f}, budget {found.budget:+.3f}"
    )
    if found.kept == "yes":
        return f"it kept its general ability ({numbers})"
    if found.kept == "within_budget":
        return f"it forgot a little, within the budget ({numbers})"
    if loss.ci95[1] <= found.budget:
        facts = found.measures["general_fact_accuracy"]
        return (
            f"it forgot general knowledge ({_percent(facts.tuned)} of {facts.n} questions right, "
            f"{_percent(facts.base)} before)"
        )
    if loss.ci95[0] <= found.budget:
        return f"it isn't shown that it forgot less than the budget ({numbers})"
    return f"it forgot more than the budget ({numbers})"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.0f}%"


def _change(value: float, rate: bool) -> str:
    return f"{100 * value:+.1f} points" if rate else f"{value:+,.3f}"
