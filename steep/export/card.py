"""The model card: the README.md of an exported folder, safe to publish as it is.

It says what the model is, what it was trained on (counts and folder names, never text), what was
measured, and how to load it. Every name that comes from outside is escaped.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from steep.export.loading import Exported, loading
from steep.proof.words import TableRow, name_of, verdict_table

CARD = "README.md"
NOT_MEASURED = "not measured"
MEASURE_HEADER = ("Measure", "n", "Base", "Tuned", "Change", "95% interval")

# The whole machine under load: a desktop's processor, one large accelerator in a server, a laptop.
_ASSUMED_WATTS = {"cpu": 100, "cuda": 600, "mps": 50}

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+", re.ASCII)
_ENDING = re.compile(r"\.[a-z0-9]{1,12}")
# Overrides that reorder what follows them; isolation and direction are the page's business.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069\ufeff]")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile(r"[\\`*_\[\]|~#$]")
_BLOCK = re.compile(r"^([-+=]|\d+(?=[.)](?:\s|$)))")


@dataclass(frozen=True)
class CardFacts:
    """What a model card is made from; None where a part wasn't measured or isn't known.

    Attributes:
        kind: "adapter" (a PEFT folder), "merged" (a plain transformers folder) or "gguf".
        base_model: alias, local folder or hub id, as in the recipe.
        base_hash: fingerprint of the base model's files.
        evaluation, ledger, recipe: evaluation.json, ledger.json and the resolved recipe.
        steps, tokens, seconds: training totals; seconds are measured wall time.
        machine: run/machine.json.
        max_logit_difference: of the exported model against the trained one.
        parity: all figures of that comparison, as in exports.json.
        licence: of the base model, as its files name it.
        trained_on: the model that the documents were trained on, where the change was then put on
            ``base_model``.
    """

    kind: Exported
    base_model: str
    base_hash: str | None = None
    evaluation: Mapping[str, Any] | None = None
    ledger: Mapping[str, Any] | None = None
    recipe: Mapping[str, Any] | None = None
    steps: int | None = None
    tokens: int | None = None
    seconds: float | None = None
    machine: Mapping[str, Any] | None = None
    max_logit_difference: float | None = None
    parity: Mapping[str, Any] | None = None
    licence: str | None = None
    trained_on: str | None = None


def model_card(facts: CardFacts) -> str:
    """README.md for an exported folder: Hugging Face front matter, then the sections."""
    is_local = not _HUB_ID.fullmatch(facts.base_model)
    local_base = escape(_short(facts.base_model)) if is_local else None
    parts = [
        _front_matter(facts),
        f"# {escape(_short(facts.base_model))}, steeped in a folder of documents",
        _about(facts),
        "## Base model\n" + _base(facts),
        "## Data\n" + _data(facts),
        "## Evaluation\n" + _evaluation(facts.evaluation),
        "## Intended use and limits\n" + _LIMITS,
        "## Training\n" + _training(facts),
        "## How to load\n" + loading(facts.kind, local_base),
    ]
    return "\n\n".join(parts) + "\n"


def plain(text: str) -> str:
    """``text`` that any file or page can hold: no control characters, no lone surrogates."""
    text = re.sub("\r\n?|[\u2028\u2029]", "\n", text)
    return _UNPRINTABLE.sub("\ufffd", _BIDI.sub("", text))


def escape(text: str) -> str:
    """``text`` as one line of Markdown that shows exactly itself and starts nothing."""
    line = _inline(text)
    start = _BLOCK.match(line)
    if not start:
        return line
    mark = start.group()
    return (mark + "\\" if mark.isdigit() else "\\" + mark) + line[start.end() :]


def _inline(text: str) -> str:
    """``text`` for a table cell, where no block can start."""
    line = " ".join(plain(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\g<0>", line).replace("://", r"\://").replace("www.", r"www\.")


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    """A Markdown table of escaped cells; numbers (all but the first column) are set right."""
    lines = ["| " + " | ".join(header) + " |"]
    lines.append(
        "|" + "|".join([" --- "] + [" ---: " if numbers else " --- "] * (len(header) - 1)) + "|"
    )
    lines += ["| " + " | ".join(_inline(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def measure_rows(evaluation: Mapping[str, Any]) -> list[TableRow]:
    """Every measure in words, also those that weren't taken."""
    rows: list[TableRow] = []
    for row in evaluation["measures"]:
        taken = row["n"] and None not in (row["base"], row["tuned"], row["delta"])
        if taken:
            rows += verdict_table({"measures": [row]})
        else:
            name = name_of(str(row["name"]))
            rows.append(TableRow(name, "0", NOT_MEASURED, NOT_MEASURED, "", ""))
    return rows


