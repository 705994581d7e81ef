"""Evaluate: the same panel put to base and tuned by the same code, then judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from steep.artifact import key_of, read_json, write_json
from steep.documents.record import Document
from steep.model.load import cache_folder
from steep.progress import Progress
from steep.proof.judge import judge
from steep.proof.measure import Panel, fingerprint, measure
from steep.proof.probes.screen import Probes
from steep.proof.questions import Question, general_questions
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.inputs import Inputs
from steep.stages.train import Trained


def make_panel(inputs: Inputs, probes: Probes | None) -> tuple[Panel, int]:
    """What both models are asked, and how many questions about held-out text are left out."""
    made = () if probes is None else probes.questions
    aside = () if probes is None else probes.controls
    asked, left_out = split_by_evidence(inputs)
    panel = Panel(
        domain=tuple((d.id, d.text) for d in inputs.split.held_out),
        general=inputs.general,
        questions=tuple(q for q in asked if q.kind == "fact"),
        controls=(*(q for q in asked if q.kind == "control"), *aside),
        general_questions=tuple(general_questions()),
        probes=made,
        trained_texts=tuple((d.id, d.text) for d in inputs.split.trained),
    )
    return panel, len(left_out)


def split_by_evidence(inputs: Inputs) -> tuple[list[Question], list[Question]]:
    """(questions to ask, questions whose answer stands in held-out documents only)."""
    trained = [_plain(d) for d in inputs.split.trained]
    held_out = [_plain(d) for d in inputs.split.held_out]
    asked: list[Question] = []
    left_out: list[Question] = []
    for question in inputs.questions:
        answers = [answer.casefold() for answer in question.truths]
        only_held_out = (
            question.kind == "fact"
            and _stands_in(answers, held_out)
            and not _stands_in(answers, trained)
        )
        (left_out if only_held_out else asked).append(question)
    return asked, left_out


def measure_base(base: Base, panel: Panel, run: RunFolder, progress: Progress) -> dict[str, Any]:
    """Results of the untouched base model, kept across runs: they depend on nothing else."""
    key = fingerprint(panel, base.fingerprint)
    kept = kept_scores(key)
    result = _measured(
        kept if kept.is_file() else run.scores / "base.json",
        key,
        "Asking the base model",
        lambda: (base.model, base.tokenizer),
        panel,
        progress,
    )
    for path in (kept, run.scores / "base.json"):
        write_json(path, {"key": key, "result": result})
    return result


def kept_scores(key: str) -> Path:
    """Where a base model's results are kept across runs."""
    return cache_folder() / "scores" / f"{key[:32]}.json"


def evaluate_stage(
    recipe: Recipe,
    base: Base,
    trained: Trained,
    panel: Panel,
    left_out: int,
    before: dict[str, Any],
    run: RunFolder,
    progress: Progress,
) -> dict[str, Any]:
    """Measure the tuned model, compare, judge, and write evaluation.json.

    Args:
        left_out: number of questions that weren't asked, for the notes.
        before: the base model's results on the same panel.
    """
    after = _measured(
        run.scores / "tuned.json",
        fingerprint(panel, key_of(trained.key)),
        "Asking the tuned model",
        lambda: (trained.load(), base.tokenizer),
        panel,
        progress,
    )
    notes = list(trained.notes)
    if left_out:
        notes.append(f"{left_out} questions ask about held-out documents and were left out")
    evaluation = judge(
        before, after, forgetting_budget=recipe.evaluate.forgetting_budget, notes=notes
    )
    write_json(run.evaluation, evaluation)
    return evaluation


def _measured(
    path: Path,
    key: str,
    stage: str,
    load: Callable[[], tuple[Any, Any]],
    panel: Panel,
    progress: Progress,
) -> dict[str, Any]:
    kept = _kept(path)
    if kept is not None and kept.get("key") == key:
        return dict(kept["result"])
    model, tokenizer = load()  # may have work of its own to tell of
    from steep.training.linear import merged

    progress.stage(stage)
    with merged(model, model.dtype):
        result = measure(model, tokenizer, panel, progress=progress.at)
    write_json(path, {"key": key, "result": result})
    return result


def _kept(path: Path) -> dict[str, Any] | None:
    """What was measured before; None if there is nothing or it is damaged."""
    try:
        kept = read_json(path)
    except (OSError, ValueError):
        return None
    return kept if isinstance(kept, dict) and "result" in kept else None


def _plain(document: Document) -> str:
    return f"{document.title}\n{document.text}".casefold()


def _stands_in(answers: Sequence[str], texts: Sequence[str]) -> bool:
    return any(answer in text for answer in answers for text in texts)
