"""Every measure of evaluation.json: the paired difference of two models' raw results."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from steep.errors import DriftError
from steep.proof.deciding import commonest_answer, deciding_answers
from steep.proof.statistics import (
    NOTHING,
    Difference,
    paired,
    paired_share,
    ratio_difference,
)

Raw = Mapping[str, Any]
Row = Mapping[str, Any]
Rows = Sequence[Row]
Better = Literal["higher", "lower"]
Contaminated = Mapping[str, Collection[str]]
"""For each set of questions the ids of those whose wording stands in training text."""

BY_LANGUAGE = "bits_per_byte_"
"""Held-out text in one language; its ISO 639 code follows."""

PAIRED_SETS = (
    "domain",
    "general",
    "general_project",
    "general_reference",
    "own",
    "questions",
    "controls",
    "general_questions",
    "probes",
    "grammar",
)
_MANNERS = {"instructions": "instruction_following", "preferences": "preference_accuracy"}
OPTIONAL_SETS = ("languages", "parallel", *_MANNERS)
"""Parts of a panel that leave no trace in results and keys where they are empty."""
GeneralKind = Literal["general text", "reference text"]
TELLING_TOKENS = 32
"""Fewer recited, such as the other half of a row, can't be told from knowing what it says."""
_FORMS = {"text": "as_in_text", "reversed": "reversed"}


@dataclass(frozen=True)
class Compared:
    """Every measure of evaluation.json by name, and what the verdict needs besides.

    Attributes:
        measures: by name, in the order they are reported in.
        general_loss: in nats per token of the base model's tokenizer; of prose and reference
            text, whichever may have lost more.
        lost_most: which of the two it is of.
        answers: which results of the questions decide: choices ranked, or free answers where
            most of those that count have no choices.
        facts: which set the facts come from.
        fact_rows: (base, tuned) results of the questions that ``fact_accuracy`` is over.
        contaminated: share of the questions in new words that training text holds the wording of;
            None without questions.
        commonest: of the questions that decide, the answer that is right for most; empty without
            any. ``one_answer`` is the share of them that it is right for.
    """

    measures: dict[str, Difference]
    general_loss: Difference
    lost_most: GeneralKind
    answers: Literal["first", "exact"]
    facts: Literal["questions", "probes"]
    fact_rows: tuple[tuple[Row, Row], ...]
    contaminated: float | None
    commonest: str
    one_answer: float


