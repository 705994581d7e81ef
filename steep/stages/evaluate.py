"""Evaluate: the same panel put to base and tuned by the same code, then judged."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from steep.artifact import (
    damaged_files,
    file_hash,
    key_of,
    read_sealed,
    read_table,
    sealed,
    text_hash,
    write_sealed,
)
from steep.documents.record import Document
from steep.model.load import cache_folder
from steep.progress import Progress
from steep.proof.divergence import (
    Reference,
    make_reference,
    own_texts,
    read_reference,
    same_tokens,
    write_reference,
)
from steep.proof.grammar import grammar_pairs
from steep.proof.judge import judge
from steep.proof.languages import held_out_languages
from steep.proof.measure import Panel, ask_few_shot, fingerprint, measure
from steep.proof.measures import compare
from steep.proof.passages import open_book
from steep.proof.probes.screen import Probes
from steep.proof.questions import Question, general_questions, general_texts, reference_texts
from steep.proof.scorer import Scorer
from steep.proof.seal import evaluation_fingerprint, tokenizer_hash
from steep.proof.tokens import SEAMLESS
from steep.recipe import Recipe
from steep.stages.base import Base
from steep.stages.folder import RunFolder
from steep.stages.guard import guard_sentences
from steep.stages.inputs import Inputs
from steep.stages.probes import unprobed
from steep.stages.setting import read_setting
from steep.stages.train import Trained
from steep.wording import counted

# Where the user gave general texts, so many of the project's stand beside them.
_JOINED = rf"[^\W{SEAMLESS}\u0590-\u06ff\u1100-\u11ff\uac00-\ud7a3]"  # letters set apart by spaces
_PROJECT_TEXTS = 24

_AFTER = {"cpt": "the documents", "sft": "instructions"}  # stages that others come after


def make_panel(inputs: Inputs, probes: Probes | None) -> tuple[Panel, int]:
    """What both models are asked, and how many questions about held-out text are left out."""
    made = () if probes is None else probes.questions
    aside = () if probes is None else probes.controls
    asked, left_out = split_by_evidence(inputs)
    project = tuple(general_texts())
    is_users = inputs.general != project
    panel = Panel(
        domain=tuple((d.id, d.text) for d in inputs.split.held_out),
        general=inputs.general,
        general_source="user" if is_users else "project",
        general_project=_some(project) if is_users else (),
        general_reference=tuple(reference_texts()),
        questions=tuple(q for q in asked if q.kind == "fact"),
        controls=(*(q for q in asked if q.kind == "control"), *aside),
        general_questions=tuple(general_questions()),
        grammar=grammar_pairs(),
        probes=made,
        trained_texts=tuple((d.id, d.text) for d in inputs.split.trained),
        languages=held_out_languages(inputs.split.held_out, inputs.general),
        parallel=inputs.parallel,
    )
    return with_open_book(panel), len(left_out)


def with_open_book(panel: Panel) -> Panel:
    """The panel with passages for some of the questions that facts are judged on."""
    new = [question for question in panel.questions if question.form == "new"]
    new = new or [question for question in panel.probes if question.form == "new"]
    return replace(panel, open_book=tuple(open_book(new, panel.trained_texts)))


def _some(texts: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    chosen = sorted(texts, key=lambda pair: text_hash(pair[0]))[:_PROJECT_TEXTS]
    return tuple(sorted(chosen))


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
    """Results of the untouched base model, kept across runs: they depend on nothing else.

    Its predictions on general text are kept too, in ``scores/base.npz``; what it wrote itself, for
    the tuned model to be judged on, is in the results as ``own_texts``.
    """
    key = fingerprint(panel, base.fingerprint)
    places = (run.scores / "base.json", kept_scores(key))
    found = {place: _kept_base(place, key) for place in places}
    whole = next((kept for kept in found.values() if kept is not None), None)
    if whole is None:
        progress.stage("Asking the base model")
        whole = _ask_base(base, panel, progress)
    result, reference = whole
    for place in (place for place in places if found[place] is None):
        with suppress(OSError) if place != places[0] else nullcontext():
            write_reference(_reference_of(place), reference)
            table = {"key": key, "result": result, "reference": file_hash(_reference_of(place))}
            write_sealed(place, table)
    return result


def _kept_base(place: Path, key: str) -> tuple[dict[str, Any], Reference] | None:
    """What was measured before under this key; None if there is nothing or it is damaged."""
    kept = read_sealed(place)
    if kept.get("key") != key or damaged_files(
        place.parent, {_reference_of(place).name: kept["reference"]}
    ):
        return None
    reference = read_reference(_reference_of(place))
    return None if reference is None else (dict(kept["result"]), reference)


def _ask_base(base: Base, panel: Panel, progress: Progress) -> tuple[dict[str, Any], Reference]:
    scorer = Scorer(base.model, base.tokenizer)
    own = own_texts(scorer)
    reference = make_reference(scorer, (panel.general, panel.general_project, own))
    found = measure(base.model, base.tokenizer, replace(panel, own=own), progress=progress.at)
    found["few_shot"] = ask_few_shot(base.model, base.tokenizer, panel)
    found["own_texts"] = [list(pair) for pair in own]
    return found, reference


def _reference_of(place: Path) -> Path:
    return place.with_suffix(".npz")


def kept_scores(key: str) -> Path:
    """Where a base model's results are kept across runs."""
    return cache_folder() / "scores" / f"{key[:32]}.json"


