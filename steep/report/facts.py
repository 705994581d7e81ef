"""A story's numbers in words: what was read, what was trained, at what price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from steep.benchmarks.words import benchmark_rows
from steep.export.card import MEASURE_HEADER, duration
from steep.proof.words import GROUPS, name_of, power_words, value, verdict_table
from steep.report.story import RunStory
from steep.wording import counted

MAX_ROWS = 50
NO_VALUE = "–"
GROUP_HEADER = (*MEASURE_HEADER, "Unseen")
POWER_NOTE = (
    "\u201cUnseen\u201d is the size of a true change that so many items would miss in more than "
    "one of five repetitions: where it is large, no change seen is not no change."
)

_KINDS = {
    "document": "your documents, as they are",
    "permuted": "retold: sentences in another order",
    "cloze": "retold: fill in the blank",
    "question": "retold: questions and answers",
    "reversed": "retold: from the value to its subject",
    "record": "retold: records in sentences",
    "restored": "retold: texts with blanks, written out",
    "rewritten": "retold: by a language model",
    "general": "replayed general text",
}


class Share(NamedTuple):
    """Tokens trained of one kind. ``group`` is "document", "retold" or "general"."""

    group: str
    name: str
    tokens: int
    share: float


class Fact(NamedTuple):
    """One labelled fact."""

    name: str
    value: str


class Group(NamedTuple):
    """Measures that tell one thing, as rows of text under ``GROUP_HEADER``."""

    title: str
    rows: list[tuple[str, ...]]


def measure_groups(evaluation: Mapping[str, Any]) -> list[Group]:
    """The measures taken: learned, kept, memorised, then any others."""
    taken = [row for row in evaluation["measures"] if _is_taken(row)]
    groups: list[Group] = []
    seen: set[str] = set()
    for title, beginnings in GROUPS.items():
        rows = [row for row in taken if row["name"].startswith(beginnings)]
        seen.update(row["name"] for row in rows)
        lines = [_measure_line(row) for row in rows]
        if title == "Learned":
            lines += _ceiling_lines(evaluation)
        groups.append(Group(title, lines))
    others = [_measure_line(row) for row in taken if row["name"] not in seen]
    return [group for group in (*groups, Group("Other measures", others)) if group.rows]


_STAGES = {
    "cpt": "Documents",
    "sft": "Instructions",
    "dpo": "Preferences",
}


def stage_table(evaluation: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The base and the model after each stage, header first; empty where there is one stage.

    The last column is what the stages behind the documents changed, with its interval.
    """
    stages = evaluation.get("stages") or []
    if not stages:
        return []
    measured = [[row for row in stage["measures"] if _is_taken(row)] for stage in stages]
    taken = [verdict_table({"measures": rows}) for rows in measured]
    after = [{line.name: line.tuned for line in lines} for lines in taken]
    changed = [row for row in stages[-1].get("since_documents") or () if _is_taken(row)]
    since = {
        line.name: f"{line.change} ({line.interval})"
        for line in verdict_table({"measures": changed})
    }
    titles = (_STAGES[stage["name"]] for stage in stages)
    header = ("Measure", "Base", *titles, "Change since the documents")
    columns = [*after, since]
    rows = [
        (line.name, line.base, *(column.get(line.name, NO_VALUE) for column in columns))
        for line in taken[-1]
    ]
    return [header, *rows]


def not_measured(evaluation: Mapping[str, Any]) -> list[str]:
    """Names of the measures that couldn't be taken."""
    rows = [row for row in evaluation["measures"] if not _is_taken(row)]
    return [name_of(str(row["name"])) for row in rows]


def _is_taken(row: Mapping[str, Any]) -> bool:
    return bool(row["n"]) and None not in (row["base"], row["tuned"], row["delta"])


def _measure_line(row: Mapping[str, Any]) -> tuple[str, ...]:
    (line,) = verdict_table({"measures": [row]})
    return (*line, power_words(row) or NO_VALUE)