def compare(base: Raw, tuned: Raw, contaminated: Contaminated | None = None) -> Compared:
    """Paired differences of every measure; one that can't be taken has n 0.

    Raises:
        DriftError: the two were measured on different items or by different scorers.
    """
    _check_pairing(base, tuned)
    facts: Literal["questions", "probes"] = "questions" if _new(base["questions"]) else "probes"
    asked = _pairs(base, tuned, facts, "new")
    seen = set((contaminated or {}).get(facts, ()))
    clean = [pair for pair in asked if pair[0]["id"] not in seen]
    stained = [pair for pair in asked if pair[0]["id"] in seen]
    probed = set((contaminated or {}).get("probes", ()))
    probes = [p for p in _pairs(base, tuned, "probes", "new") if p[0]["id"] not in probed]
    controls = _pairs(base, tuned, "controls", "new")
    general = list(zip(base["general_questions"], tuned["general_questions"], strict=True))
    found = _text_measures(base, tuned) | _by_language(base, tuned)
    found["fact_accuracy"] = _rate(clean, "first")
    found["fact_accuracy_beyond_prior"] = _rate(clean, "first_beyond_prior")
    found["fact_reciprocal_rank"] = _reciprocal_rank(clean)
    found["fact_margin"] = _margin(clean if _same_tokens(base, tuned) else [])
    found["fact_exact"] = _rate(clean, "exact")
    for form, name in _FORMS.items():
        found[f"fact_accuracy_{name}"] = _rate(_pairs(base, tuned, "questions", form), "first")
    found["fact_accuracy_contaminated"] = _rate(stained, "first")
    found["control_accuracy"] = _rate(controls, "first")
    found["control_exact"] = _rate(controls, "exact")
    found["probe_accuracy"] = _rate(probes, "first")
    found["probe_exact"] = _rate(probes, "exact")
    for form, name in _FORMS.items():
        found[f"probe_accuracy_{name}"] = _rate(_pairs(base, tuned, "probes", form), "first")
    found["general_fact_accuracy"] = _rate(general, "first")
    found["general_fact_accuracy_few_shot"] = _few_shot(base["few_shot"], tuned["few_shot"])
    found["grammar_accuracy"] = _grammar(base["grammar"], tuned["grammar"])
    found |= _sources(base, tuned)
    found |= _parallel(base, tuned)
    found["general_kl"] = _divergence(base["divergence"], tuned["divergence"])
    found |= _verbatim(base["verbatim"], tuned["verbatim"])
    found["longest_copied"] = _copied(base["copied"], tuned["copied"])
    for name, measure in _MANNERS.items():
        if name in base:
            found[measure] = _rate(list(zip(base[name], tuned[name], strict=True)), "first")
    lost_most, loss = _general_loss(base, tuned)
    answers = deciding_answers([b for b, _ in clean or asked])
    commonest, one_answer = commonest_answer([b for b, _ in _taken(clean, answers)])
    return Compared(
        measures=found,
        general_loss=loss,
        lost_most=lost_most,
        answers=answers,
        facts=facts,
        fact_rows=tuple(clean),
        contaminated=len(stained) / len(asked) if asked else None,
        commonest=commonest,
        one_answer=one_answer,
    )


def better(name: str) -> Better:
    """Which direction of a measure is good."""
    lower = ("_bits_per_byte", "_perplexity", "_kl", "longest_copied")
    is_lower = name.endswith(lower) or name.startswith((BY_LANGUAGE, "verbatim_"))
    return "lower" if is_lower else "higher"


def _check_pairing(base: Raw, tuned: Raw) -> None:
    if base["scorer_version"] != tuned["scorer_version"]:
        raise DriftError(
            f"the base model was judged by scorer {base['scorer_version']} and the tuned one by "
            f"{tuned['scorer_version']}; delete the older results and evaluate again"
        )
    if (base.keys() ^ tuned.keys()) & set(OPTIONAL_SETS) or base.get("languages") != tuned.get(
        "languages"
    ):
        raise DriftError(
            "the two models were judged on different languages or translations, instructions or "
            "preferences; delete the older results and evaluate again"
        )
    for name in (*PAIRED_SETS, *(_MANNERS.keys() & base.keys())):
        if [row["id"] for row in base[name]] != [row["id"] for row in tuned[name]]:
            raise DriftError(
                f"the two models were judged on different {name.replace('_', ' ')}; delete the "
                "older results and evaluate again"
            )


def _text_measures(base: Raw, tuned: Raw) -> dict[str, Difference]:
    found: dict[str, Difference] = {}
    for name in ("domain", "general"):
        found[f"{name}_bits_per_byte"] = _texts(base[name], tuned[name], "bytes", "bits")
        perplexity = _texts(base[name], tuned[name], "tokens", "exp")
        found[f"{name}_perplexity"] = perplexity if _same_tokens(base, tuned) else NOTHING
    return found


def _by_language(base: Raw, tuned: Raw) -> dict[str, Difference]:
    """Bits per byte of held-out text in each language that is told apart."""
    codes: Mapping[str, str] = base.get("languages", {})
    pairs = list(zip(base["domain"], tuned["domain"], strict=True))
    found: dict[str, Difference] = {}
    for code in sorted(set(codes.values())):
        rows = [(b, t) for b, t in pairs if codes.get(b["id"]) == code]
        before, after = [b for b, _ in rows], [t for _, t in rows]
        found[f"{BY_LANGUAGE}{code}"] = _texts(before, after, "bytes", "bits")
    return found