def duration(seconds: float) -> str:
    """Wall time in the unit a person would use."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = seconds / 60
    if minutes < 90:
        return f"{minutes:.1f} min"
    return f"{int(minutes // 60)} h {int(minutes % 60):02d} min"


def _front_matter(facts: CardFacts) -> str:
    """YAML in which each string from outside is a JSON string (which YAML reads as it is)."""
    adapter = facts.kind == "adapter"
    library = {"adapter": "peft", "merged": "transformers", "gguf": "llama.cpp"}[facts.kind]
    # A GGUF too: the hub lists what is "quantized" as the base's own weights in fewer bits.
    relation = "adapter" if adapter else "finetune"
    lines = [f"library_name: {library}"]
    if _HUB_ID.fullmatch(facts.base_model):
        lines.append(f"base_model: {json.dumps(facts.base_model)}")
        lines.append(f"base_model_relation: {relation}")
    # The documents' rights come on top of the base's licence: no identifier says both.
    known = "unknown" if facts.licence is None else facts.licence.lower()
    lines += ["pipeline_tag: text-generation", "license: other"]
    lines += [f"license_name: {known}-see-base-model", "tags:", "- steep"]
    lines += ["- continued-pretraining", *(["- lora"] if adapter else [])]
    lines += ["- gguf"] if facts.kind == "gguf" else []
    return "\n".join(["---", *lines, "---"])


def _short(model: str) -> str:
    """A model's name without folders that are nobody's business."""
    return PurePath(model).name or model


def _about(facts: CardFacts) -> str:
    base = escape(_short(facts.base_model))
    what = {
        "adapter": f"A PEFT adapter for {base}: it needs the base model to load.",
        "merged": f"A complete transformers model made from {base}.",
        "gguf": f"A complete model in one file, for llama.cpp and Ollama, made from {base}.",
    }[facts.kind]
    return f"{what} It was made with steep by continued pre-training on its owner's documents."


def _base(facts: CardFacts) -> str:
    hub = _HUB_ID.fullmatch(facts.base_model)
    name = facts.base_model if hub else _short(facts.base_model)
    lines = [f"- Name: {escape(name)}{'' if hub else ' (not a hub id)'}"]
    if facts.base_hash:
        lines.append(f"- Fingerprint of its files: {escape(facts.base_hash)}")
    if facts.trained_on is not None:
        lines.append(
            f"- The documents trained {escape(_short(facts.trained_on))}, which this model was "
            "tuned from; what changed in its weights was added to this model's."
        )
    known = "not known to steep" if facts.licence is None else f"{facts.licence}, its files say"
    lines.append(
        f"- License: {known}. The base model's license applies, and so do the rights "
        "in the training documents; state yours before you publish."
    )
    return "\n".join(lines)


def _data(facts: CardFacts) -> str:
    lines: list[str] = []
    recipe = facts.recipe or {}
    domain = [path for stage in _stages(recipe) for path in stage.get("domain") or ()]
    domain += (recipe.get("data") or {}).get("domain") or []
    if domain:
        names = ", ".join(escape(PurePath(str(path)).name or str(path)) for path in domain)
        lines.append(f"- Sources: {names}")
    if facts.ledger is None:
        return "\n".join([*lines, "- No ledger was kept."])
    counts = facts.ledger["documents"]
    lines.append(
        f"- Documents: {counts['found']:,} found, {counts['trained']:,} trained, "
        f"{counts['held_out']:,} held out, {counts['dropped']:,} dropped"
    )
    kinds = _kinds(facts.ledger)
    if kinds:
        lines.append(f"- Kinds of files: {kinds}")
    lines.append("- Licenses of the documents: for their owner to tell")
    trained = facts.ledger.get("trained")
    if trained:
        lines.append(
            f"- Tokens trained: {trained['tokens']:,}, of which "
            f"{100 * trained['general_share']:.0f}% general text to prevent forgetting"
        )
    return "\n".join(lines)


def _kinds(ledger: Mapping[str, Any]) -> str:
    """Documents by the ending of their file's name, commonest first."""
    rows = [*(ledger.get("by_document") or []), *(ledger.get("held_out") or [])]
    endings = (PurePath(str(row.get("source"))).suffix.lower() for row in rows)
    counts = Counter(e if _ENDING.fullmatch(e) else "without an ending" for e in endings)
    return ", ".join(f"{ending} ({count:,})" for ending, count in counts.most_common())


