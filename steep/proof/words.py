"""The verdict in words: one or two plain sentences, the reasons, and a table to print."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

from steep.proof.measures import BY_LANGUAGE, GeneralKind
from steep.proof.rules import (
    CONTAMINATED_SHARE,
    FACTS_LOST,
    FEWEST_CLEAN,
    FEWEST_CONTROLS,
    Controls,
    Kept,
    Learned,
    explained_by_controls,
)
from steep.proof.statistics import Difference

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


@dataclass(frozen=True)
class Findings:
    """All that the words are made from.

    ``fact`` and ``control`` are the measures that decided; ``flips`` counts questions that only
    the base, and that only the tuned model got right, with the exact McNemar p-value;
    ``contaminated`` is the share of questions left out because training text holds their wording;
    ``lost_most`` is the kind of general text that ``general_loss`` is of;
    ``drift`` says that lost general facts come back behind examples; ``no_change`` that nothing
    moved at all; ``facts`` which set the facts are from; ``ceiling`` is the share that the base
    model answers with the right passage in its prompt; ``alarm`` what stopped training.
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
    lost_most: GeneralKind = "general text"
    controls: Controls = "none"
    contaminated: float | None = None
    drift: bool = False
    no_change: bool = False
    facts: Literal["questions", "probes"] = "questions"
    ceiling: float | None = None
    alarm: str | None = None


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
    parts = [_learned_words(found), _kept_words(found)]
    if found.memorised:
        parts.append(
            f"it recites {_percent(recited.tuned)} of the training passages tried word for word "
            f"({_percent(recited.base)} before)"
        )
    advice = "Ship it" if found.ship else NOT_TO_SHIP
    return f"{advice}: {'; '.join(parts)}."


def reasons(found: Findings) -> list[str]:
    """Plain sentences, one for each thing the verdict rests on."""
    return [
        *_about_facts(found),
        *_about_controls(found),
        *_about_forgetting(found),
        *_about_reciting(found),
    ]


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
    return f"under {_points(smallest)}" if row["name"] in RATES else f"under {smallest:,.3f}"


def _about_facts(found: Findings) -> list[str]:
    fact = found.fact
    lost, gained, p = found.flips
    said = [_sentence(_learned_words(found))]
    if found.contaminated:
        said.append(
            f"{_percent(found.contaminated)} of the questions were left out, because training text "
            "holds their wording"
            + (
                f": more than {_percent(CONTAMINATED_SHARE)} is contamination."
                if found.contaminated > CONTAMINATED_SHARE
                else "."
            )
        )
        if fact.n < FEWEST_CLEAN:
            said.append(f"Fewer than {FEWEST_CLEAN} questions remain, too few for evidence.")
    if not fact.n:
        return said
    if found.facts == "probes":
        said.append("No questions were given, so facts are those of the automatic probes.")
    said.append(
        f"{gained} questions went from wrong to right and {lost} from right to wrong "
        f"(exact McNemar p = {p:.2g})."
    )
    if fact.ci95 is None:
        said.append("All questions are about one fact, so no interval can be taken: ask more.")
    elif found.learned == "no_evidence":
        smallest = "of any size" if fact.detectable is None else f"under {_points(fact.detectable)}"
        said.append(f"With {fact.n} questions a change {smallest} would mostly have gone unseen.")
    if found.ceiling is not None:
        said.append(
            f"With the right passage in its prompt the base model gets {_percent(found.ceiling)} "
            "right: what perfect retrieval would give."
        )
    return said


def _about_controls(found: Findings) -> list[str]:
    control = found.control
    if not control.n:
        if not found.fact.n:
            return []
        return ["No control questions were asked, so a gain in form alone can't be told apart."]
    said = [
        f"Control facts that no training text holds went from {_percent(control.base)} "
        f"to {_percent(control.tuned)} (n {control.n})."
    ]
    if control.n < FEWEST_CONTROLS:
        said.append(
            f"No controls: fewer than {FEWEST_CONTROLS} control questions can't clear a gain in "
            "form alone."
        )
    elif found.controls == "moved":
        said.append("The controls moved, which training on your documents can't explain.")
    return said


def _about_forgetting(found: Findings) -> list[str]:
    said = [_sentence(_kept_words(found))]
    facts = found.measures["general_fact_accuracy"]
    if facts.n:
        said.append(
            f"General knowledge went from {_percent(facts.base)} to {_percent(facts.tuned)} "
            f"(n {facts.n})."
        )
    shots = found.measures["general_fact_accuracy_few_shot"]
    if shots.n:
        said.append(
            f"Asked again behind three answered examples it went from {_percent(shots.base)} to "
            f"{_percent(shots.tuned)} (n {shots.n})"
            + (": format drift, not loss." if found.drift else ".")
        )
    grammar = found.measures["grammar_accuracy"]
    if grammar.n and grammar.ci95 is not None and grammar.ci95[1] < 0:
        said.append(
            f"Of {grammar.n} pairs of a right and a wrong sentence it prefers the right one in "
            f"{_percent(grammar.tuned)}, {_percent(grammar.base)} before."
        )
    return said


def _about_reciting(found: Findings) -> list[str]:
    recited = found.measures["verbatim_rate"]
    if not recited.n:
        return ["No training passage was long enough to test for word-for-word recall."]
    said = [
        f"Of {recited.n} training passages {_percent(recited.tuned)} are recited word for "
        f"word, {_percent(recited.base)} before."
    ]
    copied = found.measures["longest_copied"]
    if copied.tuned is not None and copied.base is not None:
        said.append(
            f"Writing freely it copies {copied.tuned:.1f} words in a row from the documents on "
            f"average, {copied.base:.1f} before."
        )
    return said


def _of(found: Findings) -> str:
    return f" ({found.fact.n} questions about your documents)" if found.fact.n else ""


def _learned_words(found: Findings) -> str:
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
        f"{found.lost_most} {loss.delta:+.3f} nats per token, interval {loss.ci95[0]:+.3f} to "
        f"{loss.ci95[1]:+.3f}, budget {found.budget:+.3f}"
    )
    if found.kept == "yes":
        return f"it kept its general ability ({numbers})"
    if found.kept == "within_budget":
        return f"it forgot a little, within the budget ({numbers})"
    if loss.ci95[1] <= found.budget:
        grammar = found.measures["grammar_accuracy"]
        facts = found.measures["general_fact_accuracy"]
        if found.drift or facts.ci95 is None or facts.ci95[1] >= FACTS_LOST:
            return (
                f"it forgot grammar (the right sentence preferred in {_percent(grammar.tuned)} of "
                f"{grammar.n} pairs, {_percent(grammar.base)} before)"
            )
        return (
            f"it forgot general knowledge ({_percent(facts.tuned)} of {facts.n} questions right, "
            f"{_percent(facts.base)} before)"
        )
    if loss.ci95[0] <= found.budget:
        return f"it isn't shown that it forgot less than the budget ({numbers})"
    return f"it forgot more than the budget ({numbers})"


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."


def _points(share: float) -> str:
    return f"{100 * share:.1f} points"


def _percent(share: float | None) -> str:
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
    return _percent(number) if rate else f"{number:,.3f}"


def change(number: float, rate: bool) -> str:
    """A difference of a measure: of a share in points."""
    return f"{100 * number:+.1f} points" if rate else f"{number:+,.3f}"