def _ceiling_lines(evaluation: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What the base model answers with the right passage before it."""
    found = evaluation.get("ceiling") or {}
    kinds = {
        "accuracy": "ceiling: the base model with the right passage in its prompt",
        "exact": "ceiling, answered freely",
    }
    blank = (NO_VALUE,) * 4
    return [
        (name, f"{found['n']:,}", value(found[key], True), *blank)
        for key, name in kinds.items()
        if found.get("n") and found.get(key) is not None
    ]


def headline(story: RunStory) -> str:
    """The verdict in three words at most."""
    return "Ship it" if story.evaluation["ship"] is True else "Do not ship"


def sentence(story: RunStory) -> str:
    """The verdict without the headline it starts with."""
    text = str(story.evaluation["verdict"])
    rest = text.removeprefix(f"{headline(story)}: ")
    return rest[:1].upper() + rest[1:]


def token_shares(ledger: Mapping[str, Any] | None) -> list[Share]:
    """Tokens trained by kind: documents first, then retellings, then replay."""
    by_kind = ((ledger or {}).get("trained") or {}).get("by_kind") or {}
    total = sum(by_kind.values())
    if not total:
        return []
    groups = {"document": "document", "general": "general"}
    order = {"document": 0, "retold": 1, "general": 2}
    shares = [
        Share(
            groups.get(kind, "retold"),
            _KINDS.get(kind, f"retold: {kind.replace('_', ' ')}"),
            int(tokens),
            tokens / total,
        )
        for kind, tokens in by_kind.items()
    ]
    return sorted(shares, key=lambda share: (order[share.group], share.name))


def document_facts(ledger: Mapping[str, Any] | None) -> list[Fact]:
    """How many documents ended how."""
    if ledger is None:
        return []
    counts = ledger["documents"]
    names = ("found", "trained", "held_out", "dropped")
    return [Fact(name.replace("_", " "), f"{counts[name]:,}") for name in names]


def benchmark_table(story: RunStory) -> list[tuple[str, ...]]:
    """The benchmarks' lines, under ``steep.benchmarks.words.HEADER``; empty without any."""
    return benchmark_rows((story.benchmarks or {}).get("rows") or [])


def benchmark_note(story: RunStory) -> str:
    """Whose tasks these are, and how much of them was asked."""
    found = story.benchmarks or {}
    limit = found.get("limit")
    note = f"Tasks of lm-eval {found.get('lm_eval')}; intervals are paired, and of the change."
    return note if limit is None else f"{note} Only the first {limit:,} items of each were asked."


def drop_reasons(ledger: Mapping[str, Any] | None) -> list[tuple[str, int]]:
    """Reasons for leaving documents out, most frequent first."""
    reasons = ((ledger or {}).get("documents") or {}).get("dropped_by_reason") or {}
    return sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))


def knowledge_sentence(ledger: Mapping[str, Any] | None) -> str | None:
    """Exposures and wordings per fact, in one sentence."""
    facts = (ledger or {}).get("facts") or {}
    if not facts.get("count"):
        return None
    text = (
        f"{counted(facts['count'], 'fact')} {'was' if facts['count'] == 1 else 'were'} found in "
        f"the documents; the median fact was met {counted(facts['median_exposures'], 'time')} in "
        f"{counted(facts['median_wordings'], 'wording')}."
    )
    few = facts.get("under_20_exposures", 0)
    if few:
        verb = "was" if few == 1 else "were"
        text += f" {few:,} of them {verb} met fewer than 20 times, too seldom to be relied on."
    poor = facts.get("under_3_wordings", 0)
    if poor:
        verb = "stands" if poor == 1 else "stand"
        text += f" {poor:,} {verb} in fewer than 3 wordings, and may be recited rather than known."
    return text


def rewriting_sentence(ledger: Mapping[str, Any] | None) -> str | None:
    """What a language model was asked for, and what became of its answers."""
    found = (ledger or {}).get("rewrites")
    if not found:
        return None
    text = f"Of {found['asked']:,} rewrites by a language model {found['kept']:,} were trained on"
    if found["novelty"] is not None:
        text += f" ({found['novelty']:.0%} of their runs of five words are new)"
    left_out = ", ".join(f"{reason} {count:,}" for reason, count in found["left_out"].items())
    return f"{text}; left out: {left_out}." if left_out else f"{text}."


