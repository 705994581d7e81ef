"""Prepare: documents in, token shards and the ledger out."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from steep.artifact import is_done, key_of, read_json, read_manifest, write_json, write_text
from steep.artifact import write_manifest as seal
from steep.corpus.contamination import decontaminate
from steep.corpus.exposures import FEW_EXPOSURES, FEW_WORDINGS
from steep.corpus.ledger import close_ledger, open_ledger
from steep.corpus.piece import Piece
from steep.corpus.reading import reading_texts
from steep.corpus.retell import date_lines, retell
from steep.corpus.schedule import Schedule
from steep.corpus.shards import (
    PIECES_FILE,
    TOKENS_FILE,
    build_shards,
    load_shards,
    refuse_unknown,
    save_shards,
)
from steep.documents.account import account
from steep.documents.files.paths import RUN_OF_STEEP
from steep.documents.record import Document
from steep.documents.split import Split
from steep.durable import flush_files, new_folder
from steep.model.self_text import write_general_text
from steep.progress import Progress, Silent
from steep.proof.seal import tokenizer_hash
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.contamination import (
    checked_again,
    contamination_note,
    evaluation_items,
    held_out_items,
    items_key,
)
from steep.stages.drift import Change, changes, document_changes, refuse_drift
from steep.stages.folder import RunFolder
from steep.stages.inputs import Inputs, few_texts
from steep.stages.order import make_schedule, passes_of, self_written_tokens, stages_key
from steep.stages.rewrite import rewrite, rewrites_from
from steep.stages.vocabulary import extend_base, save_tokenizer, vocabulary_key
from steep.wording import counted

DOCUMENTS_FILE = "documents.jsonl"
GENERAL_FILE = "general.jsonl"
REWRITES_FILE = "rewrites.jsonl"
LEDGER_FILE = "ledger.json"

# Raised whenever the same documents and recipe would give other tokens, or other batches of them.
CORPUS_VERSION = 12

_SELF_WRITTEN_CHARACTERS = 700  # of one self-written text, usually


@dataclass(frozen=True)
class Draft:
    """A corpus in memory: its schedule, the budget in optimizer steps, the closed ledger."""

    schedule: Schedule
    steps: int
    ledger: dict[str, Any]


@dataclass(frozen=True)
class Prepared:
    """A corpus ready to train on.

    ``steps`` is the budget in optimizer steps, whatever the recipe gives it in; ``key`` is the
    hash of the tokens and of everything they depend on. Evaluation items count only for what they
    kept out.
    """

    trained: Sequence[Document]
    held_out: Sequence[Document]
    schedule: Schedule
    steps: int
    key: str
    ledger: dict[str, Any]


def prepare_data(
    recipe: Recipe, inputs: Inputs, base: Base, run: RunFolder, progress: Progress
) -> Prepared:
    """Retell, mix, tokenise and balance; skipped if it was done from the same.

    Raises:
        DriftError: the documents aren't those this run was begun with.
        LedgerError: the books don't balance.
    """
    split = inputs.split
    extend_base(recipe, inputs, base, progress, run)
    key = data_key(recipe, base, inputs)
    if not is_done(run.data, key):
        if _refuse_drift(run, inputs, base, key):
            _check_again(recipe, inputs, base, run, key)
        else:
            _make(recipe, inputs, base, run, key, progress)
    shards = load_shards(run.data)
    ledger = read_json(run.data / LEDGER_FILE)
    schedule, steps = make_schedule(recipe, shards, inputs.stages)
    documents = ledger["documents"]
    progress.note(
        f"{counted(documents['found'], 'document')}: {documents['trained']:,} to train, "
        f"{documents['held_out']:,} held out, {documents['dropped']:,} dropped; "
        f"{counted(steps, 'step')}, {counted(ledger['trained']['tokens'], 'token')}, "
        f"{ledger['trained']['general_share']:.0%} replay"
    )
    few = few_texts(recipe, inputs)
    contaminated = contamination_note(ledger["contamination"])
    for warning in [*few, *contaminated, *_warnings(ledger, has_replay=recipe.has_replay)]:
        progress.note(warning)
    made_from = {**key, "items": None, "tokens": _hash_of_tokens(run)}
    return Prepared(split.trained, split.held_out, schedule, steps, key_of(made_from), ledger)


def _hash_of_tokens(run: RunFolder) -> str:
    manifest = read_manifest(run.data) or {}
    return str(manifest["files"][TOKENS_FILE])


def draft(recipe: Recipe, inputs: Inputs, base: Base) -> Draft:
    """The corpus in memory, nothing written and no model loaded.

    Where the base model is to write the replay itself, passages of the packaged reading stand in
    for it: as long, and as often replayed.
    """
    extend_base(recipe, inputs, base, Silent())
    pieces = retell(inputs.split.trained, recipe.retell, random.Random(recipe.seed))
    general = inputs.replay if inputs.replay is not None else _stand_ins()
    return _scheduled(recipe, inputs, base, [*pieces, *_as_replay(general)])


def _stand_ins() -> list[str]:
    return [
        text[start : start + _SELF_WRITTEN_CHARACTERS]
        for text in reading_texts()
        for start in range(0, len(text), _SELF_WRITTEN_CHARACTERS)
    ]


def _scheduled(recipe: Recipe, inputs: Inputs, base: Base, pieces: Sequence[Piece]) -> Draft:
    """Take out what judges, tokenise, schedule up to the budget, and balance the books."""
    found = decontaminate(pieces, evaluation_items(inputs), of_replay=held_out_items(inputs))
    shards = build_shards(found.kept, base.tuned_tokenizer, recipe.train.max_seq_length)
    refuse_unknown(shards, base.tuned_tokenizer)
    schedule, steps = make_schedule(recipe, shards, inputs.stages)
    ledger = open_ledger(
        trained=inputs.split.trained,
        held_out=inputs.split.held_out,
        drops=inputs.collection.drops,
        found=len(inputs.collection.documents) + len(inputs.collection.drops),
        shards=shards,
        contamination=found,
        marks=inputs.collection.marks,
        sources={
            **account(inputs.collection),
            "date_lines": date_lines(inputs.split.trained, recipe.retell),
        },
    )
    closed = close_ledger(ledger, inputs.split.trained, schedule, range(steps))
    return Draft(schedule, steps, closed)


def _make(
    recipe: Recipe,
    inputs: Inputs,
    base: Base,
    run: RunFolder,
    key: dict[str, Any],
    progress: Progress,
) -> None:
    progress.stage("Retelling and tokenising")
    pieces = retell(inputs.split.trained, recipe.retell, random.Random(recipe.seed))
    rewrites = rewrite(recipe, inputs.split.trained, progress)
    pieces += rewrites.pieces
    general = inputs.replay
    if general is None:
        general = tuple(_self_written(recipe, inputs, base, pieces, progress))
    made = _scheduled(recipe, inputs, base, [*pieces, *_as_replay(general)])
    ledger = {**made.ledger, "rewrites": rewrites.ledger} if rewrites.ledger else made.ledger
    with new_folder(run.data) as folder:
        save_shards(made.schedule.shards, folder)
        write_text(folder / DOCUMENTS_FILE, _document_lines(inputs.split))
        write_text(folder / GENERAL_FILE, _lines({"text": text} for text in general))
        write_text(folder / REWRITES_FILE, rewrites.lines)
        write_json(folder / LEDGER_FILE, ledger)
        files = [TOKENS_FILE, PIECES_FILE, DOCUMENTS_FILE, GENERAL_FILE, REWRITES_FILE, LEDGER_FILE]
        files += save_tokenizer(base, folder)
        flush_files(folder)
        seal(folder, "prepare", key, files, base_files=base.files)


def recount(run: RunFolder, prepared: Prepared, steps: Sequence[int]) -> Prepared:
    """Write into the ledger that only these steps of the schedule are in the trained model."""
    ledger = close_ledger(prepared.ledger, prepared.trained, prepared.schedule, steps)
    if aside := prepared.steps - len(steps):
        ledger["trained"]["steps_taken_back"] = aside
    write_json(run.data / LEDGER_FILE, ledger)
    manifest = read_manifest(run.data) or {}
    made_from, files = manifest["made_from"], list(manifest["files"])
    seal(run.data, "prepare", made_from, files, base_files=manifest["base_files"])
    return replace(prepared, ledger=ledger)


def _check_again(
    recipe: Recipe, inputs: Inputs, base: Base, run: RunFolder, key: dict[str, Any]
) -> None:
    """Other evaluation items over a corpus that training has begun on: only the books change."""
    lines = (run.data / GENERAL_FILE).read_text(encoding="utf-8").split("\n")
    pieces = retell(inputs.split.trained, recipe.retell, random.Random(recipe.seed))
    pieces += rewrites_from((run.data / REWRITES_FILE).read_text(encoding="utf-8"))
    pieces += _as_replay(json.loads(line)["text"] for line in lines if line)
    ledger = read_json(run.data / LEDGER_FILE)
    found = checked_again(ledger["contamination"], pieces, evaluation_items(inputs))
    write_json(run.data / LEDGER_FILE, {**ledger, "contamination": found})
    manifest = read_manifest(run.data) or {}
    seal(run.data, "prepare", key, list(manifest["files"]), base_files=base.files)


def data_key(recipe: Recipe, base: Base, inputs: Inputs) -> dict[str, Any]:
    """Everything the prepared corpus depends on."""
    train = recipe.train
    replay = inputs.replay
    return {
        "version": CORPUS_VERSION,
        "documents": key_of(
            {
                "read": [
                    [d.id, d.title, *([d.fields] if d.fields else [])]
                    for d in inputs.collection.documents
                ],
                # Runs come and go, this one too, and nothing of them is trained.
                "dropped": [
                    [d.source, d.locator, d.reason]
                    for d in inputs.collection.drops
                    if d.reason != RUN_OF_STEEP
                ],
            }
        ),
        "general": "self" if replay is None else key_of({"texts": list(replay)}),
        "general_share": recipe.data.general_share,
        "held_out_share": recipe.data.held_out_share,
        **_dates_key(recipe, inputs),
        "rewrite": _asked_of(recipe),
        "seed": recipe.seed,
        "base": base.fingerprint,
        "tokenizer": tokenizer_hash(base.tokenizer),
        "rows": [
            train.max_seq_length,
            train.per_device_train_batch_size,
            train.gradient_accumulation_steps,
        ],
        "budget": [train.max_steps, train.epochs, train.max_tokens],
        "items": items_key(inputs),
        **({"stages": stages_key(recipe, inputs.stages)} if inputs.stages else {}),
        **({"vocabulary": vocabulary_key(recipe, inputs, base)} if recipe.vocabulary else {}),
    }


def _dates_key(recipe: Recipe, inputs: Inputs) -> dict[str, Any]:
    """What retelling depends on; dates only where a document has one."""
    dates = [[d.id, d.date] for d in inputs.split.trained if d.date]
    if not dates:
        return {"retell": recipe.retell.model_dump(exclude={"dates"})}
    return {"retell": recipe.retell.model_dump(), "dates": key_of({"dates": dates})}


def _asked_of(recipe: Recipe) -> dict[str, Any] | None:
    """What rewrites depend on: not what they cost, or how long an answer may take."""
    aside = {"price_in", "price_out", "timeout_seconds", "api_key_env"}
    return recipe.rewrite.model_dump(exclude=aside) if recipe.rewrite.enabled else None


def _refuse_drift(run: RunFolder, inputs: Inputs, base: Base, key: dict[str, Any]) -> bool:
    """Once training has begun, the data under it may not change; what judges it may.

    Returns True if it has begun and nothing but the evaluation items changed.
    """
    manifest = read_manifest(run.data)
    if not run.has_begun or manifest is None:
        return False
    before = manifest["made_from"]
    differ = [name for name in key if before.get(name) != key[name]]
    found: list[Change | str] = [
        Change(name, before.get(name), key[name])
        for name in differ
        if name not in ("items", "documents", "base")
    ]
    if "documents" in differ:
        found.insert(0, document_changes(run.data / DOCUMENTS_FILE, inputs))
    if "base" in differ:
        files = changes(manifest.get("base_files", {}), base.files, prefix="base model, ")
        found += files or [Change("base model", before.get("base"), key["base"])]
    if found:
        refuse_drift(f"{run.path} is a training begun on other data", found, is_sound=False)
    return bool(differ)


def _self_written(
    recipe: Recipe, inputs: Inputs, base: Base, pieces: Sequence[Piece], progress: Progress
) -> list[str]:
    progress.stage("Writing general text for replay with the base model")
    shards = build_shards(pieces, base.tuned_tokenizer, recipe.train.max_seq_length)
    return write_general_text(
        base.model,
        base.tokenizer,
        tokens=self_written_tokens(recipe, passes_of(shards, inputs.stages)),
        seed=recipe.seed,
        fingerprint=base.fingerprint,
        progress=lambda done, total: progress.at(done, total, "tokens written"),
    )


def replay_name(number: int) -> str:
    """What the replay's text of a number is called as a document."""
    return f"general-{number}"


