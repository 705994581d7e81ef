"""The verdict in words: one or two plain sentences, and a table to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from steep.proof.measures import BY_LANGUAGE, GeneralKind
from steep.proof.rules import (
    Controls,
    Kept,
    KeptOn,
    Learned,
    explained_by_controls,
    explained_by_one_answer,
    is_reciting_tested,
)
from steep.proof.statistics import Difference
from steep.wording import counted

NAMES = {
    "domain_bits_per_byte": "your held-out documents, bits per byte",
    "domain_perplexity": "your held-out documents, perplexity",
    "general_bits_per_byte": "general text, bits per byte",
    "general_perplexity": "general text, perplexity",
    "fact_accuracy": "your facts, asked in new words",
    "fact_accuracy_beyond_prior": "the same, each choice's prior taken off",
    "fact_reciprocal_rank": "the same, mean reciprocal rank of the truth",
    "fact_margin": "the same, lead of the truth, nats per token",
    "fact_exact": "your facts, answered freely",
    "fact_accuracy_as_in_text": "your facts, in the documents' words",
    "fact_accuracy_reversed": "your facts, asked in reverse",
    "fact_accuracy_contaminated": "questions whose wording was trained on (don't count)",
    "control_accuracy": "untrained control facts (must not move)",
    "control_exact": "untrained control facts, answered freely",
    "probe_accuracy": "automatic probes",
    "probe_exact": "automatic probes, answered freely",
    "probe_accuracy_as_in_text": "automatic probes, in the documents' words",
    "probe_accuracy_reversed": "automatic probes, in reverse",
    "general_fact_accuracy": "general knowledge",
    "general_fact_accuracy_few_shot": "general knowledge, behind three examples",
    "grammar_accuracy": "good grammar preferred to bad",
    "general_user_bits_per_byte": "your general texts, bits per byte",
    "general_project_bits_per_byte": "steep's general texts, bits per byte",
    "general_reference_bits_per_byte": "steep's reference texts, bits per byte",
    "general_self_bits_per_byte": "texts the base model wrote, bits per byte",
    "parallel_accuracy": "translations told from nine other sentences",
    "parallel_bits_per_byte": "translations by themselves, bits per byte",
    "general_kl": "drift of predictions on general text, nats per token",
    "verbatim_rate": "training text recited word for word",
    "verbatim_rate_short": "short training texts continued word for word (don't count)",
    "longest_copied": "words in a row copied when writing freely",
    "instruction_following": "instructions followed in the form asked for",
    "preference_accuracy": "held-out pairs: the better answer preferred",
}
GROUPS = {
    "Learned": ("fact_", "probe_", "control_", "domain_", BY_LANGUAGE, "parallel_"),
    "Kept": ("general_", "grammar_"),
    "Memorised": ("verbatim_", "longest_"),
    "Manners": ("instruction_", "preference_"),
}
"""Measures by what they tell, by how their names begin."""
_NUMBERS = ("_bits_per_byte", "_perplexity", "_kl", "_margin", "_rank", "_copied")
RATES = frozenset(name for name in NAMES if not name.endswith(_NUMBERS))
NOT_TO_SHIP = "Do not ship"


class Flips(NamedTuple):
    """Questions that only the base (``lost``), and that only the tuned model got right.

    ``p`` is of the sign-flip test over the ``clusters`` that the questions belong to, which
    decides with the interval; where each is one of its own that is McNemar's.
    """

    lost: int
    gained: int
    questions: int
    clusters: int
    p: float


@dataclass(frozen=True)
class Findings:
    """All that the words are made from.

    ``fact`` and ``control`` are the measures that decided; ``flips`` says which questions changed;
    ``contaminated`` is the share of questions left out because training text holds their wording;
    ``lost_most`` is the kind of general text that ``general_loss`` is of, and ``kept_on`` names the
    measure that forgetting was decided by;
    ``drift`` says that lost general facts come back behind examples; ``no_change`` that nothing
    moved at all; ``facts`` which set the facts are from; ``ceiling`` is the share that the base
    model answers with the right passage in its prompt; ``alarm`` what stopped training;
    ``commonest`` is the answer that is right for most questions and ``one_answer`` the share of
    those; ``unranked`` says how many have no choices where ranked ones decide.
    """

    learned: Learned
    kept: Kept
    memorised: bool
    ship: bool
    fact: Difference
    control: Difference
    flips: Flips
    measures: Mapping[str, Difference]
    general_loss: Difference
    budget: float
    kept_on: KeptOn = "general_loss"
    lost_most: GeneralKind = "general text"
    controls: Controls = "none"
    contaminated: float | None = None
    drift: bool = False
    no_change: bool = False
    facts: Literal["questions", "probes"] = "questions"
    ceiling: float | None = None
    alarm: str | None = None
    commonest: str = ""
    one_answer: float = 0.0
    unranked: int = 0


class TableRow(NamedTuple):
    """One line of the base-versus-tuned table, ready to print."""

    name: str
    n: str
    base: str
    tuned: str
    change: str
    interval: str


def verdict(found: Findings) -> str:
    """One or two plain sentences: learned, kept, memorised, ship; before them what stopped it."""
    if found.alarm is not None:
        return f"Training was stopped by an alarm. {verdict(replace(found, alarm=None))}"
    recited = found.measures["verbatim_rate"]
    if found.no_change:
        return (
            f"{NOT_TO_SHIP}: no change: nothing that was measured moved beyond chance{_of(found)}."
        )
    parts = [learned_words(found), kept_words(found)]
    if found.memorised:
        parts.append(
            f"it recites {percent(recited.tuned)} of the training passages tried word for word "
            f"({percent(recited.base)} before)"
        )
    elif not is_reciting_tested(recited):
        parts.append(untested_words(found))
    advice = "Ship it" if found.ship else NOT_TO_SHIP
    return f"{advice}: {'; '.join(parts)}."


def verdict_table(evaluation: Mapping[str, Any]) -> list[TableRow]:
    """The measures of an evaluation.json as lines of text; those not taken are left out."""
    return [_table_row(row) for row in evaluation["measures"] if row["n"]]


def _table_row(row: Mapping[str, Any]) -> TableRow:
    rate = row["name"] in RATES
    interval = row["ci95"]
    return TableRow(
        name=name_of(str(row["name"])),
        n=f"{row['n']:,}",
        base=value(row["base"], rate),
        tuned=value(row["tuned"], rate),
        change=change(row["delta"], rate),
        interval="–"
        if interval is None
        else f"{change(interval[0], rate).removesuffix(' points')} to {change(interval[1], rate)}",
    )


def power_words(row: Mapping[str, Any]) -> str:
    """Which true change so many items would mostly not show, for a row of evaluation.json.

    As "under 4.2 points"; empty where it isn't known. "Mostly": in over a fifth of repetitions.
    """
    smallest = row.get("detectable")
    if not row["n"] or row["ci95"] is None:
        return ""
    if smallest is None:
        return "any change"
    return f"under {points(smallest)}" if row["name"] in RATES else f"under {smallest:,.3f}"


def untested_words(found: Findings) -> str:
    """That too few passages were long enough, and what became of the short ones."""
    short = found.measures.get("verbatim_rate_short")
    words = "reciting couldn't be tested, for want of training passages that are long enough"
    return f"{words} ({short_words(short)})" if short is not None and short.n else words


def short_words(short: Difference) -> str:
    """What became of texts too short to judge reciting by."""
    return (
        f"{percent(short.tuned)} of {short.n} short texts are continued word for word, "
        f"{percent(short.base)} before"
    )


def _of(found: Findings) -> str:
    return f" ({counted(found.fact.n, 'question')} about your documents)" if found.fact.n else ""


def learned_words(found: Findings) -> str:
    """Whether it learned, with its numbers."""
    fact = found.fact
    if not fact.n and found.contaminated:
        return (
            "no evidence that it learned facts, because training text holds the wording of every "
            "question"
        )
    if not fact.n:
        return (
            "no evidence that it learned facts, because no questions were asked (how well it "
            f"predicts held-out documents{_documents(found)} says nothing about knowledge)"
        )
    numbers = (
        f"{percent(fact.tuned)} of {counted(fact.n, 'question')} about your documents right, "
        f"{percent(fact.base)} before"
    )
    if found.learned == "yes":
        return f"it learned your facts ({numbers})"
    if found.learned == "worse":
        return f"it answers worse than before ({numbers})"
    if explained_by_controls(fact, found.control):
        return (
            f"no evidence that it learned your facts: {numbers}, but facts it never saw rose from "
            f"{percent(found.control.base)} to {percent(found.control.tuned)} too"
        )
    if explained_by_one_answer(fact, found.one_answer):
        return (
            f"no evidence that it learned your facts: {numbers}, but one that always answers "
            f"'{found.commonest}' gets {percent(found.one_answer)}"
        )
    return f"no evidence that it learned your facts ({numbers})"


def _documents(found: Findings) -> str:
    bits = found.measures["domain_bits_per_byte"]
    if bits.base is None or bits.tuned is None:
        return ""
    return f", here {bits.base:.3f} to {bits.tuned:.3f} bits per byte,"


def kept_words(found: Findings) -> str:
    """Whether it kept its general ability, with the numbers of what decided."""
    loss = found.general_loss
    if loss.delta is None or loss.ci95 is None:
        return "whether it kept its general ability couldn't be measured (too few general texts)"
    numbers = (
        f"{found.lost_most} {loss.delta:+.3f} nats per token, interval {loss.ci95[0]:+.3f} to "
        f"{loss.ci95[1]:+.3f}, budget {found.budget:+.3f}"
    )
    if found.kept == "yes":
        return f"it kept its general ability ({numbers})"
    forgot = "forgot a little" if found.kept == "within_budget" else "forgot"
    if found.kept_on == "general_fact_accuracy":
        facts = found.measures["general_fact_accuracy"]
        return (
            f"it {forgot} general knowledge ({percent(facts.tuned)} of {facts.n} questions right, "
            f"{percent(facts.base)} before)"
        )
    if found.kept_on == "grammar_accuracy":
        grammar = found.measures["grammar_accuracy"]
        return (
            f"it {forgot} grammar (the right sentence preferred in {percent(grammar.tuned)} of "
            f"{grammar.n} pairs, {percent(grammar.base)} before)"
        )
    if found.kept == "within_budget":
        return f"it forgot a little, within the budget ({numbers})"
    if loss.ci95[0] <= found.budget:
        return f"it isn't shown that it forgot less than the budget ({numbers})"
    return f"it forgot more than the budget ({numbers})"


def points(share: float) -> str:
    """A share in points."""
    return f"{100 * share:.1f} points"


def percent(share: float | None) -> str:
    """A share in percent."""
    return "?" if share is None else f"{100 * share:.0f}%"


def name_of(measure: str) -> str:
    """A measure's name in words."""
    if measure.startswith(BY_LANGUAGE):
        code = measure.removeprefix(BY_LANGUAGE)
        return f"your held-out documents in {code}, bits per byte"
    return NAMES.get(measure, measure.replace("_", " "))


def value(number: float | None, rate: bool) -> str:
    """A measure's value: a share in percent, anything else with three decimals."""
    if number is None:
        return "?"
    return percent(number) if rate else f"{number:,.3f}"


def change(number: float, rate: bool) -> str:
    """A difference of a measure: of a share in points."""
    return f"{100 * number:+.1f} points" if rate else f"{number:+,.3f}"
