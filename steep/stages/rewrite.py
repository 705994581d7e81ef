"""Rewrite: the trained documents told again by a language model, if the recipe names one.

Every answer is kept in ``$STEEP_CACHE/rewrites`` as it comes, so a run that was cut off asks only
for the rest. Held-out documents are never sent. What was kept for training is written beside the
shards (``rewrites.jsonl``), and the ledger counts what was asked, kept and left out.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from steep.artifact import key_of, read_table, write_json
from steep.corpus.endpoint import Endpoint, complete
from steep.corpus.piece import Piece
from steep.corpus.retell import stated_facts
from steep.corpus.rewrite import Task, check, rewritten_piece, tasks
from steep.corpus.sentences import split_sentences
from steep.corpus.spans import SpanFinder
from steep.documents.record import Document
from steep.model.load import cache_folder
from steep.progress import Progress
from steep.recipe import Recipe, RewriteRecipe

_CHARACTERS_PER_TOKEN = 4


@dataclass(frozen=True)
class Rewrites:
    """Pieces to train on, and what the ledger says of them."""

    pieces: tuple[Piece, ...] = ()
    ledger: dict[str, Any] | None = None

    @property
    def lines(self) -> str:
        """The pieces as JSON lines, to be read by ``rewrites_from``."""
        rows = ([p.document, p.text, list(p.facts), list(p.wordings)] for p in self.pieces)
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def rewrites_from(lines: str) -> list[Piece]:
    """Pieces as ``Rewrites.lines`` wrote them."""
    rows = (json.loads(line) for line in lines.split("\n") if line)
    return [Piece("rewritten", d, text, tuple(f), wordings=tuple(w)) for d, text, f, w in rows]


def rewrite(recipe: Recipe, documents: Sequence[Document], progress: Progress) -> Rewrites:
    """Ask for every rewrite that isn't there yet, within the budget; keep the faithful ones.

    Raises:
        UserInputError: the endpoint can't be reached or refuses; what came before is kept.
    """
    given = recipe.rewrite
    if not given.enabled or given.model is None:
        return Rewrites()
    asked = planned(documents, given)
    progress.stage("Rewriting with a language model")
    progress.note(estimate(asked, given))
    endpoint = endpoint_of(given)
    finder = SpanFinder(s for document in documents for s in split_sentences(document.text))
    stated = stated_facts(documents, recipe.retell)
    reasons: Counter[str] = Counter()
    pieces: list[Piece] = []
    novelty = []
    for number, task in enumerate(asked, start=1):
        answer = kept_answer(endpoint, task.prompt, recipe.seed + 1_000_003 * task.turn)
        found = check(task, answer["text"], finder)
        reason = found.reason if answer["finished"] else "cut off"
        if reason is None:
            pieces.append(rewritten_piece(task, answer["text"], stated[task.document.id]))
            novelty.append(found.novelty)
        else:
            reasons[reason] += 1
        progress.at(number, len(asked), f"rewrites, {len(pieces)} kept")
    ledger = {
        "asked": len(asked),
        "kept": len(pieces),
        "left_out": dict(reasons),
        "novelty": round(sum(novelty) / len(novelty), 4) if novelty else None,
    }
    return Rewrites(tuple(pieces), ledger)


class Asking(Protocol):
    """Something that will be asked."""

    @property
    def prompt(self) -> str:
        """What the model is given."""


_A = TypeVar("_A", bound=Asking)


def estimate(asked: Sequence[Asking], recipe: RewriteRecipe) -> str:
    """What the requests will take at most, in tokens and, where prices are given, in money."""
    sent = sum(len(task.prompt) for task in asked) // _CHARACTERS_PER_TOKEN
    written = len(asked) * recipe.max_tokens
    line = f"{len(asked):,} requests: about {sent:,} tokens to read, {written:,} to write at most"
    if recipe.price_in is None or recipe.price_out is None:
        return line
    cost = (sent * recipe.price_in + written * recipe.price_out) / 1e6
    return f"{line}, {cost:,.2f} at most at the prices given; kept answers cost nothing"


def planned(documents: Sequence[Document], recipe: RewriteRecipe) -> list[Task]:
    """Tasks in their order until they use the budget up; none where nothing is rewritten."""
    return within_budget(list(tasks(documents, recipe)), recipe) if recipe.enabled else []


def within_budget(
    asked: Sequence[_A], recipe: RewriteRecipe, before: Sequence[Asking] = ()
) -> list[_A]:
    """The first of what is to be asked, until their tokens, answers at their longest, use it up.

    Args:
        before: what is asked before them, of the same budget.
    """
    if recipe.budget_tokens is None:
        return list(asked)
    left = recipe.budget_tokens - sum(_most_tokens(task, recipe) for task in before)
    for number, task in enumerate(asked):
        left -= _most_tokens(task, recipe)
        if left < 0:
            return list(asked[:number])
    return list(asked)


def _most_tokens(task: Asking, recipe: RewriteRecipe) -> int:
    return len(task.prompt) // _CHARACTERS_PER_TOKEN + recipe.max_tokens


def endpoint_of(recipe: RewriteRecipe) -> Endpoint:
    """Where to ask, with the key that the environment holds."""
    return Endpoint(
        recipe.base_url,
        str(recipe.model),
        recipe.temperature,
        recipe.max_tokens,
        recipe.timeout_seconds,
        os.environ.get(recipe.api_key_env),
    )


def kept_answer(endpoint: Endpoint, prompt: str, seed: int) -> dict[str, Any]:
    """``{"text", "finished"}``, from the cache or the endpoint.

    Raises:
        UserInputError: the endpoint can't be reached or refuses.
    """
    key = key_of(
        {
            "url": endpoint.base_url,
            "model": endpoint.model,
            "temperature": endpoint.temperature,
            "max_tokens": endpoint.max_tokens,
            "prompt": prompt,
            "seed": seed,
        }
    )
    path = _folder() / key[:2] / f"{key[:32]}.json"
    kept = read_table(path)
    if not isinstance(kept.get("text"), str):
        found = complete(endpoint, prompt, seed)
        kept = {"text": found.text, "finished": found.finished}
        write_json(path, kept)
    return kept


def _folder() -> Path:
    return cache_folder() / "rewrites"