def evaluate_stage(
    recipe: Recipe,
    base: Base,
    models: Mapping[str, Trained],
    panel: Panel,
    left_out: int,
    before: dict[str, Any],
    run: RunFolder,
    progress: Progress,
) -> dict[str, Any]:
    """Measure the tuned model, compare, judge, and write evaluation.json.

    Args:
        models: by their stage. The verdict is about the last; where there are several, all are
            measured and stand in the file as ``stages``, against the base and, after the first,
            against the model that the documents made.
        left_out: number of questions that weren't asked, for the notes.
        before: the base model's results on the same panel.
    """
    *earlier, (last, trained) = models.items()
    results = {
        name: ask_tuned(base, one, panel, before, run, progress, name=name) for name, one in earlier
    }
    results[last] = after = ask_tuned(base, trained, panel, before, run, progress)
    contaminated = contaminated_items(read_table(run.data / "ledger.json"))
    notes = list(trained.notes)
    if left_out:
        notes.append(f"{counted(left_out, 'question')} about held-out documents left out")
    if recipe.evaluate.probes:
        notes += unprobed(panel.trained_texts, panel.probes)
    evaluation = judge(
        before,
        after,
        forgetting_budget=recipe.evaluate.forgetting_budget,
        notes=notes,
        contaminated=contaminated,
        setting=read_setting(recipe, run),
        alarm=trained.alarm,
        happened=guard_sentences(read_table(run.guard), next(iter(models.values())).alarm_at),
    )
    made = evaluation_fingerprint(
        panel, base.tokenizer, base=base.fingerprint, tuned=key_of(trained.key)
    )
    if earlier:
        evaluation["stages"] = _by_stage(before, results, contaminated, evaluation["measures"])
    evaluation = sealed({**evaluation, "fingerprint": made})
    if read_sealed(run.evaluation).get("seal") != evaluation["seal"]:  # else a report is of it
        write_sealed(run.evaluation, evaluation)
    return evaluation


def _by_stage(
    before: Mapping[str, Any],
    results: Mapping[str, Mapping[str, Any]],
    contaminated: Mapping[str, Sequence[str]],
    last: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """What evaluation.json says of each stage; ``last`` are the measures of the last one."""

    def measures(one: Mapping[str, Any], other: Mapping[str, Any]) -> Any:
        return judge(one, other, contaminated=contaminated)["measures"]

    (first, documents), *later = results.items()
    found = [{"name": first, "measures": measures(before, documents)}]
    for n, (name, after) in enumerate(later, 1):
        own = last if n == len(later) else measures(before, after)
        since = measures(documents, after)
        found.append({"name": name, "measures": own, "since_documents": since})
    return found


def contaminated_items(ledger: Mapping[str, Any]) -> dict[str, list[str]]:
    """Which questions' wording stands in training text, by set, as the ledger has it."""
    items = (ledger.get("contamination") or {}).get("items") or {}
    return {name: list(items.get(name) or ()) for name in ("questions", "probes")}


def ask_tuned(
    base: Base,
    trained: Trained,
    panel: Panel,
    before: Mapping[str, Any],
    run: RunFolder,
    progress: Progress,
    *,
    name: str = "tuned",
) -> dict[str, Any]:
    """A tuned model's results on the panel and on what the base model wrote.

    Args:
        name: of the file in ``scores`` that keeps them; "tuned" is the final model's.
    """
    place = run.scores / f"{name}.json"
    key = fingerprint(panel, key_of(trained.key))
    kept = read_sealed(place)
    if kept.get("key") == key:
        return dict(kept["result"])
    model = trained.load()  # may have work of its own to tell of
    from steep.training.linear import merged

    after = _AFTER.get(name)
    progress.stage(f"Asking the model after {after}" if after else "Asking the tuned model")
    own = tuple((str(name), str(text)) for name, text in before["own_texts"])
    reference = read_reference(run.scores / "base.npz")
    if base.extension is not None and reference is not None:
        reference = same_tokens(reference, base.tokenizer, base.tuned_tokenizer)
    with merged(model, model.dtype):
        found = measure(
            model,
            base.tuned_tokenizer,
            replace(panel, own=own, open_book=()),
            base_tokenizer=base.tokenizer,
            reference=reference,
            progress=progress.at,
        )
        if answers_fell(before, found):
            found["few_shot"] = ask_few_shot(model, base.tuned_tokenizer, panel)
    if base.extension is not None:
        found["tokenizer"] = tokenizer_hash(base.tuned_tokenizer)
    write_sealed(place, {"key": key, "result": found})
    return found


def answers_fell(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """True if general facts or free answers got worse beyond chance: then form may be to blame."""
    found = compare(before, after).measures
    intervals = [found[name].ci95 for name in ("general_fact_accuracy", "fact_exact")]
    return any(ci is not None and ci[1] < 0 for ci in intervals)


def _plain(document: Document) -> str:
    return f"{document.title}\n{document.text}".casefold()


def _stands_in(answers: Sequence[str], texts: Sequence[str]) -> bool:
    """True if an answer stands in a text, and not as part of a longer word or number.

    Where a script has no spaces, or its grammar writes onto words, any place counts.
    """
    return any(
        _whole(answer).search(text) for answer in answers for text in texts if answer in text
    )


@lru_cache(maxsize=4096)
def _whole(answer: str) -> re.Pattern[str]:
    before = f"(?<!{_JOINED})" if re.match(_JOINED, answer) else ""
    behind = f"(?!{_JOINED})" if re.match(_JOINED, answer[-1:]) else ""
    return re.compile(f"{before}{re.escape(answer)}{behind}")