def _parallel(base: Raw, tuned: Raw) -> dict[str, Difference]:
    """Translations told from others, and how surprising they are; nothing if there are none.

    A pair may be too long for one of two tokenizers; then it isn't compared.
    """
    if "parallel" not in base:
        return {}
    after = {row["id"]: row for row in tuned["parallel"]}
    pairs = [(row, after[row["id"]]) for row in base["parallel"] if row["id"] in after]
    before, later = [b for b, _ in pairs], [t for _, t in pairs]
    return {
        "parallel_accuracy": paired_share(
            [float(row["first"]) for row in before],
            [float(row["first"]) for row in later],
            [str(row["id"]) for row in before],
        ),
        "parallel_bits_per_byte": _texts(before, later, "bytes", "bits"),
    }


def _same_tokens(base: Raw, tuned: Raw) -> bool:
    """What is counted by the token compares only between equal tokenizers."""
    return base.get("tokenizer") == tuned.get("tokenizer")


def _sources(base: Raw, tuned: Raw) -> dict[str, Difference]:
    """Bits per byte on general text by its source: the user's, the project's, the base's own.

    The project's are of two kinds.
    """
    rows = {name: (base[name], tuned[name]) for name in ("general", "general_project", "own")}
    users = base["general_source"] == "user"
    chosen = {
        "user": rows["general"] if users else ([], []),
        "project": rows["general_project"] if users else rows["general"],
        "reference": (base["general_reference"], tuned["general_reference"]),
        "self": rows["own"],
    }
    return {
        f"general_{name}_bits_per_byte": _texts(*pair, "bytes", "bits")
        for name, pair in chosen.items()
    }


def _texts(
    base: Rows, tuned: Rows, unit: Literal["bytes", "tokens"], scale: Literal["bits", "exp"]
) -> Difference:
    """Bits per byte or perplexity, resampling documents."""
    nats = _nats(base, tuned) if unit == "bytes" else "nats"
    return ratio_difference(
        _column(base, nats),
        _column(tuned, nats),
        _column(base, unit),
        _column(tuned, unit),
        clusters=[str(row["id"]) for row in base],
        scale=scale,
    )


def _nats(base: Rows, tuned: Rows) -> str:
    """Those of whole texts, where there are: a longer first token would be more for nothing."""
    return "whole_nats" if all("whole_nats" in row for row in (*base, *tuned)) else "nats"


def _loss(base: Rows, tuned: Rows) -> Difference:
    """Nats per token of the base's tokenizer, so that another tokenizer can't hide a change."""
    nats = _nats(base, tuned)
    return ratio_difference(
        _column(base, nats),
        _column(tuned, nats),
        _column(base, "tokens"),
        clusters=[str(row["id"]) for row in base],
    )


def _general_loss(base: Raw, tuned: Raw) -> tuple[GeneralKind, Difference]:
    """The kind of general text that may have lost more, by its interval's end, and its change.

    Training adapts to the voice of what it rehearses, and may gain there what it loses elsewhere:
    an average of both would hide it. Where the user gave general texts, those alone decide.
    """
    kinds: dict[GeneralKind, str] = {"general text": "general"}
    if base["general_source"] == "project" and base["general_reference"]:
        kinds["reference text"] = "general_reference"
    found = {kind: _loss(base[name], tuned[name]) for kind, name in kinds.items()}
    worst = max(found, key=lambda kind: _end(found[kind]))
    return worst, found[worst]


def _end(loss: Difference) -> float:
    """The upper end of an interval; infinite where there are too few texts for one."""
    return math.inf if loss.ci95 is None else loss.ci95[1]


def _divergence(base: Rows, tuned: Rows) -> Difference:
    """KL(tuned || base) in nats per token; a model doesn't diverge from itself."""
    own = {str(row["id"]): float(row["nats"]) for row in base}
    return ratio_difference(
        [own.get(str(row["id"]), 0.0) for row in tuned],
        _column(tuned, "nats"),
        _column(tuned, "tokens"),
        clusters=[str(row["id"]) for row in tuned],
    )


