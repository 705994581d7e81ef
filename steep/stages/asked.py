"""Rows in a language model's words, where ``data = "endpoint"``: asked once, kept, and checked.

Every answer is kept in ``$STEEP_CACHE/rewrites`` as it comes, and what was taken of them in the
run's ``asked.json``, so that a run that goes on asks for the rest, and a finished one for nothing.
Only facts of trained documents are sent, and none that is kept aside for judging.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from steep.artifact import key_of, read_sealed, write_sealed
from steep.corpus.sentences import split_sentences
from steep.corpus.spans import SpanFinder
from steep.pipeline.asked import Request, requests_for, reworded
from steep.pipeline.mined import Mined, free_of
from steep.progress import Progress
from steep.recipe import Recipe
from steep.stages.contamination import evaluation_items
from steep.stages.folder import RunFolder
from steep.stages.inputs import Inputs
from steep.stages.rewrite import endpoint_of, estimate, kept_answer, planned, within_budget
from steep.stages.rows import Rows, rows_from

_VERSION = 1
_REWORDED = ("question", "sentence", "start", "stranger")


def planned_requests(recipe: Recipe, inputs: Inputs) -> list[Request]:
    """What will be asked, of what the budget leaves beside rewriting; nothing where nobody asks."""
    facts = _chosen(recipe, inputs)
    if not facts:
        return []
    rewrites = planned(inputs.split.trained, recipe.rewrite)
    return within_budget(requests_for(facts), recipe.rewrite, rewrites)


def _chosen(recipe: Recipe, inputs: Inputs) -> list[Mined]:
    """Facts to make rows of where they are asked: as many as rows are trained on, in their order.

    Each gives several rows, so what more would be asked for would hardly be trained on.
    """
    asking = [table for table in recipe.later.values() if table.asks_endpoint]
    if not asking:
        return []
    facts = inputs.rows.facts
    most = max(table.max_steps * table.per_device_train_batch_size for table in asking)
    places = range(len(facts))
    rng = random.Random(f"asked:{recipe.seed}")
    return [facts[n] for n in sorted(rng.sample(places, min(most, len(facts))))]


def asked_rows(recipe: Recipe, inputs: Inputs, run: RunFolder, progress: Progress) -> Rows:
    """The rows with those of ``data = "endpoint"`` in the model's words.

    Raises:
        UserInputError: the endpoint can't be reached or refuses; what came before is kept.
    """
    requests = planned_requests(recipe, inputs)
    if not requests:
        return inputs.rows
    key = _key(recipe, inputs, requests)
    kept = read_sealed(run.asked)
    if kept.get("key") != key:
        progress.stage("Asking a language model for questions and answers")
        progress.note(estimate(requests, recipe.rewrite))
        kept = {"key": key, **_ask(recipe, inputs, requests, progress)}
        write_sealed(run.asked, kept)
    return _rows(recipe, inputs, kept)


def known_rows(recipe: Recipe, inputs: Inputs, run: RunFolder) -> Rows:
    """The rows in the model's words if it was asked already, else in those of rules."""
    requests = planned_requests(recipe, inputs)
    kept = read_sealed(run.asked)
    if not requests or kept.get("key") != _key(recipe, inputs, requests):
        return inputs.rows
    return _rows(recipe, inputs, kept)


def _key(recipe: Recipe, inputs: Inputs, requests: Sequence[Request]) -> str:
    given = recipe.rewrite
    return key_of(
        {
            "version": _VERSION,
            "prompts": [request.prompt for request in requests],
            "strangers": [[f.subject, f.stranger] for request in requests for f in request.facts],
            "aside": [[fact.subject, fact.value] for fact in inputs.rows.facts_aside],
            "asked": [given.base_url, given.model, given.temperature, given.max_tokens],
            "seed": recipe.seed,
        }
    )


def _ask(
    recipe: Recipe, inputs: Inputs, requests: Sequence[Request], progress: Progress
) -> dict[str, Any]:
    """``{"facts": what is new of each fact, or null, "left_out": counts by reason}``."""
    endpoint = endpoint_of(recipe.rewrite)
    finder = SpanFinder(s for d in inputs.split.trained for s in split_sentences(d.text))
    is_free = free_of(inputs.rows.facts_aside)
    facts: list[dict[str, Any] | None] = []
    reasons: Counter[str] = Counter()
    for number, request in enumerate(requests, 1):
        answer = kept_answer(endpoint, request.prompt, recipe.seed)
        for fact, reason in reworded(request, answer["text"], finder, is_free):
            facts.append(None if reason else {name: getattr(fact, name) for name in _REWORDED})
            reasons.update([reason] if reason else [])
        progress.at(number, len(requests), f"requests, {len(facts) - reasons.total()} facts taken")
    return {"facts": facts, "left_out": dict(reasons)}


def _rows(recipe: Recipe, inputs: Inputs, kept: Mapping[str, Any]) -> Rows:
    chosen, taken = _chosen(recipe, inputs), kept["facts"]
    pairs = zip(chosen, taken, strict=False)  # those behind the budget were not sent
    facts = [fact if new is None else replace(fact, **new) for fact, new in pairs]
    facts += chosen[len(taken) :]
    tables = [name for name, table in recipe.later.items() if table.asks_endpoint]
    rows = rows_from(recipe, inputs.rows, dict.fromkeys(tables, facts), evaluation_items(inputs))
    return replace(rows, notes=(*rows.notes, _in_words(recipe, len(facts), kept)))


def _in_words(recipe: Recipe, facts: int, kept: Mapping[str, Any]) -> str:
    left_out = {**kept["left_out"], "not sent": facts - len(kept["facts"])}
    taken = facts - sum(left_out.values())
    said = f"{taken} of {facts} facts for rows are in words of {recipe.rewrite.model}"
    reasons = ", ".join(f"{why}: {count}" for why, count in sorted(left_out.items()) if count)
    return f"{said}, the others by rule ({reasons})" if reasons else said