def _as_replay(texts: Iterable[str]) -> list[Piece]:
    return [Piece("general", replay_name(i), text) for i, text in enumerate(texts)]


def _warnings(ledger: dict[str, Any], *, has_replay: bool) -> list[str]:
    warnings = []
    if has_replay and not ledger["tokens"]["by_kind"].get("general"):
        warnings.append(
            "warning: nothing is left to rehearse, no replay text is without the wording of what "
            "judges; give other texts as data.general"
        )
    facts = ledger["facts"]
    if facts["count"] and facts["median_exposures"] < FEW_EXPOSURES:
        warnings.append(
            f"warning: half of the facts found are seen {_at_most(facts['median_exposures'])} "
            f"({FEW_EXPOSURES} times or more are usually needed); raise the budget or use fewer "
            "documents"
        )
    if facts["count"] and 2 * facts["under_3_wordings"] > facts["count"]:
        warnings.append(
            f"warning: {facts['under_3_wordings']:,} of {facts['count']:,} facts stand in fewer "
            f"than {FEW_WORDINGS} wordings; set retell.coverage = {FEW_WORDINGS}"
        )
    unseen = sum(d["times_trained"][0] == 0 for d in ledger["by_document"])
    if unseen:
        warnings.append(
            f"warning: the budget ends before {counted(unseen, 'document')} could be seen in full; "
            "raise it"
        )
    return warnings


def _at_most(times: float) -> str:
    return f"{times:.0f} times or fewer" if round(times) > 1 else "at most once"


def _document_lines(split: Split) -> str:
    rows = [("trained", d) for d in split.trained] + [("held_out", d) for d in split.held_out]
    return _lines(
        {
            "id": d.id,
            "split": kind,
            "title": d.title,
            "source": d.source,
            "locator": d.locator,
            "text": d.text,
            **({"fields": dict(d.fields), "title_fields": d.title_fields} if d.fields else {}),
            **{
                name: value
                for name in ("language", "date", "licence", "flags")
                if (value := getattr(d, name))
            },
        }
        for kind, d in rows
    )


def _lines(rows: Iterable[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