def _new(rows: Rows) -> list[Row]:
    return [row for row in rows if row["form"] == "new"]


def _pairs(base: Raw, tuned: Raw, name: str, form: str) -> list[tuple[Row, Row]]:
    """(base, tuned) results of a set's questions of one form."""
    pairs = zip(base[name], tuned[name], strict=True)
    return [(b, t) for b, t in pairs if b["form"] == form]


def _taken(pairs: Sequence[tuple[Row, Row]], key: str) -> list[tuple[Row, Row]]:
    """Those with a result of this sort."""
    return [(b, t) for b, t in pairs if b[key] is not None is not t[key]]


def _rate(pairs: Sequence[tuple[Row, Row]], key: str) -> Difference:
    """Share of questions that are right, resampling facts; those without a result are left out."""
    kept = _taken(pairs, key)
    return paired_share(
        [float(b[key]) for b, _ in kept],
        [float(t[key]) for _, t in kept],
        [str(b["cluster"]) for b, _ in kept],
    )


def _reciprocal_rank(pairs: Sequence[tuple[Row, Row]]) -> Difference:
    """Mean of one over the rank of the truth."""
    kept = _taken(pairs, "rank")
    return paired_share(
        [1.0 / b["rank"] for b, _ in kept],
        [1.0 / t["rank"] for _, t in kept],
        [str(b["cluster"]) for b, _ in kept],
    )


def _margin(pairs: Sequence[tuple[Row, Row]]) -> Difference:
    """By how many nats per token the truth is ahead of the best wrong choice."""
    kept = _taken(pairs, "margin")
    return paired(
        [float(b["margin"]) for b, _ in kept],
        [float(t["margin"]) for _, t in kept],
        [str(b["cluster"]) for b, _ in kept],
    )


def _few_shot(base: Rows, tuned: Rows) -> Difference:
    if not base or not tuned:
        return NOTHING
    return _rate(list(zip(base, tuned, strict=True)), "first")


def _grammar(base: Rows, tuned: Rows) -> Difference:
    """Share of pairs whose good sentence is the more probable one; each pair stands alone."""
    return paired_share(
        [float(row["first"]) for row in base],
        [float(row["first"]) for row in tuned],
        [str(row["id"]) for row in base],
    )


def _verbatim(base: Rows, tuned: Rows) -> dict[str, Difference]:
    """Share of trained windows recited, over the windows that both models were given.

    Windows stand alone: these documents are all there are, and so that few of them that are
    recited throughout raise the alarm. Of short ones, if there are any, it is told apart.
    """
    after = {_window(row): float(row["same"]) for row in tuned}
    kept = [row for row in base if _window(row) in after]
    short = [row for row in kept if _is_short(row)]
    sets = {"verbatim_rate": [row for row in kept if not _is_short(row)]}
    return {
        name: paired_share(
            [float(row["same"]) for row in rows],
            [after[_window(row)] for row in rows],
            [f"{row['id']}:{row['start']}" for row in rows],
        )
        for name, rows in (sets | ({"verbatim_rate_short": short} if short else {})).items()
    }


def _window(row: Row) -> tuple[Any, ...]:
    return row["id"], row["start"], _is_short(row)


def _is_short(row: Row) -> bool:
    return bool(row.get("tokens", TELLING_TOKENS) < TELLING_TOKENS)


def _copied(base: Rows, tuned: Rows) -> Difference:
    """Most words in a row that a free sample shares with the documents, on average."""
    after = {str(row["id"]): float(row["words"]) for row in tuned}
    kept = [row for row in base if str(row["id"]) in after]
    return paired(
        [float(row["words"]) for row in kept],
        [after[str(row["id"])] for row in kept],
        [str(row["id"]) for row in kept],
    )


def _column(rows: Rows, key: str) -> list[float]:
    return [float(row[key]) for row in rows]