def _evaluation(evaluation: Mapping[str, Any] | None) -> str:
    if evaluation is None:
        return "Not evaluated: whether it learned or forgot anything isn't known."
    chance = evaluation.get("chance")
    note = "" if chance is None else f" Guessing would answer {100 * chance:.0f}% of the questions."
    return (
        f"**{escape(evaluation['verdict'])}**\n\n{table(MEASURE_HEADER, measure_rows(evaluation))}"
        "\n\nBase and tuned model answered the same items; intervals are paired 95% bootstrap "
        f"intervals of the change.{note}"
    )


_LIMITS = """\
Made to answer questions about its owner's documents. Mind that:

- It was trained on the owner's documents and may state what they say, word for word too. Share
  it with nobody who may not read them.
- It can be wrong, and sounds the same when it is. Where it matters, check against the documents.
- The documents are remembered as they were on the day of training.
- What the base model can't do, and its biases, remain."""


def _training(facts: CardFacts) -> str:
    train = (facts.recipe or {}).get("train") or {}
    unused = ("lora_", "use_rslora", "use_dora") if train.get("method") == "full" else ()
    settings = {k: v for k, v in train.items() if v is not None and not k.startswith(unused)}
    settings.pop("stages", None)
    lines = [f"- {escape(str(key))}: {escape(str(value))}" for key, value in settings.items()]
    lines += [_stage(n, stage) for n, stage in enumerate(_stages(facts.recipe or {}), 1)]
    if facts.steps is not None:
        lines.append(f"- Optimizer steps: {facts.steps:,}")
    if facts.tokens is not None:
        lines.append(f"- Tokens: {facts.tokens:,}")
    if facts.seconds is not None:
        lines.append(f"- Time: {duration(facts.seconds)} measured wall time")
    for key, value in (facts.machine or {}).items():
        if key != "seal":
            lines.append(f"- {escape(str(key))}: {escape(str(value))}")
    lines.append(_energy(facts))
    if facts.max_logit_difference is not None:
        lines.append(
            f"- Export parity: largest logit difference {facts.max_logit_difference:.2g} between "
            "the trained and the reloaded model"
        )
    if facts.parity is not None:
        found = facts.parity
        lines.append(
            f"- Next tokens: {found['kl']:.1e} nats apart (KL), {found['greedy_agreement']:.1%} of "
            f"greedy tokens equal; token ids equal on {found['equal_strings']:,} of "
            f"{found['strings']:,} strings of every script; read by {escape(found['read_by'])}"
        )
    return "\n".join(lines)


def _stages(recipe: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The stages of a curriculum that come before the documents of ``[data]``."""
    return (recipe.get("train") or {}).get("stages") or []


def _stage(number: int, stage: Mapping[str, Any]) -> str:
    """A stage's settings in a line; its documents' folders are nobody's business."""
    said = {k: v for k, v in stage.items() if v is not None and k != "domain"}
    listed = ", ".join(f"{key} {value}" for key, value in said.items())
    return f"- Stage {number}: {escape(listed)}"


def _energy(facts: CardFacts) -> str:
    """What training took, by its measured time and an assumption that is told."""
    device = str((facts.machine or {}).get("device", ""))
    watts = _ASSUMED_WATTS.get(device)
    if facts.seconds is None or watts is None:
        return "- Energy: not measured; wall time times the machine's power is an upper bound."
    hours = facts.seconds / 3600
    return (
        f"- Energy of training: about {hours * watts / 1000:.2g} kWh if the machine drew "
        f"{watts} W all the time (assumed for a machine that trains on {device}; not measured)"
    )