def contamination_sentence(ledger: Mapping[str, Any] | None) -> str | None:
    """Whether training text holds the wording of what judges the result."""
    found = (ledger or {}).get("contamination")
    if not found:
        return None
    removed = len(found["removed"])
    flagged = sum(len(ids) for ids in found["items"].values())
    if not removed and not flagged:
        return "No training text holds the wording of an evaluation item."
    said = []
    if removed:
        verb = "was" if removed == 1 else "were"
        texts = "retelling or replay text" if removed == 1 else "retellings or replay texts"
        said.append(f"{removed:,} {texts} {verb} left out")
    if flagged:
        said.append(f"the wording of {flagged:,} of them stands in your documents, and is trained")
    return f"Compared with the evaluation items: {'; '.join(said)}."


def training_facts(story: RunStory) -> list[Fact]:
    """Method, size, time and speed of the training."""
    train = (story.recipe or {}).get("train") or {}
    facts: list[Fact] = []
    if train.get("method"):
        rank = f", rank {train['lora_r']}" if train["method"] == "lora" else ""
        facts.append(Fact("method", f"{train['method']}{rank}"))
    if train.get("learning_rate") is not None:
        facts.append(Fact("learning rate", f"{train['learning_rate']:g}"))
    strength = strength_kept(story)
    if strength is not None and strength < 1.0:
        facts.append(Fact("of the change kept", f"{100 * strength:.0f}%"))
    if not story.steps:
        return facts
    seconds, tokens = story.seconds or 0.0, story.tokens or 0
    facts += [Fact("steps", f"{len(story.steps):,}"), Fact("tokens", f"{tokens:,}")]
    if stages := Counter(step.stage for step in story.steps if step.stage is not None):
        said_of = (f"{name}: {count:,}" for name, count in stages.items())
        facts.append(Fact("steps of each stage", ", ".join(said_of)))
    said = predictions(story)
    facts.append(Fact("time", duration(seconds) + said.get("training_seconds", "")))
    if seconds > 0:
        speed = f"{tokens / seconds:,.0f} tokens/s"
        facts.append(Fact("speed", speed + said.get("tokens_per_second", "")))
    if story.peak_memory_bytes is not None:
        peak = f"{story.peak_memory_bytes / 2**30:.1f} GiB"
        facts.append(Fact("peak memory", peak + said.get("recorded_peak", "")))
    whole = ((story.plan or {}).get("actual") or {}).get("seconds")
    if whole is not None:
        facts.append(Fact("time of the whole run", duration(whole) + said.get("seconds", "")))
    parity = ((story.exports or {}).get("parity") or {}).get("max_logit_difference")
    if parity is not None:
        facts.append(Fact("export logit difference", f"{parity:.2g}"))
    return facts


def predictions(story: RunStory) -> dict[str, str]:
    """What the plan said before the run, to stand behind what was measured: name to words."""
    found = (story.plan or {}).get("predicted") or {}
    words: dict[str, Callable[[float], str]] = {
        "training_seconds": duration,
        "seconds": duration,
        "tokens_per_second": lambda rate: f"{rate:,.0f} tokens/s",
        "recorded_peak": lambda size: f"{size / 2**30:.1f} GiB",
    }
    return {
        name: f" (predicted {say(float(found[name]))})"
        for name, say in words.items()
        if isinstance(found.get(name), int | float)
    }


def strength_kept(story: RunStory) -> float | None:
    """How much of the change the model keeps, 0 to 1; None if the run doesn't say."""
    recipe = (story.recipe or {}).get("strength") or {}
    if not recipe.get("enabled", False):
        return None
    chosen = recipe.get("scale", (story.strength or {}).get("strength"))
    return None if chosen is None else float(chosen)


def place(row: Mapping[str, Any]) -> str:
    """Where a document is: its file, and where in it."""
    locator = row.get("locator")
    return f"{row['source']}, {locator}" if locator else str(row["source"])


def times(row: Mapping[str, Any]) -> str:
    """How often a document was trained, "3" or "2 to 3"."""
    low, high = row["times_trained"]
    return f"{low}" if low == high else f"{low} to {high}"


def advice(story: RunStory) -> list[str]:
    """What to try next, where the evaluation says so."""
    found = story.evaluation.get("next") or []
    return [str(line) for line in found]
